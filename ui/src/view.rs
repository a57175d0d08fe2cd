//! What the view remembers between frames: the open tab, where each list is scrolled to, the overlay.

use crate::explorer::{Explorer, Move, Place};
use crate::layout::Shape;
use crate::model::{Model, StateView};
use crate::theme::{Symbols, Theme};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// Of the last frame: what does not fit cannot be opened.
    pub(crate) shape: Shape,
    pub(crate) tab: Tab,
    pub(crate) log: Explorer,
    pub(crate) timeline: Entries,
    pub(crate) overlay: Option<Overlay>,
    /// Of the page in front: help, a line, an entry.
    pub(crate) page: ListScroll,
    /// Of the list in front.
    pub(crate) picked: usize,
    pub(crate) prompt: Option<Prompt>,
    pub(crate) theme: Theme,
    pub(crate) symbols: Symbols,
}

impl View {
    /// A page is read from its top.
    pub(crate) fn open(&mut self, overlay: Overlay) {
        self.overlay = Some(overlay);
        self.page = ListScroll::default();
    }
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

    /// Where there is no room for a title.
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::Log => " 1 ",
            Self::Timeline => " 2 ",
            Self::OwnLog => " 3 ",
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
    /// Workflows run: is it meant?
    Confirm(Order),
    /// The log line with this number in full.
    Line(u64),
    /// An entry of the timeline in full, counted from the oldest.
    Entry(usize),
    /// The choice of a component.
    Components,
}

/// A command that ends what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Stop,
    Restart,
}

/// A pattern being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prompt {
    pub(crate) text: String,
    /// Where one looked before.
    pub(crate) begun: Place,
}

/// The timeline: one entry is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    pub(crate) scroll: ListScroll,
    /// Counted from the oldest, so that it stays the same entry; absent: the newest.
    chosen: Option<usize>,
}

impl Entries {
    /// As many as a page of a usual screen holds.
    const PAGE: usize = 5;

    /// Which one of `entries`, counted from the newest.
    pub(crate) fn chosen(&self, entries: usize) -> usize {
        let last = entries.saturating_sub(1);
        self.chosen.map_or(0, |chosen| last.saturating_sub(chosen))
    }

    pub(crate) fn choose(&mut self, from_newest: usize, entries: usize) {
        let from_newest = from_newest.min(entries.saturating_sub(1));
        self.chosen = (from_newest > 0).then(|| entries - 1 - from_newest);
    }

    pub(crate) fn go(&mut self, by: Move, entries: usize) {
        let at = self.chosen(entries);
        let to = match by {
            Move::Up(n) => at.saturating_sub(n.into()),
            Move::Down(n) => at + usize::from(n),
            Move::PageUp => at.saturating_sub(Self::PAGE),
            Move::PageDown => at + Self::PAGE,
            Move::First => 0,
            Move::Last => usize::MAX,
        };
        self.choose(to, entries);
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

    /// Scrolls as far as needed to have these lines in sight, the first of them at any rate.
    pub(crate) fn reveal(&mut self, first: u16, last: u16) {
        let lowest = (last + 1).saturating_sub(self.page);
        self.offset = self.offset.max(lowest).min(first).min(self.last());
    }

    fn last(&self) -> u16 {
        self.lines.saturating_sub(self.page)
    }
}

/// Stopping would interrupt somebody's work.
pub(crate) fn interrupts(model: &Model) -> bool {
    model.managed && model.workflows.as_ref().is_some_and(|workflows| workflows.running > 0)
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
