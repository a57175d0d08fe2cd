//! The panels, one file each: a model and a rectangle in, cells out.

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

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::keymap::Context;
use crate::app::view::{Overlay, View};
use crate::draw::layout::{self, Parts, Shape};
use crate::draw::paint;
use dialogs::{components, confirm, quit};
use pages::{entry, help, line};
use scene::{OwnLog, Placed, Scene};
use small::{reduced, tiny};
use tiles::{header, health, probe, resources, restarts, workflows};

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
    tabs::toast(buf, said, scene);
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
    tabs::draw(buf, parts.main, view, scene, own_log, placed);
}

/// Where the parts of a screen with lines around them lie.
fn parts(area: Rect, shape: Shape, scene: Scene<'_>) -> Parts {
    let explanation = header::explanation(area.width.saturating_sub(4), scene);
    let work = u16::from(scene.model.workflows.is_some());
    layout::parts(area, shape, explanation, work)
}
