//! The effects of the keys of the actions on workflows.

use super::pages::commands_to_copy;
use super::ui::Ui;
use crate::app::keymap::ActionCommand;
use crate::app::view::{ActionKind, ActionMenu, ActionStep, Overlay};
use crate::input::Action;
use crate::model::Model;

/// Maximum digits of the number of workflows.
const DIGITS: usize = 9;

impl Ui {
    pub(super) fn run_action(&mut self, command: ActionCommand, model: &Model) -> Option<Action> {
        let view = &mut self.view;
        match command {
            ActionCommand::ToggleMark => {
                let item = view.selected()?;
                view.marks.toggle(item, model);
            }
            ActionCommand::Open => self.open_menu(model),
            ActionCommand::OpenFiltered => {
                let unlisted = view.filtered_unlisted(model);
                let menu = ActionMenu::new(view.filtered_targets(model));
                view.menu = ActionMenu { unlisted, ..menu };
                view.overlay = Some(Overlay::Action(ActionStep::Menu));
            }
            ActionCommand::Choose(kind) => return self.choose(kind),
            ActionCommand::ChooseSelected => return self.choose(self.view.menu.kind),
            ActionCommand::Step(forward) => view.menu.step(forward),
            ActionCommand::Copy => {
                let commands = view.menu.request().commands(model.address.as_deref());
                return Some(Action::Copy(commands_to_copy(&commands, model)));
            }
            ActionCommand::Back => view.overlay = before(view.overlay),
            ActionCommand::NextField => view.menu.field = 1 - view.menu.field,
            ActionCommand::DeleteOne => self.edit_action(|text| _ = text.pop()),
            ActionCommand::DeleteAll => self.edit_action(String::clear),
            ActionCommand::Send => {
                let Some(Overlay::Action(step)) = view.overlay else { return None };
                return self.proceed(step);
            }
        }
        None
    }

    pub(super) fn open_menu(&mut self, model: &Model) {
        let view = &mut self.view;
        let unlisted = view.unlisted(model);
        view.menu = ActionMenu { unlisted, ..ActionMenu::new(view.targets(model)) };
        view.overlay = Some(Overlay::Action(ActionStep::Menu));
    }

    fn choose(&mut self, kind: ActionKind) -> Option<Action> {
        let menu = &mut self.view.menu;
        menu.kind = kind;
        menu.field = 0;
        menu.fields = Default::default();
        self.proceed(ActionStep::Menu)
    }

    /// Opens the next dialog of the action, or returns the request.
    fn proceed(&mut self, step: ActionStep) -> Option<Action> {
        let view = &mut self.view;
        if let Some(next) = view.menu.next_step(step) {
            view.menu.number.clear();
            view.overlay = Some(Overlay::Action(next));
            return None;
        }
        view.overlay = None;
        view.marks.clear();
        Some(Action::Workflow(view.menu.request()))
    }

    /// Types a character into the field or the number of the open dialog.
    pub(super) fn type_in_action(&mut self, c: char) {
        self.edit_action(|text| text.push(c));
    }

    fn edit_action(&mut self, edit: impl FnOnce(&mut String)) {
        let menu = &mut self.view.menu;
        match self.view.overlay {
            Some(Overlay::Action(ActionStep::Form)) => menu.edit(edit),
            Some(Overlay::Action(ActionStep::Approve)) => {
                edit(&mut menu.number);
                menu.number.truncate(DIGITS);
            }
            _ => {}
        }
    }
}

/// Returns the dialog before the open dialog of an action.
fn before(overlay: Option<Overlay>) -> Option<Overlay> {
    match overlay {
        Some(Overlay::Action(ActionStep::Form | ActionStep::Approve)) => {
            Some(Overlay::Action(ActionStep::Menu))
        }
        _ => None,
    }
}
