//! The panel that has the rest of the screen: tabs in its upper line, one of three contents, a word in its lower line.

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
use crate::panel::scene::{Click, OwnLog, Placed, Scene, framed_note};
use note::Note;

pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    view: &mut View,
    scene: Scene<'_>,
    own_log: OwnLog<'_>,
    placed: &mut Placed,
) {
    let inside = paint::frame(buf, area, scene.palette.border);
    let inside = match view.tab {
        // Signs stand in the margin.
        Tab::Log | Tab::Timeline => Rect { width: inside.width.saturating_sub(1), ..inside },
        Tab::OwnLog => inset(inside, 1),
    };
    content(buf, inside, view, scene, own_log, placed);
    // After the content, for what that has found out about itself.
    tabs(buf, paint::edge(area, 0), view, scene, placed);
    placed.said = paint::edge(area, area.height.saturating_sub(1));
}

/// The open tab's content. The first column is for signs.
pub(super) fn content(
    buf: &mut Buffer,
    area: Rect,
    view: &mut View,
    scene: Scene<'_>,
    own_log: OwnLog<'_>,
    placed: &mut Placed,
) {
    match view.tab {
        Tab::Log => log::draw(buf, area, &mut view.log, scene, placed),
        Tab::Timeline => timeline::draw(buf, area, &mut view.timeline, scene, placed),
        Tab::OwnLog => {
            if !area.is_empty() {
                own_log(Pane { place: area, targets: view.shows_targets() }, buf);
                placed.own_log = Some(area);
            }
        }
    }
}

/// The titles of the tabs and a note about the open one.
pub(super) fn tabs(
    buf: &mut Buffer,
    edge: Rect,
    view: &View,
    scene: Scene<'_>,
    placed: &mut Placed,
) {
    let palette = scene.palette;
    let mut titles = Tab::ALL.map(Tab::title);
    let mut note = note(view, scene, room_beside(&titles, edge));
    if note.is_cut {
        // A filter that nobody sees would be a lie.
        titles = Tab::ALL.map(|tab| if tab == view.tab { tab.title() } else { tab.number() });
        note = self::note(view, scene, room_beside(&titles, edge));
    }
    if !note.said.is_empty() {
        let right = room_beside(&titles, edge);
        let pieces: Vec<Piece<'_>> =
            note.said.iter().map(|(text, style)| (text.as_str(), *style)).collect();
        framed_note(buf, Rect { x: edge.right() - right, width: right, ..edge }, &pieces);
    }
    let mut x = edge.x;
    for ((tab, title), key) in Tab::ALL.into_iter().zip(titles).zip(['1', '2', '3']) {
        let place = Rect { x, width: width(title), ..edge }.intersection(edge);
        let style = if tab == view.tab { palette.selected } else { palette.dim };
        let mut pen = Pen::row(buf, Rect { width: edge.right().saturating_sub(x), x, ..edge }, 0);
        pen.put(title, style);
        if tab != Tab::OwnLog {
            pen.put("│", palette.border);
        }
        placed.put(place, Click::Key(Key::char(key)));
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

fn room_beside(titles: &[&str], edge: Rect) -> u16 {
    let taken = titles.iter().map(|title| width(title) + 1).sum();
    edge.width.saturating_sub(taken)
}

/// What the last key could not do, or what the caller has to tell. It covers nothing but the lower
/// line, and on a small screen the line above the log, and of the log what it needs.
pub(super) fn toast(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Some(text) = scene.said() else { return };
    let lines = wrap_in(text, area.width.saturating_sub(2), area.height.into());
    let columns = lines.iter().map(|line| width(line)).max().unwrap_or(0);
    let columns = columns.saturating_add(2).min(area.width);
    for (row, line) in (0..).zip(&lines) {
        let place = Rect { x: area.right() - columns, y: area.y + row, width: columns, height: 1 };
        paint::clear(buf, place, scene.palette.selected);
        Pen::row(buf, place, 0).gap(1).reserve(1).put(line, scene.palette.selected);
    }
}
