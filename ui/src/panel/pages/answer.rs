//! The page of the newest answer of a workflow: to a query, to an update, or its stack trace.

use ratatui::layout::Rect;

use super::page::{Line, Page, Widths};
use crate::panel::scene::{Canvas, Scene};

const WIDTHS: Widths = Widths { page: 160, names: 0 };

/// Draws the answer in `area`. Returns the place of the page.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let Scene { model, palette, .. } = canvas.scene;
    let Some(answer) = &model.answer else { return Rect::default() };
    let style = if answer.is_error { palette.error } else { palette.base };
    let lines: Vec<Line<'_>> = match answer.text.as_str() {
        "" => vec![Line::words("", palette.base, "no value", palette.dim)],
        text if answer.is_error => vec![Line::words("", palette.base, text, style)],
        text => text.lines().map(|line| Line::verbatim("", palette.base, line, style)).collect(),
    };
    Page { title: &answer.title, lines: &lines, widths: WIDTHS }.draw(canvas, area)
}
