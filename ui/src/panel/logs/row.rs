//! One row of the log: a line, clipped or wrapped, or a fold.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::draw::cluster::{clusters, shorten};
use crate::draw::paint::Pen;
use crate::explorer::Row;
use crate::human;
use crate::log::{Level, LineKind, LogLine};
use crate::model::{Model, TimelineKind};
use crate::panel::scene::Scene;

const TIME: u16 = 12;
const LEVEL: u16 = 5;
const COMPONENT: u16 = 9;
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
    pub(crate) scene: Scene<'a>,
}

/// Returns the number of columns before the message of a parsed line.
fn head_columns(columns: u16) -> u16 {
    let time = if columns >= TIME_NEEDS { TIME + 1 } else { 0 };
    time + LEVEL + 1 + COMPONENT + 1
}

/// Returns the number of rows of a wrapped line, at most `most`.
pub(crate) fn height(line: &LogLine<'_>, columns: u16, most: u16) -> u16 {
    let (columns, parts) = match line.kind {
        LineKind::GenerationMark => return 1,
        LineKind::Raw => (columns, [line.text, "", ""]),
        LineKind::Structured => {
            let gap = if line.fields.is_empty() { "" } else { "  " };
            (columns.saturating_sub(head_columns(columns)), [line.text, gap, line.fields])
        }
    };
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
    /// Draws a fold: `+ 41 routine lines of the server`.
    pub(crate) fn fold(&self, buf: &mut Buffer, row: Row) {
        let palette = self.scene.palette;
        let text = human::counted(row.lines.into(), "routine line", "routine lines");
        let of = if self.area.width >= TIME_NEEDS { " of the server" } else { "" };
        Pen::row(buf, self.area, 0)
            .put("+ ", palette.key)
            .put(&text, palette.dim)
            .put(of, palette.dim);
    }

    /// Draws a line, in as many rows as `area` has.
    pub(crate) fn line(&self, buf: &mut Buffer, line: &LogLine<'_>) {
        let palette = self.scene.palette;
        match line.kind {
            LineKind::GenerationMark => {
                let mut pen = Pen::row(buf, self.area, 0);
                pen.put("── ", palette.border).put(line.text, palette.key);
                pen.put(&origin(line.text, self.scene.model), palette.dim).gap(1);
                let rest = pen.room();
                pen.fill("─", rest, palette.border);
            }
            LineKind::Raw if self.wraps => self.flow(buf, 0, &[(line.text, palette.dim)]),
            LineKind::Raw => {
                let mut pen = Pen::row(buf, self.area, 0);
                pen.skip(self.shift);
                self.put(&mut pen, line.text, palette.dim);
            }
            LineKind::Structured => self.structured(buf, line),
        }
    }

    fn structured(&self, buf: &mut Buffer, line: &LogLine<'_>) {
        let palette = self.scene.palette;
        let mut pen = Pen::row(buf, self.area, 0);
        if self.area.width >= TIME_NEEDS {
            pen.left(line.time, TIME, palette.dim).gap(1);
        }
        pen.put(line.level.word(), palette.level(line.level)).gap(1);
        let spans = self.spans(line.component);
        pen.left_marked(line.component, COMPONENT, palette.component, &spans, palette.found).gap(1);
        let text = match line.level {
            Level::Error => palette.error,
            Level::Trace | Level::Debug => palette.dim,
            Level::Info | Level::Warn => palette.text(),
        };
        if self.wraps {
            let gap = if line.fields.is_empty() { "" } else { "  " };
            let parts = [(line.text, text), (gap, text), (line.fields, palette.dim)];
            self.flow(buf, head_columns(self.area.width), &parts);
            return;
        }
        let column =
            if self.area.width >= FIELDS_NEED { (pen.room() / 20 * 9).min(TEXT_MAX) } else { 0 };
        let start = pen.room();
        pen.skip(self.shift);
        self.put(&mut pen, line.text, text);
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

/// Returns what the timeline knows about the start of this generation:
/// ` · killed by signal 9 after 12 min · down for 131 ms`. Empty if unknown.
fn origin(mark: &str, model: &Model) -> String {
    let number = mark.strip_prefix("generation ").and_then(|text| text.parse::<u64>().ok());
    let Some(number) = number else { return String::new() };
    // The entry of a restart has the number of the generation that ended.
    let row = model.timeline.iter().find(|row| match row.kind {
        TimelineKind::Restart => row.generation + 1 == number,
        TimelineKind::Start => row.generation == number,
        TimelineKind::Stop | TimelineKind::GaveUp => false,
    });
    let Some(row) = row else { return String::new() };
    let recovery = if row.recovery.is_empty() { "" } else { " · " };
    format!(" · {}{recovery}{}", row.what, row.recovery)
}
