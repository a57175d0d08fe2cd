//! What the panels share: the data they draw from, the places they report, and the frame around them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::draw::layout::{self, Pane};
use crate::draw::paint::{self, Pen, Piece};
use crate::draw::theme::Palette;
use crate::input::Key;
use crate::log::LogSource;
use crate::model::{FailureView, Model, StateView};

/// What all panels draw from.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) model: &'a Model,
    pub(crate) log: &'a dyn LogSource,
    pub(crate) palette: &'a Palette,
    pub(crate) notice: &'a str,
}

impl<'a> Scene<'a> {
    /// What the operator is told for a moment: a refusal before anything else.
    pub(crate) fn said(&self) -> Option<&'a str> {
        if self.notice.is_empty() { self.model.toast.as_deref() } else { Some(self.notice) }
    }

    /// The explanation that a given-up server gets.
    pub(crate) fn failure(&self) -> Option<&'a FailureView> {
        self.model.failure.as_ref().filter(|_| self.model.state == StateView::Failed)
    }
}

/// Where things ended up that are used after the frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placed {
    pub(crate) own_log: Option<Rect>,
    /// Where a word to the operator stands.
    pub(crate) said: Rect,
    /// The rows of the log.
    pub(crate) lines: Rect,
    pub(crate) hot: Vec<(Rect, Click)>,
    /// What is in front, and the row of keys below it.
    pub(crate) front: Option<(Rect, Rect)>,
}

/// What a click on a place means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Click {
    Key(Key),
    /// On a key in the help, which gives way to it.
    InHelp(Key),
    /// On the log line with this number.
    Line(u64),
    /// On the entry of the timeline with this id.
    Entry(u64),
    /// On an item of the list in front.
    Pick(usize),
}

impl Placed {
    pub(crate) fn put(&mut self, place: Rect, click: Click) {
        self.hot.push((place, click));
    }

    pub(crate) fn at(&self, position: (u16, u16)) -> Option<Click> {
        let hit = self.hot.iter().find(|(place, _)| place.contains(position.into()));
        hit.map(|(_, click)| *click)
    }

    /// Beside what is in front.
    pub(crate) fn is_outside(&self, position: (u16, u16)) -> bool {
        self.front.is_some_and(|(front, keys)| {
            !front.contains(position.into()) && !keys.contains(position.into())
        })
    }
}

/// Draws the pane that belongs to the caller.
pub(crate) type OwnLog<'a> = &'a mut dyn FnMut(Pane, &mut Buffer);

/// A box with a title, and a note at the right end of its upper line. Returns the room for text.
pub(crate) fn tile(
    buf: &mut Buffer,
    area: Rect,
    title: &str,
    note: &[Piece<'_>],
    scene: Scene<'_>,
) -> Rect {
    tile_in(buf, area, title, note, scene.palette.border, scene)
}

pub(crate) fn tile_in(
    buf: &mut Buffer,
    area: Rect,
    title: &str,
    note: &[Piece<'_>],
    border: Style,
    scene: Scene<'_>,
) -> Rect {
    let inside = paint::frame(buf, area, border);
    let edge = paint::edge(area, 0);
    let taken = if note.is_empty() { 0 } else { framed_note(buf, edge, note) };
    Pen::row(buf, edge, 0)
        .reserve(taken)
        .put(" ", border)
        .put(title, scene.palette.title)
        .put(" ", border);
    layout::inset(inside, 1)
}

/// A note within a line, with a space at both sides.
pub(crate) fn framed_note(buf: &mut Buffer, edge: Rect, note: &[Piece<'_>]) -> u16 {
    let mut pieces = Vec::with_capacity(note.len() + 2);
    pieces.push((" ", Style::new()));
    pieces.extend_from_slice(note);
    pieces.push((" ", Style::new()));
    paint::flush_right(buf, edge, 0, &pieces)
}
