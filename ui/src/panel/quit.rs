//! The question that quitting asks while Temporal is up.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::question::{self, Question};
use super::{Placed, Scene, confirm, state};
use crate::keymap::Scope;
use crate::view::{View, interrupts};

pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    view: &View,
    scene: Scene<'_>,
    placed: &mut Placed,
) -> Rect {
    let Scene { model, palette, .. } = scene;
    let mut about = format!("Temporal is {}", state::word(model.state));
    if let Some(pid) = model.pid {
        about += &format!(" · generation {}, pid {pid}", model.generation);
    }
    let mut text = vec![(about, palette.base)];
    if interrupts(model) {
        text.push((confirm::consequence(model), palette.warn));
    }
    let hint = if model.can.background { "q or Ctrl-C again means b" } else { "" };
    let question = Question { title: "Quit", text, scope: Scope::Quit, hint };
    question::draw(buf, area, &question, view, scene, placed)
}
