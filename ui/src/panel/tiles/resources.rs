//! CPU and memory of the process tree, and the database.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::draw::cluster::{clusters, width};
use crate::draw::graph::{self, BarStyles};
use crate::draw::paint::Pen;
use crate::human;
use crate::loss::Storage;
use crate::panel::scene::{Scene, tile};

/// Columns of the label and the number in front of each graph.
const LABEL: u16 = 4;
const NUMBER: u16 = 6;

pub(crate) fn draw(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    if area.is_empty() {
        return;
    }
    let palette = scene.palette;
    let usage = &scene.model.resources;
    let inside = tile(buf, area, "Resources", &[], scene);

    let live = scene.model.is_live();
    let cpu = usage.cpu_history.iter().map(|v| f64::from(*v));
    let number = usage.cpu_percent.filter(|_| live).map(human::percent);
    meter(buf, Rect { height: inside.height.min(2), ..inside }, "CPU", number, cpu, 10.0, scene);
    let rss = usage.rss_history.iter().map(|v| *v as f64);
    let number = usage.rss_bytes.filter(|_| live).map(human::bytes);
    let below = Rect { y: inside.y + 2, height: inside.height.saturating_sub(2).min(2), ..inside };
    meter(buf, below, "RSS", number, rss, 1e6, scene);

    let mut pen = Pen::row(buf, inside, 4);
    pen.left("DB", LABEL, palette.dim);
    let lost = match scene.model.storage {
        Storage::File => None,
        Storage::Memory => Some("in memory"),
        Storage::Deleted => Some("file deleted"),
        Storage::Replaced => Some("file replaced"),
    };
    if let Some(lost) = lost {
        pen.put(lost, palette.warn);
        Pen::row(buf, inside, 5).put("a restart loses all data", palette.dim);
        return;
    }
    pen.right(&usage.db_bytes.map_or_else(|| "–".into(), human::bytes), NUMBER, palette.strong);
    let path = usage.db_path.as_deref().unwrap_or_default();
    Pen::row(buf, inside, 5).put(&tail(path, inside.width), palette.dim);
}

/// Draws a label, a number and a graph. `least` is the minimum scale of the graph.
fn meter(
    buf: &mut Buffer,
    area: Rect,
    label: &str,
    number: Option<String>,
    history: impl DoubleEndedIterator<Item = f64> + Clone,
    least: f64,
    scene: Scene<'_>,
) {
    let palette = scene.palette;
    let mut pen = Pen::row(buf, area, 0);
    pen.left(label, LABEL, palette.dim);
    match number {
        Some(number) => pen.right(&number, NUMBER, palette.strong),
        None => pen.right("–", NUMBER, palette.dim),
    };
    let before = LABEL + NUMBER + 2;
    let graph = Rect {
        x: area.x + before.min(area.width),
        width: area.width.saturating_sub(before),
        ..area
    };
    let visible = history.clone().rev().take(usize::from(graph.width));
    let ceiling = graph::ceiling(visible, least);
    let bar = if scene.model.is_live() { palette.graph } else { palette.graph_dim };
    let styles = BarStyles { bar, failure: palette.error };
    graph::history(buf, graph, history.map(Some), ceiling, styles);
}

/// Shortens a path to its end, which has the name of the file.
fn tail(path: &str, columns: u16) -> String {
    let total = width(path);
    if total <= columns {
        return path.to_owned();
    }
    let mut excess = total.saturating_add(1).saturating_sub(columns);
    let cut = clusters(path).find(|cluster| {
        excess = excess.saturating_sub(cluster.columns);
        excess == 0
    });
    format!("…{}", cut.map_or("", |cluster| &path[cluster.end..]))
}
