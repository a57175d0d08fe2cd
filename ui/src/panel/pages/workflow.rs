//! The page of a workflow: state, causes, what it waits for, and its history.

mod details;
mod history;
mod line;

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
use crate::model::{Model, ProblemKind, RunFound, WorkflowPage};
use crate::panel::lists::{self, workflow};
use crate::panel::scene::{Canvas, Click, Scene};
use crate::panel::tab_line;
use line::{NAMES, NOTES, WIDE, title};

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
    let keys = match area.width >= NOTES && context.has_neighbour() {
        true => "←→ previous, next   Esc back",
        false => "Esc back",
    };
    tab_line::draw_path(canvas.buf, area, &title, keys, scene);
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

/// Numbers of rows of the parts of the page.
struct Rows {
    causes: u16,
    pending: u16,
    heading: u16,
    facts: u16,
}

impl Rows {
    fn of(height: u16, page: &WorkflowPage) -> Self {
        let at_most = |n: usize, most: u16| u16::try_from(n).unwrap_or(u16::MAX).min(most);
        Self {
            causes: at_most(page.causes.len(), (height / 4).clamp(1, 5)),
            pending: at_most(page.pending.len(), (height / 6).min(4)),
            heading: u16::from(height >= 8),
            facts: match height {
                ..10 => 0,
                10..18 => 1,
                18.. => 2,
            },
        }
    }
}

fn draw_page(
    canvas: &mut Canvas<'_>,
    area: Rect,
    cursor: &mut WorkflowCursor,
    page: &WorkflowPage,
) {
    let rows = Rows::of(area.height, page);
    let (state, rest) = split_top(area, 1);
    let (causes, rest) = split_top(rest, rows.causes);
    let (pending, rest) = split_top(rest, rows.pending);
    let (heading, rest) = split_top(rest, rows.heading);
    // Below a short history, the facts follow at once.
    let shown = u16::try_from(cursor.rows(page).count()).unwrap_or(u16::MAX);
    let room = rest.height.saturating_sub(rows.facts);
    let (history, rest) = split_top(rest, shown.min(room));
    let facts = split_top(rest, rows.facts).0;
    draw_state(canvas, state, cursor, page);
    draw_causes(canvas, causes, cursor, page);
    draw_pending(canvas, pending, page);
    history::heading(canvas, heading, cursor, page);
    history::draw(canvas, history, cursor, page);
    draw_facts(canvas, facts, page);
}

/// Returns the sign, the word and the style of the state.
fn state(page: &WorkflowPage, palette: &Palette) -> (&'static str, String, Style) {
    let (sign, word, style) = match page.problem {
        Some(kind) => {
            let (sign, style) = match kind {
                ProblemKind::Retrying => ("▲", palette.warn),
                _ => ("✗", palette.error),
            };
            (sign, kind.label(), style)
        }
        None => {
            let (sign, style) = workflow::sign(page.status, palette);
            (sign, page.status.label(), style)
        }
    };
    (sign, word.to_uppercase(), style)
}

/// Returns the process of a worker with this identity, if it is in the list of workers.
fn describe(identity: &str, model: &Model) -> String {
    let pid = identity.split_once('@').and_then(|(pid, _)| pid.parse::<u32>().ok());
    let mut workers = model.workers.iter().flatten();
    match workers.find(|worker| pid.is_some() && worker.pid == pid) {
        Some(it) => format!("{} {}, {}", it.name, it.command, it.state.label()),
        None => identity.to_owned(),
    }
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
    if area.width >= NOTES && page.error.is_empty() {
        facts.push(format!("queue {}", page.queue));
        facts.push(format!("run {run}"));
    }
    let note = match (page.error.as_str(), page.worker.as_str()) {
        ("", "") => None,
        ("", worker) if area.width >= WIDE => {
            Some((format!("last worker: {}", describe(worker, model)), palette.dim))
        }
        ("", _) => None,
        (error, _) => Some((error.to_owned(), palette.warn)),
    };
    let mut pen = Pen::row(canvas.buf, area, 0);
    pen.reserve(1).gap(1).put(sign, style).gap(1).put(&word, style.add_modifier(Modifier::BOLD));
    for fact in facts.iter().filter(|fact| !fact.is_empty()) {
        pen.gap(gap).put(fact, palette.text());
    }
    if let Some((text, style)) = note {
        pen.gap(gap);
        let free = pen.room().saturating_sub(width(&text));
        pen.gap(free).put(&text, style);
    }
}

fn draw_causes(canvas: &mut Canvas<'_>, area: Rect, cursor: &WorkflowCursor, page: &WorkflowPage) {
    let scene @ Scene { model, palette, .. } = canvas.scene;
    // On a small screen the selected cause stays visible.
    let selected = match cursor.line(model) {
        Some(PageLine::Cause(at)) => at,
        _ => 0,
    };
    let first = (selected + 1).saturating_sub(area.height.into());
    let causes = page.causes.iter().enumerate().skip(first);
    for (number, (at, cause)) in (0..area.height).zip(causes) {
        let place = row(area, number);
        let is_selected = cursor.line(model) == Some(PageLine::Cause(at));
        let note = match area.width {
            NOTES.. if is_selected && !cause.lines.is_empty() => "Enter: whole stack",
            NOTES.. => cause.place.as_str(),
            _ => "",
        };
        let (name, style) =
            if at == 0 { ("Cause", palette.text()) } else { (" then", palette.dim) };
        lists::mark(canvas.buf, place, is_selected, scene);
        line::draw(canvas, place, name, (&cause.text, style), note);
        canvas.map.add(place, Click::PageLine(PageLine::Cause(at)));
    }
}

fn draw_pending(canvas: &mut Canvas<'_>, area: Rect, page: &WorkflowPage) {
    let Scene { palette, .. } = canvas.scene;
    for (number, pending) in (0..area.height).zip(&page.pending) {
        let more = page.pending.len() - usize::from(number) - 1;
        let is_last = number + 1 == area.height;
        let note = if is_last && more > 0 { format!("+{more}") } else { String::new() };
        let style = if pending.failed { palette.warn } else { palette.text() };
        let text = format!("{}: {}", pending.name, pending.text);
        let name = if number == 0 { "Pending" } else { "" };
        line::draw(canvas, row(area, number), name, (&text, style), &note);
    }
}

/// Draws values, children, signals and who started the run.
fn draw_facts(canvas: &mut Canvas<'_>, area: Rect, page: &WorkflowPage) {
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
    if area.height < 2 {
        return draw_pairs(canvas, area, &[input, result]);
    }
    line::draw(canvas, row(area, 0), input.0, (&input.1, palette.text()), "");
    let others = [
        result,
        ("Children", children),
        ("Signals", signals),
        ("Started by", or_none(&page.started_by)),
    ];
    draw_pairs(canvas, row(area, 1), &others);
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
