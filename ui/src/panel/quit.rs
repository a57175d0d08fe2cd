//! The question that quitting asks while Temporal is up.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::question::{self, Question};
use super::{Placed, Scene, confirm, state};
use crate::human;
use crate::keymap::Scope;
use crate::view::{AtStake, View, at_stake};

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
    if let Some(at_stake) = at_stake(model) {
        // In memory it is the consequence of one of the answers only.
        let consequence = match at_stake {
            AtStake::Running(running) if model.resources.in_memory => {
                let workflows = human::counted(running, "running workflow", "running workflows");
                format!("x loses {workflows}: the database is in memory")
            }
            AtStake::Running(_) => confirm::consequence(model),
            AtStake::Unknown => "x loses what runs: the database is in memory".to_owned(),
        };
        text.push((consequence, palette.warn));
    }
    let hint = if model.can.background { "q or Ctrl-C again means b" } else { "" };
    let question = Question { title: "Quit", text, scope: Scope::Quit, hint };
    question::draw(buf, area, &question, view, scene, placed)
}
