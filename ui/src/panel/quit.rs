//! The question that quitting asks while Temporal is up.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Scene, state, tile_in};
use crate::cluster::wrap;
use crate::keymap::{self, Context, Scope};
use crate::layout::middle;
use crate::paint::{self, Pen};
use crate::view::View;

const WIDTH: u16 = 58;
const KEY: u16 = 5;

pub(super) fn draw(buf: &mut Buffer, area: Rect, view: &View, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let context = Context { view, model, log: scene.log };
    let choices: Vec<_> = keymap::in_scope(Scope::Quit).filter(|it| (it.works)(&context)).collect();
    let choices: Vec<_> = choices
        .into_iter()
        .flat_map(|it| {
            let lines = wrap(it.long, WIDTH.min(area.width).saturating_sub(4 + 1 + KEY));
            lines
                .into_iter()
                .enumerate()
                .map(|(i, line)| (if i == 0 { it.shown } else { "" }, line))
        })
        .collect();
    let blank = u16::from(area.height >= 16);
    let hint = u16::from(model.can.background);
    let height = 2 + 1 + choices.len() as u16 + hint + 4 * blank;
    let place = middle(area, WIDTH, height.min(area.height.saturating_sub(1)));
    paint::clear(buf, place, palette.base);
    let inside = tile_in(buf, place, "Quit", &[], palette.accent, scene);

    let mut row = blank;
    let mut pen = Pen::row(buf, inside, row);
    pen.put("Temporal is ", palette.base).put(state::word(model.state), palette.strong);
    if let Some(pid) = model.pid {
        pen.put(&format!(" · generation {}, pid {pid}", model.generation), palette.dim);
    }
    row += 1 + blank;
    for (key, line) in &choices {
        Pen::row(buf, inside, row).gap(1).left(key, KEY, palette.key).put(line, palette.strong);
        row += 1;
    }
    row += blank;
    if model.can.background {
        Pen::row(buf, inside, row).put("q or Ctrl-C again means b", palette.dim);
    }
}
