//! The keys of the actions on workflows: the menu, the fields of an action, and the question before
//! it. No letter of the menu is `s`, `x` or `r`, which always mean the server.

use super::binding::{ActionCommand, Binding, Group, KeyCommand};
use super::context::{Context, Scope};
use super::dialogs::{dialog, quit_key};
use super::screen::{ALWAYS, key};
use crate::app::view::ActionKind;
use crate::input::{Key, KeyCode};

/// Returns the row of an entry of the menu. The menu adds dots to an entry that asks for something.
macro_rules! entry {
    ($key:literal, $shown:literal, $kind:ident, $long:literal) => {
        Binding {
            group: Group::Action,
            why_not: |c| c.why_no_action(ActionKind::$kind),
            ..dialog(
                Scope::Actions,
                &[(Key::char($key), action(ActionCommand::Choose(ActionKind::$kind)))],
                ($shown, "", 0),
                $long,
                |c| c.offers(ActionKind::$kind),
            )
        }
    };
}

/// Returns the row of the answer that approves an action on one workflow.
macro_rules! approval {
    ($kind:ident, $short:literal, $long:literal) => {
        dialog(
            Scope::Approve,
            &[(Key::char('y'), action(ActionCommand::Send))],
            ("y", $short, 0),
            $long,
            |c| {
                let menu = &c.view.menu;
                let is_it = menu.kind == ActionKind::$kind && !menu.asks_for_number();
                is_it && c.offers(ActionKind::$kind)
            },
        )
    };
}

pub(super) static TABLE: &[Binding] = &[
    entry!('n', "n", Retry, "start the next attempt now"),
    entry!('g', "g", Signal, "send a signal"),
    entry!('q', "q", Query, "query"),
    entry!('k', "k", StackTrace, "show the stack trace"),
    entry!('u', "u", Update, "send an update"),
    entry!('c', "c", Cancel, "cancel"),
    entry!('t', "t", Terminate, "terminate"),
    entry!('w', "w", ResetLast, "reset to the last good workflow task"),
    entry!('e', "e", ResetTo, "reset to an earlier point"),
    entry!('h', "h", SaveHistory, "save the history for a replay test"),
    entry!('d', "d", Delete, "delete"),
    Binding {
        why_not: |c| c.why_no_action(c.view.menu.kind),
        ..dialog(
            Scope::Actions,
            &[(key(KeyCode::Enter), action(ActionCommand::ChooseSelected))],
            ("Enter", "select", 0),
            "the selected action",
            |c| c.offers(c.view.menu.kind),
        )
    },
    dialog(
        Scope::Actions,
        &[
            (key(KeyCode::Up), action(ActionCommand::Step(false))),
            (key(KeyCode::Down), action(ActionCommand::Step(true))),
        ],
        ("↑↓", "move", 2),
        "move",
        ALWAYS,
    ),
    dialog(
        Scope::Actions,
        &[(Key::char('Y'), action(ActionCommand::Copy))],
        ("Y", "copy command", 1),
        "copy the command of the Temporal CLI",
        |c| c.offers(c.view.menu.kind),
    ),
    dialog(
        Scope::Actions,
        &[(key(KeyCode::Esc), action(ActionCommand::Back))],
        ("Esc", "close", 0),
        "close",
        ALWAYS,
    ),
    quit_key(Scope::Actions),
    Binding {
        why_not: |c| match c.view.menu.complaint() {
            "" => c.why_no_action(c.view.menu.kind),
            complaint => complaint,
        },
        ..dialog(
            Scope::Form,
            &[(key(KeyCode::Enter), action(ActionCommand::Send))],
            ("Enter", "send", 0),
            "send",
            |c| c.view.menu.complaint().is_empty() && c.offers(c.view.menu.kind),
        )
    },
    dialog(
        Scope::Form,
        &[
            (key(KeyCode::Tab), action(ActionCommand::NextField)),
            (key(KeyCode::BackTab), action(ActionCommand::NextField)),
            (key(KeyCode::Up), action(ActionCommand::NextField)),
            (key(KeyCode::Down), action(ActionCommand::NextField)),
        ],
        ("Tab", "next field", 1),
        "next field",
        |c| c.view.menu.kind.fields().len() > 1,
    ),
    dialog(
        Scope::Form,
        &[
            (Key::ctrl('u'), action(ActionCommand::DeleteAll)),
            (key(KeyCode::Backspace), action(ActionCommand::DeleteOne)),
        ],
        ("Ctrl-U", "delete", 3),
        "delete the text",
        |c| !c.view.menu.fields[c.view.menu.field].is_empty(),
    ),
    dialog(
        Scope::Form,
        &[(Key::ctrl('y'), action(ActionCommand::Copy))],
        ("Ctrl-Y", "copy command", 2),
        "copy the command of the Temporal CLI",
        ALWAYS,
    ),
    dialog(
        Scope::Form,
        &[(key(KeyCode::Esc), action(ActionCommand::Back))],
        ("Esc", "back", 0),
        "back to the actions",
        ALWAYS,
    ),
    quit_key(Scope::Form),
    approval!(Terminate, "terminate", "terminate the workflow"),
    approval!(ResetLast, "reset", "reset the workflow"),
    approval!(ResetTo, "reset", "reset the workflow"),
    approval!(Delete, "delete", "delete the workflow"),
    Binding {
        why_not: |c| match c.view.menu.asks_for_number() {
            true => "type the number of workflows",
            false => "only y confirms",
        },
        ..dialog(
            Scope::Approve,
            &[(key(KeyCode::Enter), action(ActionCommand::Send))],
            ("Enter", "confirm", 0),
            "confirm",
            |c| {
                let menu = &c.view.menu;
                menu.asks_for_number() && menu.has_number() && c.offers(menu.kind)
            },
        )
    },
    dialog(
        Scope::Approve,
        &[
            (Key::ctrl('u'), action(ActionCommand::DeleteAll)),
            (key(KeyCode::Backspace), action(ActionCommand::DeleteOne)),
        ],
        ("Ctrl-U", "delete", 3),
        "delete the number",
        |c| !c.view.menu.number.is_empty(),
    ),
    dialog(
        Scope::Approve,
        &[(Key::char('Y'), action(ActionCommand::Copy))],
        ("Y", "copy command", 1),
        "copy the command of the Temporal CLI",
        ALWAYS,
    ),
    dialog(
        Scope::Approve,
        &[
            (key(KeyCode::Esc), action(ActionCommand::Back)),
            (Key::char('n'), action(ActionCommand::Back)),
        ],
        ("Esc", "cancel", 0),
        "cancel",
        ALWAYS,
    ),
    quit_key(Scope::Approve),
];

const fn action(command: ActionCommand) -> KeyCommand {
    KeyCommand::Action(command)
}

impl Context<'_> {
    /// Returns why an entry of the menu does not apply. Empty if it applies.
    pub(crate) fn why_no_action(&self, kind: ActionKind) -> &'static str {
        self.view.menu.why_not(kind, self.model)
    }

    pub(crate) fn offers(&self, kind: ActionKind) -> bool {
        self.why_no_action(kind).is_empty()
    }
}
