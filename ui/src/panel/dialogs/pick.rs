//! A list of which one item is taken: the sources of the log, or the types of workflows.

use ratatui::layout::Rect;

use crate::app::view::{Overlay, pick};
use crate::draw::layout::middle;
use crate::draw::paint::{self, Pen};
use crate::human;
use crate::panel::scene::{Canvas, Click, Scene, dialog_box};

const WIDTH: u16 = 40;

/// Draws the list in the middle of `area`. Returns its place.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect, list: Overlay) -> Rect {
    let scene @ Scene { palette, log, model, .. } = canvas.scene;
    let items = pick::items(canvas.view, list, model, log);
    let title = if list == Overlay::Types { "Type" } else { "Source" };
    let place = middle(area, WIDTH, (items.len() as u16).saturating_add(2));
    let inside = dialog_box(canvas.buf, place, title, scene);
    let picked = canvas.view.picked.min(items.len().saturating_sub(1));
    let first = (picked + 1).saturating_sub(inside.height.into());
    for (row, (at, item)) in (0..inside.height).zip(items.iter().enumerate().skip(first)) {
        let line = Rect { y: inside.y + row, height: 1, ..inside };
        let is_picked = at == picked;
        if is_picked {
            canvas.buf.set_style(line, palette.cursor);
        }
        let count = item.count.map(human::count).unwrap_or_default();
        let taken = paint::flush_right(canvas.buf, line, 0, &[(&count, palette.dim)]);
        let mut pen = Pen::row(canvas.buf, line, 0);
        pen.reserve(taken).put(if is_picked { "▸ " } else { "  " }, palette.key);
        pen.gap(if item.is_part { 2 } else { 0 });
        match item.name.as_str() {
            "" => pen.put("(none)", palette.dim),
            name => pen.put(name, if is_picked { palette.strong } else { palette.text() }),
        };
        canvas.map.add(line, Click::Pick(at));
    }
    place
}
