//! The state of the palette: the text that filters its rows, and the selected row.

use super::actions::ActionKind;
use super::scroll::ListScroll;
use super::workflow::WorkflowCursor;
use crate::draw::cluster::shorten;
use crate::draw::theme::Theme;

/// Maximum bytes of the text. A longer text was pasted by mistake.
const TEXT_MAX: usize = 1_000;

/// What a row of the palette runs. Identifies the row while other rows appear and disappear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PaletteChoice {
    /// The row of the table of keys at this position.
    Command(usize),
    /// Opens the menu of the selected row, of the marked rows, or of the open page, with this action
    /// selected.
    Act(ActionKind),
    Theme(Theme),
    /// Lists the workflows of this namespace.
    Namespace(String),
    /// Opens the page of a listed workflow.
    Workflow(Box<WorkflowCursor>),
    /// Looks for a workflow that is not listed, by its workflow ID or run ID.
    Find(String),
    /// Explains a sign of the screen.
    Sign(&'static str),
}

/// State of the palette.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PaletteCursor {
    /// All words must match.
    pub(crate) text: String,
    /// The row that the user has selected.
    pub(crate) selected: Option<PaletteChoice>,
    pub(crate) scroll: ListScroll,
}

impl PaletteCursor {
    /// Changes the text. The row that the user has selected is no longer selected.
    pub(crate) fn edit(&mut self, edit: impl FnOnce(&mut String)) {
        edit(&mut self.text);
        self.text.truncate(shorten(&self.text, TEXT_MAX).len());
        self.selected = None;
    }
}
