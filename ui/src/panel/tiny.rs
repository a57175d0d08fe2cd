//! The screen for terminals below 40x10: the state, the required size, the reason and the keys.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::keymap::{Context, Scope};
use crate::draw::cluster::{width, wrap_in};
use crate::draw::layout::split_top;
use crate::draw::paint::Pen;
use crate::panel::scene::{Canvas, Scene};
use crate::panel::{footer, state};

mod question;

const REQUIRED: &str = "needs 40x10";

pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let scene @ Scene { model, log, palette, .. } = canvas.scene;
    let scope = Context { view: canvas.view, model, log }.scope();
    if matches!(scope, Scope::Quit | Scope::Confirm) {
        return question::draw(canvas, area);
    }
    let mut pen = Pen::row(canvas.buf, area, 0);
    state::draw(&mut pen, model.state, palette);
    let is_in_first_row = pen.room() >= 2 + width(REQUIRED);
    if is_in_first_row {
        pen.gap(2).put(REQUIRED, palette.dim);
    }
    let (_, below) = split_top(area, 1);
    let keys = u16::from(below.height > u16::from(!is_in_first_row));
    let (below, last_row) = split_top(below, below.height - keys);
    let mut lines: Vec<(String, Style)> = Vec::new();
    let mut add = |text: &str, style: Style| {
        let rows = usize::from(below.height).saturating_sub(lines.len());
        lines.extend(wrap_in(text, below.width, rows).into_iter().map(|line| (line, style)));
    };
    // A message may hide all other content, because the next key removes the message.
    if let Some(message) = scene.message() {
        add(message, palette.selected);
    }
    if !is_in_first_row {
        add(REQUIRED, palette.dim);
    }
    let style = palette.state(model.state);
    match model.failed() {
        Some(failure) => add(&failure.cause, style),
        None => add(&state::headline(model), style),
    }
    for (row, (line, style)) in (0..).zip(&lines) {
        Pen::row(canvas.buf, below, row).put(line, *style);
    }
    footer::draw(canvas, last_row);
}
