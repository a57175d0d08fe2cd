//! The mouse: the wheel, clicks on parts of the last frame, and dragging over lines of the log.

use super::ui::{MousePress, Ui};
use crate::app::keymap::{Context, KeyCommand, Scope};
use crate::app::view::{ActionStep, Overlay, Source, Tab};
use crate::explorer::Move;
use crate::input::{Action, Key, KeyCode};
use crate::log::LogSource;
use crate::model::Model;
use crate::panel::scene::{Click, LogName};

impl Ui {
    /// Scrolls the page or list in front. The caller scrolls stigmer's own log: while its tab is open,
    /// returns the key `pane` for the caller.
    pub(super) fn wheel(
        &mut self,
        by: Move,
        pane: KeyCode,
        model: &Model,
        log: &dyn LogSource,
    ) -> Option<Action> {
        let view = &mut self.view;
        match (view.overlay, view.tab) {
            (
                Some(
                    Overlay::Quit
                    | Overlay::Confirm(_)
                    | Overlay::Action(ActionStep::Form | ActionStep::Approve),
                ),
                _,
            ) => {}
            (Some(Overlay::Action(ActionStep::Menu)), _) => {
                view.menu.step(matches!(by, Move::Down(_)));
            }
            (Some(Overlay::Sources | Overlay::Types), _) => self.pick(by, model, log),
            (Some(Overlay::Line(_) | Overlay::Entry(_) | Overlay::Row | Overlay::Answer), _) => {
                view.page.scroll(by);
            }
            (Some(Overlay::Palette), _) => self.select_command(by, model, log),
            (Some(Overlay::Workflow), _) => {}
            (None, _) if view.workflow.is_some() => view.go_in_workflow(by, model),
            (None, Tab::Overview | Tab::Workflows | Tab::Workers) => view.go(single(by), model),
            (None, Tab::Logs) if view.source == Source::Stigmer => {
                return Some(Action::PaneKey(Key::plain(pane)));
            }
            (None, Tab::Logs) => view.log.wheel(by),
            (None, Tab::Server) => view.timeline.go(single(by), &model.timeline),
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
        match self.map.click_at(at) {
            Some(Click::Key(key)) => {
                // The prompt would take a character as text.
                let scope = Context { view: &self.view, model, log }.scope();
                if scope == Scope::Prompt && matches!(key.code, KeyCode::Char(_)) && !key.ctrl {
                    self.view.drop_prompt();
                }
                self.key(key, model, log)
            }
            Some(Click::PaletteKey(key)) => {
                self.view.overlay = None;
                self.key(key, model, log)
            }
            Some(Click::PaletteRow(at)) => {
                let row = Context { view: &self.view, model, log }.palette().into_iter().nth(at)?;
                self.view.palette.selected = Some(row.choice);
                self.key(Key::plain(KeyCode::Enter), model, log)
            }
            Some(Click::Namespaces) => {
                self.open_namespaces();
                None
            }
            Some(Click::Line(line)) => {
                let explorer = &mut self.view.log;
                let row = explorer.current().filter(|_| !explorer.follows());
                let was_selected = row.is_some_and(|row| (row.first..=row.last).contains(&line));
                explorer.select(line);
                self.press = Some(MousePress { line, was_selected, dragged: false });
                None
            }
            Some(Click::Entry(id)) => {
                let selected = model.timeline.get(self.view.timeline.selected(&model.timeline));
                if selected.is_some_and(|row| row.id == id) {
                    return self.key(Key::plain(KeyCode::Enter), model, log);
                }
                self.view.timeline.select_id(id, &model.timeline);
                None
            }
            Some(Click::Row(at)) => {
                if self.view.list().is_some_and(|list| list.at() == Some(at)) {
                    return self.key(Key::plain(KeyCode::Enter), model, log);
                }
                self.view.select(at, model);
                None
            }
            Some(Click::PageLine(line)) => {
                let cursor = self.view.workflow.as_mut()?;
                if cursor.line(model) == Some(line) {
                    return self.key(Key::plain(KeyCode::Enter), model, log);
                }
                cursor.selected = Some(line);
                None
            }
            Some(Click::Source(LogName::Lines(unit))) => {
                self.view.show_lines(unit, log);
                None
            }
            Some(Click::Source(LogName::Stigmer)) => {
                self.view.source = Source::Stigmer;
                None
            }
            Some(Click::Field(field)) => {
                self.view.menu.field = field;
                None
            }
            Some(Click::Pick(item)) => {
                self.view.picked = item;
                self.key(Key::plain(KeyCode::Enter), model, log)
            }
            None if self.map.is_outside(at) => {
                if self.view.overlay.take().is_none() {
                    self.view.workflow = None;
                }
                None
            }
            None => None,
        }
    }

    /// Extends the selection to the line at the pointer. If the pointer is above or below the log,
    /// extends the selection by one line.
    pub(super) fn drag(&mut self, at: (u16, u16)) {
        let Some(press) = &mut self.press else { return };
        let explorer = &mut self.view.log;
        let line = match self.map.click_at(at) {
            Some(Click::Line(line)) => line,
            _ if at.1 < self.map.log_rows.top() => {
                press.dragged = true;
                return explorer.extend(Move::Up(1));
            }
            _ if at.1 >= self.map.log_rows.bottom() => {
                press.dragged = true;
                return explorer.extend(Move::Down(1));
            }
            _ => return,
        };
        if line != press.line || press.dragged {
            if !press.dragged {
                explorer.select(press.line);
            }
            press.dragged = true;
            explorer.extend_to(line);
        }
    }

    /// Handles the release of the button. After a drag, copies the selected lines. After a click on
    /// a line that was already selected, opens the line.
    pub(super) fn release(&mut self, model: &Model, log: &dyn LogSource) -> Option<Action> {
        match self.press.take()? {
            MousePress { dragged: true, .. } => {
                self.run(KeyCommand::Copy, Key::char('y'), model, log)
            }
            MousePress { was_selected: true, .. } => {
                self.key(Key::plain(KeyCode::Enter), model, log)
            }
            MousePress { .. } => None,
        }
    }
}

/// Replaces a step of the wheel by a step of one entry, because the timeline has few entries.
fn single(by: Move) -> Move {
    match by {
        Move::Up(_) => Move::Up(1),
        Move::Down(_) => Move::Down(1),
        by => by,
    }
}
