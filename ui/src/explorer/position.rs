//! The position in the log. The log follows the newest lines, or is paused at a line.

use std::ops::{Range, RangeInclusive};

use super::rows::{Row, Rows};

/// A movement of the cursor or of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Up(u16),
    Down(u16),
    PageUp,
    PageDown,
    First,
    Last,
}

/// Position in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogPosition {
    /// `None` while the log follows the newest lines.
    paused: Option<Pause>,
    /// Number of rows that fit on the last page.
    page: usize,
}

/// Position in a paused log. All fields are line numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pause {
    /// A line in the first visible row.
    top: u64,
    /// The line of the cursor.
    cursor: u64,
    /// The line at the other end of the selected range.
    mark: Option<u64>,
    /// The first line that was added after the pause.
    seen: u64,
}

impl LogPosition {
    pub(super) fn follows(&self) -> bool {
        self.paused.is_none()
    }

    pub(super) fn follow(&mut self) {
        self.paused = None;
    }

    pub(super) fn seen(&self) -> Option<u64> {
        self.paused.map(|pause| pause.seen)
    }

    pub(super) fn cursor(&self) -> Option<u64> {
        self.paused.map(|pause| pause.cursor)
    }

    fn scrolls(&self, rows: &Rows) -> bool {
        self.page > 0 && rows.len() > self.page
    }

    pub(super) fn has_range(&self) -> bool {
        self.paused.is_some_and(|pause| pause.mark.is_some())
    }

    pub(super) fn drop_range(&mut self) {
        if let Some(pause) = &mut self.paused {
            pause.mark = None;
        }
    }

    pub(super) fn selected(&self, rows: &Rows) -> Option<RangeInclusive<usize>> {
        let pause = self.paused.filter(|_| rows.len() > 0)?;
        let (a, b) = (pause.cursor, pause.mark.unwrap_or(pause.cursor));
        Some(rows.position(a.min(b))..=rows.position(a.max(b)))
    }

    /// Moves top, cursor and range to lines that still exist and pass the filter.
    pub(super) fn update(&mut self, rows: &Rows) {
        let Some(pause) = &mut self.paused else { return };
        if rows.len() == 0 {
            self.paused = None;
            return;
        }
        for number in [&mut pause.top, &mut pause.cursor].into_iter().chain(&mut pause.mark) {
            let row = rows.get(rows.position(*number));
            *number = row.map_or(*number, |row| (*number).clamp(row.first, row.last));
        }
    }

    /// Returns the current pause. If the log follows the newest lines, returns a new pause with the
    /// cursor at the newest row. `None` without rows.
    fn pause(&mut self, rows: &Rows) -> Option<Pause> {
        let last = rows.get(rows.len().checked_sub(1)?)?;
        Some(self.paused.unwrap_or_else(|| {
            let top = rows.get(self.last_top(rows)).map_or(last.first, |row| row.first);
            Pause { top, cursor: last.last, mark: None, seen: rows.end() }
        }))
    }

    /// Returns the index of the first row of the last page.
    fn last_top(&self, rows: &Rows) -> usize {
        rows.len().saturating_sub(self.page.max(1))
    }

    /// Pauses the log with the cursor at a line, without a selected range.
    /// Returns the positions of the rows that fit on the page of the last frame.
    pub(super) fn visible(&self, rows: &Rows) -> Range<usize> {
        let top = match self.paused {
            Some(pause) => rows.position(pause.top),
            None => self.last_top(rows),
        };
        top..(top + self.page).min(rows.len())
    }

    pub(super) fn pause_at(&mut self, number: u64, rows: &Rows) {
        if let Some(pause) = self.pause(rows) {
            self.paused = Some(Pause { cursor: number, mark: None, ..pause });
        }
    }

    /// Pauses like [`LogPosition::pause_at`]. If the line is not on the page, the page scrolls so
    /// that the line is in its middle.
    pub(super) fn show(&mut self, number: u64, rows: &Rows) {
        self.pause_at(number, rows);
        let Some(pause) = &mut self.paused else { return };
        let (top, at) = (rows.position(pause.top), rows.position(number));
        if !(top..top + self.page).contains(&at)
            && let Some(row) = rows.get(at.saturating_sub(self.page / 2))
        {
            pause.top = row.first;
        }
    }

    pub(super) fn extend_to(&mut self, number: u64, rows: &Rows) {
        if let Some(pause) = self.pause(rows) {
            let mark = Some(pause.mark.unwrap_or(pause.cursor));
            self.paused = Some(Pause { cursor: number, mark, ..pause });
        }
    }

    pub(super) fn toggle_range(&mut self, rows: &Rows) {
        if let Some(pause) = self.pause(rows) {
            let mark = pause.mark.is_none().then_some(pause.cursor);
            self.paused = Some(Pause { mark, ..pause });
        }
    }

    pub(super) fn extend(&mut self, by: Move, rows: &Rows) {
        if let Some(pause) = self.pause(rows) {
            let mark = Some(pause.mark.unwrap_or(pause.cursor));
            self.paused = Some(Pause { mark, ..pause });
            self.go(by, rows);
        }
    }

    /// Moves the cursor. The page follows the cursor. A move beyond the newest row ends the pause.
    pub(super) fn go(&mut self, by: Move, rows: &Rows) {
        let Some(pause) = self.pause(rows) else { return };
        let last = rows.len() - 1;
        let (top, cursor) = (rows.position(pause.top), rows.position(pause.cursor));
        let leap = self.page.max(2) - 1;
        let (top, cursor) = match by {
            Move::Up(n) => (top, cursor.saturating_sub(n.into())),
            Move::Down(n) => (top, cursor + usize::from(n)),
            Move::PageUp => (top.saturating_sub(leap), cursor.saturating_sub(leap)),
            Move::PageDown => (top + leap, cursor + leap),
            Move::First => (0, 0),
            Move::Last => (top, usize::MAX),
        };
        let selecting = pause.mark.is_some();
        if cursor > last && !selecting {
            self.paused = None;
            return;
        }
        let top = rows.get(top.min(self.last_top(rows)));
        let cursor = rows.get(cursor.min(last));
        self.paused = Some(Pause {
            top: top.map_or(pause.top, |row| row.first),
            cursor: cursor.map_or(pause.cursor, |row| row.first),
            ..pause
        });
    }

    /// Scrolls the page. The cursor stays on the page. At the end of the log, the pause ends.
    pub(super) fn scroll(&mut self, by: Move, rows: &Rows) {
        if !self.scrolls(rows) {
            return;
        }
        let Some(pause) = self.pause(rows) else { return };
        let (top, end) = (rows.position(pause.top), self.last_top(rows));
        let top = match by {
            Move::Up(n) => top.saturating_sub(n.into()),
            Move::Down(n) => top + usize::from(n),
            Move::PageUp => top.saturating_sub(self.page),
            Move::PageDown => top + self.page,
            Move::First => 0,
            Move::Last => end,
        };
        if top >= end && pause.mark.is_none() {
            self.paused = None;
            return;
        }
        let top = top.min(end);
        let cursor = rows.position(pause.cursor).clamp(top, top + self.page - 1);
        let first = |at: usize, otherwise: u64| rows.get(at).map_or(otherwise, |row| row.first);
        let (top, cursor) = (first(top, pause.top), first(cursor, pause.cursor));
        self.paused = Some(Pause { top, cursor, ..pause });
    }

    /// Stores the height of the page for the next movements. Returns the index of the first row to
    /// draw, so that the cursor is on the page.
    pub(super) fn measure(
        &mut self,
        height: u16,
        rows: &Rows,
        height_of: &mut dyn FnMut(Row) -> u16,
    ) -> usize {
        let height = usize::from(height);
        // Number of rows that fit on the page if row `last` is at its bottom.
        let mut fitting = |last: usize| {
            let mut used = 0;
            let fits = |at: &usize| {
                used += usize::from(rows.get(*at).map_or(1, &mut *height_of));
                used <= height
            };
            (0..=last).rev().take_while(fits).count().max(1)
        };
        let Some(last) = rows.len().checked_sub(1) else {
            self.page = height;
            return 0;
        };
        self.page = fitting(last);
        let end = rows.len() - self.page;
        let Some(pause) = &mut self.paused else { return end };
        let cursor = rows.position(pause.cursor);
        let highest = (cursor + 1).saturating_sub(fitting(cursor));
        let top = rows.position(pause.top).clamp(highest.min(cursor), cursor).min(end);
        pause.top = rows.get(top).map_or(pause.top, |row| row.first);
        top
    }
}
