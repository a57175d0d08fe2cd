//! The question that a stop or a restart asks while workflows run, or may run and would be lost.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::question::{self, Question};
use super::{Placed, Scene};
use crate::human;
use crate::keymap::Scope;
use crate::model::Model;
use crate::view::{AtStake, Order, View, at_stake};

pub(super) fn draw(
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
    };
    let Scene { model, palette, .. } = scene;
    let lost = if model.resources.in_memory { palette.error } else { palette.base };
    let text = vec![(about.to_owned(), palette.strong), (consequence(model), lost)];
    let question = Question { title, text, scope: Scope::Confirm, hint: "" };
    question::draw(buf, area, &question, view, scene, placed)
}

/// What becomes of what runs.
pub(super) fn consequence(model: &Model) -> String {
    let running = match at_stake(model) {
        None => 0,
        Some(AtStake::Running(running)) => running,
        Some(AtStake::Unknown) => return "what runs is lost: the database is in memory".to_owned(),
    };
    let (them, are) = if running == 1 { ("it", "is") } else { ("they", "are") };
    let workflows = human::counted(running, "workflow", "workflows");
    if model.resources.in_memory {
        // The word that counts comes first: on a small screen the rest may be cut.
        let workflows = human::counted(running, "running workflow", "running workflows");
        format!("{workflows} {are} lost: the database is in memory")
    } else {
        let survives = if running == 1 { "survives" } else { "survive" };
        format!("{workflows} {are} running; with this database {them} {survives} the stop")
    }
}
