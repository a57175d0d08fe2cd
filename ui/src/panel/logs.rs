//! The lines of the server and the workers. Reads and draws only the visible lines.

mod note;
mod row;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::lists;
use crate::app::view::Source;
use crate::draw::cluster::width;
use crate::draw::layout::{Pane, inset, split_left, split_top};
use crate::draw::paint::Pen;
use crate::explorer::{Explorer, Row, Search};
use crate::human;
use crate::input::Key;
use crate::log::{LineCounts, LogLine, SERVER};
use crate::panel::scene::{Canvas, Click, LogName, Scene};
use row::{Column, RowPainter};

pub(super) use note::note;

/// Minimum height for the row of the sources.
const SOURCES_NEED: u16 = 8;
/// Gaps around the name of a source.
const SOURCE_GAP: u16 = 3;
/// Gap before a key in the row of the sources.
const KEY_GAP: u16 = 3;

/// Draws the sources, and the lines of the selected ones.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let (top, rest) = split_top(area, u16::from(area.height >= SOURCES_NEED));
    sources(canvas, top);
    match canvas.view.source {
        // The last column stays free.
        Source::Units => draw_log(canvas, Rect { width: rest.width.saturating_sub(1), ..rest }),
        Source::Stigmer => {
            let place = inset(rest, 1);
            if !place.is_empty() {
                let targets = canvas.view.shows_targets();
                (canvas.own_log)(Pane { place, targets }, canvas.buf);
            }
        }
    }
}

/// Draws the names of the sources, and the filters of the open one.
fn sources(canvas: &mut Canvas<'_>, area: Rect) {
    let Scene { palette, .. } = canvas.scene;
    let view = &*canvas.view;
    let inner = Rect { width: area.width.saturating_sub(1), ..area };
    let level = format!(" level: {}", view.log.filter().level_words().unwrap_or("all"));
    let folds = if view.log.folds() { " unfold" } else { " fold" };
    let keys = match view.source {
        Source::Units => vec![('c', " sources"), ('l', level.as_str()), ('z', folds)],
        Source::Stigmer => vec![('c', " sources")],
    };
    let columns: u16 = keys.iter().map(|(_, text)| KEY_GAP + 1 + width(text)).sum();
    let mut pen = Pen::row(canvas.buf, inner, 0);
    pen.to(inner.width.saturating_sub(columns));
    for (key, text) in keys {
        pen.gap(KEY_GAP);
        let from = pen.x();
        pen.put(key.encode_utf8(&mut [0; 4]), palette.key).put(text, palette.dim);
        let place = Rect { x: from, width: pen.x() - from, ..area };
        canvas.map.add(place, Click::Key(Key::char(key)));
    }
    let mut pen = Pen::row(canvas.buf, inner, 0);
    pen.reserve(columns);
    let units = canvas.scene.log.units();
    let open = match (view.source, units) {
        (Source::Stigmer, _) => LogName::Stigmer,
        // All lines are those of the server.
        (Source::Units, [(only, _)]) => LogName::Lines(Some(*only)),
        (Source::Units, _) => LogName::Lines(view.log.filter().unit),
    };
    let mut all = SourceLabel::all(canvas.scene);
    if all.iter().map(|it| u32::from(it.columns())).sum::<u32>() > pen.room().into() {
        all.iter_mut().for_each(SourceLabel::remove_counts);
    }
    let shown = fitting(&all, open, pen.room());
    let hidden = all.len() - shown.len();
    for source in shown {
        pen.gap(1);
        let from = pen.x();
        pen.put(source.name, if source.log == open { palette.title } else { palette.dim });
        pen.put(&source.lines, palette.dim).put(&source.errors, palette.error);
        let place = Rect { x: from, width: pen.x() - from, ..area };
        canvas.map.add(place, Click::Source(source.log));
        pen.gap(2);
    }
    if hidden > 0 {
        let from = pen.gap(1).x();
        pen.put(&format!("+{hidden}"), palette.key);
        let place = Rect { x: from, width: pen.x() - from, ..area };
        canvas.map.add(place, Click::Key(Key::char('c')));
    }
}

/// Returns the sources that fit into `room` columns, with the open one. If some do not fit, leaves room for
/// their number.
fn fitting<'a, 's>(
    all: &'a [SourceLabel<'s>],
    open: LogName,
    room: u16,
) -> Vec<&'a SourceLabel<'s>> {
    const NUMBER: u16 = 4;
    let columns = SourceLabel::columns;
    if all.iter().map(|it| u32::from(columns(it))).sum::<u32>() <= room.into() {
        return all.iter().collect();
    }
    let open = all.iter().find(|it| it.log == open);
    let mut left = room.saturating_sub(NUMBER).saturating_sub(open.map_or(0, columns));
    let mut shown: Vec<_> = all
        .iter()
        .take_while(|it| {
            let needed = if Some(*it) == open { 0 } else { columns(it) };
            let fits = needed <= left;
            left = left.saturating_sub(needed);
            fits
        })
        .collect();
    if let Some(open) = open.filter(|open| !shown.contains(open)) {
        shown.push(open);
    }
    shown
}

/// A source of the log, as the row of the sources shows it: `emails 12 ✗2`.
#[derive(PartialEq)]
struct SourceLabel<'s> {
    log: LogName,
    name: &'s str,
    /// Number of its lines. Empty if unknown.
    lines: String,
    /// Number of its errors. Empty if there is none.
    errors: String,
}

impl<'s> SourceLabel<'s> {
    /// Returns all sources, in the order of the screen.
    fn all(scene: Scene<'s>) -> Vec<Self> {
        let log = scene.log;
        let plain = |log, name| Self { log, name, lines: String::new(), errors: String::new() };
        let of_unit = |(unit, name): &'s (u16, String)| {
            let LineCounts { lines, errors } = log.counts(*unit);
            Self {
                lines: format!(" {}", human::count(lines)),
                errors: match errors {
                    0 => String::new(),
                    errors => format!(" ✗{}", human::count(errors)),
                },
                ..plain(LogName::Lines(Some(*unit)), name.as_str())
            }
        };
        let units = log.units();
        let all = (units.len() > 1).then(|| plain(LogName::Lines(None), "all"));
        let units = units.iter().map(of_unit);
        all.into_iter().chain(units).chain([plain(LogName::Stigmer, "stigmer")]).collect()
    }

    fn remove_counts(&mut self) {
        self.lines.clear();
        self.errors.clear();
    }

    fn columns(&self) -> u16 {
        width(self.name) + width(&self.lines) + width(&self.errors) + SOURCE_GAP
    }
}

/// Draws one row of the log of the overview.
pub(super) fn draw_row(buf: &mut Buffer, all: Rect, row: Row, is_selected: bool, scene: Scene<'_>) {
    let (_, text) = split_left(all, 1);
    let area = Rect { width: text.width.saturating_sub(1), ..text };
    let column = Column::of(None, scene);
    let painter = RowPainter { area, shift: 0, wraps: false, pattern: None, column, scene };
    lists::mark(buf, all, is_selected, scene);
    match line_of(row, scene) {
        _ if row.is_fold() => painter.fold(buf, row),
        Some(line) => painter.line(buf, &line),
        None => {}
    }
}

/// Draws the lines. The first column of `area` is for signs.
fn draw_log(canvas: &mut Canvas<'_>, area: Rect) {
    let scene @ Scene { palette, .. } = canvas.scene;
    let text = Rect { x: area.x + 1.min(area.width), width: area.width.saturating_sub(1), ..area };
    let explorer = &mut canvas.view.log;
    let wraps = explorer.wrap;
    let column = Column::of(explorer.filter().unit, scene);
    let height_of = |row: Row| match line_of(row, scene) {
        Some(line) if wraps && !row.is_fold() => {
            row::height(&line, column, text.width, area.height)
        }
        _ => 1,
    };
    let first = explorer.measure(area.height, height_of);
    let explorer = &*explorer;
    canvas.map.log_rows = area;
    let selected = explorer.selected();
    let search = explorer.search().filter(|search| search.error.is_empty());
    let mut used = 0;
    let mut at = first;
    while used < area.height
        && let Some(row) = explorer.row(at)
    {
        let height = height_of(row).min(area.height - used);
        let painter = RowPainter {
            area: Rect { y: text.y + used, height, ..text },
            shift: if wraps { 0 } else { explorer.shift },
            wraps,
            pattern: search.map(|search| search.pattern.as_str()),
            column,
            scene,
        };
        let all = Rect { y: area.y + used, height, ..area };
        let is_selected = selected.as_ref().is_some_and(|selected| selected.contains(&at));
        if is_selected {
            canvas.buf.set_style(all, palette.cursor);
        }
        match line_of(row, scene) {
            _ if row.is_fold() => painter.fold(canvas.buf, row),
            Some(line) => painter.line(canvas.buf, &line),
            None => {}
        }
        let (sign, style) = sign(row, is_selected, search, scene);
        Pen::row(canvas.buf, all, 0).put(sign, style);
        canvas.map.add(all, Click::Line(row.first));
        used += height;
        at += 1;
    }
    if explorer.rows() == 0 {
        let why = why_empty(explorer, scene);
        Pen::row(canvas.buf, text, 0).put(&why, palette.dim);
    }
}

fn sign(
    row: Row,
    is_selected: bool,
    search: Option<&Search>,
    scene: Scene<'_>,
) -> (&'static str, Style) {
    let palette = scene.palette;
    match (is_selected, search.is_some_and(|search| search.is_match(row.first))) {
        (true, _) => ("▸", palette.key),
        // This sign marks a line with a match. The match itself may be outside the visible part.
        (false, true) => ("›", palette.warn),
        (false, false) => (" ", palette.base),
    }
}

fn why_empty(explorer: &Explorer, scene: Scene<'_>) -> String {
    let Scene { model, log, .. } = scene;
    let filter = explorer.filter();
    let is_whole = filter.level_words().is_none() && filter.component.is_none() && filter.from == 0;
    if let Some(unit) = filter.unit.filter(|unit| is_whole && *unit != SERVER) {
        format!("the log of {} is empty", log.unit_name(unit))
    } else if log.is_empty() && !model.managed {
        "log not available: external server".to_owned()
    } else if log.is_empty() {
        "the log is empty".to_owned()
    } else if filter.from > 0 {
        let cleared = filter.from.saturating_sub(log.dropped());
        format!("{} hidden; Ctrl-L shows them", human::counted(cleared, "line", "lines"))
    } else {
        "no line passes the filter; l changes the level, c the source".to_owned()
    }
}

fn line_of<'a>(row: Row, scene: Scene<'a>) -> Option<LogLine<'a>> {
    let index = row.first.checked_sub(scene.log.dropped())?;
    scene.log.line(usize::try_from(index).ok()?)
}
