//! A dialog: what it is about, and the keys that answer it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::keymap::{self, Context, Scope};
use crate::app::view::View;
use crate::draw::cluster::wrap;
use crate::draw::layout::middle;
use crate::draw::paint::{self, Pen};
use crate::panel::scene::{Click, Placed, Scene, tile_in};

const WIDTH: u16 = 70;
const KEY: u16 = 5;

pub(crate) struct Question<'a> {
    pub(crate) title: &'a str,
    pub(crate) text: Vec<(String, Style)>,
    pub(crate) scope: Scope,
    pub(crate) hint: &'a str,
}

/// Draws it in the middle and returns where.
pub(crate) fn draw(
    buf: &mut Buffer,
    area: Rect,
    question: &Question<'_>,
    view: &View,
    scene: Scene<'_>,
    placed: &mut Placed,
) -> Rect {
    let palette = scene.palette;
    let width = WIDTH.min(area.width);
    let context = Context { view, model: scene.model, log: scene.log };
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
    let roomy = area.height >= 15;
    let blank = u16::from(roomy);
    let hint = u16::from(roomy && !question.hint.is_empty());
    let fixed = 2 + choices.len() as u16 + 3 * blank + hint * (1 + blank);
    // The answers are what counts.
    text.truncate(area.height.saturating_sub(fixed).max(1).into());
    let place = middle(area, width, fixed + text.len() as u16);
    paint::clear(buf, place, palette.base);
    let inside = tile_in(buf, place, question.title, &[], palette.accent, scene);

    let mut row = blank;
    for (line, style) in &text {
        Pen::row(buf, inside, row).put(line, *style);
        row += 1;
    }
    row += blank;
    for (binding, i, line) in &choices {
        let key = if *i == 0 { binding.shown } else { "" };
        Pen::row(buf, inside, row).gap(1).left(key, KEY, palette.key).put(line, palette.strong);
        if let Some((key, _)) = binding.keys.first() {
            let place = Rect { y: inside.y + row, height: 1, ..inside }.intersection(inside);
            placed.put(place, Click::Key(*key));
        }
        row += 1;
    }
    if hint > 0 {
        Pen::row(buf, inside, row + blank).put(question.hint, palette.dim);
    }
    place
}
