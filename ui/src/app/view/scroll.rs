//! Scroll position in a list or page.

use crate::explorer::Move;

/// Scroll position in a list or page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListScroll {
    /// Number of lines scrolled out at the top.
    pub(crate) offset: u16,
    page: u16,
    lines: u16,
}

impl ListScroll {
    /// Stores the measures of a frame: rows per page, and number of lines.
    pub(crate) fn measure(&mut self, page: u16, lines: u16) {
        self.page = page;
        self.lines = lines;
        self.offset = self.offset.min(self.last());
    }

    /// Returns the rows of the page in the last frame.
    pub(crate) fn page(&self) -> usize {
        self.page.into()
    }

    /// Whether the content has more lines than the page.
    pub(crate) fn scrolls(&self) -> bool {
        self.last() > 0
    }

    /// Returns the mark for lines above and below the page. Empty if there are none.
    pub(crate) fn more(&self) -> &'static str {
        match (self.offset > 0, self.offset < self.last()) {
            (false, false) => "",
            (false, true) => "more ↓",
            (true, false) => "more ↑",
            (true, true) => "more ↑↓",
        }
    }

    pub(crate) fn scroll(&mut self, by: Move) {
        let page = self.page.max(2) - 1;
        let offset = match by {
            Move::Up(lines) => self.offset.saturating_sub(lines),
            Move::Down(lines) => self.offset.saturating_add(lines),
            Move::PageUp => self.offset.saturating_sub(page),
            Move::PageDown => self.offset.saturating_add(page),
            Move::First => 0,
            Move::Last => u16::MAX,
        };
        self.offset = offset.min(self.last());
    }

    /// Scrolls as little as possible so that these lines are visible. If not all of them fit, the
    /// first lines are visible.
    pub(crate) fn reveal(&mut self, first: u16, last: u16) {
        let lowest = (last + 1).saturating_sub(self.page);
        self.offset = self.offset.max(lowest).min(first).min(self.last());
    }

    fn last(&self) -> u16 {
        self.lines.saturating_sub(self.page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_does_not_scroll_beyond_its_end() {
        let mut scroll = ListScroll::default();
        scroll.measure(10, 40);
        assert_eq!(scroll.more(), "more ↓");
        scroll.scroll(Move::Down(5));
        scroll.measure(10, 43);
        assert_eq!((scroll.offset, scroll.more()), (5, "more ↑↓"));
        scroll.scroll(Move::Last);
        assert_eq!((scroll.offset, scroll.more()), (33, "more ↑"));
        scroll.measure(10, 12);
        assert_eq!(scroll.offset, 2);
        scroll.measure(12, 12);
        assert_eq!((scroll.offset, scroll.more()), (0, ""));
    }
}
