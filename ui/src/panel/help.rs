//! All keys and what the signs mean, from the same table that dispatches them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Scene, tile_in};
use crate::keymap::{self, Context, Group, Scope};
use crate::layout::{inset, middle};
use crate::paint::{self, Pen};
use crate::theme::Palette;
use crate::view::{Tab, View};

const WIDTH: u16 = 74;
const KEYS: u16 = 11;

const LEGEND: [(&str, &str); 5] = [
    ("✓ ✗ –", "a layer passes, fails, does not count yet or at all"),
    ("×", "a probe that failed, in the graph of latencies"),
    ("✕", "a restart, on the time axis"),
    ("gen", "generation: the number of this Temporal, never used again"),
    ("RSS", "memory of all its processes together"),
];

struct Line {
    left: &'static str,
    left_style: Style,
    right: &'static str,
    right_style: Style,
}

pub(super) fn draw(buf: &mut Buffer, area: Rect, view: &mut View, scene: Scene<'_>) {
    let palette = scene.palette;
    let lines = lines(view, scene);
    let place = middle(
        area,
        WIDTH,
        (lines.len() as u16).saturating_add(2).min(area.height.saturating_sub(1)),
    );
    paint::clear(buf, place, palette.base);
    let inside = inset(tile_in(buf, place, "Help", &[], palette.accent, scene), 1);
    view.help.measure(inside.height, lines.len() as u16);
    for (row, line) in (0..inside.height).zip(lines.iter().skip(view.help.offset.into())) {
        let mut pen = Pen::row(buf, inside, row);
        let columns = if line.right.is_empty() { inside.width } else { KEYS };
        pen.left(line.left, columns, line.left_style).put(line.right, line.right_style);
    }
    let note = if view.help.scrolls() { "↑↓ more · Esc closes" } else { "Esc closes" };
    let edge = paint::edge(place, place.height.saturating_sub(1));
    paint::flush_right(
        buf,
        edge,
        0,
        &[(" ", palette.base), (note, palette.dim), (" ", palette.base)],
    );
}

/// Keys that do nothing now are dim.
fn lines(view: &View, scene: Scene<'_>) -> Vec<Line> {
    let palette = scene.palette;
    // Judged as if the help were closed: that is where the keys will be pressed.
    let closed = View { overlay: None, ..view.clone() };
    let context = Context { view: &closed, model: scene.model, log: scene.log };
    let mut lines = Vec::new();
    // The pane's own keys are news only to who looks at it.
    let here = |group: &Group| *group != Group::OwnLog || view.tab == Tab::OwnLog;
    for group in Group::IN_HELP.into_iter().filter(here) {
        lines.push(heading(group.heading(), palette));
        for binding in keymap::in_scope(Scope::Screen).filter(|it| it.group == group) {
            let works = (binding.works)(&context);
            let (left_style, right_style) =
                if works { (palette.key, palette.base) } else { (palette.dim, palette.dim) };
            lines.push(Line { left: binding.shown, left_style, right: binding.long, right_style });
        }
        lines.push(heading("", palette));
    }
    lines.push(heading("Signs", palette));
    lines.extend(LEGEND.iter().map(|(sign, meaning)| Line {
        left: sign,
        left_style: palette.strong,
        right: meaning,
        right_style: palette.base,
    }));
    lines
}

fn heading(text: &'static str, palette: &Palette) -> Line {
    Line { left: text, left_style: palette.title, right: "", right_style: palette.base }
}
