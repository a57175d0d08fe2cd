//! Given up: the cause, Temporal's last words, and what helps. It takes the place of decoration.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Scene;
use crate::cluster::{width, wrap};
use crate::model::FailureView;
use crate::paint::Pen;

const MAX_CAUSE: usize = 2;
const MAX_WORDS: usize = 4;
/// Rows of one of the last words; what matters often stands at the end of a long line.
const MAX_WRAPPED: usize = 2;
const BAR: &str = "│ ";
const CURE_LABEL: &str = "What to do  ";
/// Columns of a key and the distance behind it.
const KEY: u16 = 3;

/// Lines that it takes in `columns`.
pub(super) fn lines(it: &FailureView, columns: u16) -> u16 {
    let cause = wrap(&it.cause, columns).len().min(MAX_CAUSE);
    let words = last_words(it, columns).len();
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
    let mut words = last_words(it, area.width);
    words.drain(..words.len().saturating_sub(spare.saturating_sub(1)));
    let heading = usize::from(!words.is_empty());
    let blanks = spare.saturating_sub(words.len() + heading);

    let mut row = u16::from(blanks >= 1);
    for line in &cause {
        Pen::row(buf, area, row).put(line, palette.strong);
        row += 1;
    }
    if !words.is_empty() {
        Pen::row(buf, area, row).put("Its last words", palette.dim);
        row += 1;
        for line in &words {
            Pen::row(buf, area, row).put(BAR, palette.error).put(line, palette.base);
            row += 1;
        }
    }
    row += u16::from(blanks >= 2);
    for (i, (key, text)) in cure.iter().enumerate() {
        let mut pen = Pen::row(buf, area, row);
        pen.left(if i == 0 { CURE_LABEL } else { "" }, width(CURE_LABEL), palette.ok);
        pen.left(key, KEY, palette.key).put(text, palette.base);
        row += 1;
    }
}

/// The newest of them, wrapped.
fn last_words(it: &FailureView, columns: u16) -> Vec<String> {
    let room = columns.saturating_sub(width(BAR));
    let newest = &it.last_words[it.last_words.len().saturating_sub(MAX_WORDS)..];
    newest.iter().flat_map(|line| wrap(line, room).into_iter().take(MAX_WRAPPED)).collect()
}

/// The remedies, wrapped, each with its key if it has one.
fn cure(it: &FailureView, columns: u16) -> Vec<(&str, String)> {
    let room = columns.saturating_sub(width(CURE_LABEL) + KEY);
    let mut lines = Vec::new();
    for line in &it.cure {
        let (key, text) = key_and_text(line).unwrap_or(("·", line));
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
