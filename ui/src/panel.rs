//! The panels, one file each. Each panel draws the data of a [`Scene`] into an area.

mod dialogs;
mod failure;
mod footer;
mod pages;
pub(crate) mod scene;
mod small;
mod state;
mod tabs;
#[cfg(test)]
mod tests;
mod tiles;

use ratatui::layout::Rect;

use crate::app::keymap::Context;
use crate::app::view::Overlay;
use crate::draw::layout::{self, Parts, Shape};
use crate::draw::paint;
use dialogs::{components, confirm, quit};
use pages::{entry, help, line};
use scene::{Canvas, Scene};
use small::{reduced, tiny};
use tiles::{header, health, probe, resources, restarts, workflows};

/// Draws the whole screen.
pub(crate) fn screen(canvas: &mut Canvas<'_>, area: Rect) {
    let Scene { model, log, palette, .. } = canvas.scene;
    paint::clear(canvas.buf, area, palette.base);
    match canvas.view.shape {
        Shape::Tiny => return tiny::draw(canvas, area),
        Shape::Reduced => reduced::draw(canvas, area),
        Shape::Wide | Shape::Compact => full(canvas, area),
    }
    let (rest, last_row) = layout::split_top(area, area.height.saturating_sub(1));
    let mut message = canvas.map.message;
    if let Some(overlay) = (Context { view: canvas.view, model, log }).overlay() {
        canvas.map.clicks.clear();
        let front = match overlay {
            Overlay::Quit => quit::draw(canvas, rest),
            Overlay::Confirm(interruption) => confirm::draw(canvas, rest, interruption),
            Overlay::Help => help::draw(canvas, rest),
            Overlay::Line(number) => line::draw(canvas, rest, number),
            Overlay::Entry(id) => entry::draw(canvas, rest, id),
            Overlay::Components => components::draw(canvas, rest),
        };
        canvas.map.front = Some((front, last_row));
        message = paint::edge(front, front.height.saturating_sub(1));
    }
    tabs::message(canvas.buf, message, canvas.scene);
    // Draw the footer last. Its keys depend on whether a list scrolls, which is known only after the list is
    // drawn.
    paint::clear(canvas.buf, last_row, palette.base);
    footer::draw(canvas, last_row);
}

fn full(canvas: &mut Canvas<'_>, area: Rect) {
    let (shape, scene) = (canvas.view.shape, canvas.scene);
    let parts = parts(area, shape, scene);
    header::draw(canvas.buf, parts.header, shape, scene);
    health::draw(canvas.buf, parts.health, scene);
    probe::draw(canvas.buf, parts.probe, scene);
    restarts::draw(canvas.buf, parts.restarts, scene);
    resources::draw(canvas.buf, parts.resources, scene);
    workflows::draw(canvas.buf, parts.workflows, scene);
    tabs::draw(canvas, parts.main);
}

/// Returns the areas of a wide or compact screen.
fn parts(area: Rect, shape: Shape, scene: Scene<'_>) -> Parts {
    let explanation = header::explanation(area.width.saturating_sub(4), scene);
    let work = u16::from(scene.model.workflows.is_some());
    layout::parts(area, shape, explanation, work)
}
