//! Functions that draw one panel each, at its place on the screen.

use ratatui::layout::Rect;

use crate::app::view::{Interruption, Overlay};
use crate::draw::layout::{Parts, Shape, split_top};
use crate::panel::dialogs::{components, confirm, quit};
use crate::panel::pages::{entry, help, line};
use crate::panel::scene::Canvas;
use crate::panel::small::{reduced, tiny};
use crate::panel::tiles::{header, health, probe, resources, restarts, workflows};
use crate::panel::{self, failure, footer, tabs};

fn parts(canvas: &Canvas<'_>, area: Rect) -> Parts {
    panel::parts(area, canvas.view.shape, canvas.scene)
}

/// Returns the screen without the footer.
fn rest(area: Rect) -> Rect {
    split_top(area, area.height - 1).0
}

pub(super) fn header(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let place = parts(canvas, area).header;
    header::draw(canvas.buf, place, canvas.view.shape, canvas.scene);
    place
}

pub(super) fn health(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let place = parts(canvas, area).health;
    health::draw(canvas.buf, place, canvas.scene);
    place
}

pub(super) fn probe(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let place = parts(canvas, area).probe;
    probe::draw(canvas.buf, place, canvas.scene);
    place
}

pub(super) fn restarts(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let place = parts(canvas, area).restarts;
    restarts::draw(canvas.buf, place, canvas.scene);
    place
}

pub(super) fn resources(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let place = parts(canvas, area).resources;
    resources::draw(canvas.buf, place, canvas.scene);
    place
}

pub(super) fn workflows(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let place = parts(canvas, area).workflows;
    workflows::draw(canvas.buf, place, canvas.scene);
    place
}

/// Draws the main panel: in a box, or below the facts of a small screen.
pub(super) fn main(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let main = if canvas.view.shape == Shape::Reduced {
        reduced::draw(canvas, area);
        reduced::parts(area, canvas.scene).main
    } else {
        let main = parts(canvas, area).main;
        tabs::draw(canvas, main);
        main
    };
    tabs::message(canvas.buf, canvas.map.message, canvas.scene);
    main
}

/// Draws the facts of a small screen, with the line below them.
pub(super) fn reduced(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    reduced::draw(canvas, area);
    let header = reduced::parts(area, canvas.scene).header;
    Rect { height: header.height + 1, ..header }
}

pub(super) fn tiny(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    tiny::draw(canvas, area);
    area
}

pub(super) fn failure(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    if let Some(failure) = canvas.scene.failure() {
        failure::draw(canvas.buf, area, failure, canvas.scene);
    }
    area
}

pub(super) fn footer(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let (_, place) = split_top(area, area.height - 1);
    footer::draw(canvas, place);
    place
}

pub(super) fn help(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    help::draw(canvas, rest(area))
}

pub(super) fn quit(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    quit::draw(canvas, rest(area))
}

pub(super) fn stop(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    confirmation(canvas, area, Interruption::Stop)
}

pub(super) fn restart(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    confirmation(canvas, area, Interruption::Restart)
}

fn confirmation(canvas: &mut Canvas<'_>, area: Rect, interruption: Interruption) -> Rect {
    // The keys of the dialog depend on which dialog is open, so open this dialog.
    canvas.view.overlay = Some(Overlay::Confirm(interruption));
    confirm::draw(canvas, rest(area), interruption)
}

pub(super) fn components(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    components::draw(canvas, rest(area))
}

/// Draws the page of the current log line.
pub(super) fn line(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let number = canvas.view.log.current().map_or(0, |row| row.first);
    line::draw(canvas, rest(area), number)
}

/// Draws the page of the selected timeline entry.
pub(super) fn entry(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let rows = &canvas.scene.model.timeline;
    let id = rows.get(canvas.view.timeline.selected(rows)).map_or(0, |row| row.id);
    entry::draw(canvas, rest(area), id)
}
