//! The state as a word and a sign, and the headline.

use crate::draw::paint::Pen;
use crate::draw::theme::Palette;
use crate::model::{Model, StateView};

/// Columns of the longest word.
const LONGEST: u16 = 8;

/// Columns of [`badge`]. The same for every state, so that the text after it does not move.
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

/// Draws the state on a filled background.
pub(super) fn badge(pen: &mut Pen<'_>, state: StateView, palette: &Palette) {
    let style = palette.badge(state);
    pen.put(" ", style).put(sign(state), style).put(" ", style);
    pen.put(word(state), style).put(" ", style);
    pen.gap(LONGEST.saturating_sub(word(state).len() as u16));
}

/// Draws the state without padding, for a tiny screen.
pub(super) fn plain(pen: &mut Pen<'_>, state: StateView, palette: &Palette) {
    let style = palette.badge(state);
    pen.put(sign(state), style).put(" ", style).put(word(state), style);
}

/// Returns the activity and the reason of the state, or a default text. Never empty.
pub(super) fn headline(model: &Model) -> String {
    match (model.doing.as_str(), model.message.as_str()) {
        ("", "") => default_headline(model).to_owned(),
        (doing, "") => doing.to_owned(),
        ("", message) => message.to_owned(),
        (doing, message) if doing == message => doing.to_owned(),
        (doing, message) => format!("{doing} · {message}"),
    }
}

fn default_headline(model: &Model) -> &'static str {
    match model.state {
        StateView::Ready if !model.managed => "not started by stigmer",
        StateView::Ready => "all checks pass",
        StateView::Stopped if model.can.start => "press s to start",
        StateView::Stopped => "not running",
        StateView::Starting => "waiting for all checks to pass",
        StateView::Degraded => "not all checks pass",
        StateView::Stopping => "waiting for the last process to exit",
        StateView::Backoff => "waiting for the next start",
        StateView::Failed => "gave up; press s to try again",
    }
}
