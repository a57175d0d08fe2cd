//! Functions that draw one panel each, at its place on the screen.

use ratatui::layout::Rect;

use crate::app::view::{ActionKind, ActionStep, Interruption, Overlay};
use crate::draw::layout::{Parts, split_top};
use crate::panel::dialogs::{actions, confirm, pick, quit};
use crate::panel::pages::{self, answer, entry, line, palette};
use crate::panel::scene::Canvas;
use crate::panel::{self, failure, footer, head, tab_line};

/// Returns the screen without the footer.
fn rest(area: Rect) -> Rect {
    split_top(area, area.height - 1).0
}

/// The first two rows.
pub(super) fn head(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let Parts { state, work, .. } = Parts::of(area);
    head::draw(canvas, state, work);
    Rect { height: 2, ..state }
}

/// The tabs and the content of the open one.
pub(super) fn main(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    panel::tab(canvas, area);
    tab_line::draw(canvas, Parts::of(area).tabs);
    let place = panel::below(area);
    canvas.map.message = split_top(place, place.height - panel::MESSAGE).1;
    tab_line::message(canvas.buf, canvas.map, canvas.scene);
    place
}

pub(super) fn tiny(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    panel::tiny::draw(canvas, area);
    area
}

pub(super) fn failure(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    if let Some(failure) = canvas.scene.model.failed() {
        failure::draw(canvas.buf, area, failure, canvas.scene);
    }
    area
}

pub(super) fn footer(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let (_, place) = split_top(area, area.height - 1);
    footer::draw(canvas, place);
    place
}

pub(super) fn palette(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    canvas.view.overlay = Some(Overlay::Palette);
    palette::draw(canvas, panel::below(area))
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

pub(super) fn sources(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    pick::draw(canvas, rest(area), Overlay::Sources)
}

pub(super) fn types(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    pick::draw(canvas, rest(area), Overlay::Types)
}

/// The page of the current line.
pub(super) fn line(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let number = canvas.view.log.current().map_or(0, |row| row.first);
    line::draw(canvas, panel::below(area), number)
}

/// The page of the selected entry.
pub(super) fn entry(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let rows = &canvas.scene.model.timeline;
    let id = rows.get(canvas.view.timeline.selected(rows)).map_or(0, |row| row.id);
    entry::draw(canvas, panel::below(area), id)
}

/// The page of a workflow.
pub(super) fn workflow(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    pages::workflow::draw(canvas, panel::below(area))
}

/// The menu of actions on the selected or marked rows.
pub(super) fn actions(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    action(canvas, area, ActionStep::Menu)
}

/// The fields of a signal.
pub(super) fn form(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    action(canvas, area, ActionStep::Form)
}

pub(super) fn terminate(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    canvas.view.menu.kind = ActionKind::Terminate;
    action(canvas, area, ActionStep::Approve)
}

fn action(canvas: &mut Canvas<'_>, area: Rect, step: ActionStep) -> Rect {
    canvas.view.overlay = Some(Overlay::Action(step));
    actions::draw(canvas, rest(area), step)
}

/// The page of the newest answer.
pub(super) fn answer(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    answer::draw(canvas, panel::below(area))
}

/// The page of the selected row.
pub(super) fn row(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    pages::row::draw(canvas, panel::below(area))
}
