//! The panels, one file each: a model and a rectangle in, cells out.

mod failure;
mod footer;
mod header;
mod health;
mod help;
mod log;
mod main_panel;
mod probe;
mod quit;
mod reduced;
mod resources;
mod restarts;
mod state;
mod timeline;
mod tiny;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::keymap::Context;
use crate::layout::{self, Shape};
use crate::log::LogSource;
use crate::model::{FailureView, Model, StateView};
use crate::paint::{self, Pen, Piece};
use crate::theme::Palette;
use crate::view::{Overlay, View};

#[cfg(test)]
pub(crate) use footer::shown as footer_bindings;

/// What all panels draw from.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) model: &'a Model,
    pub(crate) log: &'a dyn LogSource,
    pub(crate) palette: &'a Palette,
    pub(crate) notice: &'a str,
}

impl<'a> Scene<'a> {
    /// The explanation that a given-up server gets.
    fn failure(&self) -> Option<&'a FailureView> {
        self.model.failure.as_ref().filter(|_| self.model.state == StateView::Failed)
    }
}

/// Where things ended up that are used after the frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Placed {
    pub(crate) own_log: Option<Rect>,
    pub(crate) tabs: [Rect; 3],
}

/// Draws the pane that belongs to the caller.
pub(crate) type OwnLog<'a> = &'a mut dyn FnMut(Rect, &mut Buffer);

/// The whole screen.
pub(crate) fn screen(
    buf: &mut Buffer,
    area: Rect,
    view: &mut View,
    scene: Scene<'_>,
    own_log: OwnLog<'_>,
) -> Placed {
    paint::clear(buf, area, scene.palette.base);
    let shape = Shape::of(area);
    let placed = match shape {
        Shape::Tiny => {
            tiny::draw(buf, area, view, scene);
            return Placed::default();
        }
        Shape::Reduced => reduced::draw(buf, area, view, scene, own_log),
        Shape::Wide | Shape::Compact => full(buf, area, shape, view, scene, own_log),
    };
    match (Context { view, model: scene.model, log: scene.log }).overlay() {
        None => {}
        Some(Overlay::Quit) => quit::draw(buf, area, view, scene),
        Some(Overlay::Help) => help::draw(buf, area, view, scene),
    }
    // Last, because how far a list scrolls is known only once it is drawn.
    let context = Context { view, model: scene.model, log: scene.log };
    let (_, last_row) = layout::split_top(area, area.height.saturating_sub(1));
    paint::clear(buf, last_row, scene.palette.base);
    footer::draw(buf, last_row, &context, scene.palette);
    placed
}

fn full(
    buf: &mut Buffer,
    area: Rect,
    shape: Shape,
    view: &mut View,
    scene: Scene<'_>,
    own_log: OwnLog<'_>,
) -> Placed {
    let explanation =
        scene.failure().map_or(0, |it| failure::lines(it, area.width.saturating_sub(4)));
    let parts = layout::parts(area, shape, explanation);
    header::draw(buf, parts.header, shape, scene);
    health::draw(buf, parts.health, scene);
    probe::draw(buf, parts.probe, scene);
    restarts::draw(buf, parts.restarts, scene);
    resources::draw(buf, parts.resources, scene);
    main_panel::draw(buf, parts.main, view, scene, own_log)
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
