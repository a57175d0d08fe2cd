//! CPU and memory of the process tree, and the database.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::draw::cluster::{clusters, width};
use crate::draw::graph::{self, BarStyles};
use crate::draw::paint::Pen;
use crate::human;
use crate::loss::Storage;
use crate::panel::scene::Scene;

/// From this width of the screen on, the database is in the same row.
const ONE_ROW: u16 = 112;
/// Below this width, there are no graphs.
const GRAPHS: u16 = 44;

/// Whether [`draw`] shows the database.
pub(super) fn has_database(columns: u16) -> bool {
    columns >= ONE_ROW
}

pub(super) fn draw(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let usage = &scene.model.resources;
    let live = scene.model.is_live();
    let mut pen = Pen::row(buf, area, 0);
    let cpu = usage.cpu_history.iter().map(|v| f64::from(*v));
    let number = usage.cpu_percent.filter(|_| live).map(human::percent);
    let cpu_graph = meter(&mut pen, "CPU ", number, area, scene);
    let rss = usage.rss_history.iter().map(|v| *v as f64);
    let number = usage.rss_bytes.filter(|_| live).map(human::bytes);
    let rss_graph = meter(&mut pen, "memory ", number, area, scene);
    let x = pen.x();
    draw_graph(buf, cpu_graph, cpu, 10.0, scene);
    draw_graph(buf, rss_graph, rss, 1e6, scene);
    if area.right() > x && has_database(area.width + super::LABEL + 2) {
        draw_database(buf, Rect { x, width: area.right() - x, ..area }, scene);
    }
}

/// Draws the size and the path of the database, or why it is lost with the server.
pub(super) fn draw_database(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let mut pen = Pen::row(buf, area, 0);
    pen.put("database ", palette.dim);
    let lost = match model.storage {
        Storage::File => None,
        Storage::Memory => Some("in memory"),
        Storage::Deleted => Some("file deleted"),
        Storage::Replaced => Some("file replaced"),
    };
    if let Some(lost) = lost {
        pen.put(lost, palette.warn).put(": a restart loses all data", palette.dim);
        return;
    }
    let usage = &model.resources;
    let size = usage.db_bytes.map_or_else(|| "–".into(), human::bytes);
    pen.put(&size, palette.text()).gap(2);
    let columns = pen.room();
    pen.put(&tail(usage.db_path.as_deref().unwrap_or_default(), columns), palette.dim);
}

/// Draws a label and a number. Returns the place of the graph after it.
fn meter(
    pen: &mut Pen<'_>,
    label: &str,
    number: Option<String>,
    area: Rect,
    scene: Scene<'_>,
) -> Rect {
    let palette = scene.palette;
    pen.put(label, palette.dim);
    match number {
        Some(number) => pen.right(&number, 6, palette.text()),
        None => pen.right("–", 6, palette.dim),
    };
    pen.gap(1);
    let graph = if area.width >= GRAPHS { 8.min(pen.room()) } else { 0 };
    let place = Rect { x: pen.x(), width: graph, ..area };
    pen.gap(graph + 2);
    place
}

/// Draws a graph. `least` is the minimum scale.
fn draw_graph(
    buf: &mut Buffer,
    area: Rect,
    history: impl DoubleEndedIterator<Item = f64> + Clone,
    least: f64,
    scene: Scene<'_>,
) {
    let palette = scene.palette;
    let ceiling = graph::ceiling(history.clone(), least);
    let styles = BarStyles { bar: palette.graph_dim, failure: palette.error };
    graph::history(buf, area, history.map(Some), ceiling, styles);
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
