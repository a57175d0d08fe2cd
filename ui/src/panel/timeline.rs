//! The timeline: starts, stops and restarts, newest first, with the durations of their phases and the last log lines.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::view::TimelineCursor;
use crate::draw::cluster::width;
use crate::draw::graph;
use crate::draw::paint::{self, Pen};
use crate::draw::theme::Palette;
use crate::human;
use crate::model::{Phase, TimelineKind, TimelineRow};
use crate::panel::note::Note;
use crate::panel::scene::{Canvas, Click, Scene};

/// Columns of a time of day, and of a time of day with its day.
const CLOCK: u16 = 8;
const DAY_AND_CLOCK: u16 = 15;
/// Below this width, an entry of an earlier day has the day instead of the time of day.
const DAY_NEEDS: u16 = 98;
const INDENT_NARROW: u16 = 2;
/// Minimum columns of all bars together. Fewer cells show no proportion.
const MIN_BARS: u16 = 8;
/// Maximum number of last log lines that the list shows for an entry. The page of the entry shows
/// all.
const MAX_LOG_LINES: usize = 3;

/// One line of an entry.
enum Line<'a> {
    Head(&'a TimelineRow),
    Phases(&'a [Phase]),
    Log(&'a str),
    /// Number of omitted log lines.
    More(usize),
    /// An empty line between two entries.
    Blank,
}

/// Widths of the columns, the same for all entries.
#[derive(Clone, Copy)]
struct Columns {
    when: u16,
    generation: u16,
}

impl Columns {
    fn of(rows: &[TimelineRow], area: Rect) -> Self {
        let has_days = rows.iter().any(|row| !row.day.is_empty());
        let latest = rows.iter().map(|row| row.generation).max().unwrap_or(0);
        Self {
            when: if has_days && area.width >= DAY_NEEDS { DAY_AND_CLOCK } else { CLOCK },
            generation: width("gen ") + width(&latest.to_string()),
        }
    }

    fn when(self, row: &TimelineRow) -> String {
        if self.when == CLOCK && !row.day.is_empty() { row.day.clone() } else { row.when() }
    }

    /// Returns the indent of the lines below the first line of an entry.
    fn indent(self, area: Rect) -> u16 {
        if area.width >= 60 { self.when + 3 } else { INDENT_NARROW }
    }
}

/// Draws the timeline. The first column of `area` is for signs.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let Scene { palette, model, .. } = canvas.scene;
    let cursor = &mut canvas.view.timeline;
    let count = model.timeline.len();
    let selected = cursor.selected(&model.timeline);
    let lines: Vec<(usize, Line<'_>)> = model
        .timeline
        .iter()
        .enumerate()
        .flat_map(|(at, row)| entry(row).map(move |line| (at, line)))
        .collect();
    let position = |found: Option<usize>| found.map_or(0, |at| at.try_into().unwrap_or(u16::MAX));
    let first = position(lines.iter().position(|(at, _)| *at == selected));
    let last = position(lines.iter().rposition(|(at, _)| *at == selected));
    if let Some(row) = model.timeline.get(selected) {
        let lines = lines.len().try_into().unwrap_or(u16::MAX);
        cursor.measure(area.height, lines, row.id, (first, last));
    }
    let text = Rect { x: area.x + 1.min(area.width), width: area.width.saturating_sub(1), ..area };
    let columns = Columns::of(&model.timeline, text);
    if lines.is_empty() {
        Pen::row(canvas.buf, text, 0).put("no entries", palette.dim);
    }
    let visible = lines.iter().skip(cursor.scroll.offset.into());
    for (row, (at, line)) in (0..area.height).zip(visible) {
        let all = Rect { y: area.y + row, height: 1, ..area };
        if *at == selected && count > 1 && matches!(line, Line::Head(_)) {
            canvas.buf.set_style(all, palette.cursor);
            Pen::row(canvas.buf, all, 0).put("▸", palette.key);
        }
        draw_line(canvas.buf, text, row, line, columns, palette);
        canvas.map.add(all, Click::Entry(model.timeline[*at].id));
    }
}

/// Returns the note about the timeline for `room` columns: the numbers of entries, of restarts and of new entries.
pub(crate) fn note(cursor: &TimelineCursor, scene: Scene<'_>, room: u16) -> Note {
    let Scene { model, palette, .. } = scene;
    let rows = &model.timeline;
    let restarts = rows.iter().filter(|row| row.kind == TimelineKind::Restart).count() as u64;
    let restarts = human::counted(restarts, "restart", "restarts");
    let mut pieces = Vec::new();
    match cursor.unseen(rows) {
        _ if cursor.is_newest() => {}
        0 => pieces.push(("paused · ".to_owned(), palette.warn)),
        new => pieces.push((format!("paused · {new} new · "), palette.warn)),
    }
    let all = human::counted(rows.len() as u64, "entry", "entries");
    pieces.push((format!("{all} · {restarts}"), palette.dim));
    Note { is_cut: false, ..Note::fitting(pieces, room) }
}

fn entry(row: &TimelineRow) -> impl Iterator<Item = Line<'_>> {
    let omitted = row.last_words.len().saturating_sub(MAX_LOG_LINES);
    std::iter::once(Line::Head(row))
        .chain((!row.phases.is_empty()).then_some(Line::Phases(&row.phases)))
        .chain(row.last_words[omitted..].iter().map(|line| Line::Log(line)))
        .chain((omitted > 0).then_some(Line::More(omitted)))
        .chain(std::iter::once(Line::Blank))
}

fn draw_line(
    buf: &mut Buffer,
    area: Rect,
    row: u16,
    line: &Line<'_>,
    columns: Columns,
    palette: &Palette,
) {
    let mut pen = Pen::row(buf, area, row);
    pen.to(columns.indent(area));
    match line {
        Line::Head(it) => head(buf, area, row, it, columns, palette),
        Line::Phases(phases) => draw_phases(&mut pen, phases, palette),
        Line::Log(text) => _ = pen.put("│ ", palette.border).put(text, palette.dim),
        Line::More(lines) => {
            let text = format!("│ Enter: {} more", human::counted(*lines as u64, "line", "lines"));
            pen.put(&text, palette.border);
        }
        Line::Blank => {}
    }
}

/// Returns the sign of an entry and its style.
pub(crate) fn sign(kind: TimelineKind, palette: &Palette) -> (&'static str, Style) {
    match kind {
        TimelineKind::Start => ("●", palette.ok),
        TimelineKind::Stop => ("○", palette.dim),
        TimelineKind::Restart => ("↻", palette.warn),
        TimelineKind::GaveUp => ("✗", palette.error),
    }
}

fn head(
    buf: &mut Buffer,
    area: Rect,
    row: u16,
    it: &TimelineRow,
    columns: Columns,
    palette: &Palette,
) {
    let (sign, style) = sign(it.kind, palette);
    let taken = if area.width >= 60 {
        paint::flush_right(buf, area, row, &[(&it.recovery, palette.dim)])
    } else {
        0
    };
    let mut pen = Pen::row(buf, area, row);
    pen.reserve(taken).left(&columns.when(it), columns.when, palette.text()).gap(1);
    let number = format!("gen {}", it.generation);
    pen.put(sign, style).gap(1).left(&number, columns.generation, palette.dim).gap(2);
    pen.put(&it.described(), palette.text());
}

/// Draws `seen 1 ▏ tcp 84 ██████ grpc 21 ██`: each label with a bar in proportion to its duration. The longest phase
/// has the strong style. Without room for bars, only the labels are drawn; without room for all labels, the shortest
/// phases are omitted.
fn draw_phases(pen: &mut Pen<'_>, phases: &[Phase], palette: &Palette) {
    let label = |it: &Phase| width(&it.name) + 1 + width(&milliseconds(it.ms));
    let mut phases: Vec<&Phase> = phases.iter().collect();
    while phases.len() > 1
        && phases.iter().map(|it| label(it) + 1).fold(0, u16::saturating_add) > pen.room() + 1
        && let Some((least, _)) = phases.iter().enumerate().min_by_key(|(_, it)| it.ms)
    {
        phases.remove(least);
    }
    let labels = phases.iter().map(|it| label(it) + 2).fold(0, u16::saturating_add);
    // Each bar has a space before it, and may be rounded up to one more cell.
    let bars = pen.room().saturating_sub(labels.saturating_add(2 * phases.len() as u16));
    let bars = if bars >= MIN_BARS { bars } else { 0 };
    let total = phases.iter().map(|it| it.ms).fold(0, u64::saturating_add);
    let longest = phases.iter().map(|it| it.ms).max().unwrap_or(0);
    for phase in phases {
        let (bar, number) = if phase.ms == longest {
            (palette.graph, palette.strong)
        } else {
            (palette.graph_dim, palette.text())
        };
        pen.put(&phase.name, palette.dim).gap(1).put(&milliseconds(phase.ms), number);
        if bars > 0 {
            pen.gap(1);
            graph::bar(pen, phase.ms as f64 / total.max(1) as f64, bars, bar);
        }
        pen.gap(if bars > 0 { 2 } else { 1 });
    }
}

/// Formats the duration of a phase. Milliseconds have no unit, because a unit for each phase takes too much room.
fn milliseconds(ms: u64) -> String {
    if ms < 1_000 { ms.to_string() } else { human::duration(ms) }
}
