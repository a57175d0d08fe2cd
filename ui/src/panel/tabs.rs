//! The main panel: the titles of the tabs, the content of the open tab, and short messages.

mod log;
mod note;
pub(crate) mod timeline;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::view::{Tab, View};
use crate::draw::cluster::{width, wrap_in};
use crate::draw::layout::{Pane, inset};
use crate::draw::paint::{self, Pen, Piece};
use crate::input::Key;
use crate::panel::scene::{Canvas, Click, Scene, framed_note};
use note::Note;

/// Draws the main panel in a box.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let inside = paint::frame(canvas.buf, area, canvas.scene.palette.border);
    let inside = match canvas.view.tab {
        // The content draws its signs (of selected lines, for example) in its first column, so only
        // the right side needs a margin.
        Tab::Log | Tab::Timeline => Rect { width: inside.width.saturating_sub(1), ..inside },
        Tab::OwnLog => inset(inside, 1),
    };
    content(canvas, inside);
    // The titles are drawn last: their note shows the scroll position that the content has just
    // updated.
    titles(canvas, paint::edge(area, 0));
    canvas.map.message = paint::edge(area, area.height.saturating_sub(1));
}

/// Draws the content of the open tab. In the log and the timeline, the first column of `area` is
/// for signs, for example of the selected line.
pub(crate) fn content(canvas: &mut Canvas<'_>, area: Rect) {
    match canvas.view.tab {
        Tab::Log => log::draw(canvas, area),
        Tab::Timeline => timeline::draw(canvas, area),
        Tab::OwnLog => {
            if !area.is_empty() {
                let targets = canvas.view.shows_targets();
                (canvas.own_log)(Pane { place: area, targets }, canvas.buf);
            }
        }
    }
}

/// Draws the titles of the tabs, and a note about the open tab.
pub(crate) fn titles(canvas: &mut Canvas<'_>, edge: Rect) {
    let scene @ Scene { palette, .. } = canvas.scene;
    let open = canvas.view.tab;
    let mut titles = Tab::ALL.map(Tab::title);
    let mut note = note(canvas.view, scene, room_for_note(&titles, edge));
    if note.is_cut {
        // Shorten the titles, because the note may show an active filter, which must stay visible.
        titles = Tab::ALL.map(|tab| if tab == open { tab.title() } else { tab.number() });
        note = self::note(canvas.view, scene, room_for_note(&titles, edge));
    }
    if !note.pieces.is_empty() {
        let right = room_for_note(&titles, edge);
        let pieces: Vec<Piece<'_>> =
            note.pieces.iter().map(|(text, style)| (text.as_str(), *style)).collect();
        let place = Rect { x: edge.right() - right, width: right, ..edge };
        framed_note(canvas.buf, place, &pieces);
    }
    let mut x = edge.x;
    for ((tab, title), key) in Tab::ALL.into_iter().zip(titles).zip(['1', '2', '3']) {
        let place = Rect { x, width: width(title), ..edge }.intersection(edge);
        let style = if tab == open { palette.selected } else { palette.dim };
        let rest = Rect { width: edge.right().saturating_sub(x), x, ..edge };
        let mut pen = Pen::row(canvas.buf, rest, 0);
        pen.put(title, style);
        if tab != Tab::OwnLog {
            pen.put("│", palette.border);
        }
        canvas.map.add(place, Click::Key(Key::char(key)));
        x += place.width + 1;
    }
}

fn note(view: &View, scene: Scene<'_>, room: u16) -> Note {
    match view.tab {
        Tab::Log => log::note(&view.log, scene, room),
        Tab::Timeline => timeline::note(&view.timeline, scene, room),
        Tab::OwnLog => Note::default(),
    }
}

fn room_for_note(titles: &[&str], edge: Rect) -> u16 {
    let taken = titles.iter().map(|title| width(title) + 1).sum();
    edge.width.saturating_sub(taken)
}

/// Draws a short message at the right end of `area`: the lower line of a box, or some rows of a small screen.
pub(crate) fn message(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Some(text) = scene.message() else { return };
    let lines = wrap_in(text, area.width.saturating_sub(2), area.height.into());
    let columns = lines.iter().map(|line| width(line)).max().unwrap_or(0);
    let columns = columns.saturating_add(2).min(area.width);
    for (row, line) in (0..).zip(&lines) {
        let place = Rect { x: area.right() - columns, y: area.y + row, width: columns, height: 1 };
        paint::clear(buf, place, scene.palette.selected);
        Pen::row(buf, place, 0).gap(1).reserve(1).put(line, scene.palette.selected);
    }
}
