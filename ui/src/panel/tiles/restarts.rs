//! The number of restarts, and the cause and the time of the latest one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::draw::graph;
use crate::draw::paint::Pen;
use crate::human;
use crate::model::{LastRestart, RestartLimit, RestartsView, StateView};
use crate::panel::scene::{Scene, tile};

const MINUTE: u64 = 60_000;
/// Possible spans of the time axis in ms. The axis has the shortest span that shows every restart.
const SPANS: [u64; 5] =
    [10 * MINUTE, 60 * MINUTE, 6 * 60 * MINUTE, 24 * 60 * MINUTE, 7 * 24 * 60 * MINUTE];

pub(crate) fn draw(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    if area.is_empty() {
        return;
    }
    let Scene { model, palette, .. } = scene;
    let restarts = &model.restarts;
    let note =
        restarts.limit.filter(|limit| limit.max > 0).map(|RestartLimit { max, window_ms }| {
            let style = if restarts.in_window >= max { palette.error } else { palette.dim };
            (format!("{}/{max} in {}", restarts.in_window, human::age(window_ms)), style)
        });
    let note = note.as_ref().map(|(text, style)| (text.as_str(), *style));
    let inside = tile(buf, area, "Restarts", note.as_slice(), scene);
    if inside.height >= 6 {
        tall(buf, inside, scene);
    } else {
        short(buf, inside, scene);
    }
}

fn tall(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let restarts = &model.restarts;
    let mut pen = Pen::row(buf, area, 0);
    count(&mut pen, restarts, scene);
    match &restarts.last {
        None => {
            pen.put("none so far", palette.dim);
        }
        Some(last) => {
            pen.put("last: ", palette.dim).put(&last.cause, palette.warn);
            Pen::row(buf, area, 1).put(&last.detail, palette.base);
            Pen::row(buf, area, 2).put(&human::ago(last.ago_ms), palette.base);
            let mut pen = Pen::row(buf, area, 3);
            recovery(&mut pen, last, scene);
        }
    }
    let span = span(&restarts.marks);
    graph::axis(
        &mut Pen::row(buf, area, 4),
        area.width,
        &restarts.marks,
        span,
        palette.border,
        palette.warn,
    );
    let mut pen = Pen::row(buf, area, 5);
    pen.put(&human::ago(span), palette.dim)
        .to(area.width.saturating_sub(3))
        .put("now", palette.dim);
}

fn short(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let restarts = &model.restarts;
    let mut pen = Pen::row(buf, area, 0);
    count(&mut pen, restarts, scene);
    let Some(last) = &restarts.last else {
        pen.put("none so far", palette.dim);
        return;
    };
    pen.put("last: ", palette.dim).put(&last.cause, palette.warn);
    if !last.detail.is_empty() {
        pen.put(", ", palette.dim).put(&last.detail, palette.base);
    }
    let mut pen = Pen::row(buf, area, 1);
    pen.put(&human::ago(last.ago_ms), palette.base).put(" · ", palette.dim);
    recovery(&mut pen, last, scene);
}

fn count(pen: &mut Pen<'_>, restarts: &RestartsView, scene: Scene<'_>) {
    pen.left(&human::count(restarts.total), 4, scene.palette.strong);
}

fn recovery(pen: &mut Pen<'_>, last: &LastRestart, scene: Scene<'_>) {
    match last.recovery_ms {
        Some(ms) => {
            let (word, ms) = last.downtime_ms.map_or(("repaired in ", ms), |ms| ("down for ", ms));
            pen.put(word, scene.palette.dim).put(&human::duration(ms), scene.palette.ok)
        }
        // The supervisor had given up, and then the user started the server again.
        None if scene.model.state.is_up() => pen.put("restarted by you", scene.palette.dim),
        None if matches!(scene.model.state, StateView::Failed | StateView::Stopped) => {
            pen.put("not restarted", scene.palette.dim)
        }
        None => pen.put("not restarted yet", scene.palette.warn),
    };
}

/// Returns the span of the time axis. Without restarts, the span is one hour.
fn span(marks: &[u64]) -> u64 {
    let oldest = marks.iter().copied().max().unwrap_or(60 * MINUTE);
    SPANS.into_iter().find(|span| *span >= oldest).unwrap_or(SPANS[4])
}
