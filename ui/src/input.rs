//! Input events that the view handles, and the actions that the view returns.

use crate::human;
use crate::request::WorkflowRequest;

/// A key press. Independent of the terminal library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key without its modifiers.
    pub code: KeyCode,
    /// Whether Control was held.
    pub ctrl: bool,
    /// Whether Alt was held.
    pub alt: bool,
    /// Whether Shift was held. Ignored for characters: `a` and `A` are different characters.
    pub shift: bool,
}

/// The keys that the view knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the keys")]
pub enum KeyCode {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    /// Function key with its number, from 1.
    F(u8),
}

impl Key {
    /// Returns the key without modifiers.
    #[must_use]
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// Returns a character without modifiers.
    #[must_use]
    pub const fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    /// Returns a character with Control.
    #[must_use]
    pub const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), ctrl: true, alt: false, shift: false }
    }

    /// Whether two key presses mean the same key. Terminals differ in two points, which are
    /// ignored: whether they report Shift with an upper-case letter, and which case they report
    /// with Control.
    pub(crate) fn same(self, other: Self) -> bool {
        let canonical = |key: Self| match key.code {
            KeyCode::Char(c) if key.ctrl => {
                Self { code: KeyCode::Char(c.to_ascii_lowercase()), shift: false, ..key }
            }
            KeyCode::Char(_) | KeyCode::BackTab => Self { shift: false, ..key },
            _ => key,
        };
        canonical(self) == canonical(other)
    }
}

/// An input event of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key press.
    Key(Key),
    /// The mouse wheel, upwards by a number of lines.
    ScrollUp(u16),
    /// The mouse wheel, downwards by a number of lines.
    ScrollDown(u16),
    /// The main button was pressed. Position in cells of the screen, from 0.
    Click {
        /// Column.
        x: u16,
        /// Row.
        y: u16,
    },
    /// The pointer moved while the main button was held. Position in cells of the screen, from 0.
    Drag {
        /// Column.
        x: u16,
        /// Row.
        y: u16,
    },
    /// The main button was released.
    Release,
    /// The size of the terminal changed.
    Resize,
}

/// A request to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start Temporal.
    Start,
    /// Stop Temporal.
    Stop,
    /// Restart Temporal with the same options.
    Restart,
    /// Close the dashboard.
    Quit(QuitChoice),
    /// Open [`ui_url`](crate::Model::ui_url) in a browser.
    OpenWebUi,
    /// Hide problems, or show hidden ones again.
    Dismiss(DismissRequest),
    /// Act on workflows. The outcome is a [`toast`](crate::Model::toast) or an
    /// [`answer`](crate::Model::answer).
    Workflow(WorkflowRequest),
    /// Look for a workflow of the shown namespace by its workflow ID or run ID. The caller opens its
    /// page with [`Ui::show_workflow`](crate::Ui::show_workflow).
    FindWorkflow(String),
    /// Open the history of the run of the open page as JSON in a pager.
    OpenHistory,
    /// Wait no longer for the action in [`waiting`](crate::Model::waiting).
    StopWaiting,
    /// Start, stop or restart a worker of a project.
    Worker(WorkerRequest),
    /// Restart all workers of projects that can be restarted.
    RestartWorkers,
    /// Copy a text to the clipboard of the terminal.
    Copy(CopyRequest),
    /// Open a log file in a pager.
    OpenFile(LogFile),
    /// Pass a key to the pane of stigmer's own log, which the caller draws.
    PaneKey(Key),
}

/// A command for a worker of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerRequest {
    /// Name of the worker.
    pub name: String,
    /// The command.
    pub command: UnitCommand,
}

/// A command for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitCommand {
    /// Start the unit.
    Start,
    /// Stop the unit.
    Stop,
    /// Restart the unit.
    Restart,
}

/// Problems to hide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DismissRequest {
    /// The problem with this [`id`](crate::model::ProblemRow::id).
    One(String),
    /// All problems of the model.
    All,
    /// Undo the latest request.
    Undo,
}

/// A text for the clipboard, bounded to the size that terminals accept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyRequest {
    /// The lines. Each ends with a line feed.
    pub text: String,
    /// Number of lines in `text`.
    pub lines: usize,
    /// Number of selected lines that did not fit.
    pub left_out: usize,
    /// What the text is.
    pub kind: CopyKind,
}

impl CopyRequest {
    /// Returns the message after the copy.
    #[must_use]
    pub fn message(&self) -> String {
        match (self.kind, self.left_out) {
            (CopyKind::Name, _) => format!("copied {}", self.text.trim_end()),
            (CopyKind::Command, _) => "copied the command".to_owned(),
            (CopyKind::Lines, 0) => {
                format!("copied {}", human::counted(self.lines as u64, "line", "lines"))
            }
            (CopyKind::Lines, more) => {
                let (lines, all) = (self.lines as u64, (self.lines + more) as u64);
                let (lines, all) = (human::count(lines), human::counted(all, "line", "lines"));
                format!("copied {lines} of {all} (terminal limit)")
            }
        }
    }
}

/// What a copied text is. The message about the copy names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyKind {
    /// Lines of a log or a page.
    #[default]
    Lines,
    /// The ID of a workflow, or the name of another row.
    Name,
    /// A command for a shell.
    Command,
}

/// A log that has a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFile {
    /// The log of Temporal.
    Temporal,
    /// The log of the worker of a project with this name.
    Worker(String),
    /// The log of stigmer, which the hosts of this home write.
    Own,
}

/// Effect of closing the dashboard on Temporal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuitChoice {
    /// Temporal is not affected: the dashboard is attached to another host, or no server of this
    /// host runs.
    Leave,
    /// Temporal stops before the dashboard closes.
    StopAndQuit,
    /// A background host takes over Temporal.
    Background,
}
