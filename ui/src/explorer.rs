//! The log as it is explored: which lines are shown, which one is looked at, what is searched for.
//!
//! Everything is remembered by the numbers of lines, which never change, so neither new lines below
//! nor evicted ones above move what is being read.

mod filter;
mod place;
mod rows;
mod search;
#[cfg(test)]
mod tests;

pub(crate) use filter::{Filter, components};
pub(crate) use place::{Move, Place};
pub(crate) use rows::Row;
pub(crate) use search::Search;

use std::ops::RangeInclusive;

use crate::input::Copied;
use crate::log::LogSource;
use rows::Rows;

/// What an OSC 52 sequence may hold in most terminals is 100,000 bytes of base64.
const COPY_MAX: usize = 74_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Explorer {
    rows: Rows,
    place: Place,
    search: Option<Search>,
    /// Long lines go on in the next row.
    pub(crate) wrap: bool,
    /// Columns that are scrolled out to the left.
    pub(crate) shift: u16,
}

impl Explorer {
    const SHIFT_STEP: u16 = 8;
    const SHIFT_MAX: u16 = 4_096;

    /// Takes in what is new and forgets what is gone. To be told before each key and frame.
    pub(crate) fn update(&mut self, log: &dyn LogSource) {
        let before = self.rows.end();
        self.rows.update(log);
        let filter = *self.rows.filter();
        if let Some(search) = &mut self.search {
            search.update(log, &filter, before);
        }
        self.place.update(&self.rows);
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

    /// Shows other lines; what was looked at stays in sight as far as it is still there.
    pub(crate) fn set_filter(&mut self, filter: Filter, log: &dyn LogSource) {
        self.rows.set_filter(filter, log);
        if let Some(search) = &mut self.search {
            search.again(log, self.rows.filter());
        }
        self.place.update(&self.rows);
    }

    /// Hides all lines up to now, or shows them again.
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
        self.place.update(&self.rows);
    }

    /// Opens a fold.
    pub(crate) fn unfold(&mut self, row: Row, log: &dyn LogSource) {
        // Following, the newest line would push what was opened out of sight.
        self.place.pause_at(row.first, &self.rows);
        self.rows.unfold(row, log);
    }

    pub(crate) fn follows(&self) -> bool {
        self.place.follows()
    }

    /// Lines that have come since it was paused.
    pub(crate) fn unseen(&self) -> u64 {
        self.place.seen().map_or(0, |seen| self.rows.lines_from(seen))
    }

    pub(crate) fn follow(&mut self) {
        self.place.follow();
    }

    pub(crate) fn go(&mut self, by: Move) {
        self.place.go(by, &self.rows);
    }

    /// As [`Explorer::go`], selecting what it passes over.
    pub(crate) fn extend(&mut self, by: Move) {
        self.place.extend(by, &self.rows);
    }

    pub(crate) fn wheel(&mut self, by: Move) {
        self.place.scroll(by, &self.rows);
    }

    /// Told by each frame: how many of the last rows fit, and how many a row takes. Returns the
    /// first row to draw.
    pub(crate) fn measure(&mut self, height: u16, mut height_of: impl FnMut(Row) -> u16) -> usize {
        self.place.measure(height, &self.rows, &mut height_of)
    }

    /// The line that is looked at: the newest while following.
    pub(crate) fn current(&self) -> Option<Row> {
        match self.place.cursor() {
            Some(number) => self.rows.get(self.rows.position(number)),
            None => self.rows.get(self.rows.len().checked_sub(1)?),
        }
    }

    /// Positions of the rows that are marked as chosen.
    pub(crate) fn chosen(&self) -> Option<RangeInclusive<usize>> {
        self.place.chosen(&self.rows)
    }

    /// Chooses the row that holds this line.
    pub(crate) fn choose(&mut self, number: u64) {
        self.place.pause_at(number, &self.rows);
    }

    /// Chooses everything between this line and the one chosen before.
    pub(crate) fn choose_to(&mut self, number: u64) {
        self.place.extend_to(number, &self.rows);
    }

    /// From here on moving selects, or no longer.
    pub(crate) fn toggle_mark(&mut self) {
        self.place.toggle_mark(&self.rows);
    }

    pub(crate) fn marks(&self) -> bool {
        self.place.marks()
    }

    pub(crate) fn drop_mark(&mut self) {
        self.place.drop_mark();
    }

    /// The text of the chosen lines, or of the newest.
    pub(crate) fn copy(&self, log: &dyn LogSource) -> Copied {
        let mut copied = Copied::default();
        let last = self.rows.len().saturating_sub(1);
        let rows = self.chosen().unwrap_or(last..=last).filter_map(|at| self.rows.get(at));
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

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Searches for this from now on, and goes to the match next to where it was `begun`.
    pub(crate) fn seek(&mut self, pattern: &str, begun: Place, log: &dyn LogSource) {
        self.place = begun;
        self.search = (!pattern.is_empty()).then(|| Search::new(pattern, log, self.rows.filter()));
        let from = self.current().map_or(0, |row| row.last);
        if let Some(number) = self.search.as_ref().and_then(|search| search.nearest(from)) {
            self.show(number, log);
        }
    }

    pub(crate) fn end_search(&mut self) {
        self.search = None;
    }

    /// There is a match to go to, other than the line that is looked at.
    pub(crate) fn steps(&self) -> bool {
        let here = self.place.cursor().filter(|_| !self.marks());
        let unfolded = self.current().is_some_and(|row| !row.is_fold());
        self.search.as_ref().is_some_and(|search| match (search.matches(), here) {
            (0, _) => false,
            (1, Some(number)) => !(unfolded && search.is_match(number)),
            (_, _) => true,
        })
    }

    /// Goes to the next match, or to the previous one; round the ends.
    pub(crate) fn step(&mut self, forward: bool, log: &dyn LogSource) {
        let from = self.place.cursor().unwrap_or(u64::MAX);
        let search = self.search.as_ref();
        if let Some(number) = search.and_then(|search| search.next(from, forward)) {
            self.show(number, log);
        }
    }

    /// Looks at a line, wherever it hides.
    fn show(&mut self, number: u64, log: &dyn LogSource) {
        if let Some(row) = self.rows.get(self.rows.position(number)).filter(Row::is_fold) {
            self.rows.unfold(row, log);
        }
        self.place.look_at(number, &self.rows);
    }

    pub(crate) fn shift_left(&mut self) {
        self.shift = self.shift.saturating_sub(Self::SHIFT_STEP);
    }

    pub(crate) fn shift_right(&mut self) {
        self.shift = (self.shift + Self::SHIFT_STEP).min(Self::SHIFT_MAX);
    }
}
