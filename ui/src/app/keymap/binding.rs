//! The rows of the table of keys.

use ratatui::layout::Rect;

use super::context::{Context, Scope};
use crate::app::view::{Interruption, Tab};
use crate::draw::cluster::width;
use crate::draw::layout::split_left;
use crate::explorer::Move;
use crate::input::{Key, KeyCode};

/// Effect of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyCommand {
    Start,
    /// Stops or restarts the server. Asks first if workflows are running or data would be lost.
    Interrupt(Interruption),
    /// Confirms the interruption that the open dialog asks about.
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
    Follow,
    /// Opens a line or an entry, or unfolds a fold.
    Open,
    /// Opens the line or entry before or after the line or entry that is open.
    OpenAdjacent(Move),
    Copy,
    OpenFile,
    NextTheme,
    /// Passes the key to the pane of stigmer's own log.
    Pane,
    /// Passes this key, instead of the pressed key, to the pane of stigmer's own log to scroll it.
    ScrollPane(KeyCode),
    ToggleTargets,
    Log(LogCommand),
}

/// Effect of a key on the log of Temporal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogCommand {
    OpenPrompt,
    /// Closes the prompt and keeps the search.
    KeepSearch,
    /// Cancels one thing: the open prompt, else the selected range, else the search.
    Cancel,
    DeleteOne,
    DeleteAll,
    NextMatch,
    PreviousMatch,
    NextLevel,
    OpenComponents,
    Pick(Move),
    TakePicked,
    Extend(Move),
    ToggleRange,
    ToggleWrap,
    ToggleFolds,
    Clear,
    ShiftLeft,
    ShiftRight,
}

/// Section of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Temporal,
    Panels,
    Log,
    OwnLog,
    Program,
    /// Keys of dialogs and pages. The help does not list them.
    Dialog,
}

impl Group {
    pub(crate) const IN_HELP: [Self; 5] =
        [Self::Temporal, Self::Panels, Self::Log, Self::OwnLog, Self::Program];

    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Temporal => "Server",
            Self::Panels => "Tabs",
            Self::Log => "Server log",
            Self::OwnLog => "Log of stigmer",
            Self::Program => "Dashboard",
            Self::Dialog => "",
        }
    }
}

/// One row of the table.
pub(crate) struct Binding {
    pub(crate) scope: Scope,
    pub(crate) group: Group,
    /// The keys, each with its command.
    pub(crate) keys: &'static [(Key, KeyCommand)],
    /// The keys as text.
    pub(crate) shown: &'static str,
    /// Label in the footer. Empty: the footer does not show the row.
    pub(crate) short: &'static str,
    /// Description in the help or in a dialog.
    pub(crate) long: &'static str,
    /// Priority in the footer. 0 is the highest. If there is not enough room, the greatest numbers
    /// are omitted first.
    pub(crate) rank: u8,
    pub(crate) works: fn(&Context<'_>) -> bool,
    /// Message when the key is pressed and does not work. Empty: no message.
    pub(crate) why_not: fn(&Context<'_>) -> &'static str,
}

impl Binding {
    /// Returns the position of each key on the screen, if the text of the keys is drawn at `area`.
    pub(crate) fn places(&self, area: Rect) -> Vec<(Rect, Key)> {
        let first = match self.shown.split_once(' ') {
            Some((first, _)) => width(first) + 1,
            None if self.shown.chars().count() == 2 => area.width / 2,
            None => area.width,
        };
        let (first, second) = split_left(area, first);
        let places = [first, second].into_iter().filter(|place| !place.is_empty());
        places.zip(self.keys).map(|(place, (key, _))| (place, *key)).collect()
    }
}
