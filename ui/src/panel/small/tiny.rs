//! Below the smallest screen: the state, a request for more room, what goes on, and the keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::keymap::{Context, Scope};
use crate::app::view::{Tab, View};
use crate::draw::cluster::{width, wrap_in};
use crate::draw::layout::split_top;
use crate::draw::paint::Pen;
use crate::panel::scene::{Placed, Scene};
use crate::panel::{footer, state};

mod question;

pub(crate) fn draw(
    buf: &mut Buffer,
    area: Rect,
    view: &View,
    scene: Scene<'_>,
    placed: &mut Placed,
) {
    let context = Context { view, model: scene.model, log: scene.log };
    if matches!(context.scope(), Scope::Quit | Scope::Confirm) {
        question::draw(buf, area, &context, scene, placed);
        return;
    }
    let palette = scene.palette;
    let mut pen = Pen::row(buf, area, 0);
    state::plain(&mut pen, scene.model.state, palette);
    let request = request(view.tab);
    let is_beside = pen.room() >= 2 + width(request);
    if is_beside {
        pen.gap(2).put(request, palette.dim);
    }
    let (_, below) = split_top(area, 1);
    let keys = u16::from(below.height > u16::from(!is_beside));
    let (below, last_row) = split_top(below, below.height - keys);
    let mut lines: Vec<(String, Style)> = Vec::new();
    let mut say = |text: &str, style: Style| {
        let rows = usize::from(below.height).saturating_sub(lines.len());
        lines.extend(wrap_in(text, below.width, rows).into_iter().map(|line| (line, style)));
    };
    // The next key takes it away, and shows what it hides.
    if let Some(said) = scene.said() {
        say(said, palette.selected);
    }
    if !is_beside {
        say(request, palette.dim);
    }
    let style = palette.state(scene.model.state);
    match scene.failure() {
        Some(failure) => say(&failure.cause, style),
        None => say(&state::headline(scene.model), style),
    }
    for (row, (line, style)) in (0..).zip(&lines) {
        Pen::row(buf, below, row).put(line, *style);
    }
    footer::draw(buf, last_row, &context, palette, placed);
}

/// For what the keys of the tabs have chosen.
fn request(tab: Tab) -> &'static str {
    match tab {
        Tab::Log => "needs 40x10",
        Tab::Timeline => "needs 40x10 for the timeline",
        Tab::OwnLog => "needs 40x10 for stigmer's log",
    }
}
