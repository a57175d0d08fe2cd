//! Temporal's log. Only the visible slice is asked for and drawn.

mod note;
mod row;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::draw::paint::Pen;
use crate::explorer::{Explorer, Row};
use crate::human;
use crate::panel::scene::{Click, Placed, Scene};
use row::Brush;

pub(crate) use note::note;

/// The first column of `area` is for signs.
pub(crate) fn draw(
    buf: &mut Buffer,
    area: Rect,
    explorer: &mut Explorer,
    scene: Scene<'_>,
    placed: &mut Placed,
) {
    let Scene { palette, log, .. } = scene;
    let text = Rect { x: area.x + 1.min(area.width), width: area.width.saturating_sub(1), ..area };
    let wraps = explorer.wrap;
    let first = explorer.measure(area.height, |row| match line_of(row, scene) {
        Some(line) if wraps && !row.is_fold() => row::height(&line, text.width, area.height),
        _ => 1,
    });
    placed.lines = area;
    let chosen = explorer.chosen();
    let search = explorer.search().filter(|search| search.error.is_empty());
    let mut used = 0;
    let mut at = first;
    while used < area.height
        && let Some(row) = explorer.row(at)
    {
        let mut brush = Brush {
            area: Rect { y: text.y + used, height: area.height - used, ..text },
            shift: if wraps { 0 } else { explorer.shift },
            wraps,
            pattern: search.map(|search| search.pattern.as_str()),
            scene,
        };
        let line = line_of(row, scene);
        let height = match &line {
            Some(line) if wraps && !row.is_fold() => row::height(line, text.width, area.height),
            _ => 1,
        };
        let height = height.min(area.height - used);
        brush.area.height = height;
        let all = Rect { y: area.y + used, height, ..area };
        let is_chosen = chosen.as_ref().is_some_and(|chosen| chosen.contains(&at));
        if is_chosen {
            buf.set_style(all, palette.cursor);
        }
        match &line {
            _ if row.is_fold() => brush.fold(buf, row, is_chosen),
            Some(line) => {
                brush.line(buf, line);
                let matches = search.is_some_and(|search| search.is_match(row.first));
                let (sign, style) = match (is_chosen, matches) {
                    (true, _) => ("▸", palette.key),
                    // It may stand where the row does not show it.
                    (false, true) => ("›", palette.warn),
                    (false, false) => (" ", palette.base),
                };
                Pen::row(buf, all, 0).put(sign, style);
            }
            None => {}
        }
        placed.put(all, Click::Line(row.first));
        used += height;
        at += 1;
    }
    if explorer.rows() == 0 {
        let said = if log.is_empty() {
            "Temporal has not written anything yet.".to_owned()
        } else if explorer.filter().from > 0 {
            let cleared = explorer.filter().from.saturating_sub(log.dropped());
            let lines = human::counted(cleared, "line is", "lines are");
            format!("{lines} hidden; Ctrl-L shows them")
        } else {
            "No line passes the filter; l and c change it.".to_owned()
        };
        Pen::row(buf, text, 0).put(&said, palette.dim);
    }
}

fn line_of<'a>(row: Row, scene: Scene<'a>) -> Option<crate::log::LogLine<'a>> {
    let index = row.first.checked_sub(scene.log.dropped())?;
    scene.log.line(usize::try_from(index).ok()?)
}
