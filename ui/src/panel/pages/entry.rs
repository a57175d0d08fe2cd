//! The page of a timeline entry: each phase with a bar, and all last log lines.

use ratatui::layout::Rect;

use super::page::{Line, Page, Widths};
use crate::draw::theme::Palette;
use crate::human;
use crate::model::TimelineRow;
use crate::panel::scene::{Canvas, Scene};
use crate::panel::timeline;

const WIDTHS: Widths = Widths { page: 120, names: 11 };
/// Maximum columns of a bar.
const BAR: u16 = 40;
/// Columns of a duration.
const NUMBER: usize = 7;

/// Draws the entry with this id in the middle of `area`. Returns the place of the page.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect, id: u64) -> Rect {
    let Scene { palette, model, .. } = canvas.scene;
    let (mut title, mut lines) = (String::new(), Vec::new());
    if let Some(row) = model.timeline.iter().find(|row| row.id == id) {
        title = format!("{} · generation {}", row.when(), row.generation);
        lines = self::lines(row, WIDTHS.text(area), palette);
    }
    Page { title: &title, lines: &lines, widths: WIDTHS }.draw(canvas, area)
}

fn lines<'a>(row: &'a TimelineRow, columns: u16, palette: &Palette) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let (sign, style) = timeline::sign(row.kind, palette);
    lines.push(Line::words("", palette.base, format!("{sign} {}", row.described()), style));
    if !row.recovery.is_empty() {
        lines.push(Line::words("", palette.base, row.recovery.as_str(), palette.dim));
    }
    let longest = BAR.min(columns.saturating_sub(NUMBER as u16 + 2));
    let total = row.phases.iter().map(|phase| phase.ms).fold(0, u64::saturating_add);
    if !row.phases.is_empty() {
        lines.push(Line::heading("", palette.base));
    }
    for phase in &row.phases {
        let share = (phase.ms as f64 / total.max(1) as f64 * f64::from(longest)).round() as usize;
        let bar = "█".repeat(share.max(1).min(longest.into()));
        let text = format!("{:>NUMBER$}  {bar}", human::duration(phase.ms));
        lines.push(Line::verbatim(phase.name.as_str(), palette.dim, text, palette.graph));
    }
    if !row.last_words.is_empty() {
        lines.push(Line::heading("", palette.base));
        lines.push(Line::heading("Last log lines", palette.title));
    }
    for line in &row.last_words {
        lines.push(Line::verbatim("", palette.base, line.as_str(), palette.base));
    }
    lines
}
