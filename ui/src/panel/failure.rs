//! Given up: the cause, Temporal's last words, and what helps. It takes the place of decoration.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Scene;
use crate::cluster::{width, wrap};
use crate::model::FailureView;
use crate::paint::Pen;

const MAX_CAUSE: usize = 3;
const MAX_WORDS: usize = 4;
/// Rows of one of the last words; what matters often stands at the end of a long line.
const MAX_WRAPPED: usize = 2;
const BAR: &str = "│ ";
/// In front of a remedy that is no key.
const BULLET: &str = "·";
const CURE_LABEL: &str = "What to do  ";
/// Columns of a key and the distance behind it.
const KEY: u16 = 3;

/// Lines that it takes in `columns`.
pub(super) fn lines(it: &FailureView, columns: u16) -> u16 {
    let cause = wrap(&it.cause, columns).len().min(MAX_CAUSE);
    let words = last_words(it, columns).iter().map(Vec::len).sum::<usize>();
    let heading = usize::from(words > 0);
    let cure = cure(it, columns).len();
    (1 + cause + heading + words + 1 + cure + 1).try_into().unwrap_or(u16::MAX)
}

pub(super) fn draw(buf: &mut Buffer, area: Rect, it: &FailureView, scene: Scene<'_>) {
    let palette = scene.palette;
    // Short of room, the blank lines go first and the last words next: the cure is what counts.
    let mut cause = wrap(&it.cause, area.width);
    cause.truncate(MAX_CAUSE);
    let cure = cure(it, area.width);
    let spare = usize::from(area.height).saturating_sub(cause.len() + cure.len());
    let heading = usize::from(spare > 1 && !it.last_words.is_empty());
    let words = newest(last_words(it, area.width), spare - heading);
    let blanks = spare - heading - words.len();

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
    for (i, (key, text)) in cure.iter().enumerate() {
        let mut pen = Pen::row(buf, area, row);
        pen.left(if i == 0 { CURE_LABEL } else { "" }, width(CURE_LABEL), palette.ok);
        let style = if *key == BULLET { palette.dim } else { palette.key };
        pen.left(key, KEY, style).put(text, palette.base);
        row += 1;
    }
}

/// The newest of them, each wrapped.
fn last_words(it: &FailureView, columns: u16) -> Vec<Vec<String>> {
    let room = columns.saturating_sub(width(BAR));
    let newest = &it.last_words[it.last_words.len().saturating_sub(MAX_WORDS)..];
    newest.iter().map(|line| wrap(line, room).into_iter().take(MAX_WRAPPED).collect()).collect()
}

/// As many of the newest as `rows` take in whole; of one that is longer alone, its beginning.
fn newest(mut words: Vec<Vec<String>>, rows: usize) -> Vec<String> {
    while words.len() > 1 && words.iter().map(Vec::len).sum::<usize>() > rows {
        words.remove(0);
    }
    let mut rows_of_it: Vec<String> = words.into_iter().flatten().collect();
    rows_of_it.truncate(rows);
    rows_of_it
}

/// The remedies, wrapped, each with its key if it has one.
fn cure(it: &FailureView, columns: u16) -> Vec<(&str, String)> {
    let room = columns.saturating_sub(width(CURE_LABEL) + KEY);
    let mut lines = Vec::new();
    for line in &it.cure {
        let (key, text) = key_and_text(line).unwrap_or((BULLET, line));
        for (i, part) in wrap(text, room).into_iter().enumerate() {
            lines.push((if i == 0 { key } else { "" }, part));
        }
    }
    lines
}

/// `s  try again` → `s`, `try again`.
pub(super) fn key_and_text(line: &str) -> Option<(&str, &str)> {
    let (key, text) = line.split_once("  ")?;
    (1..=2).contains(&width(key)).then(|| (key, text.trim_start()))
}
