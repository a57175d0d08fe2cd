//! The page of a log line: its message, its fields, and its text in the file.

use ratatui::layout::Rect;

use super::page::{Line, Page, Widths};
use crate::draw::theme::Palette;
use crate::human;
use crate::log::{Details, LineKind, LogLine};
use crate::panel::scene::{Canvas, Scene};

const WIDTHS: Widths = Widths { page: 140, names: 26 };

/// Symbol that stands for a line feed within a value. At this symbol the page begins a new line,
/// for stack traces for example.
const LINE_END: char = '␊';

/// Draws the line with this number in the middle of `area`. Returns the place of the page.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect, number: u64) -> Rect {
    let Scene { palette, log, .. } = canvas.scene;
    let index = number.checked_sub(log.dropped()).and_then(|at| usize::try_from(at).ok());
    let found = index.and_then(|at| log.line(at).zip(log.details(at)));
    let title = format!("Line {}", human::count(number + 1));
    // With one unit, all lines are of the server.
    let unit = match (&found, log.units().len()) {
        (Some((line, _)), 2..) => log.unit_name(line.unit),
        _ => "",
    };
    let lines =
        found.as_ref().map_or_else(Vec::new, |(line, details)| lines(line, unit, details, palette));
    Page { title: &title, lines: &lines, widths: WIDTHS }.draw(canvas, area)
}

fn lines<'a>(
    line: &LogLine<'a>,
    unit: &'a str,
    details: &'a Details,
    palette: &Palette,
) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    if line.kind == LineKind::Structured {
        for part in line.text.split(LINE_END) {
            lines.push(Line::words("", palette.base, part, palette.strong));
        }
        lines.push(Line::heading("", palette.base));
        let head = [
            ("time", line.time),
            ("level", line.level.word()),
            ("unit", unit),
            ("component", line.component),
        ];
        for (name, value) in head.into_iter().filter(|(_, value)| !value.is_empty()) {
            let style = if name == "level" { palette.level(line.level) } else { palette.base };
            lines.push(Line::verbatim(name, palette.dim, value, style));
        }
        for (name, value) in &details.fields {
            for (i, part) in value.split(LINE_END).enumerate() {
                // An empty value is drawn as a dash, so that its field is visible.
                let part = if part.is_empty() { "\u{2013}" } else { part };
                let name = if i == 0 { name.as_str() } else { " " };
                lines.push(Line::verbatim(name, palette.dim, part, palette.base));
            }
        }
        lines.push(Line::heading("", palette.base));
    }
    lines.push(Line::verbatim("", palette.base, details.raw.as_str(), palette.dim));
    lines
}
