//! Data that all panels draw, positions in a frame for the mouse, and boxes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::view::{PageLine, View};
use crate::draw::layout::{self, Pane};
use crate::draw::paint::{self, Pen, Piece};
use crate::draw::theme::Palette;
use crate::input::Key;
use crate::log::LogSource;
use crate::model::Model;

/// Data that all panels draw.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) model: &'a Model,
    pub(crate) log: &'a dyn LogSource,
    pub(crate) palette: &'a Palette,
    /// Reason why the last key had no effect. Empty if the key had an effect.
    pub(crate) notice: &'a str,
}

impl<'a> Scene<'a> {
    /// Returns the short message to show: the notice, or else the toast of the model, or else the
    /// action that takes long.
    pub(crate) fn message(&self) -> Option<&'a str> {
        let notice = Some(self.notice).filter(|notice| !notice.is_empty());
        notice.or(self.model.toast.as_deref()).or(self.model.waiting.as_deref())
    }

    /// Whether problems, workflows and workers are of an earlier moment.
    pub(crate) fn is_outdated(&self) -> bool {
        self.model.as_of.is_some() || !self.model.state.is_up()
    }
}

/// The buffer, the data and the state of the view, for panels that change that state (for example a
/// scroll position).
pub(crate) struct Canvas<'a> {
    pub(crate) buf: &'a mut Buffer,
    pub(crate) view: &'a mut View,
    pub(crate) scene: Scene<'a>,
    /// Draws stigmer's own log. The caller owns that log.
    pub(crate) own_log: &'a mut dyn FnMut(Pane, &mut Buffer),
    pub(crate) map: &'a mut FrameMap,
}

/// Positions of what a frame has drawn, for the mouse and for short messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct FrameMap {
    /// Place for a short message that hides nothing else: the free part of the row of the tabs, or the lower edge
    /// of a dialog.
    pub(crate) free: Rect,
    /// Place for a message that does not fit into `free`: the last rows before the footer.
    pub(crate) message: Rect,
    /// All rows of the log.
    pub(crate) log_rows: Rect,
    pub(crate) clicks: Vec<(Rect, Click)>,
    /// Area of the dialog or page in front, and area of the footer.
    pub(crate) front: Option<(Rect, Rect)>,
}

/// Effect of a click at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Click {
    Key(Key),
    /// Closes the palette and presses this key.
    PaletteKey(Key),
    /// Runs the row of the palette at this position.
    PaletteRow(usize),
    /// Lists the namespaces in the palette.
    Namespaces,
    /// Selects or opens the log line with this number.
    Line(u64),
    /// Selects or opens the timeline entry with this id.
    Entry(u64),
    /// Selects or opens the row of the open list at this position.
    Row(usize),
    /// Selects or opens the line of the page of a workflow.
    PageLine(PageLine),
    /// Shows this log on the tab of logs.
    Source(LogName),
    /// Selects the field of an action at this index.
    Field(usize),
    /// Picks the item of the open list at this index.
    Pick(usize),
}

/// A log of the tab of logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogName {
    /// The lines of the unit with this number, or of all units.
    Lines(Option<u16>),
    /// The own log of stigmer.
    Stigmer,
}

impl FrameMap {
    pub(crate) fn add(&mut self, place: Rect, click: Click) {
        self.clicks.push((place, click));
    }

    pub(crate) fn click_at(&self, position: (u16, u16)) -> Option<Click> {
        let hit = self.clicks.iter().find(|(place, _)| place.contains(position.into()));
        hit.map(|(_, click)| *click)
    }

    /// Whether a dialog or page is open and the position is neither on it nor on the footer.
    pub(crate) fn is_outside(&self, position: (u16, u16)) -> bool {
        self.front.is_some_and(|(front, footer)| {
            !front.contains(position.into()) && !footer.contains(position.into())
        })
    }
}

/// Draws the box of a dialog with a title. Returns the area inside.
pub(crate) fn dialog_box(buf: &mut Buffer, area: Rect, title: &str, scene: Scene<'_>) -> Rect {
    let palette = scene.palette;
    paint::clear(buf, area, palette.base);
    let inside = paint::frame(buf, area, palette.accent);
    Pen::row(buf, paint::edge(area, 0), 0)
        .put(" ", palette.accent)
        .put(title, palette.title)
        .put(" ", palette.accent);
    layout::inset(inside, 1)
}

/// Draws a note at the right end of a line, with a space at both sides. Returns the number of
/// columns used.
pub(crate) fn framed_note(buf: &mut Buffer, edge: Rect, note: &[Piece<'_>]) -> u16 {
    let mut pieces = Vec::with_capacity(note.len() + 2);
    pieces.push((" ", Style::new()));
    pieces.extend_from_slice(note);
    pieces.push((" ", Style::new()));
    paint::flush_right(buf, edge, 0, &pieces)
}
