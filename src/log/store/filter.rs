//! Which lines one wants to see.

use super::Entry;
use crate::temporal::logline::{Kind, Level};

/// A choice of lines. The marks between generations always pass: a log without them misleads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// This level and above.
    pub min_level: Level,
    /// Only this part of Temporal.
    pub component: Option<String>,
}

impl Default for Filter {
    /// Everything passes.
    fn default() -> Self {
        Self { min_level: Level::Debug, component: None }
    }
}

impl Filter {
    /// Whether a line is wanted.
    pub fn passes(&self, entry: &Entry<'_>) -> bool {
        if entry.kind() == Kind::Mark {
            return true;
        }
        let component = self.component.as_deref();
        entry.level() >= self.min_level && component.is_none_or(|name| name == entry.component())
    }
}
