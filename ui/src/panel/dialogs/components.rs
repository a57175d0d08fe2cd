//! The choice of a component: who speaks in the log, and how much.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::view::View;
use crate::draw::layout::{inset, middle};
use crate::draw::paint::{self, Pen};
use crate::explorer;
use crate::human;
use crate::panel::scene::{Click, Placed, Scene, tile_in};

const WIDTH: u16 = 40;

pub(crate) fn draw(
    buf: &mut Buffer,
    area: Rect,
    view: &View,
    scene: Scene<'_>,
    placed: &mut Placed,
) -> Rect {
    let Scene { palette, log, .. } = scene;
    let counts = explorer::components(log);
    let all: u64 = counts.iter().map(|(_, lines)| lines).sum();
    let items: Vec<(&str, u64)> = std::iter::once(("all of them", all))
        .chain(counts.iter().map(|(id, lines)| (log.component(*id), *lines)))
        .collect();
    let place = middle(area, WIDTH, (items.len() as u16).saturating_add(2));
    paint::clear(buf, place, palette.base);
    let inside = inset(tile_in(buf, place, "Component", &[], palette.accent, scene), 0);
    let picked = view.picked.min(items.len() - 1);
    let first = (picked + 1).saturating_sub(inside.height.into());
    for (row, (at, (name, lines))) in (0..inside.height).zip(items.iter().enumerate().skip(first)) {
        let line = Rect { y: inside.y + row, height: 1, ..inside };
        let here = at == picked;
        if here {
            buf.set_style(line, palette.cursor);
        }
        let count = human::count(*lines);
        let taken = paint::flush_right(buf, line, 0, &[(&count, palette.dim)]);
        let mut pen = Pen::row(buf, line, 0);
        pen.reserve(taken).put(if here { "▸ " } else { "  " }, palette.key);
        match *name {
            "" => pen.put("nobody", palette.dim),
            name => pen.put(name, if here { palette.strong } else { palette.text() }),
        };
        placed.put(line, Click::Pick(at));
    }
    place
}
