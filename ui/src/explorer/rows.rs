//! From lines to rows: some lines are left out, and runs of noise become one row.

use std::collections::{BTreeSet, VecDeque};

use super::filter::Filter;
use crate::log::{LogSource, Noise};

/// So many lines of noise next to each other become one row.
const FOLD_FROM: usize = 3;

/// One or more lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Number of its first line.
    pub(crate) first: u64,
    /// Number of its last line.
    pub(crate) last: u64,
    /// Its lines; lines that do not pass the filter may lie between them.
    pub(crate) lines: u32,
    pub(crate) noise: Option<Noise>,
}

impl Row {
    pub(crate) fn is_fold(&self) -> bool {
        self.lines > 1
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    rows: VecDeque<Row>,
    /// Number of the next line to take in.
    end: u64,
    filter: Filter,
    open: bool,
    /// First lines of folds that were opened.
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
        !self.open
    }

    /// Position of the row that holds this line; where none does, of the next one, or of the last.
    pub(super) fn position(&self, number: u64) -> usize {
        let at = self.rows.partition_point(|row| row.last < number);
        at.min(self.rows.len().saturating_sub(1))
    }

    /// Lines shown whose number is at least this.
    pub(super) fn lines_from(&self, number: u64) -> u64 {
        let new = self.rows.iter().rev().take_while(|row| row.last >= number);
        new.map(|row| u64::from(row.lines).min(row.last + 1 - number)).sum()
    }

    pub(super) fn update(&mut self, log: &dyn LogSource) {
        self.forget(log);
        let begin = self.end.max(log.dropped());
        for number in begin..log.total() {
            self.take(number, log);
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
        self.open = !self.open;
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

    /// Lines that are not kept any more.
    fn forget(&mut self, log: &dyn LogSource) {
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

    fn take(&mut self, number: u64, log: &dyn LogSource) {
        let Some(head) = head(number, log).filter(|head| self.filter.passes(number, head)) else {
            return;
        };
        let before = self.rows.back().and_then(|row| row.noise);
        let noise = match head.noise {
            Some(Noise::Beside) => before,
            Some(Noise::BesideShutdown) => before.filter(|noise| *noise == Noise::Shutdown),
            noise => noise,
        };
        self.rows.push_back(Row { first: number, last: number, lines: 1, noise });
        if !self.open && noise.is_some() {
            self.fold(noise);
        }
    }

    /// Joins the newest rows if they are noise of one kind, unless they were opened.
    fn fold(&mut self, noise: Option<Noise>) {
        let run = self.rows.iter().rev().take(FOLD_FROM + 1);
        let run = run.take_while(|row| row.noise == noise).count();
        let joined = match self.rows.len().checked_sub(2).and_then(|at| self.rows.get(at)) {
            Some(row) if row.is_fold() && run >= 2 => 2,
            // More than that stand alone only where they were opened.
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
