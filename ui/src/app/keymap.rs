//! The table of keys. Dispatch, footer and palette read the same table, so they always agree.
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
mod palette;
mod rows;
mod screen;
mod table;
mod workflow;

pub(crate) use binding::{
    ActionCommand, Binding, Group, KeyCommand, LogCommand, PaletteCommand, PromptCommand,
    RowCommand, WorkflowCommand,
};
pub(crate) use context::{Context, Scope};
pub(crate) use palette::PaletteRow;
pub(crate) use table::{all, in_scope};

use crate::input::Key;

/// Message for a key of another tab.
const NOT_HERE: &str = "no effect here, ? lists all keys";
/// Message for a key that is in no row.
const UNKNOWN: &str = "unknown key, ? lists all keys";

/// Returns the answers that a dialog lists. The key that quits from everywhere is not one of them.
pub(crate) fn choices(
    scope: Scope,
    context: &Context<'_>,
) -> impl Iterator<Item = &'static Binding> {
    in_scope(scope).filter(|binding| (binding.works)(context) && binding.rank == 0)
}

/// Whether a row works, and its first key has the effect of this row. A row before it may have the
/// same key and work too.
pub(crate) fn takes_effect(binding: &Binding, context: &Context<'_>) -> bool {
    let is_first = |(key, command): &(Key, KeyCommand)| look_up(*key, context) == Ok(*command);
    (binding.works)(context) && binding.keys.first().is_some_and(is_first)
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
        "" if !matches!(scope, Scope::Screen | Scope::Workflow | Scope::Page) => "",
        "" if is_known => NOT_HERE,
        "" => UNKNOWN,
        reason => reason,
    })
}
