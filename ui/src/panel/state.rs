//! The state as a word and a sign, and the headline.

use ratatui::style::Style;

use crate::draw::cluster::width;
use crate::draw::paint::Pen;
use crate::draw::theme::Palette;
use crate::human;
use crate::model::{Model, StateView};

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

/// Returns the sign of a state and its style.
pub(super) fn sign(state: StateView, palette: &Palette) -> (&'static str, Style) {
    let sign = match state {
        StateView::Stopped => "○",
        StateView::Starting => "◐",
        StateView::Ready => "●",
        StateView::Degraded => "▲",
        StateView::Stopping => "◑",
        StateView::Backoff => "↻",
        StateView::Failed => "✗",
    };
    (sign, palette.state(state))
}

/// Draws the sign and the word.
pub(super) fn draw(pen: &mut Pen<'_>, state: StateView, palette: &Palette) {
    let (sign, style) = sign(state, palette);
    pen.put(sign, style).put(" ", style).put(word(state), palette.state_word(state));
}

/// Returns the columns of [`draw`].
pub(super) fn columns(state: StateView) -> u16 {
    2 + width(word(state))
}

/// Returns the age of a state whose headline has no time. Empty for other states.
pub(super) fn age(model: &Model) -> String {
    match (model.state, model.state_age_ms) {
        (StateView::Stopped, Some(ms)) => human::ago(ms),
        (StateView::Starting, Some(ms)) if ms >= 1_000 => human::age(ms),
        _ => String::new(),
    }
}

/// Returns the activity and the reason of the state. Empty if the state says it all.
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
        StateView::Ready => "",
        StateView::Stopped if model.can.start => "press s to start",
        StateView::Stopped => "not running",
        StateView::Starting => "waiting for all checks to pass",
        StateView::Degraded => "not all checks pass",
        StateView::Stopping => "waiting for the last process to exit",
        StateView::Backoff => "waiting for the next start",
        StateView::Failed => "gave up; press s to try again",
    }
}
