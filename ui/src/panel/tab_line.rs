//! The third row: the tabs with their numbers of red rows, or the path to the open page.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::note::Note;
use super::{logs, timeline};
use crate::app::view::{Source, Tab, View};
use crate::draw::cluster::{width, wrap_in};
use crate::draw::layout::split_top;
use crate::draw::paint::{self, Pen, Piece};
use crate::human;
use crate::input::Key;
use crate::model::{Model, ProblemKind, Severity};
use crate::panel::scene::{Canvas, Click, FrameMap, Scene, framed_note};

/// Below this width, only the open tab has its name.
const NAMES: u16 = 72;
/// Below this width, the open tab has only its number.
const ONE_NAME: u16 = 60;

/// A tab in the row.
struct Title {
    tab: Tab,
    text: String,
    /// ` ✗5`, or empty.
    red: String,
}

impl Title {
    fn of(tab: Tab, model: &Model, has_name: bool) -> Self {
        let text = match has_name {
            true => format!(" {} {} ", tab.digit(), tab.name()),
            false => format!(" {} ", tab.digit()),
        };
        let red = match red_rows(tab, model) {
            0 => String::new(),
            n => format!("✗{n} "),
        };
        Self { tab, text, red }
    }

    fn columns(&self) -> u16 {
        width(&self.text) + width(&self.red)
    }
}

/// Returns the number of problems for which somebody must act, among those of a tab.
fn red_rows(tab: Tab, model: &Model) -> usize {
    let problems = model.problems.iter().flatten();
    let red = problems.filter(|row| row.severity == Severity::Red);
    match tab {
        Tab::Workflows => red.filter(|row| row.kind.is_of_workflows()).count(),
        Tab::Workers => red.filter(|row| row.kind.is_of_project()).count(),
        Tab::Server => {
            red.filter(|row| matches!(row.kind, ProblemKind::Server | ProblemKind::Data)).count()
        }
        Tab::Overview | Tab::Logs => 0,
    }
}

/// Draws the tabs, and a note about the open one.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let scene @ Scene { model, palette, .. } = canvas.scene;
    let open = canvas.view.tab;
    let titles = |has_name: &dyn Fn(Tab) -> bool| -> Vec<Title> {
        Tab::ALL.into_iter().map(|tab| Title::of(tab, model, has_name(tab))).collect()
    };
    let is_open = |tab: Tab| tab == open && area.width >= ONE_NAME;
    let mut shown = titles(&|tab| area.width >= NAMES || is_open(tab));
    let mut note = note(canvas.view, scene, room_for_note(&shown, area));
    if note.is_cut && area.width >= NAMES {
        // An active filter must stay visible, so it has priority over the names.
        shown = titles(&is_open);
        note = self::note(canvas.view, scene, room_for_note(&shown, area));
    }
    Pen::row(canvas.buf, area, 0).fill("─", area.width, palette.border);
    let right = room_for_note(&shown, area);
    let mut taken = 0;
    if !note.pieces.is_empty() {
        let pieces: Vec<Piece<'_>> =
            note.pieces.iter().map(|(text, style)| (text.as_str(), *style)).collect();
        let place = Rect { x: area.right() - right, width: right.saturating_sub(1), ..area };
        taken = framed_note(canvas.buf, place, &pieces) + 1;
    }
    canvas.map.free = free(area, area.width - right, taken);
    let mut pen = Pen::row(canvas.buf, area, 0);
    let mut places = Vec::new();
    for Title { tab, text, red } in &shown {
        pen.put("─", palette.border);
        let from = pen.x();
        let is_open = *tab == open;
        let (title, count) = match is_open {
            true => (palette.selected, palette.selected),
            false => (palette.dim, palette.error),
        };
        pen.put(text, title).put(red, count);
        places.push((Rect { x: from, width: pen.x() - from, ..area }, tab.digit()));
    }
    for (place, digit) in places {
        canvas.map.add(place, Click::Key(Key::char(digit)));
    }
}

/// Returns the part of the row between `left` columns and `right` columns, without a column at each end.
fn free(area: Rect, left: u16, right: u16) -> Rect {
    let room = area.width.saturating_sub(left).saturating_sub(right);
    let width = room.saturating_sub(2);
    Rect { x: area.x + left.min(area.width) + u16::from(width > 0), width, ..area }
}

/// Draws the path to a page, and its keys at the right end.
pub(super) fn draw_path(canvas: &mut Canvas<'_>, area: Rect, path: &str, keys: &str) {
    let Canvas { buf, map, scene, .. } = canvas;
    let palette = scene.palette;
    Pen::row(buf, area, 0).fill("─", area.width, palette.border);
    let place = Rect { width: area.width.saturating_sub(1), ..area };
    let taken = framed_note(buf, place, &[(keys, palette.dim)]);
    let mut pen = Pen::row(buf, place, 0);
    pen.reserve(taken + 1).gap(1);
    pen.put(" ", palette.base).put(path, palette.title).put(" ", palette.base);
    map.free = free(area, pen.x() - area.x, taken + 1);
}

fn note(view: &View, scene: Scene<'_>, room: u16) -> Note {
    match view.tab {
        Tab::Logs if view.source == Source::Units => {
            let workflow = view.origin.as_ref().map(|(_, page)| page.run.workflow_id.as_str());
            logs::note(&view.log, workflow, scene, room)
        }
        Tab::Server => timeline::note(&view.timeline, scene, room),
        Tab::Overview | Tab::Workflows if !view.marks.is_empty() => {
            let marked = human::counted(view.marks.count() as u64, "row", "rows") + " marked";
            Note::fitting(vec![(marked, scene.palette.key)], room)
        }
        // The heading of the problems says which of them are visible.
        Tab::Overview if !view.sections.problems.heading.is_empty() => Note::default(),
        Tab::Overview | Tab::Workflows | Tab::Workers => {
            let more = view.list().map_or("", |list| list.scroll.more());
            let pieces = [more].into_iter().filter(|more| !more.is_empty());
            Note::fitting(pieces.map(|it| (it.to_owned(), scene.palette.dim)).collect(), room)
        }
        Tab::Logs => Note::default(),
    }
}

fn room_for_note(titles: &[Title], area: Rect) -> u16 {
    let taken = titles.iter().map(|title| title.columns() + 1).sum();
    area.width.saturating_sub(taken)
}

/// Draws a short message into the free part of the row of the tabs, or else into as many of the last rows as
/// necessary.
pub(super) fn message(buf: &mut Buffer, map: &FrameMap, scene: Scene<'_>) {
    let Some(text) = scene.message() else { return };
    let style: Style = scene.palette.selected;
    let FrameMap { free, message, .. } = *map;
    let columns = width(text).saturating_add(2);
    if columns <= free.width {
        let place = Rect { x: free.right() - columns, width: columns, ..free };
        Pen::row(buf, place, 0).put(" ", style).put(text, style).put(" ", style);
        return;
    }
    let lines = wrap_in(text, message.width.saturating_sub(2), message.height.into());
    let rows = split_top(message, message.height.saturating_sub(lines.len() as u16)).1;
    paint::clear(buf, rows, scene.palette.base);
    for (number, line) in (0..).zip(&lines) {
        Pen::row(buf, rows, number).put(" ", style).reserve(1).put(line, style).put(" ", style);
    }
}
