//! One row of the log: a line, clipped or wrapped, or a fold.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::draw::cluster::{clusters, shorten, width};
use crate::draw::paint::Pen;
use crate::explorer::Row;
use crate::human;
use crate::log::{Level, LineKind, LogLine, OWN, SERVER};
use crate::model::{Model, TimelineKind, TimelineRow};
use crate::panel::scene::Scene;

const TIME: u16 = 12;
const LEVEL: u16 = 5;
const COMPONENT: u16 = 9;
/// Minimum and maximum width of the column of the units.
const UNIT: (u16, u16) = (7, 14);
/// Below this width, the time is omitted.
const TIME_NEEDS: u16 = 58;
/// From this width on, the fields have their own column.
const FIELDS_NEED: u16 = 98;
/// Maximum columns of a message before the column of the fields. Messages of Temporal are rarely longer.
const TEXT_MAX: u16 = 56;
/// Maximum bytes of a text that are drawn. More do not fit on a screen; the limit bounds the cost of a huge line.
const VISIBLE: usize = 16 * 1024;

/// Painter of one row.
pub(crate) struct RowPainter<'a> {
    pub(crate) area: Rect,
    /// Columns scrolled out to the left.
    pub(crate) shift: u16,
    pub(crate) wraps: bool,
    /// Search pattern, whose matches are marked.
    pub(crate) pattern: Option<&'a str>,
    pub(crate) column: Column,
    pub(crate) scene: Scene<'a>,
}

/// Content of the column between level and message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// Component of the server.
    Component,
    /// Name of the unit, in a column of this width.
    Unit(u16),
    /// No column: all lines are of one worker.
    None,
}

impl Column {
    /// Returns the column for the lines of a unit, or of all.
    pub(crate) fn of(unit: Option<u16>, scene: Scene<'_>) -> Self {
        let units = scene.log.units();
        match unit {
            Some(SERVER) => Self::Component,
            Some(_) => Self::None,
            None if units.len() < 2 => Self::Component,
            None => {
                let widest = units.iter().map(|(_, name)| width(name)).max();
                Self::Unit(widest.unwrap_or_default().clamp(UNIT.0, UNIT.1))
            }
        }
    }

    fn columns(self) -> u16 {
        match self {
            Self::Component => COMPONENT + 1,
            Self::Unit(columns) => columns + 1,
            Self::None => 0,
        }
    }

    /// Returns the number of columns before the message of a line. A line that was not parsed has no
    /// other columns in a log of the server.
    fn indent(self, line: &LogLine<'_>, columns: u16) -> u16 {
        let is_text = matches!((self, line.kind), (Self::Component, LineKind::Raw));
        let time = if columns >= TIME_NEEDS { TIME + 1 } else { 0 };
        if is_text { 0 } else { time + LEVEL + 1 + self.columns() }
    }
}

/// Returns the number of rows of a wrapped line, at most `most`.
pub(crate) fn height(line: &LogLine<'_>, column: Column, columns: u16, most: u16) -> u16 {
    if line.kind == LineKind::GenerationMark {
        return 1;
    }
    let columns = columns.saturating_sub(column.indent(line, columns));
    let gap = if line.fields.is_empty() { "" } else { "  " };
    let parts = [line.text, gap, line.fields];
    let (mut rows, mut x) = (1, 0);
    for cluster in parts.into_iter().flat_map(clusters) {
        x += cluster.columns;
        if x > columns {
            rows += 1;
            x = cluster.columns;
            if rows >= most {
                break;
            }
        }
    }
    rows
}

impl RowPainter<'_> {
    /// Draws a fold: `+ 41 routine lines of the server`, or `+ 12 lines of orders: the server is away`.
    pub(crate) fn fold(&self, buf: &mut Buffer, row: Row) {
        let palette = self.scene.palette;
        let lines = human::counted(row.lines.into(), "routine line", "routine lines");
        let text = match row.unit {
            _ if self.area.width < TIME_NEEDS => lines,
            SERVER => format!("{lines} of the server"),
            worker => {
                let lines = human::counted(row.lines.into(), "line", "lines");
                format!("{lines} of {}: the server is away", self.scene.log.unit_name(worker))
            }
        };
        Pen::row(buf, self.area, 0).put("+ ", palette.key).put(&text, palette.dim);
    }

    /// Draws a line, in as many rows as `area` has.
    pub(crate) fn line(&self, buf: &mut Buffer, line: &LogLine<'_>) {
        let palette = self.scene.palette;
        match line.kind {
            LineKind::GenerationMark => {
                let mut pen = Pen::row(buf, self.area, 0);
                pen.put("── ", palette.border);
                let unit = self.scene.log.unit_name(line.unit);
                if matches!(self.column, Column::Unit(_)) {
                    pen.put(unit, palette.unit(line.unit)).gap(1);
                }
                pen.put(line.text, palette.key);
                let worker = if line.unit == SERVER { "" } else { unit };
                pen.put(&origin(line.text, worker, self.scene.model), palette.dim).gap(1);
                let rest = pen.room();
                pen.fill("─", rest, palette.border);
            }
            LineKind::Raw | LineKind::Structured => self.text(buf, line),
        }
    }

    /// Draws time, level, and component or unit.
    fn head(&self, pen: &mut Pen<'_>, line: &LogLine<'_>) {
        let palette = self.scene.palette;
        if self.area.width >= TIME_NEEDS {
            pen.left(line.time, TIME, palette.dim).gap(1);
        }
        match line.kind {
            LineKind::Structured => pen.put(line.level.word(), palette.level(line.level)),
            LineKind::Raw | LineKind::GenerationMark => pen.gap(LEVEL),
        };
        pen.gap(1);
        match self.column {
            Column::Component => {
                let own = self.scene.log.unit_name(line.unit);
                let component = if line.unit == OWN { own } else { line.component };
                let (spans, style) = (self.spans(component), palette.component);
                pen.left_marked(component, COMPONENT, style, &spans, palette.found).gap(1);
            }
            Column::Unit(columns) => {
                let name = if line.continues { "│" } else { self.scene.log.unit_name(line.unit) };
                pen.left(name, columns, palette.unit(line.unit)).gap(1);
            }
            Column::None => {}
        }
    }

    fn text(&self, buf: &mut Buffer, line: &LogLine<'_>) {
        let palette = self.scene.palette;
        let indent = self.column.indent(line, self.area.width);
        let mut pen = Pen::row(buf, self.area, 0);
        if indent > 0 {
            self.head(&mut pen, line);
        }
        let text = match (line.kind, line.level) {
            (LineKind::Structured, Level::Error) => palette.error,
            (LineKind::Structured, Level::Info | Level::Warn) => palette.text(),
            _ if line.unit != SERVER && !line.continues => palette.text(),
            _ => palette.dim,
        };
        if self.wraps {
            let gap = if line.fields.is_empty() { "" } else { "  " };
            let parts = [(line.text, text), (gap, text), (line.fields, palette.dim)];
            self.flow(buf, indent, &parts);
            return;
        }
        let column =
            if self.area.width >= FIELDS_NEED { (pen.room() / 20 * 9).min(TEXT_MAX) } else { 0 };
        let start = pen.room();
        pen.skip(self.shift);
        self.put(&mut pen, line.text, text);
        if line.fields.is_empty() {
            return;
        }
        let used = start - pen.room();
        let to_fields = column.saturating_sub(self.shift).saturating_sub(used).max(2);
        // The column of the fields does not depend on the scrolling, so that scrolled lines stay
        // aligned.
        pen.gap(to_fields);
        self.put(&mut pen, line.fields, palette.dim);
    }

    /// Draws texts one after the other into all rows of `area`, with an indent.
    fn flow(&self, buf: &mut Buffer, indent: u16, parts: &[(&str, Style)]) {
        let palette = self.scene.palette;
        let mut row = 0;
        let mut column = indent;
        for (text, style) in parts {
            let text = shorten(text, VISIBLE);
            let spans = self.spans(text);
            let mut done = 0;
            while row < self.area.height {
                let left: Vec<_> = spans
                    .iter()
                    .filter(|span| span.end > done)
                    .map(|span| span.start.saturating_sub(done)..span.end - done)
                    .collect();
                let mut pen = Pen::row(buf, self.area, row);
                pen.to(column);
                let wrote = pen.flow(&text[done..], *style, &left, palette.found);
                done += wrote;
                if done == text.len() {
                    column = pen.x().saturating_sub(self.area.x);
                    break;
                }
                if wrote == 0 && column == indent {
                    // Not even one character fits into the row, so stop.
                    break;
                }
                row += 1;
                column = indent;
            }
        }
    }

    fn put(&self, pen: &mut Pen<'_>, text: &str, style: Style) {
        pen.put_marked(text, style, &self.spans(text), self.scene.palette.found);
    }

    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let text = shorten(text, VISIBLE);
        self.pattern.map_or_else(Vec::new, |pattern| self.scene.log.spans(pattern, text))
    }
}

/// Returns what the timeline knows about the start of this generation of a worker, or of the server if empty:
/// ` · killed by signal 9 after 12 min · down for 131 ms`. Empty if unknown.
fn origin(mark: &str, worker: &str, model: &Model) -> String {
    let number = mark.strip_prefix("generation ").and_then(|text| text.parse::<u64>().ok());
    let Some(number) = number else { return String::new() };
    // The entry of a restart has the number of the generation that ended.
    let of_unit = |row: &&TimelineRow| row.worker == worker;
    let row = model.timeline.iter().filter(of_unit).find(|row| match row.kind {
        TimelineKind::Restart => row.generation + 1 == number,
        TimelineKind::Start => row.generation == number,
        TimelineKind::Stop | TimelineKind::GaveUp => false,
    });
    let Some(row) = row else { return String::new() };
    let recovery = if row.recovery.is_empty() { "" } else { " · " };
    format!(" · {}{recovery}{}", row.what, row.recovery)
}
