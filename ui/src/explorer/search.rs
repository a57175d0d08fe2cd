//! The lines that match a search.

use super::filter::Filter;
use crate::log::LogSource;

/// A search and its matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Search {
    pub(crate) pattern: String,
    /// Reason why the pattern is invalid. Empty if it is valid.
    pub(crate) error: String,
    /// Numbers of the lines that match and pass the filter, ascending.
    found: Vec<u64>,
}

impl Search {
    pub(super) fn new(pattern: &str, log: &dyn LogSource, filter: &Filter) -> Self {
        let mut search = Self { pattern: pattern.to_owned(), ..Self::default() };
        search.restart(log, filter);
        search
    }

    pub(super) fn restart(&mut self, log: &dyn LogSource, filter: &Filter) {
        self.found.clear();
        self.scan(log, filter, 0);
    }

    /// Searches the lines from number `from` on, and removes evicted matches.
    pub(super) fn update(&mut self, log: &dyn LogSource, filter: &Filter, from: u64) {
        if from < log.total() && self.error.is_empty() {
            self.scan(log, filter, from);
        }
        let gone = self.found.partition_point(|number| *number < log.dropped());
        self.found.drain(..gone);
    }

    fn scan(&mut self, log: &dyn LogSource, filter: &Filter, from: u64) {
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

    /// Returns the text for the screen: `3/17`, or `17 matches` if the current line does not match,
    /// or why there is no match.
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

    /// Returns the last match at or before this line. Without such a match, returns the first match after the
    /// line.
    pub(super) fn nearest(&self, number: u64) -> Option<u64> {
        let behind = self.found.partition_point(|found| *found <= number);
        self.found.get(behind.saturating_sub(1)).copied()
    }

    /// Returns the next or the previous match. Continues at the other end of the log.
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

/// The number of lines of the log that match a pattern, counted as they arrive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MatchCount {
    search: Search,
    /// Number of the next line to search.
    end: u64,
}

impl MatchCount {
    /// Searches the new lines. Searches all lines if the pattern is another one. An empty pattern matches no
    /// line.
    pub(crate) fn update(&mut self, pattern: &str, log: &dyn LogSource) {
        if self.search.pattern != pattern {
            let search = Search { pattern: pattern.to_owned(), ..Search::default() };
            *self = Self { search, end: 0 };
        }
        if !pattern.is_empty() {
            self.search.update(log, &Filter::default(), self.end);
        }
        self.end = log.total();
    }

    pub(crate) fn count(&self) -> u64 {
        self.search.matches() as u64
    }
}
