//! The tab of the server: checks, answers, usage, restarts, processes, and the timeline.

mod answers;
mod health;
mod processes;
mod restarts;
mod uses;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::timeline;
use crate::draw::layout::{inset, row, split_top};
use crate::draw::paint::Pen;
use crate::panel::scene::{Canvas, Scene};

/// Columns of the labels.
const LABEL: u16 = 12;
/// Minimum rows of the timeline, with the line above it.
const TIMELINE: u16 = 4;

/// Draws one row of facts. The label is drawn already.
type DrawFacts = fn(&mut Buffer, Rect, Scene<'_>);

/// A row of facts. An empty label continues the row above.
type FactRow = (&'static str, DrawFacts);

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let scene @ Scene { palette, .. } = canvas.scene;
    let failing = health::failing(scene).count() as u16;
    let rows = fact_rows(area.width);
    let most = area.height.saturating_sub(TIMELINE);
    let (facts, rest) = split_top(area, (rows.len() as u16 + failing).min(most));
    let inside = inset(facts, 1);
    let mut next = 0;
    for (label, draw) in rows {
        let place = row(inside, next);
        Pen::row(canvas.buf, place, 0).put(label, palette.title);
        let columns = LABEL.min(place.width);
        let place = Rect { x: place.x + columns, width: place.width - columns, ..place };
        draw(canvas.buf, place, scene);
        next += 1;
        if label == health::LABEL {
            for layer in health::failing(scene) {
                let place = Rect { y: inside.y + next, ..place }.intersection(inside);
                health::reason(canvas.buf, place, layer, scene);
                next += 1;
            }
        }
    }
    let (line, rest) = split_top(rest, 1);
    let mut pen = Pen::row(canvas.buf, line, 0);
    pen.put("─ ", palette.border).put("starts, stops and restarts", palette.dim).gap(1);
    let columns = pen.room();
    pen.fill("─", columns, palette.border);
    // The last column stays free.
    timeline::draw(canvas, Rect { width: rest.width.saturating_sub(1), ..rest });
}

/// Returns the rows for a screen with this width. A narrow one has no room for two facts in a row.
fn fact_rows(columns: u16) -> Vec<FactRow> {
    let mut rows: Vec<FactRow> = vec![(health::LABEL, health::draw), ("Answers", answers::draw)];
    if columns >= 72 {
        rows.push(("", answers::draw_rule));
    }
    rows.push(("Uses", uses::draw));
    if !uses::has_database(columns) {
        rows.push(("", uses::draw_database));
    }
    rows.extend([
        ("Restarts", restarts::draw as DrawFacts),
        ("Processes", processes::draw as DrawFacts),
    ]);
    rows
}
