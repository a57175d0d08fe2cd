//! The page of a problem, a workflow or a worker: all its facts, and the newest log lines of a worker that
//! stigmer runs.

use ratatui::layout::Rect;

use super::page::{Line, Page, Widths};
use crate::app::view::RowDetails;
use crate::log::{Level, LineKind, LogLine, LogSource};
use crate::panel::scene::{Canvas, Scene};

const WIDTHS: Widths = Widths { page: 140, names: 12 };

/// Maximum number of log lines on the page of a worker.
const LOG: usize = 100;
/// Maximum number of stored lines that are searched for them.
const SEARCHED: usize = 20_000;

/// Draws the page of the selected row in `area`. Returns its place.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let Scene { model, palette, log, .. } = canvas.scene;
    let selected = canvas.view.selected();
    let details = selected.and_then(|item| RowDetails::of(item, model)).unwrap_or_default();
    let worker = selected.and_then(|item| item.worker(model)).filter(|row| !row.external);
    let log_lines = worker.map(|row| newest(log, &row.name)).unwrap_or_default();
    let mut lines: Vec<Line<'_>> = details
        .facts
        .iter()
        // The log has these lines, too.
        .filter(|(name, _)| *name != "Last lines" || log_lines.is_empty())
        .flat_map(|(name, value)| {
            let style = if *name == "Cause" { palette.strong } else { palette.base };
            value.lines().enumerate().map(move |(i, part)| {
                let name = if i == 0 { *name } else { " " };
                Line::words(name, palette.dim, part, style)
            })
        })
        .collect();
    for (i, line) in log_lines.into_iter().enumerate() {
        let style = match (line.kind, line.level) {
            (LineKind::GenerationMark, _) => palette.dim,
            (_, Level::Error) => palette.error,
            (_, Level::Warn) => palette.warn,
            (_, Level::Trace | Level::Debug | Level::Info) => palette.base,
        };
        let text = [line.time, line.text, line.fields];
        let text: Vec<&str> = text.into_iter().filter(|it| !it.is_empty()).collect();
        let name = if i == 0 { "Log" } else { " " };
        lines.push(Line::verbatim(name, palette.dim, text.join(" "), style));
    }
    Page { title: &details.title, lines: &lines, widths: WIDTHS }.draw(canvas, area)
}

/// The newest lines of the unit with this name, oldest first.
fn newest<'a>(log: &'a dyn LogSource, name: &str) -> Vec<LogLine<'a>> {
    let Some(unit) = log.unit(name) else { return Vec::new() };
    let is_own = |at: &usize| log.head(*at).is_some_and(|head| head.unit == unit);
    let own = (0..log.len()).rev().take(SEARCHED).filter(is_own).take(LOG);
    let mut lines: Vec<LogLine<'_>> = own.filter_map(|at| log.line(at)).collect();
    lines.reverse();
    lines
}
