//! Rows of the log: the lines that pass the filter. Consecutive routine lines are folded into one
//! row.

use std::collections::{BTreeSet, VecDeque};

use super::filter::Filter;
use crate::log::{LogSource, Noise};

/// Minimum number of consecutive routine lines that are folded into one row.
const FOLD_FROM: usize = 3;

/// A row of the log: one line, or a fold of several lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Number of the first line of the row.
    pub(crate) first: u64,
    /// Number of the last line of the row.
    pub(crate) last: u64,
    /// Number of lines of the row that pass the filter. Other lines may be between them.
    pub(crate) lines: u32,
    pub(crate) noise: Option<Noise>,
}

impl Row {
    pub(crate) fn is_fold(&self) -> bool {
        self.lines > 1
    }
}

/// All rows of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    rows: VecDeque<Row>,
    /// Number of the next line to add.
    end: u64,
    filter: Filter,
    /// Whether folding is off, so that each line has its own row.
    unfolded: bool,
    /// Numbers of the first lines of opened folds.
    opened: BTreeSet<u64>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<Row> {
        self.rows.get(at).copied()
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    pub(super) fn folds(&self) -> bool {
        !self.unfolded
    }

    /// Returns the index of the row that contains this line. If no row contains the line, returns the index
    /// of the next row, or else of the last row.
    pub(super) fn position(&self, number: u64) -> usize {
        let at = self.rows.partition_point(|row| row.last < number);
        at.min(self.rows.len().saturating_sub(1))
    }

    /// Returns how many of the lines from `number` on are in rows.
    pub(super) fn lines_from(&self, number: u64) -> u64 {
        let new = self.rows.iter().rev().take_while(|row| row.last >= number);
        new.map(|row| u64::from(row.lines).min(row.last + 1 - number)).sum()
    }

    pub(super) fn update(&mut self, log: &dyn LogSource) {
        self.remove_evicted(log);
        let begin = self.end.max(log.dropped());
        for number in begin..log.total() {
            self.add(number, log);
        }
        self.end = log.total();
    }

    pub(super) fn set_filter(&mut self, filter: Filter, log: &dyn LogSource) {
        if filter != self.filter {
            self.filter = filter;
            self.rebuild(log);
        }
    }

    pub(super) fn toggle_folds(&mut self, log: &dyn LogSource) {
        self.unfolded = !self.unfolded;
        self.opened.clear();
        self.rebuild(log);
    }

    pub(super) fn unfold(&mut self, row: Row, log: &dyn LogSource) {
        if self.opened.insert(row.first) {
            self.rebuild(log);
        }
    }

    fn rebuild(&mut self, log: &dyn LogSource) {
        self.rows.clear();
        self.end = 0;
        self.update(log);
    }

    /// Removes evicted lines.
    fn remove_evicted(&mut self, log: &dyn LogSource) {
        let gone = log.dropped();
        while let Some(row) = self.rows.front().filter(|row| row.first < gone).copied() {
            self.rows.pop_front();
            if row.last >= gone {
                let left = (gone..=row.last).filter(|number| self.passes(*number, log));
                let lines = left.count().max(1) as u32;
                self.rows.push_front(Row { first: gone, lines, ..row });
            }
        }
        if let Some(oldest) = self.rows.front() {
            self.opened = self.opened.split_off(&oldest.first);
        }
    }

    fn passes(&self, number: u64, log: &dyn LogSource) -> bool {
        head(number, log).is_some_and(|head| self.filter.passes(number, &head))
    }

    fn add(&mut self, number: u64, log: &dyn LogSource) {
        let Some(head) = head(number, log).filter(|head| self.filter.passes(number, head)) else {
            return;
        };
        let before = self.rows.back().and_then(|row| row.noise);
        let noise = match head.noise {
            Some(Noise::Adjacent) => before,
            Some(Noise::AdjacentToShutdown) => before.filter(|noise| *noise == Noise::Shutdown),
            noise => noise,
        };
        self.rows.push_back(Row { first: number, last: number, lines: 1, noise });
        if !self.unfolded && noise.is_some() {
            self.fold(noise);
        }
    }

    /// Folds the newest rows if they are routine lines of one kind. Does not fold lines of a fold that the
    /// user has opened.
    fn fold(&mut self, noise: Option<Noise>) {
        let run = self.rows.iter().rev().take(FOLD_FROM + 1);
        let run = run.take_while(|row| row.noise == noise).count();
        let joined = match self.rows.len().checked_sub(2).and_then(|at| self.rows.get(at)) {
            Some(row) if row.is_fold() && run >= 2 => 2,
            // More than `FOLD_FROM` single rows of one kind are the lines of a fold that the user has
            // opened, so do not fold these rows.
            _ if run == FOLD_FROM => FOLD_FROM,
            _ => return,
        };
        let begin = self.rows.len() - joined;
        let (first, last) = (self.rows[begin].first, self.rows[self.rows.len() - 1].last);
        if self.opened.contains(&first) {
            return;
        }
        let lines = self.rows.range(begin..).map(|row| row.lines).sum();
        self.rows.truncate(begin);
        self.rows.push_back(Row { first, last, lines, noise });
    }
}

fn head(number: u64, log: &dyn LogSource) -> Option<crate::log::LineHead> {
    log.head(usize::try_from(number.checked_sub(log.dropped())?).ok()?)
}
