//! The question that a stop or a restart asks while workflows run, or may run and would be lost.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::question::{self, Question};
use crate::app::keymap::Scope;
use crate::app::view::{Order, View, stake};
use crate::panel::scene::{Placed, Scene};

pub(crate) fn draw(
    buf: &mut Buffer,
    area: Rect,
    order: Order,
    view: &View,
    scene: Scene<'_>,
    placed: &mut Placed,
) -> Rect {
    let (title, about) = match order {
        Order::Stop => ("Stop", "Stop Temporal?"),
        Order::Restart => ("Restart", "Restart Temporal?"),
        Order::StopAndQuit => ("Quit", "Stop Temporal and quit?"),
    };
    let Scene { model, palette, .. } = scene;
    let mut text = vec![(about.to_owned(), palette.strong)];
    if let Some(stake) = stake(model) {
        let ink = if stake.loss().is_some() { palette.error } else { palette.base };
        text.push((stake.to_string(), ink));
    }
    let question = Question { title, text, scope: Scope::Confirm, hint: "" };
    question::draw(buf, area, &question, view, scene, placed)
}
