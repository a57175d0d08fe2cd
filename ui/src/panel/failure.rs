//! The explanation of the failed state: the cause, the last log lines of the server, and hints.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::draw::cluster::{width, wrap_in};
use crate::draw::paint::Pen;
use crate::model::FailureView;
use crate::panel::scene::Scene;

/// Below this width there is not enough room for headings and blank rows.
const SPACIOUS: u16 = 60;
const BAR: &str = "│ ";
/// Sign before a hint that no key performs. The other hints have their key there.
const BULLET: &str = "·";
const HINTS_LABEL: &str = "What to do  ";
/// Columns of a key and the gap after it.
const KEY: u16 = 3;

/// Returns the number of rows that the explanation needs in `columns`.
pub(super) fn lines(failure: &FailureView, columns: u16) -> u16 {
    let text = FailureText::new(failure, columns, usize::from(u16::MAX));
    let around = if columns >= SPACIOUS { 3 } else { 0 };
    (text.cause.len() + text.heading + text.log_lines.len() + text.hints.len() + around)
        .try_into()
        .unwrap_or(u16::MAX)
}

pub(super) fn draw(buf: &mut Buffer, area: Rect, failure: &FailureView, scene: Scene<'_>) {
    let palette = scene.palette;
    let rows = usize::from(area.height);
    let FailureText { cause, heading, log_lines, hints } =
        FailureText::new(failure, area.width, rows);
    let blanks = rows.saturating_sub(cause.len() + heading + log_lines.len() + hints.len());

    let mut row = u16::from(blanks >= 1);
    for line in &cause {
        Pen::row(buf, area, row).put(line, palette.strong);
        row += 1;
    }
    if heading > 0 {
        Pen::row(buf, area, row).put("Last log lines", palette.dim);
        row += 1;
    }
    for line in &log_lines {
        Pen::row(buf, area, row).put(BAR, palette.error).put(line, palette.base);
        row += 1;
    }
    row += u16::from(blanks >= 2);
    for (i, (key, text)) in hints.iter().enumerate() {
        let mut pen = Pen::row(buf, area, row);
        pen.left(if i == 0 { HINTS_LABEL } else { "" }, label(area.width), palette.title);
        let style = if *key == BULLET { palette.dim } else { palette.key };
        pen.left(key, KEY, style).put(text, palette.base);
        row += 1;
    }
}

/// The explanation, wrapped into rows.
struct FailureText<'a> {
    cause: Vec<String>,
    /// Rows of the heading above the log lines: 0 or 1.
    heading: usize,
    log_lines: Vec<String>,
    /// The rows of the hints. The first row of a hint has its key or a bullet.
    hints: Vec<(&'a str, String)>,
}

impl<'a> FailureText<'a> {
    /// Wraps the explanation into at most `rows`. Log lines are omitted first, then the ends of
    /// hints, because the cause and the beginning of each hint are the most important.
    fn new(failure: &'a FailureView, columns: u16, rows: usize) -> Self {
        let hint_rows = failure.hints.len();
        let cause = wrap_in(&failure.cause, columns, rows.saturating_sub(hint_rows).max(1));
        let mut room = rows.saturating_sub(cause.len());
        let log_row = usize::from(!failure.last_words.is_empty() && room > hint_rows);
        let hints = hints(failure, columns, room - log_row);
        room = room.saturating_sub(hints.len());
        let heading = usize::from(log_row > 0 && room > 1 && columns >= SPACIOUS);
        let log_lines = last_log_lines(failure, columns, room - heading);
        Self { cause, heading, log_lines, hints }
    }
}

fn label(columns: u16) -> u16 {
    if columns >= SPACIOUS { width(HINTS_LABEL) } else { 0 }
}

/// Returns the newest log lines that fit completely into `rows`. If there is no room for the whole newest
/// line, that line is cut.
fn last_log_lines(failure: &FailureView, columns: u16, mut rows: usize) -> Vec<String> {
    // The cause is often at the end of a long line, so a line may take several rows.
    let (most, most_rows) = if columns >= SPACIOUS { (4, 2) } else { (1, 3) };
    let room = columns.saturating_sub(width(BAR));
    let mut lines = Vec::new();
    for (i, line) in failure.last_words.iter().rev().take(most).enumerate() {
        let wrapped = wrap_in(line, room, if i == 0 { most_rows.min(rows) } else { most_rows });
        if wrapped.len() > rows {
            break;
        }
        rows -= wrapped.len();
        lines.extend(wrapped.into_iter().rev());
    }
    lines.reverse();
    lines
}

/// Wraps the hints into at most `rows`. The first row of each hint has a key or a bullet.
fn hints(failure: &FailureView, columns: u16, rows: usize) -> Vec<(&str, String)> {
    let room = columns.saturating_sub(label(columns) + KEY);
    let mut spare = rows.saturating_sub(failure.hints.len());
    let mut lines = Vec::new();
    for line in failure.hints.iter().take(rows) {
        let (key, text) = key_and_text(line).unwrap_or((BULLET, line));
        let wrapped = wrap_in(text, room, 1 + spare);
        spare -= wrapped.len().saturating_sub(1);
        let parts = wrapped.into_iter().enumerate();
        lines.extend(parts.map(|(i, part)| (if i == 0 { key } else { "" }, part)));
    }
    lines
}

/// Splits a hint such as `s  try again` into its key `s` and its text. `None` if no key performs
/// the hint.
fn key_and_text(line: &str) -> Option<(&str, &str)> {
    let (key, text) = line.split_once("  ")?;
    (1..=2).contains(&width(key)).then(|| (key, text.trim_start()))
}
