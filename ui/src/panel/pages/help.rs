//! All keys and what the signs mean, from the same table that dispatches them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::page::{Line, Page, Widths};
use crate::app::keymap::{self, Command, Context, Group, Scope};
use crate::app::view::{Tab, View};
use crate::panel::scene::{Placed, Scene};

const WIDTHS: Widths = Widths { page: 78, names: 11 };

const LEGEND: [(&str, &str); 6] = [
    ("✓ ✗ –", "a layer passes, fails, does not count yet or at all"),
    ("×", "a probe that failed, in the graph of latencies"),
    ("✕", "a restart, on the time axis"),
    ("▸", "the line that is looked at; lines that are folded"),
    ("gen", "generation: the number of this Temporal, never used again"),
    ("RSS", "memory of all its processes together"),
];

pub(crate) fn draw(
    buf: &mut Buffer,
    area: Rect,
    view: &mut View,
    scene: Scene<'_>,
    placed: &mut Placed,
) -> Rect {
    let lines = lines(view, scene);
    Page { title: "Help", lines: &lines, widths: WIDTHS }.draw(
        buf,
        area,
        &mut view.page,
        scene,
        placed,
    )
}

/// Keys that do nothing now are dim, and said to.
fn lines(view: &mut View, scene: Scene<'_>) -> Vec<Line<'static>> {
    let palette = scene.palette;
    // Judged as if the help were closed: that is where the keys will be pressed.
    let overlay = view.overlay.take();
    let context = Context { view, model: scene.model, log: scene.log };
    let mut lines = Vec::new();
    // The keys of a tab are news only to who looks at it.
    let here = |group: &Group| match group {
        Group::OwnLog => view.tab == Tab::OwnLog,
        Group::Log => view.tab == Tab::Log,
        Group::Temporal | Group::Panels | Group::Program | Group::Dialog => true,
    };
    for group in Group::IN_HELP.into_iter().filter(here) {
        lines.push(Line::heading(group.heading(), palette.title));
        for binding in keymap::in_scope(Scope::Screen).filter(|it| it.group == group) {
            let is_open = matches!(binding.keys, [(_, Command::Show(tab))] if *tab == view.tab);
            let why_dim = if is_open { "(open)" } else { "(not now)" };
            lines.push(if (binding.works)(&context) {
                let line = Line::words(binding.shown, palette.key, binding.long, palette.base);
                Line { binding: Some(binding), ..line }
            } else {
                let text = format!("{why_dim} {}", binding.long);
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
