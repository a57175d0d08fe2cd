//! The tab of workflows: problems first, then recent workflows, all filtered.

use ratatui::layout::Rect;

use super::lists::{self, ListLine};
use crate::app::view::{Item, RowFilter};
use crate::draw::layout::split_top;
use crate::draw::paint::{self, Pen};
use crate::human;
use crate::model::Model;
use crate::panel::scene::{Canvas, Scene};

/// Minimum height for the row of the filter.
const FILTER_NEEDS: u16 = 5;

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let Scene { model, palette, .. } = canvas.scene;
    let filter_rows = u16::from(area.height >= FILTER_NEEDS);
    let (top, rest) = split_top(area, filter_rows);
    filter_row(canvas, top);
    let items = canvas.view.workflows.items();
    let problems =
        items.iter().take_while(|item| matches!(item, Item::Problem(_) | Item::Member(..))).count();
    let mut lines: Vec<ListLine> = (0..problems).map(ListLine::Row).collect();
    if problems > 0 && problems < items.len() {
        lines.push(ListLine::Rule("recent"));
    }
    lines.extend((problems..items.len()).map(ListLine::Row));
    let is_empty = items.is_empty();
    let hidden = hidden(model, items.len());
    let note = hidden_note(hidden, &canvas.view.filter);
    let note_rows = u16::from(!note.is_empty() || is_empty);
    let (rows, below) = split_top(rest, rest.height.saturating_sub(note_rows));
    let shown = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(rows.height);
    lists::draw(canvas, rows, &lines);
    let place = if shown < rows.height { split_top(rows, shown).1 } else { below };
    let text = match (model.recent.is_some() || model.problems.is_some(), note.as_str()) {
        (false, _) => "the workflows are not known yet",
        (true, "") if is_empty => "no workflows",
        (true, note) => note,
    };
    if lines.is_empty() || !note.is_empty() {
        Pen::row(canvas.buf, place, 0).gap(1).put(text, palette.dim);
    }
}

/// Draws the filter, and the numbers of workflows.
fn filter_row(canvas: &mut Canvas<'_>, area: Rect) {
    let Scene { model, palette, .. } = canvas.scene;
    let inner = Rect { width: area.width.saturating_sub(1), ..area };
    let counts = model.counts.map(|counts| {
        let closed = counts.completed.map_or(counts.failed, |n| n.saturating_add(counts.failed));
        format!("{} running   {} closed", human::count(counts.running), human::count(closed))
    });
    let counts = counts.unwrap_or_default();
    let taken = paint::flush_right(canvas.buf, inner, 0, &[(&counts, palette.dim)]);
    let RowFilter { text, status, type_name, .. } = &canvas.view.filter;
    let parts = [
        ("status: ", status.name()),
        ("type: ", type_name.as_deref().unwrap_or("all")),
        ("filter: ", if text.trim().is_empty() { "none" } else { text }),
    ];
    let mut pen = Pen::row(canvas.buf, inner, 0);
    pen.reserve(taken).gap(1);
    for (label, value) in parts {
        let is_set = !matches!(value, "all" | "none");
        pen.put(label, palette.dim);
        pen.put(value, if is_set { palette.warn } else { palette.text() }).gap(4);
    }
}

/// Returns the number of rows that the filter hides.
fn hidden(model: &Model, shown: usize) -> usize {
    let problems = model.problems.iter().flatten();
    let problems = problems.filter(|row| row.kind.is_of_workflows()).count();
    (problems + model.recent.as_ref().map_or(0, Vec::len)).saturating_sub(shown)
}

fn hidden_note(hidden: usize, filter: &RowFilter) -> String {
    if hidden == 0 || filter.is_empty() {
        return String::new();
    }
    let rows = human::counted(hidden as u64, "row", "rows");
    format!("{rows} hidden by the filter · Esc clears the filter")
}
