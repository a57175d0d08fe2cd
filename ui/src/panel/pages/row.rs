//! The page of a problem, a workflow or a worker: all its facts.

use ratatui::layout::Rect;

use super::page::{Line, Page, Widths};
use crate::app::view::RowDetails;
use crate::panel::scene::{Canvas, Scene};

const WIDTHS: Widths = Widths { page: 140, names: 12 };

/// Draws the page of the selected row in `area`. Returns its place.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let Scene { model, palette, .. } = canvas.scene;
    let selected = canvas.view.selected();
    let details = selected.and_then(|item| RowDetails::of(item, model)).unwrap_or_default();
    let lines: Vec<Line<'_>> = details
        .facts
        .iter()
        .flat_map(|(name, value)| {
            let style = if *name == "Cause" { palette.strong } else { palette.base };
            value.lines().enumerate().map(move |(i, part)| {
                let name = if i == 0 { *name } else { " " };
                Line::words(name, palette.dim, part, style)
            })
        })
        .collect();
    Page { title: &details.title, lines: &lines, widths: WIDTHS }.draw(canvas, area)
}
