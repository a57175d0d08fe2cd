//! The screen for small terminals, from 40x10: the same answers, no lines around them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{OwnLog, Placed, Scene, failure, header, health, main_panel, probe, state};
use crate::cluster::wrap;
use crate::human;
use crate::layout::{self, Parts, Shape, split_left, split_top};
use crate::model::FailureView;
use crate::paint::{self, Pen};
use crate::view::View;

pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    view: &mut View,
    scene: Scene<'_>,
    own_log: OwnLog<'_>,
    placed: &mut Placed,
) {
    let parts = parts(area, scene);
    match scene.failure() {
        Some(it) => trouble(buf, parts.header, it, scene),
        None => facts(buf, parts.header, scene),
    }

    let (rule, content) = split_top(parts.main, 1);
    let width = rule.width;
    Pen::row(buf, rule, 0).fill("─", width, scene.palette.border);
    main_panel::content(buf, content, view, scene, own_log, placed);
    main_panel::tabs(buf, rule, view, scene, placed);
    placed.said = Rect { height: parts.main.height.min(3), ..rule };
}

/// Where its parts lie.
pub(super) fn parts(area: Rect, _scene: Scene<'_>) -> Parts {
    layout::parts(area, Shape::Reduced, 0, 0)
}

fn facts(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    first_line(buf, area, scene);
    if model.doing.is_empty() && model.message.is_empty() {
        let mut pen = Pen::row(buf, area, 1);
        let address = model.address.as_deref().unwrap_or("no address");
        pen.put(address, palette.accent);
        if let Some(url) = &model.ui_url {
            pen.gap(2).put(&header::short_url(url, address), palette.accent);
        }
        if let Some(pid) = model.pid {
            pen.gap(2).put("pid ", palette.dim).put(&pid.to_string(), palette.base);
        }
    } else {
        Pen::row(buf, area, 1).put(&state::headline(model), palette.state(model.state));
    }

    let mut pen = Pen::row(buf, area, 2);
    pen.put("Restarts ", palette.dim).put(&human::count(model.restarts.total), palette.strong);
    match &model.restarts.last {
        Some(last) => pen
            .put("  last ", palette.dim)
            .put(&last.cause, palette.warn)
            .put(", ", palette.dim)
            .put(&human::ago(last.ago_ms), palette.base),
        None => pen.put("  none so far", palette.dim),
    };

    let mut pen = Pen::row(buf, area, 3);
    pen.put("Probe ", palette.dim);
    probe::latest(&mut pen, scene);
    let (_, graph) = split_left(Rect { y: area.y + 3, height: 1, ..area }, 13);
    probe::draw_history(buf, graph, scene, probe::scale(&model.probe, graph.width.into()));

    usage_and_layers(buf, area, 4, scene);
}

/// A given-up server: cause, last words and cure in the place of the numbers.
fn trouble(buf: &mut Buffer, area: Rect, it: &FailureView, scene: Scene<'_>) {
    let palette = scene.palette;
    first_line(buf, area, scene);
    let cure = it.cure.len().min(2);
    let cause = wrap(&it.cause, area.width);
    let room = usize::from(area.height).saturating_sub(1 + cure);
    let mut lines = cause
        .iter()
        .take(room.saturating_sub(usize::from(!it.last_words.is_empty())))
        .map(|line| (line.as_str(), palette.strong))
        .collect::<Vec<_>>();
    if let Some(words) = it.last_words.last().filter(|_| lines.len() < room) {
        lines.push((words, palette.dim));
    }
    for (row, (text, style)) in (1..).zip(&lines) {
        Pen::row(buf, area, row).put(text, *style);
    }
    for (row, line) in (1 + lines.len() as u16..).zip(it.cure.iter().take(cure)) {
        let mut pen = Pen::row(buf, area, row);
        match failure::key_and_text(line) {
            Some((key, text)) => pen.put(key, palette.key).gap(2).put(text, palette.base),
            None => pen.put(line, palette.base),
        };
    }
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
