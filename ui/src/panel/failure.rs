//! Given up: the cause, Temporal's last words, and what helps. It takes the place of decoration.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::draw::cluster::{width, wrap_in};
use crate::draw::paint::Pen;
use crate::model::FailureView;
use crate::panel::scene::Scene;

/// Narrower than this, there is no room for headings and blank lines.
const SPACIOUS: u16 = 60;
const BAR: &str = "│ ";
/// In front of a remedy that is no key.
const BULLET: &str = "·";
const CURE_LABEL: &str = "What to do  ";
/// Columns of a key and the distance behind it.
const KEY: u16 = 3;

/// Lines that it takes in `columns`.
pub(super) fn lines(it: &FailureView, columns: u16) -> u16 {
    let told = Told::new(it, columns, usize::from(u16::MAX));
    let around = if columns >= SPACIOUS { 3 } else { 0 };
    (told.cause.len() + told.heading + told.words.len() + told.cures.len() + around)
        .try_into()
        .unwrap_or(u16::MAX)
}

pub(super) fn draw(buf: &mut Buffer, area: Rect, it: &FailureView, scene: Scene<'_>) {
    let palette = scene.palette;
    let rows = usize::from(area.height);
    let Told { cause, heading, words, cures } = Told::new(it, area.width, rows);
    let blanks = rows.saturating_sub(cause.len() + heading + words.len() + cures.len());

    let mut row = u16::from(blanks >= 1);
    for line in &cause {
        Pen::row(buf, area, row).put(line, palette.strong);
        row += 1;
    }
    if heading > 0 {
        Pen::row(buf, area, row).put("Its last words", palette.dim);
        row += 1;
    }
    for line in &words {
        Pen::row(buf, area, row).put(BAR, palette.error).put(line, palette.base);
        row += 1;
    }
    row += u16::from(blanks >= 2);
    for (i, (key, text)) in cures.iter().enumerate() {
        let mut pen = Pen::row(buf, area, row);
        pen.left(if i == 0 { CURE_LABEL } else { "" }, label(area.width), palette.ok);
        let style = if *key == BULLET { palette.dim } else { palette.key };
        pen.left(key, KEY, style).put(text, palette.base);
        row += 1;
    }
}

/// What is told of it, in lines.
struct Told<'a> {
    cause: Vec<String>,
    heading: usize,
    words: Vec<String>,
    /// Each with its key.
    cures: Vec<(&'a str, String)>,
}

impl<'a> Told<'a> {
    /// Short of `rows`, the last words go first, and the ends of the remedies next: the cause, and that
    /// there are remedies, is what counts.
    fn new(it: &'a FailureView, columns: u16, rows: usize) -> Self {
        let cause = wrap_in(&it.cause, columns, rows.saturating_sub(it.cure.len()).max(1));
        let mut room = rows.saturating_sub(cause.len());
        let a_word = usize::from(!it.last_words.is_empty() && room > it.cure.len());
        let cures = cures(it, columns, room - a_word);
        room = room.saturating_sub(cures.len());
        let heading = usize::from(a_word > 0 && room > 1 && columns >= SPACIOUS);
        let words = last_words(it, columns, room - heading);
        Self { cause, heading, words, cures }
    }
}

fn label(columns: u16) -> u16 {
    if columns >= SPACIOUS { width(CURE_LABEL) } else { 0 }
}

/// As many of the newest as `rows` take in whole, but the newest at any rate.
fn last_words(it: &FailureView, columns: u16, mut rows: usize) -> Vec<String> {
    // What matters often stands at the end of a long line.
    let (most, most_rows) = if columns >= SPACIOUS { (4, 2) } else { (1, 3) };
    let room = columns.saturating_sub(width(BAR));
    let mut lines = Vec::new();
    for (i, line) in it.last_words.iter().rev().take(most).enumerate() {
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

/// The remedies in at most `rows`, wrapped, each with its key if it has one.
fn cures(it: &FailureView, columns: u16, rows: usize) -> Vec<(&str, String)> {
    let room = columns.saturating_sub(label(columns) + KEY);
    let mut spare = rows.saturating_sub(it.cure.len());
    let mut lines = Vec::new();
    for line in it.cure.iter().take(rows) {
        let (key, text) = key_and_text(line).unwrap_or((BULLET, line));
        let wrapped = wrap_in(text, room, 1 + spare);
        spare -= wrapped.len().saturating_sub(1);
        let parts = wrapped.into_iter().enumerate();
        lines.extend(parts.map(|(i, part)| (if i == 0 { key } else { "" }, part)));
    }
    lines
}

/// `s  try again` → `s`, `try again`.
fn key_and_text(line: &str) -> Option<(&str, &str)> {
    let (key, text) = line.split_once("  ")?;
    (1..=2).contains(&width(key)).then(|| (key, text.trim_start()))
}
