//! The dialog for quitting while this dashboard is the host of a running server.

use ratatui::layout::Rect;

use super::question::{self, Question};
use crate::app::keymap::Scope;
use crate::app::view::stop_impact;
use crate::loss::StopImpact;
use crate::panel::scene::{Canvas, Scene};
use crate::panel::state;

/// Below this width the first line is short, so that rows are left for the impact on workflows.
const SPELLED_OUT: u16 = 60;

/// Draws the dialog in the middle of `area`. Returns its place.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let Scene { model, palette, .. } = canvas.scene;
    let mut about = format!("Server {}", state::word(model.state));
    match model.pid {
        Some(pid) if area.width >= SPELLED_OUT => {
            about += &format!(" · generation {}, pid {pid}", model.generation);
        }
        Some(_) => about += &format!(" · gen {}", model.generation),
        None => {}
    }
    let mut text = vec![(about, palette.base)];
    match stop_impact(model) {
        // Only the answer `x` loses data, so the text names this key.
        Some(StopImpact::Lost(loss)) => text.push((format!("x: {loss}"), palette.error)),
        Some(impact @ StopImpact::Interrupted(_)) => text.push((impact.to_string(), palette.warn)),
        None => {}
    }
    let note = if model.can.background {
        "q or Ctrl-C: keep the server running in the background and quit"
    } else {
        ""
    };
    question::draw(canvas, area, &Question { title: "Quit", text, scope: Scope::Quit, note })
}
