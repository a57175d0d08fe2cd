//! One line of the log in full: its fields one below the other, and as it stands in the file.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::page::{Line, Page, Widths};
use crate::app::view::View;
use crate::human;
use crate::log::LineKind;
use crate::panel::scene::{Placed, Scene};

const WIDTHS: Widths = Widths { page: 140, names: 26 };

/// How a line end within a value is shown: stack traces have many.
const LINE_END: char = '␊';

pub(crate) fn draw(
    buf: &mut Buffer,
    area: Rect,
    number: u64,
    view: &mut View,
    scene: Scene<'_>,
    placed: &mut Placed,
) -> Rect {
    let Scene { palette, log, .. } = scene;
    let index = number.checked_sub(log.dropped()).and_then(|at| usize::try_from(at).ok());
    let found = index.and_then(|at| log.line(at).zip(log.details(at)));
    let title = format!("Line {}", human::count(number + 1));
    let mut lines = Vec::new();
    if let Some((line, details)) = &found {
        if line.kind == LineKind::Structured {
            for part in line.text.split(LINE_END) {
                lines.push(Line::words("", palette.base, part, palette.strong));
            }
            lines.push(Line::heading("", palette.base));
            let head =
                [("time", line.time), ("level", line.level.word()), ("component", line.component)];
            for (name, value) in head.into_iter().filter(|(_, value)| !value.is_empty()) {
                let style = if name == "level" { palette.level(line.level) } else { palette.base };
                lines.push(Line::verbatim(name, palette.dim, value, style));
            }
            for (name, value) in &details.fields {
                for (i, part) in value.split(LINE_END).enumerate() {
                    // A name without a value still is news.
                    let part = if part.is_empty() { "\u{2013}" } else { part };
                    let name = if i == 0 { name.as_str() } else { " " };
                    lines.push(Line::verbatim(name, palette.dim, part, palette.base));
                }
            }
            lines.push(Line::heading("", palette.base));
        }
        lines.push(Line::verbatim("", palette.base, details.raw.as_str(), palette.dim));
    }
    Page { title: &title, lines: &lines, widths: WIDTHS }.draw(
        buf,
        area,
        &mut view.page,
        scene,
        placed,
    )
}
