//! What goes into the view and what comes out of it.

/// A key press, independent of any terminal library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Which key.
    pub code: KeyCode,
    /// Held with Control.
    pub ctrl: bool,
    /// Held with Alt.
    pub alt: bool,
    /// Held with Shift. Ignored for characters, which carry it in their case.
    pub shift: bool,
}

/// The keys that the view distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
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
    /// Function key `n`.
    F(u8),
}

impl Key {
    /// The key without modifiers.
    #[must_use]
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// A character without modifiers.
    #[must_use]
    pub const fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    /// A character with Control.
    #[must_use]
    pub const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), ctrl: true, alt: false, shift: false }
    }

    /// Terminals disagree on whether Shift is reported beside an upper-case letter, and on the case beside Control.
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

/// Something happened at the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key went down.
    Key(Key),
    /// The wheel was turned away from the user by so many lines.
    ScrollUp(u16),
    /// The wheel was turned towards the user by so many lines.
    ScrollDown(u16),
    /// A click with the main button, in cells.
    Click {
        /// Column.
        x: u16,
        /// Row.
        y: u16,
    },
    /// The pointer moved with the main button held, in cells.
    Drag {
        /// Column.
        x: u16,
        /// Row.
        y: u16,
    },
    /// The main button was let go.
    Release,
    /// The terminal has another size now.
    Resize,
}

/// What the caller has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start Temporal.
    Start,
    /// Stop Temporal.
    Stop,
    /// New generation.
    Restart,
    /// Leave the dashboard.
    Quit(QuitChoice),
    /// Open `Model::ui_url` in a browser.
    OpenWebUi,
    /// Put a text on the clipboard.
    Copy(Copied),
    /// Open a log's file in a pager.
    OpenFile(LogFile),
    /// For the pane with stigmer's own log, which the caller owns.
    PaneKey(Key),
}

/// What is to be copied, bounded to what terminals take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// The lines, each with a line end.
    pub text: String,
    /// How many they are.
    pub lines: usize,
    /// Lines that did not fit any more.
    pub left_out: usize,
}

/// Whose log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFile {
    /// Temporal's.
    Temporal,
    /// That of this home's hosts.
    Own,
}

/// What becomes of Temporal when the dashboard goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuitChoice {
    /// Nothing changes: this dashboard is attached, or nothing of ours runs.
    Leave,
    /// Stop it first.
    StopAndQuit,
    /// Hand it to a background host.
    Background,
}
