//! The panels, one file each. Each panel draws the data of a [`Scene`] into an area.

mod dialogs;
mod failure;
pub(crate) mod footer;
mod head;
mod latency;
mod lists;
mod logs;
mod note;
mod overview;
mod pages;
mod reason;
pub(crate) mod scene;
mod server;
mod state;
mod tab_line;
#[cfg(test)]
mod tests;
mod timeline;
mod tiny;
mod workers;
mod workflows;

use ratatui::layout::Rect;

use crate::app::keymap::Context;
use crate::app::view::{Overlay, Tab};
use crate::draw::layout::{Parts, Shape, split_top};
use crate::draw::paint;
use dialogs::{actions, confirm, pick, quit};
use pages::{answer, entry, line, palette};
use scene::{Canvas, Scene};

/// Maximum rows of a short message.
const MESSAGE: u16 = 3;

/// Returns the rows above the content of the open tab that explain the state.
pub(crate) fn reason_rows(area: Rect, tab: Tab, scene: Scene<'_>) -> u16 {
    reason::rows(area, tab, scene)
}

/// Draws the whole screen.
pub(crate) fn screen(canvas: &mut Canvas<'_>, area: Rect) {
    let Scene { model, log, palette, .. } = canvas.scene;
    paint::clear(canvas.buf, area, palette.base);
    if canvas.view.shape == Shape::Tiny {
        return tiny::draw(canvas, area);
    }
    let parts = Parts::of(area);
    head::draw(canvas, parts.state, parts.work);
    tab(canvas, area);
    // After the content, which updates its scroll position.
    tab_line::draw(canvas, parts.tabs);
    let content = parts.content;
    canvas.map.message = split_top(content, content.height.saturating_sub(MESSAGE)).1;
    if let Some(overlay) = (Context { view: canvas.view, model, log }).overlay() {
        if overlay != Overlay::Workflow && canvas.view.workflow.is_some() {
            pages::workflow::draw(canvas, below(area));
        }
        canvas.map.clicks.clear();
        let front = self::overlay(canvas, area, overlay);
        canvas.map.front = Some((front, parts.footer));
    }
    tab_line::message(canvas.buf, canvas.map, canvas.scene);
    // Last, because a list knows whether it scrolls only after it is drawn.
    paint::clear(canvas.buf, parts.footer, palette.base);
    footer::draw(canvas, parts.footer);
}

/// Returns the third row and the rows below it, without the footer.
fn below(area: Rect) -> Rect {
    let Parts { tabs, content, .. } = Parts::of(area);
    Rect { height: tabs.height + content.height, ..tabs }
}

/// Draws the content of the open tab, below the reason for the state.
fn tab(canvas: &mut Canvas<'_>, area: Rect) {
    let open = canvas.view.tab;
    let rows = reason_rows(area, open, canvas.scene);
    let (top, content) = split_top(Parts::of(area).content, rows);
    reason::draw(canvas.buf, top, area, open, canvas.scene);
    match open {
        Tab::Overview => overview::draw(canvas),
        Tab::Workflows => workflows::draw(canvas, content),
        Tab::Workers => workers::draw(canvas, content),
        Tab::Logs => logs::draw(canvas, content),
        Tab::Server => server::draw(canvas, content),
    }
}

/// Draws a dialog or a page. Returns its place.
fn overlay(canvas: &mut Canvas<'_>, area: Rect, overlay: Overlay) -> Rect {
    let (whole, _) = split_top(area, area.height.saturating_sub(1));
    let page = below(area);
    let dialog = match overlay {
        Overlay::Palette => return palette::draw(canvas, page),
        Overlay::Line(number) => return line::draw(canvas, page, number),
        Overlay::Entry(id) => return entry::draw(canvas, page, id),
        Overlay::Row => return pages::row::draw(canvas, page),
        Overlay::Workflow => return pages::workflow::draw(canvas, page),
        Overlay::Answer => return answer::draw(canvas, page),
        Overlay::Action(step) => actions::draw(canvas, whole, step),
        Overlay::Quit => quit::draw(canvas, whole),
        Overlay::Confirm(interruption) => confirm::draw(canvas, whole, interruption),
        Overlay::Sources | Overlay::Types => pick::draw(canvas, whole, overlay),
    };
    canvas.map.message = paint::edge(dialog, dialog.height.saturating_sub(1));
    canvas.map.free = canvas.map.message;
    dialog
}
