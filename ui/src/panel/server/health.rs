//! The six checks with their verdicts and latencies, and the reasons of failures.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::draw::paint::{self, Pen};
use crate::draw::theme::Palette;
use crate::human;
use crate::model::LayerView;
use crate::panel::scene::Scene;

pub(super) const LABEL: &str = "Health";
/// From this width on, each check has its latency.
const LATENCIES: u16 = 94;
/// Below this width, the checks have no names.
const NAMES: u16 = 48;

pub(super) fn draw(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let palette = scene.palette;
    let mut pen = Pen::row(buf, area, 0);
    for layer in &scene.model.health {
        let (sign, style) = verdict(layer, palette);
        pen.put(sign, style);
        if area.width < NAMES {
            continue;
        }
        let name = if layer.ok == Some(false) { style } else { palette.text() };
        pen.put(" ", style).put(&layer.name, name);
        if area.width >= LATENCIES {
            let latency = layer.latency_us.map_or_else(|| "–".to_owned(), human::latency);
            pen.gap(1).right(&latency, 6, palette.dim);
        }
        pen.gap(2);
    }
}

/// Returns the failing checks.
pub(super) fn failing<'a>(scene: Scene<'a>) -> impl Iterator<Item = &'a LayerView> {
    scene.model.health.iter().filter(|layer| layer.ok == Some(false))
}

/// Draws the reason of a failure.
pub(super) fn reason(buf: &mut Buffer, area: Rect, layer: &LayerView, scene: Scene<'_>) {
    let palette = scene.palette;
    let since = layer.since_ms.map(|ms| format!("for {}", human::age(ms))).unwrap_or_default();
    let taken = match since.as_str() {
        "" => 0,
        since => paint::flush_right(buf, area, 0, &[(since, palette.dim)]),
    };
    let (sign, style) = verdict(layer, palette);
    let mut pen = Pen::row(buf, area, 0);
    pen.reserve(taken).put(sign, style).put(" ", style).left(&layer.name, 9, style);
    pen.put(&layer.detail, style);
}

fn verdict(layer: &LayerView, palette: &Palette) -> (&'static str, Style) {
    match layer.ok {
        Some(true) => ("✓", palette.ok),
        Some(false) => ("✗", palette.error),
        None => ("–", palette.dim),
    }
}
