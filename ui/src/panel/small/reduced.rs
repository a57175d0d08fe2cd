//! The screen for small terminals, from 40x10: the same information without boxes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::draw::cluster::wrap_in;
use crate::draw::layout::{self, Parts, Shape, split_left, split_top};
use crate::draw::paint::{self, Pen};
use crate::human;
use crate::model::Model;
use crate::panel::scene::{Canvas, Scene};
use crate::panel::tiles::{header, health, probe};
use crate::panel::{failure, state, tabs};

/// Number of rows above the log if there is no explanation or message.
const FACTS: u16 = 5;
/// Maximum rows of a message. Only a larger screen shows the whole message.
const MAX_MESSAGE: usize = 3;

pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let scene = canvas.scene;
    let parts = parts(area, scene);
    match scene.failure() {
        Some(failure) => {
            first_line(canvas.buf, parts.header, scene);
            failure::draw(canvas.buf, split_top(parts.header, 1).1, failure, scene);
        }
        None => facts(canvas.buf, parts.header, scene),
    }

    let (rule, content) = split_top(parts.main, 1);
    Pen::row(canvas.buf, rule, 0).fill("─", rule.width, scene.palette.border);
    tabs::content(canvas, content);
    tabs::titles(canvas, rule);
    canvas.map.message = Rect { height: parts.main.height.min(3), ..rule };
}

/// Returns the areas of the screen. The rows of an explanation are taken from the log.
pub(crate) fn parts(area: Rect, scene: Scene<'_>) -> Parts {
    let explanation = match scene.failure() {
        Some(failure) => failure::lines(failure, area.width).saturating_sub(FACTS - 1),
        None => (message(scene.model, area.width).len() as u16).saturating_sub(1),
    };
    layout::parts(area, Shape::Reduced, explanation, 0)
}

/// Returns the headline, wrapped into rows. Empty if the server is up and the headline would have only the
/// default text.
fn message(model: &Model, columns: u16) -> Vec<String> {
    if model.state.is_up() && model.doing.is_empty() && model.message.is_empty() {
        return Vec::new();
    }
    wrap_in(&state::headline(model), columns, MAX_MESSAGE)
}

fn facts(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    first_line(buf, area, scene);
    let message = message(model, area.width);
    for (row, line) in (1..).zip(&message) {
        Pen::row(buf, area, row).put(line, palette.state(model.state));
    }
    if message.is_empty() {
        let mut pen = Pen::row(buf, area, 1);
        let address = model.address.as_deref().unwrap_or("no address");
        pen.put(address, palette.accent);
        if let Some(url) = &model.ui_url {
            pen.gap(2).put(&header::short_url(url, address), palette.accent);
        }
        if let Some(pid) = model.pid {
            pen.gap(2).put("pid ", palette.dim).put(&pid.to_string(), palette.base);
        }
    }
    let (_, area) = split_top(area, 1 + message.len().max(1) as u16);

    let mut pen = Pen::row(buf, area, 0);
    pen.put("Restarts ", palette.dim).put(&human::count(model.restarts.total), palette.strong);
    match &model.restarts.last {
        Some(last) => pen
            .put("  last ", palette.dim)
            .put(&last.cause, palette.warn)
            .put(", ", palette.dim)
            .put(&human::ago(last.ago_ms), palette.base),
        None => pen.put("  none so far", palette.dim),
    };

    let mut pen = Pen::row(buf, area, 1);
    pen.put("Probe ", palette.dim);
    probe::latest(&mut pen, scene);
    let (_, graph) = split_left(Rect { y: area.y + 1, height: 1, ..area }.intersection(area), 13);
    probe::draw_history(buf, graph, scene, probe::scale(&model.probe, graph.width.into()));

    usage_and_checks(buf, area, 2, scene);
}

fn first_line(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let mut pen = Pen::row(buf, area, 0);
    state::badge(&mut pen, model.state, palette);
    if model.generation > 0 {
        pen.gap(1).put("gen ", palette.dim).put(&model.generation.to_string(), palette.strong);
    }
    if let Some(ms) = model.uptime_ms {
        pen.gap(2).put("up ", palette.dim).put(&human::uptime(ms), palette.strong);
    }
}

fn usage_and_checks(buf: &mut Buffer, area: Rect, row: u16, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let usage = &model.resources;
    let cpu = usage.cpu_percent.map_or_else(|| "–".into(), human::percent);
    let rss = usage.rss_bytes.map_or_else(|| "–".into(), human::bytes);
    let (cpu, rss) = (format!("{cpu:>6}"), format!("{rss:>6}"));
    let pieces = [
        ("CPU ", palette.dim),
        (cpu.as_str(), palette.base),
        (" RSS ", palette.dim),
        (rss.as_str(), palette.base),
    ];
    let taken = paint::flush_right(buf, area, row, &pieces);
    let mut pen = Pen::row(buf, area, row);
    pen.reserve(taken);
    if pen.room() >= 41 {
        health::in_a_row(&mut pen, scene);
        return;
    }
    health::signs(&mut pen, scene);
    if let Some(layer) = model.health.iter().find(|layer| layer.ok == Some(false)) {
        pen.gap(1).put(&layer.name, palette.error);
    }
}
