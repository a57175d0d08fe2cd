//! The help: all keys, from the table of keys, and the meaning of the signs.

use ratatui::layout::Rect;

use super::page::{Line, Page, Widths};
use crate::app::keymap::{self, Context, Group, Scope};
use crate::app::view::{Source, Tab, View};
use crate::panel::scene::{Canvas, Scene};

const WIDTHS: Widths = Widths { page: 78, names: 11 };

/// Sign in front of a key that has no effect now, because colour must not be the only sign.
const UNAVAILABLE: &str = "–";

const LEGEND: [(&str, &str); 8] = [
    (UNAVAILABLE, "before a key's text: the key has no effect now"),
    ("✗ ▲ ↻", "a problem: somebody must act, it may heal itself, for your information"),
    ("✗5", "after a tab: the number of problems for which somebody must act"),
    ("✓ ✗ –", "a check passes, fails, does not apply or has not run yet"),
    ("×", "in a graph: a failed check or a failed workflow"),
    ("▸ *", "the selected row, a marked row"),
    ("+", "before lines: routine lines of the server, Enter shows them"),
    ("30 min", "closed workflows of the last 30 minutes"),
];

/// Draws the help in the middle of `area`. Returns its place.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let lines = lines(canvas.view, canvas.scene);
    Page { title: "Help", lines: &lines, widths: WIDTHS }.draw(canvas, area)
}

fn lines(view: &mut View, scene: Scene<'_>) -> Vec<Line<'static>> {
    let palette = scene.palette;
    // A click on a key in the help closes the help first. So the help counts as closed when this function
    // determines which keys work.
    let overlay = view.overlay.take();
    let context = Context { view, model: scene.model, log: scene.log };
    let mut lines = Vec::new();
    // The help lists the keys of a log only if its tab is open.
    let is_page = view.workflow.is_some();
    let scope = if is_page { Scope::Workflow } else { Scope::Screen };
    let is_here = |group: &Group| match group {
        Group::Unit | Group::Workflow => true,
        Group::Action => is_page || view.list().is_some(),
        _ if is_page => false,
        Group::OwnLog => view.tab == Tab::Logs && view.source == Source::Stigmer,
        Group::Log => view.tab == Tab::Logs,
        Group::Rows => view.list().is_some(),
        Group::Program | Group::Dialog => true,
    };
    for group in Group::IN_HELP.into_iter().filter(is_here) {
        let scope = if group == Group::Action { Scope::Actions } else { scope };
        let bindings = keymap::in_scope(scope).filter(|it| it.group == group);
        let mut bindings = bindings.peekable();
        if bindings.peek().is_none() {
            continue;
        }
        lines.push(Line::heading(group.heading(), palette.title));
        for binding in bindings {
            lines.push(if group == Group::Action {
                Line::words(binding.shown, palette.key, binding.long, palette.base)
            } else if (binding.works)(&context) {
                let line = Line::words(binding.shown, palette.key, binding.long, palette.base);
                Line { binding: Some(binding), ..line }
            } else {
                let text = format!("{UNAVAILABLE} {}", binding.long);
                Line::words(binding.shown, palette.dim, text, palette.dim)
            });
        }
        lines.push(Line::heading("", palette.base));
    }
    lines.push(Line::heading("Signs", palette.title));
    lines.extend(
        LEGEND.map(|(sign, meaning)| Line::words(sign, palette.strong, meaning, palette.base)),
    );
    view.overlay = overlay;
    lines
}
