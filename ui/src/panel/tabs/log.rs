//! The log of Temporal. Reads and draws only the visible lines.

mod note;
mod row;

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::draw::paint::Pen;
use crate::explorer::{Explorer, Row, Search};
use crate::human;
use crate::log::LogLine;
use crate::panel::scene::{Canvas, Click, Scene};
use row::RowPainter;

pub(crate) use note::note;

/// Draws the log. The first column of `area` is for signs.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let scene @ Scene { palette, .. } = canvas.scene;
    let text = Rect { x: area.x + 1.min(area.width), width: area.width.saturating_sub(1), ..area };
    let explorer = &mut canvas.view.log;
    let wraps = explorer.wrap;
    let height_of = |row: Row| match line_of(row, scene) {
        Some(line) if wraps && !row.is_fold() => row::height(&line, text.width, area.height),
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
            scene,
        };
        let all = Rect { y: area.y + used, height, ..area };
        let is_selected = selected.as_ref().is_some_and(|selected| selected.contains(&at));
        if is_selected {
            canvas.buf.set_style(all, palette.cursor);
        }
        match line_of(row, scene) {
            _ if row.is_fold() => painter.fold(canvas.buf, row, is_selected),
            Some(line) => {
                painter.line(canvas.buf, &line);
                let (sign, style) = sign(row, is_selected, search, scene);
                Pen::row(canvas.buf, all, 0).put(sign, style);
            }
            None => {}
        }
        canvas.map.add(all, Click::Line(row.first));
        used += height;
        at += 1;
    }
    if explorer.rows() == 0 {
        Pen::row(canvas.buf, text, 0).put(&why_empty(explorer, scene), palette.dim);
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
    if log.is_empty() && !model.managed {
        "log not available: external server".to_owned()
    } else if log.is_empty() {
        "the log is empty".to_owned()
    } else if explorer.filter().from > 0 {
        let cleared = explorer.filter().from.saturating_sub(log.dropped());
        format!("{} hidden; Ctrl-L shows them", human::counted(cleared, "line", "lines"))
    } else {
        "no line passes the filter; l changes the level, c the component".to_owned()
    }
}

fn line_of<'a>(row: Row, scene: Scene<'a>) -> Option<LogLine<'a>> {
    let index = row.first.checked_sub(scene.log.dropped())?;
    scene.log.line(usize::try_from(index).ok()?)
}
