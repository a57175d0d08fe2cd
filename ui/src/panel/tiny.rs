//! Below the smallest screen: the state, and a request for more room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Click, Placed, Scene, state};
use crate::keymap::{self, Context, Scope};
use crate::paint::Pen;
use crate::view::View;

const REQUEST: &str = "needs 40x10";

pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    view: &View,
    scene: Scene<'_>,
    placed: &mut Placed,
) {
    let palette = scene.palette;
    let context = Context { view, model: scene.model, log: scene.log };
    if matches!(context.scope(), Scope::Quit | Scope::Confirm) {
        // The question still has to be answerable.
        let choices = keymap::in_scope(context.scope());
        let choices = choices.filter(|it| (it.works)(&context) && it.rank == 0);
        let mut x = 0;
        for (row, choice) in (0..).zip(choices) {
            let rows = area.height >= 3;
            let mut pen = Pen::row(buf, area, if rows { row } else { 0 });
            pen.to(if rows { 0 } else { x });
            let from = pen.x();
            pen.left(
                choice.shown,
                if rows { 4 } else { 0 }.max(choice.shown.len() as u16),
                palette.key,
            );
            pen.gap(u16::from(!rows)).put(choice.short, palette.base);
            let place = Rect {
                x: from,
                y: area.y + if rows { row } else { 0 },
                width: pen.x() - from,
                height: 1,
            };
            x = pen.x() - area.x + 2;
            if let Some((key, _)) = choice.keys.first() {
                placed.put(place, Click::Key(*key));
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
