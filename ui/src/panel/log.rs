//! Temporal's log. Only the visible slice is asked for and drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Scene;
use crate::cluster::width;
use crate::human;
use crate::log::{Level, LineKind, LogLine};
use crate::paint::{Pen, Piece};
use crate::theme::Palette;
use crate::view::LogScroll;

const TIME: u16 = 12;
const COMPONENT: u16 = 9;
/// Narrower than this, the time is left out.
const TIME_NEEDS: u16 = 60;
/// From here on the fields have a column of their own.
const FIELDS_NEED: u16 = 100;

pub(super) fn draw(buf: &mut Buffer, area: Rect, scroll: &mut LogScroll, scene: Scene<'_>) {
    scroll.measure(area.height, scene.log);
    let first = scroll.first_index(scene.log, area.height);
    for row in 0..area.height {
        let Some(line) = scene.log.line(first + usize::from(row)) else { break };
        draw_line(buf, area, row, &line, scroll.shift, scene.palette);
    }
    if scene.log.is_empty() {
        Pen::row(buf, area, 0).put("Temporal has not written anything yet.", scene.palette.dim);
    }
}

fn draw_line(
    buf: &mut Buffer,
    area: Rect,
    row: u16,
    line: &LogLine<'_>,
    shift: u16,
    palette: &Palette,
) {
    let mut pen = Pen::row(buf, area, row);
    match line.kind {
        LineKind::GenerationMark => {
            pen.put("── ", palette.border).put(line.text, palette.key).gap(1);
            let rest = pen.room();
            pen.fill("─", rest, palette.border);
        }
        LineKind::Raw => {
            pen.skip(shift).put(line.text, palette.dim);
        }
        LineKind::Structured => {
            if area.width >= TIME_NEEDS {
                pen.left(line.time, TIME, palette.dim).gap(1);
            }
            pen.put(line.level.word(), palette.level(line.level)).gap(1);
            pen.left(line.component, COMPONENT, palette.component).gap(1);
            let text = match line.level {
                Level::Error => palette.error,
                Level::Trace | Level::Debug => palette.dim,
                Level::Info | Level::Warn => palette.base,
            };
            let column = if area.width >= FIELDS_NEED { pen.room() / 20 * 9 } else { 0 };
            let start = pen.room();
            pen.skip(shift).put(line.text, text);
            let used = start - pen.room();
            let to_fields = column.saturating_sub(shift).saturating_sub(used).max(2);
            // The column counts from the unshifted beginning, so scrolled lines stay aligned with each other.
            pen.gap(to_fields).put(line.fields, palette.dim);
        }
    }
}

/// What stands in the line above: how it follows, how much there is; as much as fits into `room`.
pub(super) fn note<'a>(
    scroll: &LogScroll,
    scene: Scene<'_>,
    room: u16,
    out: &'a mut Vec<String>,
) -> Vec<Piece<'a>> {
    let palette = scene.palette;
    let first = if scroll.follows() {
        out.push("following".into());
        palette.ok
    } else {
        out.push(format!("paused · {} new", human::count(scroll.unseen(scene.log))));
        palette.warn
    };
    out.push(format!(" · {}", human::counted(scene.log.total(), "line", "lines")));
    if scene.log.dropped() > 0 {
        out.push(format!(" · oldest {} gone", human::count(scene.log.dropped())));
    }
    if scroll.shift > 0 {
        out.push(format!(" · from column {}", scroll.shift + 1));
    }
    let mut used = 3;
    let fitting = out.iter().take_while(|text| {
        used += width(text);
        used <= room
    });
    fitting
        .enumerate()
        .map(|(i, text)| (text.as_str(), if i == 0 { first } else { palette.dim }))
        .collect()
}
