//! Below the smallest screen: the state, and a request for more room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Scene, state};
use crate::keymap::{self, Context, Scope};
use crate::paint::Pen;
use crate::view::{Overlay, View};

const REQUEST: &str = "needs 40x10";

pub(super) fn draw(buf: &mut Buffer, area: Rect, view: &View, scene: Scene<'_>) {
    let palette = scene.palette;
    let context = Context { view, model: scene.model, log: scene.log };
    if context.overlay() == Some(Overlay::Quit) {
        // The question still has to be answerable.
        let choices = keymap::in_scope(Scope::Quit).filter(|it| (it.works)(&context));
        if area.height >= 3 {
            for (row, choice) in (0..).zip(choices) {
                Pen::row(buf, area, row)
                    .left(choice.shown, 4, palette.key)
                    .put(choice.short, palette.base);
            }
        } else {
            let mut pen = Pen::row(buf, area, 0);
            for choice in choices {
                pen.put(choice.shown, palette.key).gap(1).put(choice.short, palette.base).gap(2);
            }
        }
        return;
    }
    let mut pen = Pen::row(buf, area, 0);
    state::plain(&mut pen, scene.model.state, palette);
    if usize::from(pen.room()) > REQUEST.len() {
        pen.gap(2).put(REQUEST, palette.dim);
    } else {
        Pen::row(buf, area, 1).put(REQUEST, palette.dim);
    }
}
