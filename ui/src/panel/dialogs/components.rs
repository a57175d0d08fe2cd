//! The list of log components with their numbers of lines.

use ratatui::layout::Rect;

use crate::draw::layout::middle;
use crate::draw::paint::{self, Pen};
use crate::explorer;
use crate::human;
use crate::panel::scene::{Canvas, Click, Scene, tile_in};

const WIDTH: u16 = 40;

/// Draws the list in the middle of `area`. Returns its place.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let scene @ Scene { palette, log, .. } = canvas.scene;
    let counts = explorer::components(log);
    let all: u64 = counts.iter().map(|(_, lines)| lines).sum();
    let items: Vec<(&str, u64)> = std::iter::once(("all", all))
        .chain(counts.iter().map(|(id, lines)| (log.component(*id), *lines)))
        .collect();
    let place = middle(area, WIDTH, (items.len() as u16).saturating_add(2));
    paint::clear(canvas.buf, place, palette.base);
    let inside = tile_in(canvas.buf, place, "Component", &[], palette.accent, scene);
    let picked = canvas.view.picked.min(items.len() - 1);
    let first = (picked + 1).saturating_sub(inside.height.into());
    for (row, (at, (name, lines))) in (0..inside.height).zip(items.iter().enumerate().skip(first)) {
        let line = Rect { y: inside.y + row, height: 1, ..inside };
        let is_picked = at == picked;
        if is_picked {
            canvas.buf.set_style(line, palette.cursor);
        }
        let count = human::count(*lines);
        let taken = paint::flush_right(canvas.buf, line, 0, &[(&count, palette.dim)]);
        let mut pen = Pen::row(canvas.buf, line, 0);
        pen.reserve(taken).put(if is_picked { "▸ " } else { "  " }, palette.key);
        match *name {
            "" => pen.put("(none)", palette.dim),
            name => pen.put(name, if is_picked { palette.strong } else { palette.text() }),
        };
        canvas.map.add(line, Click::Pick(at));
    }
    place
}
