//! The table of keys. Dispatch, footer and help read the same table, so they always agree.
//!
//! A key is looked up in the rows of the current scope: a dialog, a page, or the screen. The first row that matches
//! and works now is taken. A new key is a new row of the table, and an arm in `Ui::run`.
#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of `Context` is a function for one lifetime only"
)]

mod actions;
mod binding;
mod context;
mod dialogs;
mod logs;
mod rows;
mod screen;
mod workflow;

pub(crate) use binding::{
    ActionCommand, Binding, Group, KeyCommand, LogCommand, PromptCommand, RowCommand,
    WorkflowCommand,
};
pub(crate) use context::{Context, Scope};

use crate::input::Key;

/// Message for a key of another tab.
const NOT_HERE: &str = "no effect here, ? lists all keys";
/// Message for a key that is in no row.
const UNKNOWN: &str = "unknown key, ? lists all keys";

/// Returns all rows of the table, in the order of the footer.
pub(crate) fn all() -> impl Iterator<Item = &'static Binding> {
    let screen = [screen::UNIT, rows::TABLE, logs::TABLE, screen::PROGRAM];
    let others = [workflow::TABLE, dialogs::TABLE, actions::TABLE];
    screen.into_iter().chain(others).flatten()
}

/// Returns the rows of a scope.
pub(crate) fn in_scope(scope: Scope) -> impl Iterator<Item = &'static Binding> {
    all().filter(move |binding| binding.scope == scope)
}

/// Returns the answers that a dialog lists. The key that quits from everywhere is not one of them.
pub(crate) fn choices(
    scope: Scope,
    context: &Context<'_>,
) -> impl Iterator<Item = &'static Binding> {
    in_scope(scope).filter(|binding| (binding.works)(context) && binding.rank == 0)
}

/// Returns the command of a key in the current scope. The error is the reason why the key has no effect, or empty.
pub(crate) fn look_up(key: Key, context: &Context<'_>) -> Result<KeyCommand, &'static str> {
    let scope = context.scope();
    let mut reason = "";
    let mut is_known = false;
    for binding in in_scope(scope) {
        for (candidate, command) in binding.keys {
            if candidate.same(key) {
                if (binding.works)(context) {
                    return Ok(*command);
                }
                is_known = true;
                if reason.is_empty() {
                    reason = (binding.why_not)(context);
                }
            }
        }
    }
    Err(match reason {
        "" if scope != Scope::Screen => "",
        "" if is_known => NOT_HERE,
        "" => UNKNOWN,
        reason => reason,
    })
}
