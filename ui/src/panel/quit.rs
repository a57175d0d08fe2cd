//! The question that quitting asks while Temporal is up.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::question::{self, Question};
use super::{Placed, Scene, confirm, state};
use crate::human;
use crate::keymap::Scope;
use crate::view::{View, interrupts};

/// Narrower than this, the room belongs to what becomes of the workflows.
const SPELLED_OUT: u16 = 60;

pub(super) fn draw(
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
    if interrupts(model) {
        let running = model.workflows.as_ref().map_or(0, |workflows| workflows.running);
        let consequence = if model.resources.in_memory {
            // Of one of the answers only.
            let workflows = human::counted(running, "running workflow", "running workflows");
            format!("x loses {workflows}: the database is in memory")
        } else {
            confirm::consequence(model)
        };
        text.push((consequence, palette.warn));
    }
    let hint = if model.can.background { "q or Ctrl-C again means b" } else { "" };
    let question = Question { title: "Quit", text, scope: Scope::Quit, hint };
    question::draw(buf, area, &question, view, scene, placed)
}
