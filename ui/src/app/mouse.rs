//! The mouse: the wheel, clicks on what has a meaning, and dragging over lines.

use super::ui::{Press, Ui};
use crate::app::keymap::Command;
use crate::app::view::{Overlay, Tab};
use crate::explorer::{Move, components};
use crate::input::{Action, Key, KeyCode};
use crate::log::LogSource;
use crate::model::Model;
use crate::panel::scene::Click;

impl Ui {
    pub(super) fn wheel(
        &mut self,
        by: Move,
        pane: KeyCode,
        model: &Model,
        log: &dyn LogSource,
    ) -> Option<Action> {
        let view = &mut self.view;
        match (view.overlay, view.tab) {
            (Some(Overlay::Quit | Overlay::Confirm(_)), _) => {}
            (Some(Overlay::Components), _) => view.pick(by, components(log).len()),
            (Some(Overlay::Help | Overlay::Line(_) | Overlay::Entry(_)), _) => view.page.scroll(by),
            (None, Tab::Log) => view.log.wheel(by),
            (None, Tab::Timeline) => view.timeline.go(one(by), &model.timeline),
            (None, Tab::OwnLog) => return Some(Action::PaneKey(Key::plain(pane))),
        }
        None
    }

    pub(super) fn click(
        &mut self,
        at: (u16, u16),
        model: &Model,
        log: &dyn LogSource,
    ) -> Option<Action> {
        self.press = None;
        match self.placed.at(at) {
            Some(Click::Key(key)) => self.key(key, model, log),
            Some(Click::InHelp(key)) => {
                self.view.overlay = None;
                self.key(key, model, log)
            }
            Some(Click::Line(line)) => {
                let explorer = &mut self.view.log;
                let row = explorer.current().filter(|_| !explorer.follows());
                let again = row.is_some_and(|row| (row.first..=row.last).contains(&line));
                explorer.choose(line);
                self.press = Some(Press { line, again, dragged: false });
                None
            }
            Some(Click::Entry(id)) => {
                let chosen = model.timeline.get(self.view.timeline.chosen(&model.timeline));
                if chosen.is_some_and(|row| row.id == id) {
                    return self.key(Key::plain(KeyCode::Enter), model, log);
                }
                self.view.timeline.choose_id(id, &model.timeline);
                None
            }
            Some(Click::Pick(item)) => {
                self.view.picked = item;
                self.key(Key::plain(KeyCode::Enter), model, log)
            }
            None if self.placed.is_outside(at) => {
                self.view.overlay = None;
                None
            }
            None => None,
        }
    }

    pub(super) fn drag(&mut self, at: (u16, u16)) {
        let Some(press) = &mut self.press else { return };
        let explorer = &mut self.view.log;
        let line = match self.placed.at(at) {
            Some(Click::Line(line)) => line,
            _ if at.1 < self.placed.lines.top() => {
                press.dragged = true;
                return explorer.extend(Move::Up(1));
            }
            _ if at.1 >= self.placed.lines.bottom() => {
                press.dragged = true;
                return explorer.extend(Move::Down(1));
            }
            _ => return,
        };
        if line != press.line || press.dragged {
            if !press.dragged {
                explorer.choose(press.line);
            }
            press.dragged = true;
            explorer.choose_to(line);
        }
    }

    pub(super) fn release(&mut self, model: &Model, log: &dyn LogSource) -> Option<Action> {
        match self.press.take()? {
            Press { dragged: true, .. } => self.run(Command::Copy, Key::char('y'), model, log),
            Press { again: true, .. } => self.key(Key::plain(KeyCode::Enter), model, log),
            _ => None,
        }
    }
}

/// The wheel chooses among few entries: one a notch.
fn one(by: Move) -> Move {
    match by {
        Move::Up(_) => Move::Up(1),
        Move::Down(_) => Move::Down(1),
        by => by,
    }
}
