//! The question that quitting asks while Temporal is up.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::question::{self, Question};
use crate::app::keymap::Scope;
use crate::app::view::{View, stake};
use crate::loss::Stake;
use crate::panel::scene::{Placed, Scene};
use crate::panel::state;

/// Narrower than this, the room belongs to what becomes of the workflows.
const SPELLED_OUT: u16 = 60;

pub(crate) fn draw(
    buf: &mut Buffer,
    area: Rect,
    view: &View,
    scene: Scene<'_>,
    placed: &mut Placed,
) -> Rect {
    let Scene { model, palette, .. } = scene;
    let mut about = format!("Temporal is {}", state::word(model.state));
    match model.pid {
        Some(pid) if area.width >= SPELLED_OUT => {
            about += &format!(" · generation {}, pid {pid}", model.generation);
        }
        Some(_) => about += &format!(" · gen {}", model.generation),
        None => {}
    }
    let mut text = vec![(about, palette.base)];
    match stake(model) {
        // The consequence of one of the answers only.
        Some(Stake::Lost(loss)) => text.push((format!("x: {loss}"), palette.error)),
        Some(stake @ Stake::Interrupted(_)) => text.push((stake.to_string(), palette.warn)),
        None => {}
    }
    let hint = if model.can.background { "q or Ctrl-C again means b" } else { "" };
    let question = Question { title: "Quit", text, scope: Scope::Quit, hint };
    question::draw(buf, area, &question, view, scene, placed)
}
