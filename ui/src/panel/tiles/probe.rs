//! The latency of the gRPC check, now and recently.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::draw::cluster::width;
use crate::draw::graph::{self, BarStyles};
use crate::draw::layout::split_top;
use crate::draw::paint::Pen;
use crate::draw::theme::Palette;
use crate::human;
use crate::model::{FailureLimit, Model, ProbePoint, ProbeView};
use crate::panel::scene::{Scene, tile};

/// Minimum value of a full column, so that unimportant variations between 100 and 200 µs stay
/// small.
const LEAST_SCALE_US: f64 = 500.0;

pub(crate) fn draw(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    if area.is_empty() {
        return;
    }
    let Scene { model, palette, .. } = scene;
    let probe = &model.probe;
    let columns = usize::from(area.width.saturating_sub(4));
    let scale = scale(probe, columns);
    let note = if probe.history.is_empty() {
        String::new()
    } else {
        format!("↑ {}", human::latency(scale as u64))
    };
    let note: &[_] = if note.is_empty() { &[] } else { &[(note.as_str(), palette.dim)] };
    let inside = tile(buf, area, "Probe", note, scene);

    let (numbers, rest) = split_top(inside, 1);
    let mut pen = Pen::row(buf, numbers, 0);
    latest(&mut pen, scene);
    for (label, value) in [("p50 ", probe.p50_us), ("p99 ", probe.p99_us)] {
        pen.gap(2).put(label, palette.dim);
        let style = if model.state.is_up() { palette.base } else { palette.dim };
        pen.right(&value.map_or_else(|| "–".into(), human::latency), 6, style);
    }

    // With enough room, a legend explains what happens when checks fail.
    let legend = u16::from(rest.height > 2);
    let (graph, legend) = split_top(rest, rest.height - legend);
    draw_history(buf, graph, scene, scale);
    let mut pen = Pen::row(buf, legend, 0);
    if model.state.is_up() && !model.watched {
        pen.put("not checked: no host", palette.warn);
    } else if !model.is_live() && !probe.history.is_empty() {
        pen.put("last run", palette.dim);
    } else if model.is_live() && probe.consecutive_failures > 0 {
        pen.put(&failing(model, legend.width), palette.error);
    } else {
        pen.put(&rule(probe, legend.width), palette.dim);
    }
}

/// Returns when checks run and when failures lead to a restart, as the longest text that fits into
/// `columns`. Unknown parts are left out.
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

/// Draws the latest latency, or a failure, or `–` if the server is not checked.
pub(crate) fn latest(pen: &mut Pen<'_>, scene: Scene<'_>) {
    let probe = &scene.model.probe;
    match (probe.history.last(), probe.last_us) {
        _ if !scene.model.state.is_up() || !scene.model.is_live() => {
            pen.right("–", 6, scene.palette.dim)
        }
        (Some(ProbePoint::Failed), _) => pen.left("× fail", 6, scene.palette.error),
        (_, Some(us)) => pen.right(&human::latency(us), 6, scene.palette.strong),
        (_, None) => pen.right("–", 6, scene.palette.dim),
    };
}

/// Draws the recent latencies. `scale` is the value of a full column in µs.
pub(crate) fn draw_history(buf: &mut Buffer, area: Rect, scene: Scene<'_>, scale: f64) {
    let values = scene.model.probe.history.iter().map(|point| match point {
        ProbePoint::Ok(us) => Some(*us as f64),
        ProbePoint::Failed => None,
    });
    let Palette { graph, graph_dim, error, dim, .. } = *scene.palette;
    let (bar, failure) = if scene.model.is_live() { (graph, error) } else { (graph_dim, dim) };
    let styles = BarStyles { bar, failure };
    graph::history(buf, area, values, scale, styles);
}

/// Returns the value of a full column in µs, from the visible part of the history.
pub(crate) fn scale(probe: &ProbeView, columns: usize) -> f64 {
    let visible = probe.history.iter().rev().take(columns).filter_map(|point| match point {
        ProbePoint::Ok(us) => Some(*us as f64),
        ProbePoint::Failed => None,
    });
    graph::ceiling(visible, LEAST_SCALE_US)
}
