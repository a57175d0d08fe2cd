//! The processes of server and host, and their versions.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::draw::paint::{self, Pen};
use crate::human;
use crate::panel::scene::Scene;

/// Below this width, host and version are omitted.
const HOST: u16 = 50;

pub(super) fn draw(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let version =
        human::temporal_version(model.version.as_deref(), model.server_version.as_deref());
    let taken = match version {
        Some(version) if area.width >= 2 * HOST => {
            paint::flush_right(buf, area, 0, &[(&version, palette.dim)])
        }
        _ => 0,
    };
    let mut pen = Pen::row(buf, area, 0);
    let pid = model.pid.map_or_else(|| "–".to_owned(), |pid| pid.to_string());
    let generation = match model.generation {
        0 => "–".to_owned(),
        number => number.to_string(),
    };
    pen.reserve(taken);
    pen.put("pid ", palette.dim).put(&pid, palette.text()).put(", ", palette.dim);
    pen.put("generation ", palette.dim).put(&generation, palette.text());
    if area.width >= HOST {
        pen.gap(4).put(&model.host_label, palette.text());
        pen.put(", ", palette.dim).put(&model.home, palette.dim);
    }
}
