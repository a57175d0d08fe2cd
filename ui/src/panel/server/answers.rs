//! How fast the server answers, and when a failure leads to a restart.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::draw::cluster::width;
use crate::draw::layout::split_left;
use crate::draw::paint::Pen;
use crate::human;
use crate::model::{FailureLimit, Model, ProbeView};
use crate::panel::latency;
use crate::panel::scene::Scene;

/// Below this width, the numbers have short labels.
const SPELLED_OUT: u16 = 60;

pub(super) fn draw(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let labels = if area.width >= SPELLED_OUT { ["median ", "99 % under "] } else { ["", "p99 "] };
    let mut pen = Pen::row(buf, area, 0);
    for (label, value) in labels.into_iter().zip([model.probe.p50_us, model.probe.p99_us]) {
        let style = if model.state.is_up() { palette.text() } else { palette.dim };
        pen.put(label, palette.dim);
        pen.right(&value.map_or_else(|| "–".into(), human::latency), 6, style).gap(3);
    }
    let (_, graph) = split_left(area, pen.x() - area.x);
    latency::draw_history(buf, graph, scene, latency::scale(&model.probe));
}

/// Draws when checks run and what follows from failures.
pub(super) fn draw_rule(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let mut pen = Pen::row(buf, area, 0);
    if model.state.is_up() && !model.watched {
        pen.put("not checked: no host", palette.warn);
    } else if !model.is_live() && !model.probe.history.is_empty() {
        pen.put("last run", palette.dim);
    } else if model.is_live() && model.probe.consecutive_failures > 0 {
        pen.put(&failing(model, area.width), palette.error);
    } else {
        pen.put(&rule(&model.probe, area.width), palette.dim);
    }
}

/// Returns when checks run and when failures lead to a restart, as the longest text that fits into `columns`. What is
/// unknown is left out.
fn rule(probe: &ProbeView, columns: u16) -> String {
    let check = probe.period_ms.map(|ms| format!("check every {}", human::interval(ms)));
    let restart = probe.limit.map(|limit| match limit {
        FailureLimit::Count(n) => format!("restart after {}", failures(n)),
        FailureLimit::Span(ms) => format!("restart after {} of failures", human::interval(ms)),
    });
    let whole = check.iter().chain(&restart).map(String::as_str).collect::<Vec<_>>().join(", ");
    if width(&whole) <= columns { whole } else { restart.unwrap_or_default() }
}

fn failures(n: u32) -> String {
    human::counted(n.into(), "failure", "failures")
}

/// Returns how many failures there are until a restart, or why there is no restart.
fn failing(model: &Model, columns: u16) -> String {
    let probe = &model.probe;
    if !probe.no_restart.is_empty() {
        let failed = model.health.iter().find(|layer| layer.ok == Some(false));
        let since = failed.and_then(|layer| layer.since_ms).unwrap_or(0);
        let why = format!("no restart: {}", probe.no_restart);
        let whole = format!("failing for {}; {why}", human::duration(since));
        return if width(&whole) <= columns { whole } else { why };
    }
    let failed = probe.consecutive_failures;
    match probe.limit {
        Some(FailureLimit::Count(n)) => format!("{failed} of {}, then restart", failures(n)),
        Some(FailureLimit::Span(ms)) => {
            format!("{}, restart after {}", failures(failed), human::interval(ms))
        }
        None => failures(failed),
    }
}
