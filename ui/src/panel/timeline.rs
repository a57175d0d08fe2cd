//! Starts, stops and repairs, newest first; each with a waterfall of its phases and the last words.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Scene;
use crate::cluster::width;
use crate::graph;
use crate::human;
use crate::model::{Phase, TimelineKind, TimelineRow};
use crate::paint::{self, Pen, Piece};
use crate::theme::Palette;
use crate::view::ListScroll;

/// Column where everything below an entry's first line begins: behind clock and sign.
const INDENT: u16 = 11;
const INDENT_NARROW: u16 = 2;
/// Fewer cells than this show no proportion.
const BARS_AT_LEAST: u16 = 8;
const MAX_WORDS: usize = 3;

/// A line of an entry.
enum Line<'a> {
    Head(&'a TimelineRow),
    Waterfall(&'a [Phase]),
    Words(&'a str),
    /// Between entries.
    Blank,
}

pub(super) fn draw(buf: &mut Buffer, area: Rect, scroll: &mut ListScroll, scene: Scene<'_>) {
    let lines: Vec<Line<'_>> = scene.model.timeline.iter().flat_map(entry).collect();
    scroll.measure(area.height, lines.len().try_into().unwrap_or(u16::MAX));
    if lines.is_empty() {
        Pen::row(buf, area, 0).put("Nothing has happened yet.", scene.palette.dim);
    }
    for (row, line) in (0..area.height).zip(lines.iter().skip(scroll.offset.into())) {
        draw_line(buf, area, row, line, scene.palette);
    }
}

pub(super) fn note<'a>(scene: Scene<'_>, out: &'a mut Vec<String>) -> Vec<Piece<'a>> {
    let entries = human::counted(scene.model.timeline.len() as u64, "entry", "entries");
    let restarts = human::counted(scene.model.restarts.total, "restart", "restarts");
    out.push(format!("{entries} · {restarts}"));
    out.iter().map(|text| (text.as_str(), scene.palette.dim)).collect()
}

fn entry(row: &TimelineRow) -> impl Iterator<Item = Line<'_>> {
    let words = &row.last_words[row.last_words.len().saturating_sub(MAX_WORDS)..];
    std::iter::once(Line::Head(row))
        .chain((!row.phases.is_empty()).then_some(Line::Waterfall(&row.phases)))
        .chain(words.iter().map(|line| Line::Words(line)))
        .chain(std::iter::once(Line::Blank))
}

fn draw_line(buf: &mut Buffer, area: Rect, row: u16, line: &Line<'_>, palette: &Palette) {
    let indent = if area.width >= 60 { INDENT } else { INDENT_NARROW };
    match line {
        Line::Head(it) => head(buf, area, row, it, palette),
        Line::Waterfall(phases) => waterfall(Pen::row(buf, area, row).to(indent), phases, palette),
        Line::Words(text) => {
            Pen::row(buf, area, row).to(indent).put("│ ", palette.border).put(text, palette.dim);
        }
        Line::Blank => {}
    }
}

fn head(buf: &mut Buffer, area: Rect, row: u16, it: &TimelineRow, palette: &Palette) {
    let (sign, style) = match it.kind {
        TimelineKind::Start => ("●", palette.ok),
        TimelineKind::Stop => ("○", palette.dim),
        TimelineKind::Restart => ("↻", palette.warn),
        TimelineKind::GaveUp => ("✖", palette.error),
    };
    let taken = if area.width >= 60 {
        paint::flush_right(buf, area, row, &[(&it.recovery, palette.ok)])
    } else {
        0
    };
    let mut pen = Pen::row(buf, area, row);
    pen.reserve(taken).left(&it.clock, 8, palette.base).gap(1);
    pen.put(sign, style).gap(1).left(&format!("gen {}", it.generation), 9, palette.dim).gap(1);
    pen.put(&it.what, style);
}

/// `seen 1 ▏ tcp 84 ██████ grpc 21 ██`: the bars share what the labels leave, by the time that each phase took.
/// The longest is where to look, so it alone has the full colour. Without room for bars the labels stand alone.
fn waterfall(pen: &mut Pen<'_>, phases: &[Phase], palette: &Palette) {
    let labels: u16 = phases
        .iter()
        .map(|it| width(&it.name) + 1 + width(&milliseconds(it.ms)) + 2)
        .fold(0, u16::saturating_add);
    // A space in front of each bar, and each may round up to one more cell.
    let bars = pen.room().saturating_sub(labels.saturating_add(2 * phases.len() as u16));
    let bars = if bars >= BARS_AT_LEAST { bars } else { 0 };
    let total = phases.iter().map(|it| it.ms).fold(0, u64::saturating_add);
    let longest = phases.iter().map(|it| it.ms).max().unwrap_or(0);
    for phase in phases {
        let (ink, number) = if phase.ms == longest {
            (palette.graph, palette.strong)
        } else {
            (palette.graph_dim, palette.base)
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
