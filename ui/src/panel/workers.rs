//! The tab of workers: the server, stigmer's workers, other workers, and queues without a worker.

use ratatui::layout::Rect;

use super::lists::{self, ListLine};
use crate::app::view::Item;
use crate::draw::layout::split_top;
use crate::draw::paint::Pen;
use crate::panel::scene::{Canvas, Scene};

const EXTERNAL: &str = "external: they poll this server, stigmer did not start them";
const QUEUES: &str = "queues without a worker";

/// Groups of rows, in their order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Own,
    External,
    Queues,
}

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let scene @ Scene { model, palette, .. } = canvas.scene;
    let names = u16::from(area.width >= lists::ALL_COLUMNS);
    let (top, rest) = split_top(area, names);
    if names > 0 {
        lists::worker::heading(canvas.buf, top, scene);
    }
    let group = |item: Item| match item.worker(model) {
        Some(row) if row.external => Group::External,
        None if item.problem(model).is_some() => Group::Queues,
        _ => Group::Own,
    };
    let mut lines = Vec::new();
    let mut before = Group::Own;
    for (at, item) in canvas.view.workers.items().iter().enumerate() {
        let now = group(*item);
        if now != before {
            lines.push(ListLine::Rule(if now == Group::External { EXTERNAL } else { QUEUES }));
        }
        before = now;
        lines.push(ListLine::Row(at));
    }
    lists::draw(canvas, rest, &lines);
    let text = match &model.workers {
        None => "other workers are not known yet",
        Some(workers) if workers.is_empty() => "no worker is connected",
        Some(_) => return,
    };
    let used = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let below = split_top(rest, used.saturating_add(1)).1;
    Pen::row(canvas.buf, below, 0).gap(1).put(text, palette.dim);
}
