//! The screen for small terminals, from 40x10: the same answers, no lines around them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::view::View;
use crate::draw::cluster::wrap_in;
use crate::draw::layout::{self, Parts, Shape, split_left, split_top};
use crate::draw::paint::{self, Pen};
use crate::human;
use crate::model::Model;
use crate::panel::scene::{OwnLog, Placed, Scene};
use crate::panel::tiles::{header, health, probe};
use crate::panel::{failure, state, tabs};

/// Rows of facts in ordinary times.
const FACTS: u16 = 5;
/// Rows of a message; what is longer than that is read on a larger screen.
const MAX_NEWS: usize = 3;

pub(crate) fn draw(
    buf: &mut Buffer,
    area: Rect,
    view: &mut View,
    scene: Scene<'_>,
    own_log: OwnLog<'_>,
    placed: &mut Placed,
) {
    let parts = parts(area, scene);
    match scene.failure() {
        Some(it) => {
            first_line(buf, parts.header, scene);
            failure::draw(buf, split_top(parts.header, 1).1, it, scene);
        }
        None => facts(buf, parts.header, scene),
    }

    let (rule, content) = split_top(parts.main, 1);
    let width = rule.width;
    Pen::row(buf, rule, 0).fill("─", width, scene.palette.border);
    tabs::content(buf, content, view, scene, own_log, placed);
    tabs::tabs(buf, rule, view, scene, placed);
    placed.said = Rect { height: parts.main.height.min(3), ..rule };
}

/// Where its parts lie. What is told of trouble may take the room of the log.
pub(crate) fn parts(area: Rect, scene: Scene<'_>) -> Parts {
    let explanation = match scene.failure() {
        Some(it) => failure::lines(it, area.width).saturating_sub(FACTS - 1),
        None => (news(scene.model, area.width).len() as u16).saturating_sub(1),
    };
    layout::parts(area, Shape::Reduced, explanation, 0)
}

/// What goes on, where it is not simply up.
fn news(model: &Model, columns: u16) -> Vec<String> {
    if model.state.is_up() && model.doing.is_empty() && model.message.is_empty() {
        return Vec::new();
    }
    wrap_in(&state::headline(model), columns, MAX_NEWS)
}

fn facts(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    first_line(buf, area, scene);
    let news = news(model, area.width);
    for (row, line) in (1..).zip(&news) {
        Pen::row(buf, area, row).put(line, palette.state(model.state));
    }
    if news.is_empty() {
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
    let (_, area) = split_top(area, 1 + news.len().max(1) as u16);

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

    usage_and_layers(buf, area, 2, scene);
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

fn usage_and_layers(buf: &mut Buffer, area: Rect, row: u16, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let usage = &model.resources;
    let cpu = usage.cpu_percent.map_or_else(|| "–".into(), human::percent);
    let rss = usage.rss_bytes.map_or_else(|| "–".into(), human::bytes);
    let (cpu, rss) = (format!("{cpu:>6}"), format!("{rss:>6}"));
    let taken = paint::flush_right(
        buf,
        area,
        row,
        &[
            ("CPU ", palette.dim),
            (&cpu, palette.base),
            (" RSS ", palette.dim),
            (&rss, palette.base),
        ],
    );
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
