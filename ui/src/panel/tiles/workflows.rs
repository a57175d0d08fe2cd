//! The counts of workflows, and task queues without a worker, in one row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::draw::paint::Pen;
use crate::human;
use crate::panel::scene::Scene;

/// Below this width, a queue without a worker is shown by its name only.
const SPELLED_OUT: u16 = 100;

pub(crate) fn draw(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let palette = scene.palette;
    let Some(workflows) = &scene.model.workflows else { return };
    let mut pen = Pen::row(buf, area, 0);
    pen.gap(2).put("Workflows", palette.title);
    if !workflows.namespace.is_empty() {
        pen.put(" · ", palette.dim).put(&workflows.namespace, palette.dim);
    }
    pen.gap(3).put(&human::count(workflows.running), palette.strong).put(" running", palette.dim);
    let failed = if workflows.failed > 0 { palette.error } else { palette.strong };
    pen.gap(3).put(&human::count(workflows.failed), failed).put(" failed", palette.dim);
    for queue in &workflows.unserved {
        pen.gap(3).put("▲ ", palette.warn);
        if area.width >= SPELLED_OUT {
            pen.put("task queue ", palette.dim);
        }
        pen.put(&queue.name, palette.strong);
        pen.put(&format!(": {} waiting, no worker", human::count(queue.waiting)), palette.warn);
    }
}
