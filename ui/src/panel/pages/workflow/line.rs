//! Parts that the page of a workflow and its details share.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::view::WorkflowCursor;
use crate::draw::paint::{self, Pen};
use crate::panel::scene::{Canvas, Scene};

/// Columns of the names of lines: `Cause`, `Pending`.
pub(super) const NAMES: u16 = 11;
/// From this width on, lines have notes at their right end, and rows have bars.
pub(super) const NOTES: u16 = 72;
/// From this width on, there is room for all facts.
pub(super) const WIDE: u16 = 100;

/// Returns the path to the page: `Refund › refund-0`.
pub(super) fn title(cursor: &WorkflowCursor) -> String {
    format!("{} › {}", cursor.type_name, cursor.run.workflow_id)
}

/// Draws a line with a name, a text and a note at the right end.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    name: &str,
    text: (&str, Style),
    note: &str,
) {
    let Scene { palette, .. } = canvas.scene;
    let inner = Rect { width: area.width.saturating_sub(1), ..area };
    let taken = match note {
        "" => 0,
        note => paint::flush_right(canvas.buf, inner, 0, &[(note, palette.dim)]) + 1,
    };
    let mut pen = Pen::row(canvas.buf, area, 0);
    pen.reserve(taken).gap(1).left(name, NAMES, palette.strong).put(text.0, text.1);
}
