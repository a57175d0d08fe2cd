//! The page of a workflow: state, causes, what it waits for, and its history.

mod details;
mod history;
mod line;
mod paragraph;

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::app::keymap::Context;
use crate::app::view::{PageLine, WorkflowCursor};
use crate::draw::cluster::width;
use crate::draw::layout::{row, split_top};
use crate::draw::paint::{self, Pen};
use crate::draw::theme::Palette;
use crate::human;
use crate::input::{Key, KeyCode};
use crate::model::{Model, RunFound, WorkerRow, WorkerState, WorkflowPage};
use crate::panel::lists::{self, workflow};
use crate::panel::scene::{Canvas, Click, Scene};
use crate::panel::tab_line;
use line::{NAMES, NOTES, WIDE, title};
use paragraph::paragraphs;

/// Characters of a run ID that are shown. The web UI and the command have all of it.
const RUN: usize = 8;

/// Draws the page in `area`. Returns its place.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let Scene { model, palette, .. } = canvas.scene;
    let Some(mut cursor) = canvas.view.workflow.clone() else { return area };
    if cursor.open_line(model).is_some() {
        details::draw(canvas, area, &cursor);
        return area;
    }
    paint::clear(canvas.buf, area, palette.base);
    let (path, content) = split_top(area, 1);
    cursor.has_log_row = false;
    match cursor.page(model) {
        Some(page) if page.found == RunFound::Yes => draw_page(canvas, content, &mut cursor, page),
        page => draw_unknown(canvas, content, page),
    }
    let title = title(&cursor);
    canvas.view.workflow = Some(cursor);
    draw_path(canvas, path, &title);
    area
}

/// Draws the path to the page or its details, and the keys that leave it.
fn draw_path(canvas: &mut Canvas<'_>, area: Rect, title: &str) {
    let scene = canvas.scene;
    let tab = canvas.view.tab;
    let title = match area.width {
        NOTES.. => format!("{} {} › {title}", tab.digit(), tab.name()),
        _ => title.to_owned(),
    };
    let context = Context { view: canvas.view, model: scene.model, log: scene.log };
    let esc = match scene.model.waiting {
        Some(_) => "Esc stop waiting",
        None => "Esc back",
    };
    let keys = match area.width >= NOTES && context.has_neighbour() {
        true => format!("←→ previous, next   {esc}"),
        false => esc.to_owned(),
    };
    tab_line::draw_path(canvas, area, &title, &keys);
    canvas.map.add(area, Click::Key(Key::plain(KeyCode::Esc)));
}

/// Draws the reason why there are no data yet.
fn draw_unknown(canvas: &mut Canvas<'_>, area: Rect, page: Option<&WorkflowPage>) {
    let Scene { palette, .. } = canvas.scene;
    let error = page.map_or("", |page| &page.error);
    let (text, style) = match page.map(|page| page.found) {
        Some(RunFound::No) => (
            "the server does not have this run: it was deleted, or its retention is over",
            palette.warn,
        ),
        _ if error.is_empty() => ("reading the workflow", palette.dim),
        _ => (error, palette.error),
    };
    Pen::row(canvas.buf, row(area, 0), 0).gap(1).put(text, style);
}

/// Rows of the history that stay if the texts above it are long.
const HISTORY: u16 = 5;

fn draw_page(
    canvas: &mut Canvas<'_>,
    area: Rect,
    cursor: &mut WorkflowCursor,
    page: &WorkflowPage,
) {
    let heading = u16::from(area.height >= 8);
    let facts = match area.height {
        ..10 => 0,
        10..12 => 1,
        12..18 => 2,
        18.. => 3,
    };
    let shown = u16::try_from(cursor.rows(page).count()).unwrap_or(u16::MAX);
    let room = area.height.saturating_sub(1 + heading + facts);
    let paragraphs = paragraphs(cursor, page, canvas.scene, area);
    let above = room.saturating_sub(shown.min(HISTORY)).max(room / 2);
    let heights = paragraph::heights(&paragraphs, area.width, above);

    let (state, mut rest) = split_top(area, 1);
    draw_state(canvas, state, cursor, page);
    for (paragraph, height) in paragraphs.iter().zip(heights) {
        let (place, below) = split_top(rest, height);
        paragraph.draw(canvas, place, cursor);
        rest = below;
    }
    let (heading, rest) = split_top(rest, heading);
    // Below a short history, the facts follow at once.
    let (history, rest) = split_top(rest, shown.min(rest.height.saturating_sub(facts)));
    history::heading(canvas, heading, cursor, page);
    history::draw(canvas, history, cursor, page);
    draw_facts(canvas, split_top(rest, facts).0, cursor, page);
}

/// Returns the sign, the word and the style of the state.
fn state(page: &WorkflowPage, palette: &Palette) -> (&'static str, String, Style) {
    let (sign, word, style) = match page.problem {
        Some((kind, severity)) => {
            let (sign, style) = lists::problem::sign(severity, palette);
            (sign, kind.label(), style)
        }
        None => {
            let (sign, style) = workflow::sign(page.status, palette);
            (sign, page.status.label(), style)
        }
    };
    (sign, word.to_uppercase(), style)
}

/// Returns the process of a worker with this identity, with its state if it is in the list of workers: a worker that
/// reported a failure may have ended. A long command is cut, so the command is last.
fn describe(identity: &str, model: &Model) -> String {
    let Some(workers) = &model.workers else { return identity.to_owned() };
    match workers.iter().find(|row| is_worker(row, identity)) {
        Some(it) => {
            format!("{} ({}) {}", it.name, it.state.label(), it.command).trim_end().to_owned()
        }
        None => format!("{identity} (not in the list of workers)"),
    }
}

/// Returns the last worker of a workflow. If that worker does not poll any more, and another one polls the queue
/// of an open workflow, returns the other one.
fn worker_note(identity: &str, page: &WorkflowPage, model: &Model) -> String {
    let workers = || model.workers.iter().flatten();
    let polls = |row: &&WorkerRow| {
        matches!(row.state, WorkerState::Polling | WorkerState::Running | WorkerState::Outdated)
            && row.queues.contains(&page.queue)
    };
    let last = workers().find(|row| is_worker(row, identity)).filter(polls);
    let successor = workers().find(polls).filter(|_| page.ended_ms.is_none() && last.is_none());
    match successor {
        Some(row) => format!("polled by {} {}", row.name, row.command).trim_end().to_owned(),
        None => format!("last worker: {}", describe(identity, model)),
    }
}

/// Whether a row is the worker with this identity.
fn is_worker(row: &WorkerRow, identity: &str) -> bool {
    let pid = identity.split_once('@').and_then(|(pid, _)| pid.parse::<u32>().ok());
    row.identities.iter().any(|it| it == identity) || pid.is_some() && row.pid == pid
}

fn draw_state(canvas: &mut Canvas<'_>, area: Rect, cursor: &WorkflowCursor, page: &WorkflowPage) {
    let Scene { model, palette, .. } = canvas.scene;
    let (sign, word, style) = state(page, palette);
    let gap = if area.width >= WIDE { 4 } else { 2 };
    let time = match (page.took_ms, page.ended_ms) {
        (Some(took), None) => format!("running for {}", human::age(took)),
        (Some(took), Some(ended)) => {
            format!("{}, took {}", human::ago(ended), human::duration(took))
        }
        (None, _) => String::new(),
    };
    let run: String = cursor.run.run_id.chars().take(RUN).collect();
    // An error needs the room.
    let mut facts = Vec::new();
    if area.width >= NOTES || page.error.is_empty() {
        facts.push(time);
    }
    if page.error.is_empty() {
        facts.push(format!("queue {}", page.queue));
        facts.push(format!("run {run}"));
        if model.namespaces.len() > 1 {
            facts.push(format!("namespace {}", cursor.run.namespace));
        }
    }
    let note = match (page.error.as_str(), page.worker.as_str()) {
        ("", "") => None,
        ("", worker) if area.width >= WIDE => Some((worker_note(worker, page, model), palette.dim)),
        ("", _) => None,
        (error, _) => Some((error.to_owned(), palette.warn)),
    };
    let mut pen = Pen::row(canvas.buf, area, 0);
    pen.reserve(1).gap(1).put(sign, style).gap(1).put(&word, style.add_modifier(Modifier::BOLD));
    for fact in facts.iter().filter(|fact| !fact.is_empty()) {
        // A part of an ID or a name says nothing.
        if pen.room() < gap + width(fact) {
            break;
        }
        pen.gap(gap).put(fact, palette.text());
    }
    if let Some((text, style)) = note {
        pen.gap(gap);
        let free = pen.room().saturating_sub(width(&text));
        pen.gap(free).put(&text, style);
    }
}

/// Draws values, children, signals, who started the run, and the number of log lines that name the workflow.
fn draw_facts(
    canvas: &mut Canvas<'_>,
    area: Rect,
    cursor: &mut WorkflowCursor,
    page: &WorkflowPage,
) {
    let Scene { palette, .. } = canvas.scene;
    let or_none = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    let children = match page.children.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [first, more @ ..] => format!("{first} +{}", more.len()),
    };
    let signals = if page.signals == 0 { "none".to_owned() } else { human::count(page.signals) };
    let input = ("Input", or_none(&page.input));
    let result = ("Result", or_none(&page.result));
    if area.height < 3 {
        draw_pairs(canvas, row(area, 0), &[input, result]);
    } else {
        line::draw(canvas, row(area, 0), input.0, (&input.1, palette.text()), "");
        let others = [
            result,
            ("Children", children),
            ("Signals", signals),
            ("Started by", or_none(&page.started_by)),
        ];
        draw_pairs(canvas, row(area, 1), &others);
    }
    let has_log = area.height >= 2;
    cursor.has_log_row = has_log && canvas.view.log_lines.count() > 0;
    if has_log {
        draw_log(canvas, row(area, area.height - 1), cursor);
    }
}

/// Draws the number of log lines that name the workflow.
fn draw_log(canvas: &mut Canvas<'_>, area: Rect, cursor: &WorkflowCursor) {
    let scene @ Scene { model, palette, .. } = canvas.scene;
    let (text, style) = match canvas.view.log_lines.count() {
        0 => ("no line names this workflow".to_owned(), palette.dim),
        n => {
            let lines = human::counted(n, "line", "lines");
            (format!("{lines} from the server"), palette.text())
        }
    };
    let is_selected = cursor.line(model) == Some(PageLine::Log);
    let note = if is_selected { "Enter: open" } else { "" };
    lists::mark(canvas.buf, area, is_selected, scene);
    line::draw(canvas, area, "Log", (&text, style), note);
    if cursor.has_log_row {
        canvas.map.add(area, Click::PageLine(PageLine::Log));
    }
}

/// Draws names and texts in one row. The first text has at most half of it.
fn draw_pairs(canvas: &mut Canvas<'_>, area: Rect, pairs: &[(&str, String)]) {
    let Scene { palette, .. } = canvas.scene;
    let mut pen = Pen::row(canvas.buf, area, 0);
    for (at, (name, text)) in pairs.iter().enumerate() {
        if at == 0 {
            let columns = width(text).min(pen.room() / 2);
            pen.gap(1).left(name, NAMES, palette.strong).left(text, columns, palette.text());
        } else {
            pen.gap(3).put(name, palette.strong).gap(1).put(text, palette.text());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::sample;
    use crate::model::{ProblemKind, Severity};

    #[test]
    fn worker_is_named_with_what_is_known_of_its_process() {
        let described = |command: &str| {
            let row = WorkerRow {
                name: "pid 58".into(),
                pid: Some(58),
                command: command.into(),
                ..WorkerRow::default()
            };
            let model = Model { workers: Some(vec![row]), ..Model::default() };
            describe("58@box", &model)
        };
        let listed = |state| {
            let row = WorkerRow {
                state,
                name: "7@ci".into(),
                identities: vec!["7@ci".into()],
                ..WorkerRow::default()
            };
            Model { workers: Some(vec![row]), ..Model::default() }
        };
        assert_eq!(describe("7@ci", &listed(WorkerState::Ended)), "7@ci (ended)");
        let other = describe("58@box", &listed(WorkerState::Polling));
        assert_eq!(other, "58@box (not in the list of workers)");
        assert_eq!(described("python w.py"), "pid 58 (polling) python w.py");
        assert_eq!(described(""), "pid 58 (polling)");
        assert_eq!(describe("58@box", &Model::default()), "58@box", "the list is not known");
    }

    #[test]
    fn worker_of_today_is_named_instead_of_one_that_has_ended() {
        let row = |pid: u32, state, queue: &str| WorkerRow {
            name: format!("pid {pid}"),
            pid: Some(pid),
            state,
            queues: vec![queue.into()],
            ..WorkerRow::default()
        };
        let page = WorkflowPage { queue: "orders".into(), ..WorkflowPage::default() };
        let ended = row(58, WorkerState::Ended, "orders");
        let cases = [
            (row(58, WorkerState::Polling, "orders"), "last worker: pid 58 (polling)"),
            (row(60, WorkerState::Polling, "orders"), "polled by pid 60"),
            (row(60, WorkerState::Running, "orders"), "polled by pid 60"),
            (row(60, WorkerState::Polling, "billing"), "last worker: pid 58 (ended)"),
        ];
        for (other, expected) in cases {
            let rows = if other.pid == Some(58) { vec![other] } else { vec![ended.clone(), other] };
            let model = Model { workers: Some(rows), ..Model::default() };
            assert_eq!(worker_note("58@box", &page, &model), expected);
        }
        let model = Model {
            workers: Some(vec![ended, row(60, WorkerState::Polling, "orders")]),
            ..Model::default()
        };
        let closed = WorkflowPage { ended_ms: Some(1), ..page };
        assert_eq!(worker_note("58@box", &closed, &model), "last worker: pid 58 (ended)");
    }

    #[test]
    fn state_has_the_sign_of_the_severity() {
        let palette = crate::draw::theme::Theme::Dark.palette();
        let sign = |severity| {
            let page = sample::with_problems().page.unwrap();
            let page = WorkflowPage { problem: Some((ProblemKind::Retrying, severity)), ..page };
            state(&page, &palette).0
        };
        assert_eq!([Severity::Red, Severity::Amber].map(sign), ["✗", "▲"]);
    }
}
