//! Selection and scroll position in the timeline.

use super::scroll::ListScroll;
use crate::explorer::Move;
use crate::model::TimelineRow;

/// Selection and scroll position in the timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimelineCursor {
    pub(crate) scroll: ListScroll,
    /// ID of the selected entry. `None`: always the newest entry.
    selected: Option<u64>,
    /// ID of the newest entry at the time of the selection.
    newest: u64,
    /// ID of the selected entry in the last frame, and its first line on the page.
    drawn: Option<(u64, u16)>,
}

impl TimelineCursor {
    /// Number of entries that a page key moves by. A usual screen shows as many.
    const PAGE: usize = 5;

    /// Returns the index of the selected entry in `rows`, which begins with the newest entry. If
    /// the selected entry was removed, returns the oldest entry.
    pub(crate) fn selected(&self, rows: &[TimelineRow]) -> usize {
        let last = rows.len().saturating_sub(1);
        self.selected.map_or(0, |id| rows.iter().position(|row| row.id == id).unwrap_or(last))
    }

    pub(crate) fn select(&mut self, at: usize, rows: &[TimelineRow]) {
        let at = at.min(rows.len().saturating_sub(1));
        let was_newest = self.is_newest();
        self.selected = rows.get(at).filter(|_| at > 0).map(|row| row.id);
        if was_newest {
            self.newest = rows.first().map_or(0, |row| row.id);
        }
    }

    /// Whether the newest entry is selected. Then each new entry becomes the selected one.
    pub(crate) fn is_newest(&self) -> bool {
        self.selected.is_none()
    }

    /// Returns the number of entries that were added since the user selected an older entry.
    pub(crate) fn unseen(&self, rows: &[TimelineRow]) -> usize {
        rows.iter().filter(|row| !self.is_newest() && row.id > self.newest).count()
    }

    pub(crate) fn select_id(&mut self, id: u64, rows: &[TimelineRow]) {
        if let Some(at) = rows.iter().position(|row| row.id == id) {
            self.select(at, rows);
        }
    }

    pub(crate) fn go(&mut self, by: Move, rows: &[TimelineRow]) {
        let at = self.selected(rows);
        let to = match by {
            Move::Up(n) => at.saturating_sub(n.into()),
            Move::Down(n) => at + usize::from(n),
            Move::PageUp => at.saturating_sub(Self::PAGE),
            Move::PageDown => at + Self::PAGE,
            Move::First => 0,
            Move::Last => usize::MAX,
        };
        self.select(to, rows);
    }

    /// Stores the measures of a frame: rows per page, number of lines, and first and last line of
    /// the selected entry `id`. When entries are added or removed above the selected entry, the
    /// list scrolls by the same number of lines.
    pub(crate) fn measure(&mut self, page: u16, lines: u16, id: u64, (first, last): (u16, u16)) {
        if let Some((drawn, before)) = self.drawn.filter(|_| self.scroll.offset > 0)
            && drawn == id
        {
            self.scroll.offset = self.scroll.offset.saturating_add_signed(
                (i32::from(first) - i32::from(before)).clamp(i16::MIN.into(), i16::MAX.into())
                    as i16,
            );
        }
        self.drawn = Some((id, first));
        self.scroll.measure(page, lines);
        self.scroll.reveal(first, last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(ids: impl DoubleEndedIterator<Item = u64>) -> Vec<TimelineRow> {
        ids.rev().map(|id| TimelineRow { id, ..TimelineRow::default() }).collect()
    }

    #[test]
    fn selected_entry_stays_selected_when_entries_are_added_and_removed() {
        let mut entries = TimelineCursor::default();
        entries.go(Move::Down(3), &rows(1..=100));
        assert_eq!(entries.selected(&rows(1..=100)), 3);
        assert_eq!(entries.selected(&rows(3..=102)), 5, "still the entry with the ID 97");
        assert_eq!(entries.selected(&rows(97..=196)), 99);
        assert_eq!(entries.selected(&rows(98..=197)), 99, "removed: the oldest entry replaces it");
        entries.go(Move::Up(1), &rows(98..=197));
        assert_eq!(entries.selected(&rows(98..=197)), 98);
        entries.go(Move::First, &rows(98..=197));
        assert_eq!(entries.selected(&rows(99..=198)), 0, "always the newest");
        assert_eq!(entries.selected(&[]), 0);
    }

    #[test]
    fn list_scrolls_with_the_selected_entry() {
        let mut entries = TimelineCursor::default();
        entries.measure(10, 40, 7, (20, 22));
        assert_eq!(entries.scroll.offset, 13);
        entries.measure(10, 43, 7, (23, 25));
        assert_eq!(entries.scroll.offset, 16, "three lines were added above");
        entries.measure(10, 43, 8, (20, 22));
        assert_eq!(entries.scroll.offset, 16, "another entry is selected and visible");
        entries.measure(10, 43, 8, (2, 4));
        assert_eq!(entries.scroll.offset, 0);
    }
}
