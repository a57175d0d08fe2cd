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

/// How much longer than the median a check may take before its column is full.
const MEDIANS: f64 = 2.0;

/// Returns the value of a full column in µs. It follows the median of all checks, so that a single slow check does not
/// change the other columns when it appears and when it disappears.
pub(super) fn scale(probe: &ProbeView) -> f64 {
    let median = probe.p50_us.map(|us| us as f64 * MEDIANS);
    graph::ceiling(median.into_iter(), LEAST_SCALE_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_slow_check_does_not_change_the_scale() {
        let scale = |p50_us, last| {
            let history = vec![ProbePoint::Ok(200), ProbePoint::Ok(last)];
            scale(&ProbeView { p50_us, history, ..ProbeView::default() }) as u64
        };
        assert_eq!([200, 9_000, 1_000_000].map(|last| scale(Some(210), last)), [500; 3]);
        assert_eq!([scale(Some(100), 1), scale(None, 1)], [500; 2]);
        assert_eq!(scale(Some(1_500), 1), 5_000);
    }
}
