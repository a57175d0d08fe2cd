//! The rows of the table of keys.

use ratatui::layout::Rect;

use super::context::{Context, Scope};
use crate::app::view::{Order, Tab};
use crate::draw::cluster::width;
use crate::draw::layout::split_left;
use crate::explorer::Move;
use crate::input::{Key, KeyCode};

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Start,
    Order(Order),
    /// The answer to the question whether an order is meant.
    Confirm,
    Quit,
    StopAndQuit,
    Background,
    OpenWebUi,
    OpenHelp,
    CloseOverlay,
    Show(Tab),
    NextTab,
    PreviousTab,
    Scroll(Move),
    ShiftLeft,
    ShiftRight,
    Follow,
    Extend(Move),
    ToggleMark,
    /// Opens a fold, a line or an entry in full.
    Open,
    /// From what lies open in full to the one beside it.
    OpenBeside(Move),
    Copy,
    OpenPrompt,
    /// Stops searching, or drops the selection.
    Leave,
    KeepSearch,
    EraseOne,
    EraseAll,
    NextMatch,
    PreviousMatch,
    NextLevel,
    OpenComponents,
    Pick(Move),
    TakePicked,
    ToggleWrap,
    ToggleFolds,
    Clear,
    OpenFile,
    NextTheme,
    /// Hand the key to the pane of stigmer's own log.
    Pane,
    /// Scroll in that pane, as this key of it does.
    ScrollPane(KeyCode),
    ToggleTargets,
}

/// Headings of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Temporal,
    Panels,
    Log,
    OwnLog,
    Program,
    Dialog,
}

impl Group {
    pub(crate) const IN_HELP: [Self; 5] =
        [Self::Temporal, Self::Panels, Self::Log, Self::OwnLog, Self::Program];

    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Temporal => "Temporal",
            Self::Panels => "Panels",
            Self::Log => "Temporal's log",
            Self::OwnLog => "stigmer's own log",
            Self::Program => "This dashboard",
            Self::Dialog => "",
        }
    }
}

/// One row of the table.
pub(crate) struct Binding {
    pub(crate) scope: Scope,
    pub(crate) group: Group,
    /// The keys and what each does.
    pub(crate) keys: &'static [(Key, Command)],
    /// The keys as they are written.
    pub(crate) shown: &'static str,
    /// A word for the footer; empty: not shown there.
    pub(crate) short: &'static str,
    /// A line for the help.
    pub(crate) long: &'static str,
    /// The footer drops the greatest first when it is short of room.
    pub(crate) rank: u8,
    pub(crate) works: fn(&Context<'_>) -> bool,
    /// Said when the key is pressed and does not work; empty: nothing is said.
    pub(crate) why_not: fn(&Context<'_>) -> &'static str,
}

impl Binding {
    /// Where each of its keys stands, of those that are written at `all`.
    pub(crate) fn places(&self, all: Rect) -> Vec<(Rect, Key)> {
        let first = match self.shown.split_once(' ') {
            Some((first, _)) => width(first) + 1,
            None if self.shown.chars().count() == 2 => all.width / 2,
            None => all.width,
        };
        let (first, second) = split_left(all, first);
        let places = [first, second].into_iter().filter(|place| !place.is_empty());
        places.zip(self.keys).map(|(place, (key, _))| (place, *key)).collect()
    }
}
