//! The confirmation of a stop or a restart, if workflows are running or data may be lost.

use ratatui::layout::Rect;

use super::question::{self, Question};
use crate::app::keymap::Scope;
use crate::app::view::{Interruption, stop_impact};
use crate::panel::scene::{Canvas, Scene};

/// Draws the dialog in the middle of `area`. Returns its place.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect, interruption: Interruption) -> Rect {
    let (title, question) = match interruption {
        Interruption::Stop => ("Stop", "Stop the server?"),
        Interruption::Restart => ("Restart", "Restart the server?"),
        Interruption::StopAndQuit => ("Quit", "Stop the server and quit?"),
    };
    let Scene { model, palette, .. } = canvas.scene;
    let mut text = vec![(question.to_owned(), palette.strong)];
    if let Some(impact) = stop_impact(model) {
        let style = if impact.loss().is_some() { palette.error } else { palette.base };
        text.push((impact.to_string(), style));
    }
    question::draw(canvas, area, &Question { title, text, scope: Scope::Confirm, note: "" })
}
