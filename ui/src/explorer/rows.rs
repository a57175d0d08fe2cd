//! Rows of the log: the lines that pass the filter, with runs of routine lines folded into one row.

use std::collections::{BTreeMap, VecDeque};

use super::filter::Filter;
use crate::log::{Level, LineHead, LineKind, LogSource, Noise, SERVER};

/// Minimum number of consecutive routine lines that fold.
const FOLD_FROM: usize = 3;

/// A row of the log: one line, or a fold of several lines of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Number of its first line.
    pub(crate) first: u64,
    /// Number of its last line.
    pub(crate) last: u64,
    /// Number of lines that pass the filter. Other lines may be between them.
    pub(crate) lines: u32,
    /// The unit that wrote its lines.
    pub(crate) unit: u16,
    /// Whether the row joins a fold.
    folds: bool,
}

impl Row {
    pub(crate) fn is_fold(&self) -> bool {
        self.lines > 1
    }
}

/// A line that nobody needs to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Routine {
    /// Line of normal operation, or of a start.
    Normal,
    /// Line of a stop.
    Shutdown,
}

impl Routine {
    /// Returns why a line is routine. `before` is that of the line before it.
    fn of(head: &LineHead, before: Option<Self>) -> Option<Self> {
        if head.kind != LineKind::Structured || head.names_workflow {
            return None;
        }
        match head.noise {
            Some(Noise::Shutdown) => Some(Self::Shutdown),
            Some(Noise::StartUp) => Some(Self::Normal),
            // A warning is routine only next to others.
            Some(Noise::Adjacent) if before.is_some() => before,
            Some(Noise::AdjacentToShutdown) if before == Some(Self::Shutdown) => before,
            _ => (head.level <= Level::Info).then_some(Self::Normal),
        }
    }
}

/// All rows of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    rows: VecDeque<Row>,
    /// Number of the next line to add.
    end: u64,
    /// Why the newest line of the server that passes the filter is routine.
    newest: Option<Routine>,
    /// Numbers of the shown warnings and errors that are not routine, ascending.
    severe: VecDeque<u64>,
    filter: Filter,
    /// Whether folding is off.
    unfolded: bool,
    /// Numbers of the first and the last lines of the folds that the user opened.
    opened: BTreeMap<u64, u64>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<Row> {
        self.rows.get(at).copied()
    }

    /// Returns the number of the next line to add.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    pub(super) fn folds(&self) -> bool {
        !self.unfolded
    }

    pub(super) fn severe(&self) -> &VecDeque<u64> {
        &self.severe
    }

    /// Returns the position of the row that contains the line `number`. If the filter hides the line:
    /// of the next row, or of the last row if no later row exists.
    pub(super) fn position(&self, number: u64) -> usize {
        let at = self.rows.partition_point(|row| row.last < number);
        at.min(self.rows.len().saturating_sub(1))
    }

    /// Returns the number of shown lines from `number` on.
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
        self.opened.insert(row.first, row.last);
        self.rebuild(log);
    }

    /// Closes all folds that were opened. The next update adds all lines again.
    pub(super) fn close_folds(&mut self) {
        if !self.opened.is_empty() {
            self.opened.clear();
            self.forget();
        }
    }

    fn rebuild(&mut self, log: &dyn LogSource) {
        self.forget();
        self.update(log);
    }

    /// Removes all rows.
    fn forget(&mut self) {
        self.rows.clear();
        self.severe.clear();
        (self.end, self.newest) = (0, None);
    }

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
        let evicted = self.severe.partition_point(|number| *number < gone);
        self.severe.drain(..evicted);
        while self.opened.first_key_value().is_some_and(|(_, last)| *last < gone) {
            self.opened.pop_first();
        }
    }

    fn passes(&self, number: u64, log: &dyn LogSource) -> bool {
        head(number, log).is_some_and(|head| self.filter.passes(number, &head))
    }

    /// Whether the line is in a fold that the user opened.
    fn is_opened(&self, number: u64) -> bool {
        let before = self.opened.range(..=number).next_back();
        before.is_some_and(|(_, last)| number <= *last)
    }

    fn add(&mut self, number: u64, log: &dyn LogSource) {
        let Some(head) = head(number, log).filter(|head| self.filter.passes(number, head)) else {
            return;
        };
        // All other lines of a worker are of the user.
        let routine = match head.unit {
            SERVER => Routine::of(&head, self.newest),
            _ => (head.noise == Some(Noise::NoServer)).then_some(Routine::Normal),
        };
        if head.unit == SERVER {
            self.newest = routine;
        }
        let is_event = match head.unit {
            SERVER => head.kind == LineKind::Structured,
            _ => !head.continues,
        };
        if is_event && head.level >= Level::Warn && routine.is_none() {
            self.severe.push_back(number);
        }
        let folds = routine.is_some() && !self.unfolded && !self.is_opened(number);
        self.rows.push_back(Row { first: number, last: number, lines: 1, unit: head.unit, folds });
        if folds {
            self.fold(head.unit);
        }
    }

    /// Folds the newest rows if enough of them are routine lines of this unit.
    fn fold(&mut self, unit: u16) {
        let is_routine = |row: &&Row| row.folds && row.unit == unit;
        let run = self.rows.iter().rev().take(FOLD_FROM).take_while(is_routine).count();
        let joined = match self.rows.len().checked_sub(2).and_then(|at| self.rows.get(at)) {
            Some(row) if row.is_fold() && run >= 2 => 2,
            _ if run == FOLD_FROM => FOLD_FROM,
            _ => return,
        };
        let begin = self.rows.len() - joined;
        let (first, last) = (self.rows[begin].first, self.rows[self.rows.len() - 1].last);
        let lines = self.rows.range(begin..).map(|row| row.lines).sum();
        self.rows.truncate(begin);
        self.rows.push_back(Row { first, last, lines, unit, folds: true });
    }
}

fn head(number: u64, log: &dyn LogSource) -> Option<LineHead> {
    log.head(usize::try_from(number.checked_sub(log.dropped())?).ok()?)
}
