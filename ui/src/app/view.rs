//! The state of the view between frames: the open tab, scroll positions, the dialog or page in front.

use crate::draw::layout::Shape;
use crate::draw::theme::{Symbols, Theme};
use crate::explorer::{Explorer, LogPosition, Move};
use crate::loss::StopImpact;
use crate::model::{Model, StateView, TimelineRow};

/// State of the view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// Shape of the screen in the last frame. A page is opened only if the screen has room for it.
    pub(crate) shape: Shape,
    pub(crate) tab: Tab,
    pub(crate) log: Explorer,
    pub(crate) timeline: TimelineCursor,
    /// Whether to show the list of targets (the modules that write stigmer's own log). `None`: show the list
    /// if there is room.
    pub(crate) targets: Option<bool>,
    pub(crate) overlay: Option<Overlay>,
    /// Position in the open page: help, a line, an entry.
    pub(crate) page: ListScroll,
    /// Selected item of the open list of components. 0 is "all".
    pub(crate) picked: usize,
    pub(crate) prompt: Option<Prompt>,
    pub(crate) theme: Theme,
    pub(crate) symbols: Symbols,
}

impl View {
    pub(crate) fn shows_targets(&self) -> bool {
        self.targets.unwrap_or(self.shape == Shape::Wide)
    }

    /// Opens a tab. When the user leaves the timeline, the newest timeline entry is selected again.
    pub(crate) fn show(&mut self, tab: Tab) {
        if self.tab == Tab::Timeline && tab != self.tab {
            self.timeline = TimelineCursor::default();
        }
        self.tab = tab;
        self.overlay = None;
    }

    /// Opens a dialog or page, scrolled to its top.
    pub(crate) fn open(&mut self, overlay: Overlay) {
        self.overlay = Some(overlay);
        self.page = ListScroll::default();
    }

    /// Moves the selection of the list in front. `last` is the index of the last item of the list.
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

/// Tab of the main panel.
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

    /// Returns the title for a narrow screen.
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

/// Dialog or page in front of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlay {
    Help,
    Quit,
    /// Confirmation of a stop or restart that interrupts workflows or loses data.
    Confirm(Interruption),
    /// Page of the log line with this number.
    Line(u64),
    /// Page of the timeline entry with this id.
    Entry(u64),
    /// List of components.
    Components,
}

/// A command that ends the running server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    Stop,
    Restart,
    StopAndQuit,
}

/// Prompt for a search pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prompt {
    pub(crate) text: String,
    /// Position in the log when the prompt was opened.
    pub(crate) start: LogPosition,
}

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
    /// Number of entries that a page key moves by. A screen of usual size shows 5 entries.
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

    /// Whether the newest entry is selected. While the newest entry is selected, a new entry becomes the
    /// selected entry.
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

    /// Whether the content has more lines than the page.
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

/// Returns the impact of a stop at this moment. `None` if nothing is interrupted or lost.
pub(crate) fn stop_impact(model: &Model) -> Option<StopImpact> {
    // An adopted server may have workflows before its checks pass.
    let is_up = model.state.is_up() || model.state == StateView::Starting && model.adopted;
    StopImpact::judge(model.storage, model.count).filter(|_| model.managed && is_up)
}

/// Whether a stop now would lose data.
pub(crate) fn loses_data(model: &Model) -> bool {
    stop_impact(model).and_then(StopImpact::loss).is_some()
}

/// Whether a dialog asks before quitting: this dashboard is the host of a server that runs or is
/// about to start.
pub(crate) fn quit_asks(model: &Model) -> bool {
    let is_running = match model.state {
        StateView::Starting
        | StateView::Ready
        | StateView::Degraded
        | StateView::Stopping
        | StateView::Backoff => true,
        StateView::Stopped | StateView::Failed => false,
    };
    is_running && model.managed && !model.attached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(ids: impl DoubleEndedIterator<Item = u64>) -> Vec<TimelineRow> {
        ids.rev().map(|id| TimelineRow { id, ..TimelineRow::default() }).collect()
    }

    #[test]
    fn list_does_not_scroll_beyond_its_end() {
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
