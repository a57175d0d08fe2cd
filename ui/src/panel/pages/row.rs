//! The page of a problem, a workflow or a worker: all its facts, and the newest log lines of a worker that
//! stigmer runs.

use ratatui::layout::Rect;

use super::page::{Line, Page, Widths};
use crate::app::view::RowDetails;
use crate::draw::cluster::clip;
use crate::log::{Level, LineKind, LogLine, LogSource};
use crate::panel::scene::{Canvas, Scene};

const WIDTHS: Widths = Widths { page: 140, names: 12 };

/// Minimum number of log lines on the page of a worker, if there are as many. A higher page shows more.
const LOG: usize = 10;
/// Rows of a page without facts: its path, and the margins.
const FRAME: usize = 3;
/// Maximum number of stored lines that are searched for them.
const SEARCHED: usize = 20_000;

/// Draws the page of the selected row in `area`. Returns its place.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let Scene { model, palette, log, .. } = canvas.scene;
    let selected = canvas.view.selected();
    let details = selected.and_then(|item| RowDetails::of(item, model)).unwrap_or_default();
    let worker = selected.and_then(|item| item.worker(model)).filter(|row| !row.external);
    let unit = worker.and_then(|row| log.unit(&row.name));
    let has_log = unit.is_some_and(|unit| !newest(log, unit, 1).is_empty());
    let mut lines: Vec<Line<'_>> = details
        .facts
        .iter()
        // The log has these lines, too.
        .filter(|(name, _)| *name != "Last lines" || !has_log)
        .flat_map(|(name, value)| {
            let style = if *name == "Cause" { palette.strong } else { palette.base };
            value.lines().enumerate().map(move |(i, part)| {
                let name = if i == 0 { *name } else { " " };
                Line::words(name, palette.dim, part, style)
            })
        })
        .collect();
    let columns = WIDTHS.text(area);
    let used: usize = lines.iter().map(|line| line.rows(columns).len().max(1)).sum();
    let free = usize::from(area.height).saturating_sub(used + FRAME).max(LOG);
    let log_lines = unit.map(|unit| newest(log, unit, free)).unwrap_or_default();
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
        // The key `l` shows the whole lines.
        let text = clip(&text.join(" "), columns).to_owned();
        lines.push(Line::verbatim(name, palette.dim, text, style));
    }
    Page { title: &details.title, lines: &lines, widths: WIDTHS }.draw(canvas, area)
}

/// The newest lines of a unit, oldest first.
fn newest(log: &dyn LogSource, unit: u16, count: usize) -> Vec<LogLine<'_>> {
    let is_own = |at: &usize| log.head(*at).is_some_and(|head| head.unit == unit);
    let own = (0..log.len()).rev().take(SEARCHED).filter(is_own).take(count);
    let mut lines: Vec<LogLine<'_>> = own.filter_map(|at| log.line(at)).collect();
    lines.reverse();
    lines
}
