//! The state as a word and a sign, and the line that says what goes on.

use crate::draw::paint::Pen;
use crate::draw::theme::Palette;
use crate::model::{Model, StateView};

const LONGEST: u16 = 8;

/// Columns of [`badge`], the same for every state so that what follows stands still.
pub(super) const BADGE_COLUMNS: u16 = LONGEST + 4;

pub(super) fn word(state: StateView) -> &'static str {
    match state {
        StateView::Stopped => "STOPPED",
        StateView::Starting => "STARTING",
        StateView::Ready => "READY",
        StateView::Degraded => "DEGRADED",
        StateView::Stopping => "STOPPING",
        StateView::Backoff => "BACKOFF",
        StateView::Failed => "FAILED",
    }
}

fn sign(state: StateView) -> &'static str {
    match state {
        StateView::Stopped => "○",
        StateView::Starting => "◐",
        StateView::Ready => "●",
        StateView::Degraded => "▲",
        StateView::Stopping => "◑",
        StateView::Backoff => "↻",
        StateView::Failed => "✖",
    }
}

/// The first and brightest word on the screen.
pub(super) fn badge(pen: &mut Pen<'_>, state: StateView, palette: &Palette) {
    let style = palette.badge(state);
    pen.put(" ", style).put(sign(state), style).put(" ", style);
    pen.put(word(state), style).put(" ", style);
    pen.gap(LONGEST.saturating_sub(word(state).len() as u16));
}

/// Without ground, for where there is no room for it.
pub(super) fn plain(pen: &mut Pen<'_>, state: StateView, palette: &Palette) {
    let style = palette.badge(state);
    pen.put(sign(state), style).put(" ", style).put(word(state), style);
}

/// What it does now, and what the operator should know. Never empty.
pub(super) fn headline(model: &Model) -> String {
    match (model.doing.as_str(), model.message.as_str()) {
        ("", "") => quiet(model).to_owned(),
        (doing, "") => doing.to_owned(),
        ("", message) => message.to_owned(),
        (doing, message) if doing == message => doing.to_owned(),
        (doing, message) => format!("{doing} · {message}"),
    }
}

fn quiet(model: &Model) -> &'static str {
    match model.state {
        StateView::Ready if !model.managed => "not started by stigmer",
        StateView::Ready if model.adopted => "every layer answers; taken over from an earlier host",
        StateView::Ready => "every layer answers",
        StateView::Stopped if model.can.start => "press s to start it",
        StateView::Stopped => "nothing runs",
        StateView::Starting => "waiting until every layer answers",
        StateView::Degraded => "runs, but not every layer answers",
        StateView::Stopping => "waiting until the last of its processes is gone",
        StateView::Backoff => "down; the next start waits",
        StateView::Failed => "gave up; press s to try again",
    }
}
