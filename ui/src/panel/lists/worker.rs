//! A row of a worker, or of the server in the list of workers.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{ALL_COLUMNS, CAUSES, NUMBERS, STATE, name, state_style, text_style};
use crate::draw::layout::row;
use crate::draw::paint::{self, Pen};
use crate::draw::theme::Palette;
use crate::human;
use crate::model::{WorkerRow, WorkerState};
use crate::panel::scene::Scene;
use crate::panel::state;

/// Columns of the name.
const NAME: u16 = 12;
/// Columns of the age and the restarts, on a wide screen.
const SINCE: u16 = 20;

/// Texts of a row.
struct Cells<'a> {
    sign: (&'static str, Style),
    state: &'a str,
    name: &'a str,
    since: String,
    /// Whether `since` has the number of restarts, and the text is no cause.
    has_restarts: bool,
    queues: String,
    text: String,
    /// Whether `text` is the cause of a state.
    is_cause: bool,
    cpu_percent: Option<f32>,
    rss_bytes: Option<u64>,
}

/// Returns the sign of a state and its style.
pub(crate) fn sign(state: WorkerState, palette: &Palette) -> (&'static str, Style) {
    match state {
        WorkerState::Running | WorkerState::Polling => ("●", palette.ok),
        WorkerState::Starting => ("◐", palette.accent),
        WorkerState::Stopping => ("◐", palette.warn),
        WorkerState::Degraded => ("▲", palette.warn),
        WorkerState::Backoff => ("↻", palette.warn),
        WorkerState::GaveUp | WorkerState::Outdated => ("✗", palette.error),
        WorkerState::Ended | WorkerState::Stopped => ("○", palette.dim),
    }
}

/// Draws the names of the columns.
pub(crate) fn heading(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let palette = scene.palette;
    let inner = Rect { width: area.width.saturating_sub(1), ..area };
    let usage = usage("CPU", "MEMORY");
    let taken = paint::flush_right(buf, inner, 0, &[(&usage, palette.dim)]);
    let mut pen = Pen::row(buf, area, 0);
    pen.reserve(taken + 1).gap(3).left("STATE", STATE, palette.dim);
    pen.left("UNIT", NAME, palette.dim).left("SINCE", SINCE, palette.dim);
    pen.left("QUEUES", queue_columns(area.width), palette.dim);
    pen.put("COMMAND, OR CAUSE", palette.dim);
}

pub(super) fn draw(buf: &mut Buffer, area: Rect, it: &WorkerRow, scene: Scene<'_>) {
    // The name of an external process is its ID.
    let pid = it.pid.filter(|_| !it.external).map(|pid| format!("pid {pid}"));
    let command = Some(&it.command).filter(|command| !command.is_empty()).cloned();
    let process = command.into_iter().chain(pid).collect::<Vec<_>>().join(", ");
    let place = match (it.folder.as_str(), it.remote) {
        (_, true) => "on another machine".to_owned(),
        ("", false) => process,
        (folder, false) => format!("{process} in {folder}").trim_start().to_owned(),
    };
    let cells = Cells {
        sign: sign(it.state, scene.palette),
        state: it.state.label(),
        name: &it.name,
        since: since(it.since_ms, it.restarts),
        has_restarts: it.restarts.is_some() && it.cause.is_empty(),
        queues: it.queues.join(", "),
        text: if it.cause.is_empty() { place } else { it.cause.clone() },
        is_cause: !it.cause.is_empty(),
        cpu_percent: it.cpu_percent,
        rss_bytes: it.rss_bytes,
    };
    draw_cells(buf, area, &cells, text_style(it.since_ms, scene), scene);
}

pub(super) fn draw_server(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let live = model.is_live();
    let pid = model.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
    let word = state::word(model.state).to_lowercase();
    let cells = Cells {
        sign: state::sign(model.state, palette),
        state: &word,
        name: "server",
        since: since(model.uptime_ms, Some(model.restarts.total).filter(|_| model.managed)),
        has_restarts: model.managed,
        queues: "–".to_owned(),
        text: format!("temporal server start-dev{pid}"),
        is_cause: false,
        cpu_percent: model.resources.cpu_percent.filter(|_| live),
        rss_bytes: model.resources.rss_bytes.filter(|_| live),
    };
    draw_cells(buf, area, &cells, palette.text(), scene);
}

/// Draws the names and the states of all workers in one row.
pub(crate) fn draw_all(buf: &mut Buffer, area: Rect, workers: &[WorkerRow], scene: Scene<'_>) {
    let mut pen = Pen::row(buf, row(area, 0), 0);
    for it in workers {
        let (sign, style) = sign(it.state, scene.palette);
        pen.put(sign, state_style(style, scene)).gap(1);
        pen.put(&it.name, text_style(it.since_ms, scene)).gap(3);
    }
}

fn since(ms: Option<u64>, restarts: Option<u64>) -> String {
    let age = ms.map(human::age_short);
    let restarts = restarts.map(|n| human::counted(n, "restart", "restarts"));
    age.into_iter().chain(restarts).collect::<Vec<_>>().join(", ")
}

fn usage(cpu: &str, memory: &str) -> String {
    format!("{cpu:>6} {memory:>8}")
}

fn queue_columns(columns: u16) -> u16 {
    if columns >= ALL_COLUMNS { 18 } else { 12 }
}

fn draw_cells(buf: &mut Buffer, area: Rect, cells: &Cells<'_>, text: Style, scene: Scene<'_>) {
    let palette = scene.palette;
    let width = area.width;
    let inner = Rect { width: width.saturating_sub(1), ..area };
    let cpu = cells.cpu_percent.map(human::whole_percent).unwrap_or_default();
    let usage = match (cells.cpu_percent, cells.rss_bytes) {
        // A narrow row has no column for the age. A worker that has ended has no usage.
        (None, None) if width < ALL_COLUMNS && !cells.has_restarts && !cells.is_cause => {
            cells.since.clone()
        }
        // Without a usage, a long cause has its room.
        (None, None) => String::new(),
        _ => usage(&cpu, &cells.rss_bytes.map(human::bytes).unwrap_or_default()),
    };
    let taken = match width {
        _ if usage.is_empty() => 0,
        NUMBERS.. => paint::flush_right(buf, inner, 0, &[(&usage, palette.dim)]) + 1,
        _ => 0,
    };
    let (sign, style) = cells.sign;
    let style = state_style(style, scene);
    let mut pen = Pen::row(buf, area, 0);
    pen.reserve(taken).gap(1).put(sign, style).gap(1).left(cells.state, STATE, style);
    name(&mut pen, cells.name, 0, NAME, text, scene);
    if width >= ALL_COLUMNS {
        name(&mut pen, &cells.since, 0, SINCE, text, scene);
    }
    if width >= CAUSES {
        // A cause has the room of the queues that the worker does not poll.
        if !(cells.is_cause && cells.queues.is_empty()) {
            name(&mut pen, &cells.queues, 0, queue_columns(width), text, scene);
        }
        // A narrow row has no column for the age.
        let is_short = width < ALL_COLUMNS && cells.has_restarts;
        pen.put(if is_short { &cells.since } else { &cells.text }, text);
    } else {
        pen.put(&cells.queues, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::sample::{self, SampleLog};

    #[test]
    fn cause_of_a_worker_without_a_process_has_the_room_of_its_usage() {
        let (model, log) = (sample::ready(), SampleLog::default());
        let palette = crate::draw::theme::Theme::Dark.palette();
        let scene = Scene { model: &model, log: &log, palette: &palette, notice: "" };
        let cause = "exit code 1: ModuleNotFoundError: No module named 'smtp'";
        let row = WorkerRow {
            state: WorkerState::GaveUp,
            name: "emails".into(),
            cause: cause.into(),
            ..WorkerRow::default()
        };
        let area = Rect::new(0, 0, 122, 1);
        let mut buf = Buffer::empty(area);
        draw(&mut buf, area, &row, scene);
        let text: String = buf.content().iter().map(ratatui::buffer::Cell::symbol).collect();
        assert!(text.contains(cause), "{text}");
    }
}
