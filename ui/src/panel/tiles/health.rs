//! The six checks, each with its verdict, its latency and the age of the verdict.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::draw::cluster::width;
use crate::draw::paint::Pen;
use crate::draw::theme::Palette;
use crate::human;
use crate::model::LayerView;
use crate::panel::scene::{Scene, tile};

/// Columns of a latency or an age, with the gap before it.
const NUMBER: u16 = 7;

pub(crate) fn draw(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let palette = scene.palette;
    let layers = &scene.model.health;
    let failing = layers.iter().filter(|layer| layer.ok == Some(false)).count();
    let passing = layers.iter().filter(|layer| layer.ok == Some(true)).count();
    let note = match (failing, passing) {
        (0, 0) => String::new(),
        (0, _) => format!("{passing} of {}", layers.len()),
        _ => format!("{failing} failing"),
    };
    let style = if failing > 0 { palette.error } else { palette.dim };
    let note: &[_] = if note.is_empty() { &[] } else { &[(note.as_str(), style)] };
    let inside = tile(buf, area, "Health", note, scene);
    for (row, layer) in (0..inside.height).zip(layers) {
        let mut pen = Pen::row(buf, inside, row);
        check_row(&mut pen, layer, palette);
    }
}

fn check_row(pen: &mut Pen<'_>, layer: &LayerView, palette: &Palette) {
    let (sign, style) = verdict(layer, palette);
    pen.put(sign, style).gap(1);
    let name = if layer.ok == Some(false) { style } else { palette.base };
    pen.left(&layer.name, 8, name);
    if layer.ok == Some(true) || layer.detail.is_empty() {
        let latency = layer.latency_us.map_or_else(|| "–".to_owned(), human::latency);
        let number = if layer.ok == Some(true) { palette.strong } else { palette.dim };
        pen.right(&latency, NUMBER, number);
    } else {
        // If a check fails, its reason is drawn instead of the latency. A long reason also replaces
        // the age.
        let room = pen.room().saturating_sub(NUMBER);
        let columns = if width(&layer.detail) <= room { room } else { pen.room() };
        pen.left(&layer.detail, columns, style);
    }
    let since = layer.since_ms.map(human::age_short).unwrap_or_default();
    let before = pen.room().saturating_sub(NUMBER);
    pen.gap(before);
    let columns = pen.room().min(NUMBER);
    pen.right(&since, columns, palette.dim);
}

/// Draws `✓lock ✓process …`.
pub(crate) fn in_a_row(pen: &mut Pen<'_>, scene: Scene<'_>) {
    for layer in &scene.model.health {
        let (sign, style) = verdict(layer, scene.palette);
        let name = if layer.ok == Some(true) { scene.palette.base } else { style };
        pen.put(sign, style).put(&layer.name, name).gap(1);
    }
}

/// Draws `✓✓✓✗–✓`.
pub(crate) fn signs(pen: &mut Pen<'_>, scene: Scene<'_>) {
    for layer in &scene.model.health {
        let (sign, style) = verdict(layer, scene.palette);
        pen.put(sign, style);
    }
}

fn verdict(layer: &LayerView, palette: &Palette) -> (&'static str, Style) {
    match layer.ok {
        Some(true) => ("✓", palette.ok),
        Some(false) => ("✗", palette.error),
        None => ("–", palette.dim),
    }
}
