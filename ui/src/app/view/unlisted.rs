//! The workflows of rows to which no action applies, because they are not listed.

use crate::human;

/// The workflows of rows that are not listed. No action reaches them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unlisted {
    /// Their number, as far as it is known.
    pub(crate) count: u64,
    /// Whether there are more, because the server returns only the first workflows of a query.
    pub(crate) has_more: bool,
}

impl Unlisted {
    /// Returns the number of all workflows, if some of them are not listed: `200`, `more than 100`.
    pub(crate) fn of_all(self, listed: usize) -> Option<String> {
        let all = human::count((listed as u64).saturating_add(self.count));
        match self {
            Self { count: 0, has_more: false } => None,
            Self { has_more: false, .. } => Some(all),
            Self { has_more: true, .. } => Some(format!("more than {all}")),
        }
    }
}
