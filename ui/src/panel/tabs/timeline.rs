//! Starts, stops and repairs, newest first; each with a waterfall of its phases and the last words.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::view::Entries;
use crate::draw::cluster::width;
use crate::draw::graph;
use crate::draw::paint::{self, Pen};
use crate::draw::theme::Palette;
use crate::human;
use crate::model::{Phase, TimelineKind, TimelineRow};
use crate::panel::scene::{Click, Placed, Scene};
use crate::panel::tabs::note::Note;

/// Columns of a time of day, and with the day in front of it.
const CLOCK: u16 = 8;
const DAY_AND_CLOCK: u16 = 15;
/// Narrower than this, a day stands in the place of the time.
const DAY_NEEDS: u16 = 98;
const INDENT_NARROW: u16 = 2;
/// Fewer cells than this show no proportion.
const BARS_AT_LEAST: u16 = 8;
const MAX_WORDS: usize = 3;

/// A line of an entry.
enum Line<'a> {
    Head(&'a TimelineRow),
    Waterfall(&'a [Phase]),
    Words(&'a str),
    More(usize),
    /// Between entries.
    Blank,
}

/// Widths that all entries share.
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

    fn when(self, it: &TimelineRow) -> String {
        if self.when == CLOCK && !it.day.is_empty() { it.day.clone() } else { it.when() }
    }

    /// Where everything below an entry's first line begins: behind time and sign.
    fn indent(self, area: Rect) -> u16 {
        if area.width >= 60 { self.when + 3 } else { INDENT_NARROW }
    }
}

/// The first column of `area` is for signs.
pub(crate) fn draw(
    buf: &mut Buffer,
    area: Rect,
    entries: &mut Entries,
    scene: Scene<'_>,
    placed: &mut Placed,
) {
    let Scene { palette, model, .. } = scene;
    let count = model.timeline.len();
    let chosen = entries.chosen(&model.timeline);
    let lines: Vec<(usize, Line<'_>)> = model
        .timeline
        .iter()
        .enumerate()
        .flat_map(|(at, row)| entry(row).map(move |line| (at, line)))
        .collect();
    let position = |found: Option<usize>| found.map_or(0, |at| at.try_into().unwrap_or(u16::MAX));
    let first = position(lines.iter().position(|(at, _)| *at == chosen));
    let last = position(lines.iter().rposition(|(at, _)| *at == chosen));
    if let Some(row) = model.timeline.get(chosen) {
        let lines = lines.len().try_into().unwrap_or(u16::MAX);
        entries.measure(area.height, lines, row.id, (first, last));
    }
    let text = Rect { x: area.x + 1.min(area.width), width: area.width.saturating_sub(1), ..area };
    let columns = Columns::of(&model.timeline, text);
    if lines.is_empty() {
        Pen::row(buf, text, 0).put("Nothing has happened yet.", palette.dim);
    }
    let visible = lines.iter().skip(entries.scroll.offset.into());
    for (row, (at, line)) in (0..area.height).zip(visible) {
        let all = Rect { y: area.y + row, height: 1, ..area };
        if *at == chosen && count > 1 && matches!(line, Line::Head(_)) {
            buf.set_style(all, palette.cursor);
            Pen::row(buf, all, 0).put("▸", palette.key);
        }
        draw_line(buf, text, row, line, columns, palette);
        placed.put(all, Click::Entry(model.timeline[*at].id));
    }
}

/// What the list holds, and what has come while an older entry is looked at.
pub(crate) fn note(entries: &Entries, scene: Scene<'_>, room: u16) -> Note {
    let Scene { model, palette, .. } = scene;
    let rows = &model.timeline;
    let restarts = rows.iter().filter(|row| row.kind == TimelineKind::Restart).count() as u64;
    let restarts = human::counted(restarts, "restart", "restarts");
    let mut said = Vec::new();
    match entries.unseen(rows) {
        _ if entries.is_newest() => {}
        0 => said.push(("paused · ".to_owned(), palette.warn)),
        new => said.push((format!("paused · {new} new · "), palette.warn)),
    }
    let all = human::counted(rows.len() as u64, "entry", "entries");
    said.push((format!("{all} · {restarts}"), palette.dim));
    Note { is_cut: false, ..Note::fitting(said, room) }
}

fn entry(row: &TimelineRow) -> impl Iterator<Item = Line<'_>> {
    let before = row.last_words.len().saturating_sub(MAX_WORDS);
    std::iter::once(Line::Head(row))
        .chain((!row.phases.is_empty()).then_some(Line::Waterfall(&row.phases)))
        .chain(row.last_words[before..].iter().map(|line| Line::Words(line)))
        .chain((before > 0).then_some(Line::More(before)))
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
    let indent = columns.indent(area);
    match line {
        Line::Head(it) => head(buf, area, row, it, columns, palette),
        Line::Waterfall(phases) => waterfall(Pen::row(buf, area, row).to(indent), phases, palette),
        Line::Words(text) => {
            Pen::row(buf, area, row).to(indent).put("│ ", palette.border).put(text, palette.dim);
        }
        Line::More(lines) => {
            let text = format!("│ Enter: {} more", human::counted(*lines as u64, "line", "lines"));
            Pen::row(buf, area, row).to(indent).put(&text, palette.border);
        }
        Line::Blank => {}
    }
}

pub(crate) fn sign(kind: TimelineKind, palette: &Palette) -> (&'static str, Style) {
    match kind {
        TimelineKind::Start => ("●", palette.ok),
        TimelineKind::Stop => ("○", palette.dim),
        TimelineKind::Restart => ("↻", palette.warn),
        TimelineKind::GaveUp => ("✖", palette.error),
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
        paint::flush_right(buf, area, row, &[(&it.recovery, palette.ok)])
    } else {
        0
    };
    let mut pen = Pen::row(buf, area, row);
    pen.reserve(taken).left(&columns.when(it), columns.when, palette.text()).gap(1);
    let number = format!("gen {}", it.generation);
    pen.put(sign, style).gap(1).left(&number, columns.generation, palette.dim).gap(2);
    pen.put(&it.what, style);
}

/// `seen 1 ▏ tcp 84 ██████ grpc 21 ██`: the bars share what the labels leave, by the time that each phase took.
/// The longest is where to look, so it alone has the full colour. Without room for bars the labels stand alone.
fn waterfall(pen: &mut Pen<'_>, phases: &[Phase], palette: &Palette) {
    let label = |it: &Phase| width(&it.name) + 1 + width(&milliseconds(it.ms));
    let mut phases: Vec<&Phase> = phases.iter().collect();
    // Short of room, what took the least is the least missed.
    while phases.len() > 1
        && phases.iter().map(|it| label(it) + 1).fold(0, u16::saturating_add) > pen.room() + 1
        && let Some((least, _)) = phases.iter().enumerate().min_by_key(|(_, it)| it.ms)
    {
        phases.remove(least);
    }
    let labels = phases.iter().map(|it| label(it) + 2).fold(0, u16::saturating_add);
    // A space in front of each bar, and each may round up to one more cell.
    let bars = pen.room().saturating_sub(labels.saturating_add(2 * phases.len() as u16));
    let bars = if bars >= BARS_AT_LEAST { bars } else { 0 };
    let total = phases.iter().map(|it| it.ms).fold(0, u64::saturating_add);
    let longest = phases.iter().map(|it| it.ms).max().unwrap_or(0);
    for phase in phases {
        let (ink, number) = if phase.ms == longest {
            (palette.graph, palette.strong)
        } else {
            (palette.graph_dim, palette.text())
        };
        pen.put(&phase.name, palette.dim).gap(1).put(&milliseconds(phase.ms), number);
        if bars > 0 {
            pen.gap(1);
            graph::bar(pen, phase.ms as f64 / total.max(1) as f64, bars, ink);
        }
        pen.gap(if bars > 0 { 2 } else { 1 });
    }
}

/// Phases are milliseconds unless they say otherwise: seven units in a row would be noise.
fn milliseconds(ms: u64) -> String {
    if ms < 1_000 { ms.to_string() } else { human::duration(ms) }
}
