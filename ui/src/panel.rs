//! The panels, one file each: a model and a rectangle in, cells out.

mod components;
mod confirm;
mod entry;
mod failure;
mod footer;
mod header;
mod health;
mod help;
mod line;
mod log;
mod main_panel;
mod page;
mod probe;
mod question;
mod quit;
mod reduced;
mod resources;
mod restarts;
mod state;
#[cfg(test)]
mod tests;
mod timeline;
mod tiny;
mod workflows;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::input::Key;
use crate::keymap::Context;
use crate::layout::{self, Parts, Shape};
use crate::log::LogSource;
use crate::model::{FailureView, Model, StateView};
use crate::paint::{self, Pen, Piece};
use crate::theme::Palette;
use crate::ui::Pane;
use crate::view::{Overlay, View};

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
    fn said(&self) -> Option<&'a str> {
        if self.notice.is_empty() { self.model.toast.as_deref() } else { Some(self.notice) }
    }

    /// The explanation that a given-up server gets.
    fn failure(&self) -> Option<&'a FailureView> {
        self.model.failure.as_ref().filter(|_| self.model.state == StateView::Failed)
    }
}

/// Where things ended up that are used after the frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placed {
    pub(crate) own_log: Option<Rect>,
    /// Where a word to the operator stands.
    said: Rect,
    /// The rows of the log.
    pub(crate) lines: Rect,
    hot: Vec<(Rect, Click)>,
    /// What is in front, and the row of keys below it.
    front: Option<(Rect, Rect)>,
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
    fn put(&mut self, place: Rect, click: Click) {
        self.hot.push((place, click));
    }

    pub(crate) fn at(&self, position: (u16, u16)) -> Option<Click> {
        let hit = self.hot.iter().find(|(place, _)| place.contains(position.into()));
        hit.map(|(_, click)| *click)
    }

    #[cfg(test)]
    pub(crate) fn all(&self) -> &[(Rect, Click)] {
        &self.hot
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

/// The whole screen.
pub(crate) fn screen(
    buf: &mut Buffer,
    area: Rect,
    view: &mut View,
    scene: Scene<'_>,
    own_log: OwnLog<'_>,
) -> Placed {
    paint::clear(buf, area, scene.palette.base);
    let mut placed = Placed::default();
    match view.shape {
        Shape::Tiny => {
            tiny::draw(buf, area, view, scene, &mut placed);
            return placed;
        }
        Shape::Reduced => reduced::draw(buf, area, view, scene, own_log, &mut placed),
        Shape::Wide | Shape::Compact => full(buf, area, view, scene, own_log, &mut placed),
    }
    let (rest, last_row) = layout::split_top(area, area.height.saturating_sub(1));
    let mut said = placed.said;
    if let Some(overlay) = (Context { view, model: scene.model, log: scene.log }).overlay() {
        placed.hot.clear();
        let front = match overlay {
            Overlay::Quit => quit::draw(buf, rest, view, scene, &mut placed),
            Overlay::Confirm(order) => confirm::draw(buf, rest, order, view, scene, &mut placed),
            Overlay::Help => help::draw(buf, rest, view, scene, &mut placed),
            Overlay::Line(number) => line::draw(buf, rest, number, view, scene, &mut placed),
            Overlay::Entry(id) => entry::draw(buf, rest, id, view, scene, &mut placed),
            Overlay::Components => components::draw(buf, rest, view, scene, &mut placed),
        };
        placed.front = Some((front, last_row));
        said = paint::edge(front, front.height.saturating_sub(1));
    }
    main_panel::toast(buf, said, scene);
    // Last, because how far a list scrolls is known only once it is drawn.
    let context = Context { view, model: scene.model, log: scene.log };
    paint::clear(buf, last_row, scene.palette.base);
    footer::draw(buf, last_row, &context, scene.palette, &mut placed);
    placed
}

fn full(
    buf: &mut Buffer,
    area: Rect,
    view: &mut View,
    scene: Scene<'_>,
    own_log: OwnLog<'_>,
    placed: &mut Placed,
) {
    let parts = parts(area, view.shape, scene);
    header::draw(buf, parts.header, view.shape, scene);
    health::draw(buf, parts.health, scene);
    probe::draw(buf, parts.probe, scene);
    restarts::draw(buf, parts.restarts, scene);
    resources::draw(buf, parts.resources, scene);
    workflows::draw(buf, parts.workflows, scene);
    main_panel::draw(buf, parts.main, view, scene, own_log, placed);
}

/// Where the parts of a screen with lines around them lie.
fn parts(area: Rect, shape: Shape, scene: Scene<'_>) -> Parts {
    let explanation = header::explanation(area.width.saturating_sub(4), scene);
    let work = u16::from(scene.model.workflows.is_some());
    layout::parts(area, shape, explanation, work)
}

/// A box with a title, and a note at the right end of its upper line. Returns the room for text.
fn tile(buf: &mut Buffer, area: Rect, title: &str, note: &[Piece<'_>], scene: Scene<'_>) -> Rect {
    tile_in(buf, area, title, note, scene.palette.border, scene)
}

fn tile_in(
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
fn framed_note(buf: &mut Buffer, edge: Rect, note: &[Piece<'_>]) -> u16 {
    let mut pieces = Vec::with_capacity(note.len() + 2);
    pieces.push((" ", Style::new()));
    pieces.extend_from_slice(note);
    pieces.push((" ", Style::new()));
    paint::flush_right(buf, edge, 0, &pieces)
}
