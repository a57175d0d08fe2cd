//! One entry of the timeline in full: each phase with its bar, and all of the last words.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::page::{Line, Page, Widths};
use crate::app::view::View;
use crate::human;
use crate::panel::scene::{Placed, Scene};
use crate::panel::tabs::timeline;

const WIDTHS: Widths = Widths { page: 120, names: 11 };
/// Columns of the longest bar, where there is room.
const BAR: u16 = 40;
/// Columns of a duration.
const NUMBER: usize = 7;

pub(crate) fn draw(
    buf: &mut Buffer,
    area: Rect,
    id: u64,
    view: &mut View,
    scene: Scene<'_>,
    placed: &mut Placed,
) -> Rect {
    let Scene { palette, model, .. } = scene;
    let mut lines = Vec::new();
    let mut title = String::new();
    if let Some(it) = model.timeline.iter().find(|row| row.id == id) {
        title = format!("{} · generation {}", it.when(), it.generation);
        let (sign, style) = timeline::sign(it.kind, palette);
        lines.push(Line::words("", palette.base, format!("{sign} {}", it.what), style));
        if !it.recovery.is_empty() {
            lines.push(Line::words("", palette.base, it.recovery.as_str(), palette.ok));
        }
        let bar = BAR.min(WIDTHS.text(area).saturating_sub(NUMBER as u16 + 2));
        let total = it.phases.iter().map(|phase| phase.ms).fold(0, u64::saturating_add);
        if !it.phases.is_empty() {
            lines.push(Line::heading("", palette.base));
        }
        for phase in &it.phases {
            let share = (phase.ms as f64 / total.max(1) as f64 * f64::from(bar)).round() as usize;
            let bar = "█".repeat(share.max(1).min(bar.into()));
            let text = format!("{:>NUMBER$}  {bar}", human::duration(phase.ms));
            lines.push(Line::verbatim(phase.name.as_str(), palette.dim, text, palette.graph));
        }
        if !it.last_words.is_empty() {
            lines.push(Line::heading("", palette.base));
            lines.push(Line::heading("Its last words", palette.title));
        }
        for words in &it.last_words {
            lines.push(Line::verbatim("", palette.base, words.as_str(), palette.base));
        }
    }
    Page { title: &title, lines: &lines, widths: WIDTHS }.draw(
        buf,
        area,
        &mut view.page,
        scene,
        placed,
    )
}
