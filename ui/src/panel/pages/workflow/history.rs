//! The history of a run: one row for each activity, timer, child, signal and update, on one time axis.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::line::{self, NOTES, WIDE};
use crate::app::view::{PageLine, WorkflowCursor};
use crate::draw::graph;
use crate::draw::layout::row;
use crate::draw::paint::{self, Pen};
use crate::draw::theme::Palette;
use crate::human;
use crate::model::{HistoryRow, HistoryState, WorkflowPage};
use crate::panel::lists;
use crate::panel::scene::{Canvas, Click, Scene};

/// Columns of the time since the start.
const OFFSET: u16 = 10;
/// Columns of a duration, with the gap before it.
const TOOK: u16 = 10;

/// Draws the heading: numbers of events and rows, and whether the page follows the history.
pub(super) fn heading(
    canvas: &mut Canvas<'_>,
    area: Rect,
    cursor: &WorkflowCursor,
    page: &WorkflowPage,
) {
    let Scene { model, palette, .. } = canvas.scene;
    let rows = cursor.rows(page).count() as u64;
    let events = human::counted(page.events, "event", "events");
    let text = if page.events_read < page.events {
        format!("{} of {events} read so far", human::count(page.events_read))
    } else {
        format!("{events} in {}", human::counted(rows, "row", "rows"))
    };
    let hidden = page.history.len() as u64 - rows;
    let note = match (hidden, page.status.is_open() && cursor.line(model).is_none()) {
        (_, true) => "following".to_owned(),
        (0, false) => String::new(),
        (_, false) => format!("z: {}", human::counted(hidden, "workflow task", "workflow tasks")),
    };
    line::draw(canvas, area, "History", (&text, palette.text()), &note);
}

/// Draws the visible rows, and scrolls to the selected one, or to the end.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    cursor: &mut WorkflowCursor,
    page: &WorkflowPage,
) {
    let scene @ Scene { model, .. } = canvas.scene;
    let rows: Vec<&HistoryRow> = cursor.rows(page).collect();
    let selected = match cursor.line(model) {
        Some(PageLine::Row(id)) => rows.iter().position(|row| row.id == id),
        Some(PageLine::Cause(_)) => Some(cursor.first),
        Some(PageLine::Log) | None => rows.len().checked_sub(1),
    };
    let marked = match cursor.line(model) {
        Some(PageLine::Row(id)) => Some(id),
        _ => None,
    };
    // A history may have more rows than a scroll position can count.
    let page_rows = usize::from(area.height);
    let first = window(rows.len(), selected.unwrap_or(0), page_rows, cursor.first);
    cursor.first = first;
    cursor.scroll.measure(area.height, u16::try_from(rows.len()).unwrap_or(u16::MAX));
    let axis = Axis::of(page);
    for (number, it) in (0..area.height).zip(rows.iter().skip(first)) {
        let place = row(area, number);
        let is_first = page.history.first().is_some_and(|first| first.id == it.id);
        let begin = if is_first && it.id == 1 { page.started.as_str() } else { "" };
        lists::mark(canvas.buf, place, marked == Some(it.id), scene);
        draw_row(canvas, place, it, begin, &axis);
        canvas.map.add(place, Click::PageLine(PageLine::Row(it.id)));
    }
}

/// Returns the first visible row, so that the selected one is visible. Moves as little as possible.
fn window(rows: usize, selected: usize, height: usize, before: usize) -> usize {
    let lowest = (selected + 1).saturating_sub(height);
    before.max(lowest).min(selected).min(rows.saturating_sub(height))
}

/// The time axis of all rows, from the start of the run. It ends with the run. For an open run it ends later than
/// now and than the next attempt, and grows in steps, so that bars do not change in each frame.
struct Axis {
    now_ms: u64,
    end_ms: u64,
}

impl Axis {
    fn of(page: &WorkflowPage) -> Self {
        let now_ms = page.took_ms.unwrap_or(0);
        let next = page.history.iter().filter_map(|row| row.next_ms).max();
        let end_ms = now_ms.max(next.unwrap_or(0)).max(1);
        let end_ms = match page.status.is_open() {
            true => graph::ceiling([end_ms as f64].into_iter(), 1.0) as u64,
            false => end_ms,
        };
        Self { now_ms, end_ms }
    }

    /// Returns a time as a share of the axis.
    fn share(&self, ms: u64) -> f64 {
        ms.min(self.end_ms) as f64 / self.end_ms as f64
    }
}

fn draw_row(canvas: &mut Canvas<'_>, area: Rect, it: &HistoryRow, begin: &str, axis: &Axis) {
    let Scene { palette, .. } = canvas.scene;
    let width = area.width;
    let style = style(it.state, palette);
    let span = it.span(axis.now_ms);
    let lasts = it.to_ms.is_none_or(|to| Some(to) != it.from_ms);
    let took = match span {
        Some((from, to)) if lasts && width >= NOTES => human::duration(to - from),
        _ => String::new(),
    };
    let inner = Rect { width: width.saturating_sub(1), ..area };
    paint::flush_right(canvas.buf, inner, 0, &[(&took, palette.dim)]);
    let offset = match it.from_ms {
        _ if !begin.is_empty() => begin.to_owned(),
        Some(ms) => format!("+ {}", human::duration(ms)),
        None => String::new(),
    };
    let mut pen = Pen::row(canvas.buf, area, 0);
    if width >= NOTES {
        pen.reserve(TOOK);
    }
    pen.gap(1);
    match begin {
        "" if width >= 50 => pen.right(&offset, OFFSET, palette.dim),
        "" => pen.left(&offset, OFFSET, palette.dim),
        begin => pen.left(begin, OFFSET, palette.dim),
    };
    let (name, text) = match width {
        WIDE.. => (16, 32),
        NOTES.. => (14, 20),
        _ => (14, pen.room()),
    };
    pen.gap(if width >= WIDE { 2 } else { 1 }).left(&it.name, name, palette.text()).gap(1);
    if width < NOTES {
        pen.put(&it.text, style);
        return;
    }
    pen.left(&it.text, text, style).gap(1);
    if let Some(span) = span {
        draw_bar(&mut pen, it, span, axis, (style, palette.dim));
    }
}

/// Draws the bar of a row: its time, and `┄` for the wait until the next attempt.
fn draw_bar(
    pen: &mut Pen<'_>,
    it: &HistoryRow,
    (from, to): (u64, u64),
    axis: &Axis,
    (style, wait): (Style, Style),
) {
    let columns = pen.room();
    let cells = |share: f64| (share * f64::from(columns)) as u16;
    let begin = cells(axis.share(from)).min(columns.saturating_sub(1));
    pen.gap(begin);
    let share = (axis.share(to) - f64::from(begin) / f64::from(columns.max(1))).max(0.0);
    // A moment has the shortest bar.
    let length = if from == to { 0.0 } else { share * f64::from(columns) };
    let room = pen.room();
    graph::bar(pen, length / f64::from(room.max(1)), room, style);
    if let Some(next) = it.next_ms {
        let end = cells(axis.share(next));
        let used = columns.saturating_sub(pen.room());
        pen.fill("┄", end.saturating_sub(used), wait);
    }
}

fn style(state: HistoryState, palette: &Palette) -> Style {
    match state {
        HistoryState::Done => palette.dim,
        HistoryState::Open => palette.text(),
        HistoryState::Retrying => palette.warn,
        HistoryState::Failed => palette.error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::WorkflowStatus;

    #[test]
    fn axis_of_an_open_run_grows_in_steps_and_that_of_a_closed_run_ends_with_it() {
        let end = |status, took_ms, next_ms| {
            let row = HistoryRow { next_ms, ..HistoryRow::default() };
            let took_ms = Some(took_ms);
            let page =
                WorkflowPage { status, took_ms, history: [row].into(), ..Default::default() };
            Axis::of(&page).end_ms
        };
        use WorkflowStatus::{Failed, Running};
        assert_eq!([141_000, 142_000, 199_000].map(|now| end(Running, now, None)), [200_000; 3]);
        assert_eq!(end(Running, 141_000, Some(210_000)), 500_000);
        assert_eq!(end(Running, 0, None), 1);
        assert_eq!(end(Failed, 141_234, None), 141_234);
    }

    #[test]
    fn selected_row_is_always_visible() {
        for (rows, selected, height, before, first) in [
            (100_000, 99_999, 10, 0, 99_990),
            (100_000, 50, 10, 60, 50),
            (100_000, 50, 10, 45, 45),
            (100_000, 50, 10, 30, 41),
            (5, 4, 10, 3, 0),
            (0, 0, 10, 5, 0),
            (5, 4, 0, 0, 4),
        ] {
            assert_eq!(window(rows, selected, height, before), first, "{rows} {selected} {before}");
        }
    }
}
