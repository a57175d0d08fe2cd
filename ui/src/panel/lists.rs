//! Rows of problems, workflows and workers, which several tabs show.

pub(super) mod problem;
pub(super) mod worker;
pub(super) mod workflow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::view::{Item, Marks, RowList};
use crate::draw::cluster::width;
use crate::draw::layout::row;
use crate::draw::paint::Pen;
use crate::panel::scene::{Canvas, Click, FrameMap, Scene};

/// From this width on, rows have all columns.
pub(super) const ALL_COLUMNS: u16 = 100;
/// From this width on, rows have numbers at the right end.
pub(super) const NUMBERS: u16 = 72;
/// Below this width, rows have only a state, a name and an age.
pub(super) const CAUSES: u16 = 50;
/// Columns of the state.
const STATE: u16 = 11;
/// Age below which a row is bright.
const NEW_MS: u64 = 2_000;

/// Line of a scrolled list.
pub(super) enum ListLine {
    /// Line between two groups.
    Rule(&'static str),
    /// The row at this position.
    Row(usize),
    /// The row at this position, a queue without a worker, as the newest workflow that waits there.
    Waiting(usize),
}

impl ListLine {
    /// Returns the position of the row.
    fn at(&self) -> Option<usize> {
        match self {
            Self::Rule(_) => None,
            Self::Row(at) | Self::Waiting(at) => Some(*at),
        }
    }
}

/// Draws the visible lines of a list, and scrolls to the selected row.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, lines: &[ListLine]) {
    let scene = canvas.scene;
    let marks = canvas.view.marks.clone();
    let Some(list) = canvas.view.list_mut() else { return };
    let selected = list.at();
    let count = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    list.scroll.measure(area.height, count);
    let at = lines.iter().position(|line| line.at().is_some() && line.at() == selected);
    if let Some(at) = at.and_then(|at| u16::try_from(at).ok()) {
        list.scroll.reveal(at, at);
    }
    let visible = lines.iter().skip(list.scroll.offset.into());
    for (number, line) in (0..area.height).zip(visible) {
        let place = row(area, number);
        draw_line(canvas.buf, canvas.map, place, (list, &marks), line, scene);
    }
}

/// Draws a line of a list. A row has its mark, and is clickable.
pub(super) fn draw_line(
    buf: &mut Buffer,
    map: &mut FrameMap,
    area: Rect,
    (list, marks): (&RowList, &Marks),
    line: &ListLine,
    scene: Scene<'_>,
) {
    let at = match line {
        ListLine::Rule(text) => return rule(buf, area, text, scene),
        ListLine::Row(at) | ListLine::Waiting(at) => *at,
    };
    let Some(item) = list.items().get(at).copied() else { return };
    mark(buf, area, list.at() == Some(at), scene);
    match item {
        Item::Server => worker::draw_server(buf, area, scene),
        Item::Problem(_) => {
            if let Some(it) = item.problem(scene.model) {
                match line {
                    ListLine::Waiting(_) => problem::draw_waiting(buf, area, it, scene),
                    ListLine::Rule(_) | ListLine::Row(_) => problem::draw(buf, area, it, scene),
                }
            }
        }
        Item::Member(..) => {
            if let Some((row, it)) = item.member(scene.model) {
                problem::draw_member(buf, area, row, it, scene);
            }
        }
        Item::Worker(_) => {
            if let Some(it) = item.worker(scene.model) {
                worker::draw(buf, area, it, scene);
            }
        }
        Item::Workflow(_) | Item::Found(_) => {
            if let Some(it) = item.workflow(scene.model) {
                workflow::draw(buf, area, it, scene);
            }
        }
        // Only the overview has them.
        Item::Line(_) | Item::Hint(_) => {}
    }
    if marks.contains(item, scene.model) {
        Pen::row(buf, area, 0).gap(2).put("*", scene.palette.key);
    }
    map.add(area, Click::Row(at));
}

/// Marks the selected row, with a sign in the first column.
pub(crate) fn mark(buf: &mut Buffer, area: Rect, is_selected: bool, scene: Scene<'_>) {
    if is_selected {
        buf.set_style(area.intersection(buf.area), scene.palette.cursor);
        Pen::row(buf, area, 0).put("▸", scene.palette.key);
    }
}

/// Draws a line with a text.
fn rule(buf: &mut Buffer, area: Rect, text: &str, scene: Scene<'_>) {
    let palette = scene.palette;
    let mut pen = Pen::row(buf, area, 0);
    pen.put("─ ", palette.border).put(text, palette.dim).gap(1);
    let columns = pen.room();
    pen.fill("─", columns, palette.border);
}

/// Returns the style of the text of a row with this age.
fn text_style(age_ms: Option<u64>, scene: Scene<'_>) -> Style {
    let palette = scene.palette;
    match age_ms {
        _ if scene.is_outdated() => palette.dim,
        Some(ms) if ms < NEW_MS => palette.strong,
        _ => palette.text(),
    }
}

/// Returns the style of a sign or a state. Outdated rows are dim.
fn state_style(style: Style, scene: Scene<'_>) -> Style {
    if scene.is_outdated() { scene.palette.dim } else { style }
}

/// Writes a name into exactly `columns`, with the number of further ones. The number stays visible.
fn name(pen: &mut Pen<'_>, text: &str, more: u64, columns: u16, style: Style, scene: Scene<'_>) {
    let suffix = if more > 0 { format!("  +{more}") } else { String::new() };
    let suffix_columns = width(&suffix);
    let room = columns.saturating_sub(1 + suffix_columns);
    let used = width(text).min(room);
    pen.left(text, used, style).put(&suffix, scene.palette.dim);
    pen.gap(columns.saturating_sub(used + suffix_columns));
}
