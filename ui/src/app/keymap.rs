//! The one table of keys. Dispatch, footer and help read it, so they cannot disagree.
//!
//! A key is looked up among the bindings of the scope in front (the quit dialog, the help, the screen itself);
//! the first that matches and works now is taken. A new key is a new row in the table and an arm in `Ui::run`.

mod binding;
mod context;
mod dialogs;
mod screen;

pub(crate) use binding::{Binding, Command, Group};
pub(crate) use context::{Context, Scope};

use crate::input::Key;

/// All rows of the table.
pub(crate) fn all() -> impl Iterator<Item = &'static Binding> {
    screen::TABLE.iter().chain(dialogs::TABLE)
}

/// The bindings of the scope in front.
pub(crate) fn in_scope(scope: Scope) -> impl Iterator<Item = &'static Binding> {
    all().filter(move |binding| binding.scope == scope)
}

/// The answers to a question. What quits from everywhere is none.
pub(crate) fn choices(
    scope: Scope,
    context: &Context<'_>,
) -> impl Iterator<Item = &'static Binding> {
    in_scope(scope).filter(|binding| (binding.works)(context) && binding.rank == 0)
}

/// What a key does now, or why it does nothing.
pub(crate) fn look_up(key: Key, context: &Context<'_>) -> Result<Command, &'static str> {
    let mut refusal = "";
    for binding in in_scope(context.scope()) {
        for (candidate, command) in binding.keys {
            if candidate.same(key) {
                if (binding.works)(context) {
                    return Ok(*command);
                }
                if refusal.is_empty() {
                    refusal = (binding.why_not)(context);
                }
            }
        }
    }
    Err(refusal)
}
