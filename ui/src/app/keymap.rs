//! The table of keys. Dispatch, footer and help read the same table, so they always agree.
//!
//! A key is looked up in the rows of the current scope: a dialog, a page, or the screen. The first row that matches
//! and works now is taken. A new key is a new row of the table, and an arm in `Ui::run`.

mod binding;
mod context;
mod dialogs;
mod screen;

pub(crate) use binding::{Binding, Group, KeyCommand, LogCommand};
pub(crate) use context::{Context, Scope};

use crate::input::Key;

/// Returns all rows of the table.
pub(crate) fn all() -> impl Iterator<Item = &'static Binding> {
    screen::TABLE.iter().chain(dialogs::TABLE)
}

/// Returns the rows of a scope.
pub(crate) fn in_scope(scope: Scope) -> impl Iterator<Item = &'static Binding> {
    all().filter(move |binding| binding.scope == scope)
}

/// Returns the rows whose keys answer a dialog. Ctrl-C is not among them, because it quits from every scope.
pub(crate) fn choices(
    scope: Scope,
    context: &Context<'_>,
) -> impl Iterator<Item = &'static Binding> {
    in_scope(scope).filter(|binding| (binding.works)(context) && binding.rank == 0)
}

/// Returns the command of a key in the current scope. If the key has no effect, the error is the reason as a
/// text for the user, or an empty text if the key needs no message.
pub(crate) fn look_up(key: Key, context: &Context<'_>) -> Result<KeyCommand, &'static str> {
    let mut reason = "";
    for binding in in_scope(context.scope()) {
        for (candidate, command) in binding.keys {
            if candidate.same(key) {
                if (binding.works)(context) {
                    return Ok(*command);
                }
                if reason.is_empty() {
                    reason = (binding.why_not)(context);
                }
            }
        }
    }
    Err(reason)
}
