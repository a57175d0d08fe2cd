//! The rows of the table of keys.

use ratatui::layout::Rect;

use super::context::{Context, Scope};
use crate::app::view::{ActionKind, Interruption, Tab};
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
    RestartWorkers,
    OpenWebUi,
    CloseOverlay,
    Show(Tab),
    NextTab,
    PreviousTab,
    Scroll(Move),
    Follow,
    /// Opens a row, a line or an entry, or unfolds a fold.
    Open,
    /// Opens the row, line or entry before or after the one that is open.
    OpenAdjacent(Move),
    /// Opens the page of the next problem (true), or of the previous one (false).
    OpenProblem(bool),
    /// Copies the selected lines, the ID of the selected row, or the open page.
    Copy,
    CopyCommand,
    OpenFile,
    /// Opens the log of the unit, on the tab of logs.
    OpenLog,
    /// Opens the history of the open run in a pager.
    OpenHistory,
    NextTheme,
    /// Passes the key to the pane of stigmer's own log.
    Pane,
    /// Passes this key, instead of the pressed key, to the pane of stigmer's own log to scroll it.
    ScrollPane(KeyCode),
    ToggleTargets,
    /// Moves the selection of the open list.
    Pick(Move),
    TakePicked,
    Palette(PaletteCommand),
    /// Waits no longer for the action that takes long.
    StopWaiting,
    Row(RowCommand),
    Action(ActionCommand),
    Prompt(PromptCommand),
    Log(LogCommand),
    Workflow(WorkflowCommand),
}

/// Effect of a key on the palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PaletteCommand {
    Open,
    /// Closes the palette and runs the selected row.
    Run,
    Select(Move),
    DeleteOne,
    DeleteAll,
}

/// Effect of a key on the page of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkflowCommand {
    /// Opens the details of the selected line, or the log.
    OpenLine,
    /// Closes the details, or else the page.
    Back,
    ToggleTasks,
}

/// Effect of a key on the rows of the overview, the workflows and the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowCommand {
    /// Lists the workflows of the selected problem one by one (true), or in one row (false).
    Expand(bool),
    NextProblem,
    PreviousProblem,
    Dismiss,
    DismissAll,
    UndoDismiss,
    /// Clears the filter if there is one, else the selection.
    Back,
    NextStatus,
    OpenTypes,
}

/// Effect of a key on the actions on workflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActionCommand {
    /// Marks the selected row, or removes its mark.
    ToggleMark,
    /// Opens the menu for the marked rows, or for the selected row.
    Open,
    /// Opens the menu for all rows that pass the filter.
    OpenFiltered,
    Choose(ActionKind),
    ChooseSelected,
    /// Selects the next or the previous entry of the menu.
    Step(bool),
    /// Copies the command of the Temporal CLI that does the same.
    Copy,
    /// Returns to the dialog or page before.
    Back,
    NextField,
    DeleteOne,
    DeleteAll,
    /// Completes a dialog: opens the next one, or requests the action.
    Send,
}

/// Effect of a key on the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PromptCommand {
    /// Opens the prompt of a search, on the tab of the logs.
    Search,
    /// Opens the prompt of the filter.
    Filter,
    /// Changes between the words of the filter and a query of Temporal.
    SwitchToQuery(bool),
    /// Closes the prompt and keeps the search or the filter. If the text is the ID of a workflow, opens
    /// its page.
    Keep,
    /// Runs the query. The prompt closes when the server has accepted the query.
    RunQuery,
    /// Closes the prompt and restores the state before.
    Cancel,
    DeleteOne,
    DeleteAll,
}

/// Effect of a key on the log of Temporal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogCommand {
    /// Clears the selected range if there is one, else ends the search.
    Cancel,
    /// Returns to the page that has opened the log.
    Back,
    NextMatch,
    PreviousMatch,
    NextProblem,
    PreviousProblem,
    NextLevel,
    OpenSources,
    Extend(Move),
    ToggleRange,
    ToggleWrap,
    ToggleFolds,
    Clear,
    ShiftLeft,
    ShiftRight,
}

/// Section of the palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Keys of the unit that the footer names.
    Unit,
    /// Keys of all workers of projects.
    Workers,
    Rows,
    Workflow,
    Log,
    OwnLog,
    Program,
    /// Keys of the menu of actions.
    Action,
    /// Keys of dialogs and pages. The palette does not list them.
    Dialog,
}

impl Group {
    pub(crate) const IN_PALETTE: [Self; 8] = [
        Self::Unit,
        Self::Workers,
        Self::Rows,
        Self::Workflow,
        Self::Log,
        Self::OwnLog,
        Self::Program,
        Self::Action,
    ];

    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Unit => "Server",
            Self::Workers => "Workers",
            Self::Rows => "Rows",
            Self::Workflow => "Page of a workflow",
            Self::Log => "Logs",
            Self::OwnLog => "Log of stigmer",
            Self::Program => "Dashboard",
            Self::Action => "Actions on workflows",
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
    /// Description in the palette or in a dialog.
    pub(crate) long: &'static str,
    /// Priority in the footer. 0 is the highest. If there is not enough room, the greatest numbers
    /// are omitted first.
    pub(crate) rank: u8,
    pub(crate) works: fn(&Context<'_>) -> bool,
    /// Reason why the key does not work, for the palette and as a message when the key is pressed.
    /// Empty: no own reason.
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
