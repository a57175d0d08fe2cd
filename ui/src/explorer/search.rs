//! The lines that match a pattern.

use super::filter::Filter;
use crate::log::LogSource;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Search {
    pub(crate) pattern: String,
    /// Why it is no pattern; empty: it is one.
    pub(crate) error: String,
    /// Numbers of the lines that match and pass the filter, in their order.
    found: Vec<u64>,
}

impl Search {
    pub(super) fn new(pattern: &str, log: &dyn LogSource, filter: &Filter) -> Self {
        let mut search = Self { pattern: pattern.to_owned(), ..Self::default() };
        search.again(log, filter);
        search
    }

    pub(super) fn again(&mut self, log: &dyn LogSource, filter: &Filter) {
        self.found.clear();
        self.look(log, filter, 0);
    }

    /// Looks at the lines from number `from` on, and forgets those that are gone.
    pub(super) fn update(&mut self, log: &dyn LogSource, filter: &Filter, from: u64) {
        if from < log.total() && self.error.is_empty() {
            self.look(log, filter, from);
        }
        let gone = self.found.partition_point(|number| *number < log.dropped());
        self.found.drain(..gone);
    }

    fn look(&mut self, log: &dyn LogSource, filter: &Filter, from: u64) {
        match log.find(&self.pattern, from..log.total()) {
            Err(error) => self.error = error,
            Ok(found) => self.found.extend(found.into_iter().filter(|number| {
                let index = number.checked_sub(log.dropped());
                let head = index.and_then(|at| log.head(usize::try_from(at).ok()?));
                head.is_some_and(|head| filter.passes(*number, &head))
            })),
        }
    }

    pub(crate) fn matches(&self) -> usize {
        self.found.len()
    }

    pub(crate) fn is_match(&self, number: u64) -> bool {
        self.found.binary_search(&number).is_ok()
    }

    /// `3/17`, `17` while none of them is looked at, or why there are none.
    pub(crate) fn count(&self, current: Option<u64>) -> String {
        if !self.error.is_empty() {
            return self.error.clone();
        }
        let all = crate::human::count(self.found.len() as u64);
        match current.and_then(|number| self.found.binary_search(&number).ok()) {
            _ if self.found.is_empty() => "no match".to_owned(),
            Some(at) => format!("{}/{all}", crate::human::count(at as u64 + 1)),
            None => crate::human::counted(self.found.len() as u64, "match", "matches"),
        }
    }

    /// The last match at or before this line; where there is none, the first behind it.
    pub(super) fn nearest(&self, number: u64) -> Option<u64> {
        let behind = self.found.partition_point(|found| *found <= number);
        self.found.get(behind.saturating_sub(1)).copied()
    }

    pub(super) fn next(&self, from: u64, forward: bool) -> Option<u64> {
        let found = &self.found;
        if forward {
            found.get(found.partition_point(|found| *found <= from)).or(found.first()).copied()
        } else {
            let before = found.partition_point(|found| *found < from);
            before.checked_sub(1).and_then(|at| found.get(at)).or(found.last()).copied()
        }
    }
}
