//! A row of a workflow.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{ALL_COLUMNS, CAUSES, NUMBERS, STATE, name, state_style, text_style};
use crate::draw::paint::{self, Pen};
use crate::draw::theme::Palette;
use crate::human;
use crate::model::{WorkflowRow, WorkflowStatus};
use crate::panel::scene::Scene;

/// Columns of the type, on a wide screen.
const TYPE: u16 = 12;

/// Returns the sign of a state and its style.
pub(crate) fn sign(status: WorkflowStatus, palette: &Palette) -> (&'static str, Style) {
    match status {
        WorkflowStatus::Running => ("●", palette.text()),
        WorkflowStatus::Paused => ("○", palette.warn),
        WorkflowStatus::Completed => ("✓", palette.ok),
        WorkflowStatus::Failed | WorkflowStatus::TimedOut => ("✗", palette.error),
        WorkflowStatus::Canceled | WorkflowStatus::Terminated => ("–", palette.dim),
        WorkflowStatus::Continued => ("→", palette.dim),
    }
}

/// Returns the texts of the columns at the right end.
pub(crate) fn times(took: &str, ended: &str, columns: u16) -> String {
    match columns {
        NUMBERS.. => format!("{took:>8} {ended:>8}"),
        _ => String::new(),
    }
}

pub(super) fn draw(buf: &mut Buffer, area: Rect, row: &WorkflowRow, scene: Scene<'_>) {
    let palette = scene.palette;
    let width = area.width;
    let took = row.took_ms.map(human::duration).unwrap_or_default();
    let ended = row.ended_ms.map(human::age_short).unwrap_or_default();
    let times = times(&took, &ended, width);
    let inner = Rect { width: width.saturating_sub(1), ..area };
    let taken = match times.as_str() {
        "" => 0,
        times => paint::flush_right(buf, inner, 0, &[(times, palette.dim)]) + 1,
    };
    let (sign, style) = sign(row.status, palette);
    let style = state_style(style, scene);
    let text = text_style(row.ended_ms, scene);
    let mut pen = Pen::row(buf, area, 0);
    pen.reserve(taken).gap(1).put(sign, style).gap(1).left(row.status.label(), STATE, style);
    if width >= ALL_COLUMNS {
        pen.left(&row.type_name, TYPE - 1, text).gap(1);
    }
    let columns = match width {
        160.. => 38,
        ALL_COLUMNS.. => 19,
        CAUSES.. => 15,
        _ => pen.room(),
    };
    name(&mut pen, &row.workflow_id, 0, columns, text, scene);
    if width >= CAUSES {
        pen.put(&row.note, text);
    }
}
