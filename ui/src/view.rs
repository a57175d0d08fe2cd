//! What the view remembers between frames: the open tab, where each list is scrolled to, the overlay.

use crate::log::LogSource;
use crate::model::{Model, StateView};
use crate::theme::{Symbols, Theme};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) tab: Tab,
    pub(crate) log: LogScroll,
    pub(crate) timeline: ListScroll,
    pub(crate) help: ListScroll,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) theme: Theme,
    pub(crate) symbols: Symbols,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tab {
    #[default]
    Log,
    Timeline,
    OwnLog,
}

impl Tab {
    pub(crate) const ALL: [Self; 3] = [Self::Log, Self::Timeline, Self::OwnLog];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Log => " 1 Log ",
            Self::Timeline => " 2 Timeline ",
            Self::OwnLog => " 3 stigmer ",
        }
    }

    pub(crate) fn next(self) -> Self {
        match self {
            Self::Log => Self::Timeline,
            Self::Timeline => Self::OwnLog,
            Self::OwnLog => Self::Log,
        }
    }

    pub(crate) fn previous(self) -> Self {
        self.next().next()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlay {
    Help,
    Quit,
}

/// How far to scroll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Up(u16),
    Down(u16),
    PageUp,
    PageDown,
    First,
    Last,
}

/// The log's position. Following, it shows the newest lines; paused, it holds on to a line by its absolute
/// number, so that neither new lines below nor evicted ones above move what is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogScroll {
    paused: Option<Pause>,
    /// Columns that are scrolled out to the left.
    pub(crate) shift: u16,
    /// Lines visible in the last frame.
    page: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pause {
    /// Absolute number of the first visible line.
    first: u64,
    /// `total` when it was paused.
    seen: u64,
}

impl LogScroll {
    const SHIFT_STEP: u16 = 8;
    const SHIFT_MAX: u16 = 4_096;

    pub(crate) fn follows(&self) -> bool {
        self.paused.is_none()
    }

    /// Lines that have come since it was paused.
    pub(crate) fn unseen(&self, log: &dyn LogSource) -> u64 {
        self.paused.map_or(0, |pause| log.total().saturating_sub(pause.seen))
    }

    /// Told by each frame. What fits into a page has nothing to pause for.
    pub(crate) fn measure(&mut self, page: u16, log: &dyn LogSource) {
        self.page = page;
        if page > 0 && !self.scrolls(log) {
            self.paused = None;
        }
    }

    /// There is more than one page.
    pub(crate) fn scrolls(&self, log: &dyn LogSource) -> bool {
        self.page > 0 && log.len() > usize::from(self.page)
    }

    /// Index into the source of the first line to draw on a page of `page` lines.
    pub(crate) fn first_index(&self, log: &dyn LogSource, page: u16) -> usize {
        let last = log.len().saturating_sub(usize::from(page));
        self.paused.map_or(last, |pause| {
            let index = pause.first.saturating_sub(log.dropped());
            usize::try_from(index).unwrap_or(usize::MAX).min(last)
        })
    }

    pub(crate) fn scroll(&mut self, by: Move, log: &dyn LogSource) {
        if !self.scrolls(log) {
            self.paused = None;
            return;
        }
        let page = u64::from(self.page);
        let newest = log.total() - page;
        let first = log.dropped() + self.first_index(log, self.page) as u64;
        let first = match by {
            Move::Up(lines) => first.saturating_sub(u64::from(lines)),
            Move::PageUp => first.saturating_sub(page.max(2) - 1),
            Move::Down(lines) => first + u64::from(lines),
            Move::PageDown => first + page.max(2) - 1,
            Move::First => 0,
            Move::Last => newest,
        };
        self.paused = (first < newest).then(|| Pause {
            first: first.max(log.dropped()),
            seen: self.paused.map_or(log.total(), |pause| pause.seen),
        });
    }

    pub(crate) fn follow(&mut self) {
        self.paused = None;
    }

    pub(crate) fn shift_left(&mut self) {
        self.shift = self.shift.saturating_sub(Self::SHIFT_STEP);
    }

    pub(crate) fn shift_right(&mut self) {
        self.shift = (self.shift + Self::SHIFT_STEP).min(Self::SHIFT_MAX);
    }
}

/// Position in a list that is read from its top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListScroll {
    /// Lines scrolled out at the top.
    pub(crate) offset: u16,
    page: u16,
    lines: u16,
}

impl ListScroll {
    /// Told by each frame. Lines that came in at the top while it was scrolled move the offset along.
    pub(crate) fn measure(&mut self, page: u16, lines: u16) {
        if self.offset > 0 && self.lines > 0 {
            self.offset = self.offset.saturating_add(lines.saturating_sub(self.lines));
        }
        self.page = page;
        self.lines = lines;
        self.offset = self.offset.min(self.last());
    }

    pub(crate) fn scrolls(&self) -> bool {
        self.last() > 0
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

    fn last(&self) -> u16 {
        self.lines.saturating_sub(self.page)
    }
}

/// Quitting would decide about a Temporal that lives or is about to: so it asks.
pub(crate) fn quit_asks(model: &Model) -> bool {
    let alive = match model.state {
        StateView::Starting
        | StateView::Ready
        | StateView::Degraded
        | StateView::Stopping
        | StateView::Backoff => true,
        StateView::Stopped | StateView::Failed => false,
    };
    alive && model.managed && !model.attached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::SampleLog;

    #[test]
    fn a_paused_log_stands_still_while_lines_come_and_go() {
        let mut log = SampleLog::numbered(100);
        let mut scroll = LogScroll { page: 10, ..LogScroll::default() };
        assert_eq!(scroll.first_index(&log, 10), 90);
        scroll.scroll(Move::Up(5), &log);
        assert_eq!(scroll.first_index(&log, 10), 85);
        log.push_numbered(30);
        assert_eq!(scroll.first_index(&log, 10), 85);
        assert_eq!(scroll.unseen(&log), 30);
        log.evict(50);
        assert_eq!(scroll.first_index(&log, 10), 35, "the same line has a smaller index");
        log.evict(60);
        assert_eq!(scroll.first_index(&log, 10), 0, "it is gone: the oldest that is left");
    }

    #[test]
    fn reaching_the_end_follows_again() {
        let log = SampleLog::numbered(100);
        let mut scroll = LogScroll { page: 10, ..LogScroll::default() };
        scroll.scroll(Move::Up(1), &log);
        assert!(!scroll.follows());
        scroll.scroll(Move::Down(1), &log);
        assert!(scroll.follows());
        scroll.scroll(Move::First, &log);
        assert_eq!(scroll.first_index(&log, 10), 0);
        scroll.scroll(Move::Last, &log);
        assert!(scroll.follows());
    }

    #[test]
    fn what_fits_does_not_scroll() {
        let log = SampleLog::numbered(10);
        let mut scroll = LogScroll { page: 10, ..LogScroll::default() };
        scroll.scroll(Move::Up(1), &log);
        assert!(scroll.follows());
    }

    #[test]
    fn entries_that_come_in_above_do_not_move_the_list() {
        let mut scroll = ListScroll::default();
        scroll.measure(10, 40);
        scroll.scroll(Move::Down(5));
        scroll.measure(10, 43);
        assert_eq!(scroll.offset, 8);
        scroll.scroll(Move::Last);
        assert_eq!(scroll.offset, 33);
        scroll.measure(10, 12);
        assert_eq!(scroll.offset, 2);
    }
}
