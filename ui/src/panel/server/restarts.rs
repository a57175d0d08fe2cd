//! The number of restarts, the latest one, and the limit.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::draw::paint::{self, Pen};
use crate::human;
use crate::model::{LastRestart, RestartLimit, StateView};
use crate::panel::scene::Scene;

pub(super) fn draw(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let restarts = &model.restarts;
    let limit = restarts.limit.filter(|limit| limit.max > 0);
    let taken = limit.map_or(0, |RestartLimit { max, window_ms }| {
        let style = if restarts.in_window >= max { palette.error } else { palette.dim };
        let text = format!("{} of {max} in {}", restarts.in_window, human::age(window_ms));
        paint::flush_right(buf, area, 0, &[(&text, style)])
    });
    let mut pen = Pen::row(buf, area, 0);
    pen.reserve(taken).put(&human::count(restarts.total), palette.text());
    let Some(last) = &restarts.last else {
        pen.put(", none so far", palette.dim);
        return;
    };
    pen.put(", last: ", palette.dim).put(&last.cause, palette.warn);
    if !last.detail.is_empty() {
        pen.put(", ", palette.dim).put(&last.detail, palette.text());
    }
    pen.put(", ", palette.dim).put(&human::ago(last.ago_ms), palette.text());
    let (outcome, style) = outcome(last, scene);
    pen.put(", ", palette.dim).put(&outcome, style);
}

fn outcome(last: &LastRestart, scene: Scene<'_>) -> (String, Style) {
    let Scene { model, palette, .. } = scene;
    match (last.downtime_ms.or(last.recovery_ms), model.state) {
        (Some(ms), _) => (format!("down for {}", human::duration(ms)), palette.text()),
        // The supervisor gave up, and the server was started again since.
        (None, state) if state.is_up() => ("restarted by you".into(), palette.dim),
        (None, StateView::Failed | StateView::Stopped) => ("not restarted".into(), palette.dim),
        (None, _) => ("not restarted yet".into(), palette.warn),
    }
}
