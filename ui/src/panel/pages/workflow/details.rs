//! Details of one line of the page: a stack trace, or the events and values of a row of the history.

use ratatui::layout::Rect;

use super::line;
use crate::app::view::{LineDetails, WorkflowCursor};
use crate::panel::pages::page::{Line, Page, Widths};
use crate::panel::scene::{Canvas, Scene};

const WIDTHS: Widths = Widths { page: 140, names: 12 };

/// Draws the details of the open line.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, cursor: &WorkflowCursor) {
    let Scene { model, palette, .. } = canvas.scene;
    let Some(LineDetails { title, facts }) = cursor.details(model) else { return };
    let lines: Vec<Line<'_>> = facts
        .iter()
        .flat_map(|(name, value)| {
            value.lines().enumerate().map(move |(i, part)| {
                let name = if i == 0 { *name } else { " " };
                let line = Line::verbatim(name, palette.dim, part, palette.base);
                // Code and stack traces keep their spaces.
                Line { verbatim: value.contains('\n'), ..line }
            })
        })
        .collect();
    let title = format!("{} › {title}", line::title(cursor));
    Page { title: &title, lines: &lines, widths: WIDTHS }.draw(canvas, area);
}
