//! All rows of the table of keys.

use super::binding::Binding;
use super::context::Scope;
use super::{actions, dialogs, logs, rows, screen, workflow};

/// Returns all rows of the table, in the order of the footer.
pub(crate) fn all() -> impl Iterator<Item = &'static Binding> {
    let screen = [
        screen::UNIT,
        screen::WORKERS,
        screen::WAITING,
        rows::TABLE,
        logs::TABLE,
        screen::TABS,
        screen::PROGRAM,
    ];
    let others = [workflow::TABLE, dialogs::TABLE, actions::TABLE];
    screen.into_iter().chain(others).flatten()
}

/// Returns the rows of a scope.
pub(crate) fn in_scope(scope: Scope) -> impl Iterator<Item = &'static Binding> {
    all().filter(move |binding| binding.scope == scope)
}
