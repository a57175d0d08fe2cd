//! What the view remembers between frames: the open tab, where each list is scrolled to, the overlay.

use crate::draw::layout::Shape;
use crate::draw::theme::{Symbols, Theme};
use crate::explorer::{Explorer, Move, Place};
use crate::loss::Stake;
use crate::model::{Model, StateView, TimelineRow};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// Of the last frame: what does not fit cannot be opened.
    pub(crate) shape: Shape,
    pub(crate) tab: Tab,
    pub(crate) log: Explorer,
    pub(crate) timeline: Entries,
    /// Whether the targets of stigmer's own log are shown; absent: where there is room.
    pub(crate) targets: Option<bool>,
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
    pub(crate) fn shows_targets(&self) -> bool {
        self.targets.unwrap_or(self.shape == Shape::Wide)
    }

    /// Opens a tab. Who comes back to the timeline wants to know what has happened now.
    pub(crate) fn show(&mut self, tab: Tab) {
        if self.tab == Tab::Timeline && tab != self.tab {
            self.timeline = Entries::default();
        }
        self.tab = tab;
        self.overlay = None;
    }

    /// A page is read from its top.
    pub(crate) fn open(&mut self, overlay: Overlay) {
        self.overlay = Some(overlay);
        self.page = ListScroll::default();
    }

    /// Moves within the list in front, whose last item is `last`.
    pub(crate) fn pick(&mut self, by: Move, last: usize) {
        self.picked = match by {
            Move::Up(_) | Move::PageUp => self.picked.saturating_sub(1),
            Move::Down(_) | Move::PageDown => self.picked + 1,
            Move::First => 0,
            Move::Last => last,
        }
        .min(last);
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
    /// The entry of the timeline with this id in full.
    Entry(u64),
    /// The choice of a component.
    Components,
}

/// A command that ends what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Stop,
    Restart,
    StopAndQuit,
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
    /// By its id, so that it stays the same entry; absent: whichever is the newest.
    chosen: Option<u64>,
    /// The newest when that was chosen.
    newest: u64,
    /// The chosen entry of the last frame, and the line where it began.
    drawn: Option<(u64, u16)>,
}

impl Entries {
    /// As many as a page of a usual screen holds.
    const PAGE: usize = 5;

    /// Its place among `rows`, the newest first. One that is gone has made place for its neighbour, the oldest.
    pub(crate) fn chosen(&self, rows: &[TimelineRow]) -> usize {
        let last = rows.len().saturating_sub(1);
        self.chosen.map_or(0, |id| rows.iter().position(|row| row.id == id).unwrap_or(last))
    }

    pub(crate) fn choose(&mut self, at: usize, rows: &[TimelineRow]) {
        let at = at.min(rows.len().saturating_sub(1));
        let was_newest = self.is_newest();
        self.chosen = rows.get(at).filter(|_| at > 0).map(|row| row.id);
        if was_newest {
            self.newest = rows.first().map_or(0, |row| row.id);
        }
    }

    /// Whichever is the newest is looked at.
    pub(crate) fn is_newest(&self) -> bool {
        self.chosen.is_none()
    }

    /// Entries that came while another one was looked at.
    pub(crate) fn unseen(&self, rows: &[TimelineRow]) -> usize {
        rows.iter().filter(|row| !self.is_newest() && row.id > self.newest).count()
    }

    pub(crate) fn choose_id(&mut self, id: u64, rows: &[TimelineRow]) {
        if let Some(at) = rows.iter().position(|row| row.id == id) {
            self.choose(at, rows);
        }
    }

    pub(crate) fn go(&mut self, by: Move, rows: &[TimelineRow]) {
        let at = self.chosen(rows);
        let to = match by {
            Move::Up(n) => at.saturating_sub(n.into()),
            Move::Down(n) => at + usize::from(n),
            Move::PageUp => at.saturating_sub(Self::PAGE),
            Move::PageDown => at + Self::PAGE,
            Move::First => 0,
            Move::Last => usize::MAX,
        };
        self.choose(to, rows);
    }

    /// Told by each frame: between which lines of so many the chosen entry `id` stands. What came in
    /// above it or fell out moves the list along with it.
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

/// Position in a list that is read from its top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListScroll {
    /// Lines scrolled out at the top.
    pub(crate) offset: u16,
    page: u16,
    lines: u16,
}

impl ListScroll {
    /// Told by each frame.
    pub(crate) fn measure(&mut self, page: u16, lines: u16) {
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

/// What stopping would interrupt or lose.
pub(crate) fn stake(model: &Model) -> Option<Stake> {
    // One that was found running has work on it before it has proven its health.
    let is_up = model.state.is_up() || model.state == StateView::Starting && model.adopted;
    Stake::judge(model.storage, model.count).filter(|_| model.managed && is_up)
}

/// Whether stopping would lose data.
pub(crate) fn loses(model: &Model) -> bool {
    stake(model).and_then(Stake::loss).is_some()
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

    fn rows(ids: impl DoubleEndedIterator<Item = u64>) -> Vec<TimelineRow> {
        ids.rev().map(|id| TimelineRow { id, ..TimelineRow::default() }).collect()
    }

    #[test]
    fn a_list_does_not_scroll_beyond_its_end() {
        let mut scroll = ListScroll::default();
        scroll.measure(10, 40);
        scroll.scroll(Move::Down(5));
        scroll.measure(10, 43);
        assert_eq!(scroll.offset, 5);
        scroll.scroll(Move::Last);
        assert_eq!(scroll.offset, 33);
        scroll.measure(10, 12);
        assert_eq!(scroll.offset, 2);
    }

    #[test]
    fn the_chosen_entry_stays_chosen_whatever_comes_and_goes() {
        let mut entries = Entries::default();
        entries.go(Move::Down(3), &rows(1..=100));
        assert_eq!(entries.chosen(&rows(1..=100)), 3);
        assert_eq!(entries.chosen(&rows(3..=102)), 5, "it is still the one with the id 97");
        assert_eq!(entries.chosen(&rows(97..=196)), 99);
        assert_eq!(entries.chosen(&rows(98..=197)), 99, "it is gone: the oldest has its place");
        entries.go(Move::Up(1), &rows(98..=197));
        assert_eq!(entries.chosen(&rows(98..=197)), 98);
        entries.go(Move::First, &rows(98..=197));
        assert_eq!(entries.chosen(&rows(99..=198)), 0, "the newest, whichever that is");
        assert_eq!(entries.chosen(&[]), 0);
    }

    #[test]
    fn the_list_moves_along_with_the_chosen_entry() {
        let mut entries = Entries::default();
        entries.measure(10, 40, 7, (20, 22));
        assert_eq!(entries.scroll.offset, 13);
        entries.measure(10, 43, 7, (23, 25));
        assert_eq!(entries.scroll.offset, 16, "three lines came in above it");
        entries.measure(10, 43, 8, (20, 22));
        assert_eq!(entries.scroll.offset, 16, "another one is chosen, and in sight");
        entries.measure(10, 43, 8, (2, 4));
        assert_eq!(entries.scroll.offset, 0);
    }
}
