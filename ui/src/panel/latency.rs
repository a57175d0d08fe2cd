//! The latency of the gRPC check, now and recently.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::draw::graph::{self, BarStyles};
use crate::draw::paint::Pen;
use crate::draw::theme::Palette;
use crate::human;
use crate::model::{ProbePoint, ProbeView};
use crate::panel::scene::Scene;

/// Minimum scale of the graph. Variations between 100 and 200 µs do not matter.
const LEAST_SCALE_US: f64 = 500.0;
/// Columns of [`latest`].
const COLUMNS: u16 = 6;

/// Draws the latest latency, or a failure, or `–` if the server is not checked.
pub(super) fn latest(pen: &mut Pen<'_>, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    match (model.probe.history.last(), model.probe.last_us) {
        _ if !model.state.is_up() || !model.is_live() => pen.right("–", COLUMNS, palette.dim),
        (Some(ProbePoint::Failed), _) => pen.left("× fail", COLUMNS, palette.error),
        (_, Some(us)) => pen.right(&human::latency(us), COLUMNS, palette.text()),
        (_, None) => pen.right("–", COLUMNS, palette.dim),
    };
}

/// Draws the recent latencies. `scale` is the value of a full column in µs.
pub(super) fn draw_history(buf: &mut Buffer, area: Rect, scene: Scene<'_>, scale: f64) {
    let values = scene.model.probe.history.iter().map(|point| match point {
        ProbePoint::Ok(us) => Some(*us as f64),
        ProbePoint::Failed => None,
    });
    let Palette { graph_dim, error, dim, .. } = *scene.palette;
    let failure = if scene.model.is_live() { error } else { dim };
    graph::history(buf, area, values, scale, BarStyles { bar: graph_dim, failure });
}

/// Returns the value of a full column in µs, from the visible part of the history.
pub(super) fn scale(probe: &ProbeView, columns: usize) -> f64 {
    let visible = probe.history.iter().rev().take(columns).filter_map(|point| match point {
        ProbePoint::Ok(us) => Some(*us as f64),
        ProbePoint::Failed => None,
    });
    graph::ceiling(visible, LEAST_SCALE_US)
}
