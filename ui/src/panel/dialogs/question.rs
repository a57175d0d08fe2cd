//! A dialog with a text and the keys that answer it.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::keymap::{self, Context, Scope};
use crate::draw::cluster::{clip, wrap};
use crate::draw::layout::middle;
use crate::draw::paint::Pen;
use crate::panel::scene::{Canvas, Click, Scene, dialog_box};

pub(crate) const WIDTH: u16 = 70;
const KEY: u16 = 6;

/// Content of a dialog.
pub(crate) struct Question<'a> {
    pub(crate) title: &'a str,
    pub(crate) text: Vec<(String, Style)>,
    pub(crate) scope: Scope,
    /// Note below the answers, shown if there is room. Empty if there is no note.
    pub(crate) note: &'a str,
}

/// Draws a dialog in the middle of `area`. Returns its place.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect, question: &Question<'_>) -> Rect {
    let scene @ Scene { model, log, palette, .. } = canvas.scene;
    let width = WIDTH.min(area.width);
    let context = Context { view: canvas.view, model, log };
    let mut text: Vec<(String, Style)> = question
        .text
        .iter()
        .flat_map(|(text, style)| {
            wrap(text, width.saturating_sub(4)).into_iter().map(|line| (line, *style))
        })
        .collect();
    let choices: Vec<_> = keymap::choices(question.scope, &context)
        .flat_map(|it| {
            let lines = wrap(it.long, width.saturating_sub(4 + 1 + KEY));
            lines.into_iter().enumerate().map(move |(i, line)| (it, i, line))
        })
        .collect();
    let has_room = area.height >= 15;
    let blank = u16::from(has_room);
    let note = u16::from(has_room && !question.note.is_empty());
    let fixed = 2 + choices.len() as u16 + 3 * blank + note * (1 + blank);
    // The answers have priority over the text.
    let room = usize::from(area.height.saturating_sub(fixed).max(1));
    let is_cut = text.len() > room;
    text.truncate(room);
    if let Some((line, _)) = text.last_mut().filter(|_| is_cut) {
        let kept = clip(line, width.saturating_sub(4 + 1)).len();
        line.truncate(kept);
        line.push('…');
    }
    let place = middle(area, width, fixed + text.len() as u16);
    let inside = dialog_box(canvas.buf, place, question.title, scene);

    let mut row = blank;
    for (line, style) in &text {
        Pen::row(canvas.buf, inside, row).put(line, *style);
        row += 1;
    }
    row += blank;
    for (binding, i, line) in &choices {
        let key = if *i == 0 { binding.shown } else { "" };
        let mut pen = Pen::row(canvas.buf, inside, row);
        pen.gap(1).left(key, KEY, palette.key).put(line, palette.strong);
        if let Some((key, _)) = binding.keys.first() {
            let place = Rect { y: inside.y + row, height: 1, ..inside }.intersection(inside);
            canvas.map.add(place, Click::Key(*key));
        }
        row += 1;
    }
    if note > 0 {
        Pen::row(canvas.buf, inside, row + blank).put(question.note, palette.dim);
    }
    place
}
