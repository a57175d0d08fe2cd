//! The shown rows of the log: filter, folds, position, selection and search.
//!
//! All state refers to the numbers of lines, which never change. So neither new lines nor evicted lines move the
//! rows on the screen while the user reads.

mod filter;
mod position;
mod rows;
mod search;
#[cfg(test)]
mod tests;

pub(crate) use filter::{Filter, components, lines};
pub(crate) use position::{LogPosition, Move};
pub(crate) use rows::Row;
pub(crate) use search::{MatchCount, Search};

use std::ops::{Range, RangeInclusive};

use crate::input::CopyRequest;
use crate::log::{LogSource, SERVER};
use rows::Rows;

/// Maximum bytes of a copied text. Most terminals accept OSC 52 sequences of up to 100,000 bytes of base64.
const COPY_MAX: usize = 74_000;

/// The rows of the log, and the position in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Explorer {
    rows: Rows,
    position: LogPosition,
    search: Option<Search>,
    /// Whether long lines continue in the next row.
    pub(crate) wrap: bool,
    /// Number of columns scrolled out to the left.
    pub(crate) shift: u16,
}

impl Explorer {
    const SHIFT_STEP: u16 = 8;
    const SHIFT_MAX: u16 = 4_096;

    /// Adds new lines and removes evicted lines. Must be called before each key and each frame.
    pub(crate) fn update(&mut self, log: &dyn LogSource) {
        let before = self.rows.end();
        self.rows.update(log);
        if before > 0 && before <= log.dropped() {
            // Nothing is left of the lines at the position, because the logs were opened again.
            self.follow();
        }
        let filter = *self.rows.filter();
        if let Some(search) = &mut self.search {
            search.update(log, &filter, before);
        }
        self.position.update(&self.rows);
        let unit = filter.unit.filter(|unit| log.units().iter().any(|(it, _)| it == unit));
        if unit != filter.unit {
            // The log of the unit is no longer open, so no line would pass.
            self.set_filter(Filter { unit, ..filter }, log);
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn row(&self, at: usize) -> Option<Row> {
        self.rows.get(at)
    }

    pub(crate) fn filter(&self) -> &Filter {
        self.rows.filter()
    }

    /// Sets the filter. The current line stays visible if it passes the filter.
    pub(crate) fn set_filter(&mut self, filter: Filter, log: &dyn LogSource) {
        self.rows.set_filter(filter, log);
        if let Some(search) = &mut self.search {
            search.restart(log, self.rows.filter());
        }
        self.position.update(&self.rows);
    }

    /// Hides all lines up to now, or shows the hidden lines again.
    pub(crate) fn clear(&mut self, log: &dyn LogSource) {
        let from = if self.filter().from > 0 { 0 } else { log.total() };
        self.set_filter(Filter { from, ..*self.filter() }, log);
        self.follow();
    }

    pub(crate) fn folds(&self) -> bool {
        self.rows.folds()
    }

    pub(crate) fn toggle_folds(&mut self, log: &dyn LogSource) {
        self.rows.toggle_folds(log);
        self.position.update(&self.rows);
    }

    /// Opens a fold, so that each line of the fold gets its own row.
    pub(crate) fn unfold(&mut self, row: Row, log: &dyn LogSource) {
        // Pause the log at the fold. A log that follows the newest lines would scroll the fold out of the
        // screen.
        self.position.pause_at(row.first, &self.rows);
        self.rows.unfold(row, log);
    }

    pub(crate) fn follows(&self) -> bool {
        self.position.follows()
    }

    /// Returns the number of lines that were added since the log was paused.
    pub(crate) fn unseen(&self) -> u64 {
        self.position.seen().map_or(0, |seen| self.rows.lines_from(seen))
    }

    pub(crate) fn follow(&mut self) {
        self.position.follow();
    }

    /// Returns to the state of a log that was just opened: it follows the newest lines, and no fold is open. A
    /// selected range or a search prevents this.
    pub(crate) fn begin(&mut self) {
        if self.search.is_none() && !self.has_range() {
            self.rows.close_folds();
            self.follow();
        }
    }

    /// Moves the cursor.
    pub(crate) fn go(&mut self, by: Move) {
        self.position.go(by, &self.rows);
    }

    /// Moves the cursor like [`Explorer::go`] and selects the lines on the way.
    pub(crate) fn extend(&mut self, by: Move) {
        self.position.extend(by, &self.rows);
    }

    /// Scrolls the page. The cursor stays on the page.
    pub(crate) fn wheel(&mut self, by: Move) {
        self.position.scroll(by, &self.rows);
    }

    /// Stores the height of the page for the next movements. `height_of` returns how many rows of
    /// the screen a row of the log takes. Returns the index of the first row to draw.
    pub(crate) fn measure(&mut self, height: u16, mut height_of: impl FnMut(Row) -> u16) -> usize {
        self.position.measure(height, &self.rows, &mut height_of)
    }

    /// Returns the row of the cursor. While the log follows the newest lines, this is the newest
    /// row.
    pub(crate) fn current(&self) -> Option<Row> {
        match self.position.cursor() {
            Some(number) => self.rows.get(self.rows.position(number)),
            None => self.rows.get(self.rows.len().checked_sub(1)?),
        }
    }

    /// Returns the indices of the selected rows. `None` while the log follows the newest lines.
    pub(crate) fn selected(&self) -> Option<RangeInclusive<usize>> {
        self.position.selected(&self.rows)
    }

    /// Selects the row that contains this line.
    pub(crate) fn select(&mut self, number: u64) {
        self.position.pause_at(number, &self.rows);
    }

    /// Extends the selection to this line.
    pub(crate) fn extend_to(&mut self, number: u64) {
        self.position.extend_to(number, &self.rows);
    }

    /// Starts to select a range at the cursor, or clears the selected range.
    pub(crate) fn toggle_range(&mut self) {
        self.position.toggle_range(&self.rows);
    }

    /// Whether a range is selected.
    pub(crate) fn has_range(&self) -> bool {
        self.position.has_range()
    }

    pub(crate) fn drop_range(&mut self) {
        self.position.drop_range();
    }

    /// Returns the unit whose lines are shown, or else that of the selected line. While the log follows
    /// the newest lines of all units, returns the server.
    pub(crate) fn unit(&self, log: &dyn LogSource) -> u16 {
        let selected = || {
            let index = self.position.cursor()?.checked_sub(log.dropped())?;
            log.head(usize::try_from(index).ok()?).map(|head| head.unit)
        };
        self.filter().unit.or_else(selected).unwrap_or(SERVER)
    }

    /// Returns the text of the selected lines. While the log follows the newest lines, returns the
    /// newest line.
    pub(crate) fn copy(&self, log: &dyn LogSource) -> CopyRequest {
        let mut copied = CopyRequest::default();
        let last = self.rows.len().saturating_sub(1);
        let rows = self.selected().unwrap_or(last..=last).filter_map(|at| self.rows.get(at));
        for number in rows.flat_map(|row| row.first..=row.last) {
            let index = number.checked_sub(log.dropped()).and_then(|at| usize::try_from(at).ok());
            let Some(index) = index else { continue };
            if !log.head(index).is_some_and(|head| self.filter().passes(number, &head)) {
                continue;
            }
            let room = COPY_MAX.saturating_sub(copied.text.len());
            let text = if room > 0 { log.line(index).map(|line| line.plain()) } else { None };
            match text {
                Some(text) if text.len() < room || copied.lines == 0 => {
                    copied.text.push_str(crate::draw::cluster::shorten(&text, room));
                    copied.text.push('\n');
                    copied.lines += 1;
                }
                _ => copied.left_out += 1,
            }
        }
        copied
    }

    pub(crate) fn search(&self) -> Option<&Search> {
        self.search.as_ref()
    }

    pub(crate) fn position(&self) -> LogPosition {
        self.position
    }

    /// Starts a search at the position `start` and moves to the nearest match. An empty pattern ends the search.
    /// Folds that an earlier search has opened are closed.
    pub(crate) fn seek(&mut self, pattern: &str, start: LogPosition, log: &dyn LogSource) {
        self.rows.close_folds();
        self.rows.update(log);
        self.position = start;
        self.position.update(&self.rows);
        self.search = (!pattern.is_empty()).then(|| Search::new(pattern, log, self.rows.filter()));
        let from = self.current().map_or(0, |row| row.last);
        if let Some(number) = self.search.as_ref().and_then(|search| search.nearest(from)) {
            self.show(number, log);
        }
    }

    /// Ends the search, and closes the folds that it has opened.
    pub(crate) fn end_search(&mut self) {
        self.search = None;
        self.rows.close_folds();
    }

    /// Whether there is a match other than the current line.
    pub(crate) fn has_other_match(&self) -> bool {
        let here = self.position.cursor().filter(|_| !self.has_range());
        let unfolded = self.current().is_some_and(|row| !row.is_fold());
        self.search.as_ref().is_some_and(|search| match (search.matches(), here) {
            (0, _) => false,
            (1, Some(number)) => !(unfolded && search.is_match(number)),
            (_, _) => true,
        })
    }

    /// Moves to the next or the previous match. Continues at the other end of the log.
    pub(crate) fn step(&mut self, forward: bool, log: &dyn LogSource) {
        let from = self.position.cursor().unwrap_or(u64::MAX);
        let search = self.search.as_ref();
        if let Some(number) = search.and_then(|search| search.next(from, forward)) {
            self.show(number, log);
        }
    }

    /// Moves the cursor to a line. If the line is in a fold, opens the fold.
    fn show(&mut self, number: u64, log: &dyn LogSource) {
        if let Some(row) = self.rows.get(self.rows.position(number)).filter(Row::is_fold) {
            self.rows.unfold(row, log);
        }
        self.position.show(number, &self.rows);
    }

    /// Returns the positions of the rows that fit on the page of the last frame.
    pub(crate) fn visible(&self) -> Range<usize> {
        self.position.visible(&self.rows)
    }

    /// Whether there is a warning or an error other than the current line.
    pub(crate) fn has_other_problem(&self) -> bool {
        let here = self.position.cursor();
        match self.rows.severe().len() {
            0 => false,
            1 => here != self.rows.severe().front().copied(),
            _ => true,
        }
    }

    /// Moves to the next or the previous warning or error. Continues at the other end of the log.
    pub(crate) fn step_to_problem(&mut self, forward: bool) {
        let from = self.position.cursor().unwrap_or(u64::MAX);
        let severe = self.rows.severe();
        let at = if forward {
            severe.get(severe.partition_point(|number| *number <= from)).or(severe.front())
        } else {
            let before = severe.partition_point(|number| *number < from);
            before.checked_sub(1).and_then(|at| severe.get(at)).or(severe.back())
        };
        if let Some(number) = at.copied() {
            self.position.show(number, &self.rows);
        }
    }

    pub(crate) fn shift_left(&mut self) {
        self.shift = self.shift.saturating_sub(Self::SHIFT_STEP);
    }

    pub(crate) fn shift_right(&mut self) {
        self.shift = (self.shift + Self::SHIFT_STEP).min(Self::SHIFT_MAX);
    }
}
