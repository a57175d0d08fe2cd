//! The tab of workflows: problems first, then recent workflows, all filtered.

use ratatui::layout::Rect;

use super::lists::{self, ListLine};
use crate::app::view::{Item, RowFilter, StatusFilter, View, wrong_attribute};
use crate::draw::cluster::{width, wrap_in};
use crate::draw::layout::split_top;
use crate::draw::paint::{self, Pen};
use crate::human;
use crate::model::{FoundWorkflows, Model};
use crate::panel::scene::{Canvas, Scene};

/// Gap between two parts of the filter.
const GAP: u16 = 4;
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
    let line = |at: usize| match canvas.view.stands_for(items[at], model) {
        Item::Member(..) if matches!(items[at], Item::Problem(_)) => ListLine::Waiting(at),
        _ => ListLine::Row(at),
    };
    let mut lines: Vec<ListLine> = (0..problems).map(line).collect();
    if problems > 0 && problems < items.len() {
        lines.push(ListLine::Rule("recent"));
    }
    lines.extend((problems..items.len()).map(ListLine::Row));
    let is_empty = items.is_empty();
    let all = match canvas.view.listing.query {
        Some(_) => {
            canvas.view.found(model).and_then(|found| found.rows.as_ref()).map_or(0, Vec::len)
        }
        None => all_rows(model),
    };
    let is_own_row = |item: &&Item| !matches!(item, Item::Member(..));
    let hidden = all.saturating_sub(items.iter().filter(is_own_row).count());
    let note = hidden_note(hidden, &canvas.view.filter);
    let note_rows = u16::from(!note.is_empty() || is_empty);
    let (rows, below) = split_top(rest, rest.height.saturating_sub(note_rows));
    let shown = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(rows.height);
    lists::draw(canvas, rows, &lines);
    let place = if shown < rows.height { split_top(rows, shown).1 } else { below };
    let unknown = match canvas.view.listing.query {
        Some(_) => match canvas.view.found(model) {
            None => "the server runs the query",
            Some(found) if !found.error.is_empty() => {
                return refusal(canvas, rest, &found.error.clone());
            }
            Some(_) => "",
        },
        None if model.recent.is_none() && model.problems.is_none() => {
            "the workflows are not known yet"
        }
        None => "",
    };
    let text = match (unknown, note.as_str()) {
        ("", "") if is_empty => "no workflows",
        ("", note) => note,
        (unknown, _) => unknown,
    };
    if lines.is_empty() || !note.is_empty() {
        Pen::row(canvas.buf, place, 0).gap(1).put(text, palette.dim);
    }
}

/// Draws why the server does not run the query. There are no rows.
fn refusal(canvas: &mut Canvas<'_>, area: Rect, error: &str) {
    let palette = canvas.scene.palette;
    let query = canvas.view.listing.query.as_deref().unwrap_or_default();
    let hint = wrong_attribute(query).map(|hint| format!("; {hint}")).unwrap_or_default();
    let text = format!("the server does not run the query: {error}{hint}");
    let rows = usize::from(area.height);
    for (number, line) in (0..).zip(wrap_in(&text, area.width.saturating_sub(2), rows)) {
        Pen::row(canvas.buf, area, number).gap(1).put(&line, palette.error);
    }
}

/// Draws the filter, and the numbers of workflows.
fn filter_row(canvas: &mut Canvas<'_>, area: Rect) {
    let Scene { model, palette, .. } = canvas.scene;
    let inner = Rect { width: area.width.saturating_sub(1), ..area };
    let counts = counts(canvas.view, model);
    let taken = paint::flush_right(canvas.buf, inner, 0, &[(&counts, palette.dim)]);
    let RowFilter { text, status, type_name, .. } = &canvas.view.filter;
    let namespace =
        (model.namespaces.len() > 1).then_some(("namespace: ", &*model.namespace, true));
    let type_name = type_name.as_deref();
    let text = Some(text.as_str()).filter(|text| !text.trim().is_empty());
    let query = canvas.view.listing.query.as_deref().map(|query| ("query: ", query, true));
    let mut parts: Vec<(&str, &str, bool)> = namespace.into_iter().chain(query).collect();
    parts.extend([
        ("status: ", status.name(), *status != StatusFilter::All),
        ("type: ", type_name.unwrap_or("all"), type_name.is_some()),
        ("filter: ", text.unwrap_or("none"), text.is_some()),
    ]);
    let columns = |sum: u16, (label, value, _): &(&str, &str, bool)| {
        [width(label), width(value), GAP].into_iter().fold(sum, u16::saturating_add)
    };
    let room = inner.width.saturating_sub(taken + 1) + GAP;
    while parts.iter().fold(0, columns) > room
        && let Some(at) = parts.iter().position(|(_, _, is_set)| !is_set)
    {
        // What is not set has no effect, so it is omitted first.
        parts.remove(at);
    }
    let mut pen = Pen::row(canvas.buf, inner, 0);
    pen.reserve(taken).gap(1);
    for (label, value, is_set) in parts {
        pen.put(label, palette.dim);
        pen.put(value, if is_set { palette.warn } else { palette.text() }).gap(GAP);
    }
}

/// Returns the numbers of workflows in the namespace, or of those that the query has found.
fn counts(view: &View, model: &Model) -> String {
    if view.listing.query.is_some() {
        return match view.found(model) {
            Some(FoundWorkflows { error, .. }) if !error.is_empty() => "not run".to_owned(),
            Some(FoundWorkflows { rows: Some(rows), more, .. }) => {
                let first = if *more { "first " } else { "" };
                format!("{first}{} found", human::count(rows.len() as u64))
            }
            _ => "running".to_owned(),
        };
    }
    let counts = model.counts.map(|counts| {
        let (running, closed) = (human::count(counts.running), human::count(counts.closed));
        format!("{running} running   {closed} closed")
    });
    counts.unwrap_or_default()
}

/// Returns the number of rows without a filter.
fn all_rows(model: &Model) -> usize {
    let problems = model.problems.iter().flatten();
    let problems = problems.filter(|row| row.kind.is_of_workflows()).count();
    problems + model.recent.as_ref().map_or(0, Vec::len)
}

fn hidden_note(hidden: usize, filter: &RowFilter) -> String {
    if hidden == 0 || filter.is_empty() {
        return String::new();
    }
    let rows = human::counted(hidden as u64, "row", "rows");
    format!("{rows} hidden by the filter · Esc clears the filter")
}
