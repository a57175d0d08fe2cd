//! The palette: the text that filters, all commands with their keys, and the whole text of the
//! selected one.

use ratatui::layout::Rect;

use crate::app::keymap::{Context, PaletteRow};
use crate::draw::cluster::{tail, width, wrap_in};
use crate::draw::layout::{row, split_left, split_top};
use crate::draw::paint::{self, Pen};
use crate::human;
use crate::input::{Key, KeyCode};
use crate::panel::lists;
use crate::panel::scene::{Canvas, Click, FrameMap, Scene};
use crate::panel::tab_line;

/// From this width on, rows show why they have no effect.
const REASONS: u16 = 72;
/// Columns of the keys.
const KEYS: u16 = 11;
/// Sign of a row that has no effect now, because colour must not be the only sign.
const UNAVAILABLE: &str = "– ";
/// Rows of the whole text of the selected row.
const DETAIL: u16 = 2;
/// Minimum height for that text.
const DETAIL_NEEDS: u16 = 12;

/// A line of the list.
enum Line<'a> {
    Heading(&'static str),
    Row(usize, &'a PaletteRow),
}

/// Draws the palette in `area`. Returns its place.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let Scene { model, log, palette, .. } = canvas.scene;
    paint::clear(canvas.buf, area, palette.base);
    let (path, content) = split_top(area, 1);
    let context = Context { view: canvas.view, model, log };
    let rows = context.palette();
    let at = context.palette_at(&rows);
    let (prompt, rest) = split_top(content, 1);
    let detail = if rest.height >= DETAIL_NEEDS { DETAIL } else { 0 };
    let (list, detail) = split_top(rest, rest.height - detail);
    draw_prompt(canvas, prompt, &rows);
    draw_list(canvas, list, &rows, at);
    if let Some(row) = at.and_then(|at| rows.get(at)) {
        draw_detail(canvas, detail, row);
    }
    tab_line::draw_path(canvas, path, "Commands", "Esc back");
    canvas.map.add(path, Click::Key(Key::plain(KeyCode::Esc)));
    area
}

/// Draws the text that the user has typed, and the number of commands.
fn draw_prompt(canvas: &mut Canvas<'_>, area: Rect, rows: &[PaletteRow]) {
    let Scene { palette, .. } = canvas.scene;
    let text = canvas.view.palette.text.as_str();
    let (note, style) = match (rows.len(), text) {
        (0, _) => ("no match".to_owned(), palette.error),
        (_, "") => ("type to filter".to_owned(), palette.dim),
        (n, _) => (human::counted(n as u64, "match", "matches"), palette.dim),
    };
    let inner = Rect { width: area.width.saturating_sub(1), ..area };
    let taken = paint::flush_right(canvas.buf, inner, 0, &[(&note, style)]);
    let mut pen = Pen::row(canvas.buf, inner, 0);
    pen.reserve(taken).put(" > ", palette.key);
    // The end of a long text is shown, because the user types there.
    let room = pen.room().saturating_sub(1);
    pen.put(tail(text, room), palette.strong).put("▏", palette.accent);
}

fn draw_list(canvas: &mut Canvas<'_>, area: Rect, rows: &[PaletteRow], selected: Option<usize>) {
    let scene @ Scene { palette, .. } = canvas.scene;
    let mut lines = Vec::with_capacity(rows.len() + 10);
    let mut heading = "";
    for (at, row) in rows.iter().enumerate() {
        if row.heading != heading {
            heading = row.heading;
            lines.push(Line::Heading(heading));
        }
        lines.push(Line::Row(at, row));
    }
    let is_selected = |line: &Line<'_>| matches!(line, Line::Row(at, _) if Some(*at) == selected);
    let line = lines.iter().position(is_selected);
    let line = line.and_then(|line| u16::try_from(line).ok()).unwrap_or(0);
    // The heading of the first row of a section stays visible with it.
    let above = match line.checked_sub(1).map(|above| &lines[usize::from(above)]) {
        Some(Line::Heading(_)) if area.height > 1 => line - 1,
        _ => line,
    };
    let scroll = &mut canvas.view.palette.scroll;
    scroll.measure(area.height, u16::try_from(lines.len()).unwrap_or(u16::MAX));
    scroll.reveal(above, line);
    let visible = lines.iter().skip(scroll.offset.into());
    for (number, line) in (0..area.height).zip(visible) {
        let place = row(area, number);
        match line {
            Line::Heading(text) => {
                Pen::row(canvas.buf, place, 0).gap(1).put(text, palette.title);
            }
            Line::Row(at, row) => {
                lists::mark(canvas.buf, place, Some(*at) == selected, scene);
                draw_row(canvas, place, row);
                add_clicks(canvas.map, place, *at, row);
            }
        }
    }
}

/// Returns the columns of the keys on a screen of this width.
fn key_columns(columns: u16) -> u16 {
    KEYS.min(columns / 4)
}

fn draw_row(canvas: &mut Canvas<'_>, area: Rect, row: &PaletteRow) {
    let Scene { palette, .. } = canvas.scene;
    let inner = Rect { width: area.width.saturating_sub(1), ..area };
    let reason = row.why_not.filter(|_| area.width >= REASONS).unwrap_or_default();
    let taken = paint::flush_right(canvas.buf, inner, 0, &[(reason, palette.dim)]);
    let (key, text, sign) = match row.why_not {
        None => (palette.key, palette.text(), ""),
        Some(_) => (palette.dim, palette.dim, UNAVAILABLE),
    };
    let mut pen = Pen::row(canvas.buf, inner, 0);
    pen.reserve(taken).gap(2);
    // Leave a gap after the keys, even if they are cut.
    pen.left(&row.keys, key_columns(area.width).saturating_sub(1), key).gap(1);
    pen.put(sign, text).put(&row.text, text);
}

/// Draws the whole text of the selected row, and why it has no effect.
fn draw_detail(canvas: &mut Canvas<'_>, area: Rect, selected: &PaletteRow) {
    let Scene { palette, .. } = canvas.scene;
    let text = match selected.why_not {
        None => selected.text.to_string(),
        Some(why) => format!("{}: {why}", selected.text),
    };
    let lines = wrap_in(&text, area.width.saturating_sub(3), area.height.into());
    for (number, line) in (0..).zip(&lines) {
        Pen::row(canvas.buf, row(area, number), 0).gap(2).put(line, palette.dim);
    }
}

/// Makes a row clickable. A click on one of several keys presses this key.
fn add_clicks(map: &mut FrameMap, area: Rect, at: usize, row: &PaletteRow) {
    let (_, inner) = split_left(area, 2);
    let keys = Rect { width: width(&row.keys).min(key_columns(area.width)), ..inner };
    if let Some(binding) = row.binding() {
        for (place, key) in binding.places(keys.intersection(inner)) {
            map.add(place, Click::PaletteKey(key));
        }
    }
    map.add(area, Click::PaletteRow(at));
}
