//! The overview: problems, workers, recent workflows, and the newest log lines.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{lists, logs};
use crate::app::view::{EmptySection, HINTS, Item, hints};
use crate::draw::layout::{Sections, row};
use crate::draw::paint::{self, Pen, Piece};
use crate::human;
use crate::model::{Dismissed, Severity};
use crate::panel::scene::{Canvas, Click, Scene};

/// Names of the sections.
const PROBLEMS: &str = "Problems";
const WORKERS: &str = "Workers";
const RECENT: &str = "Recent workflows";
const LOG: &str = "Log";
/// Note of the workers that stigmer runs.
const RESTART: &str = "R restart the workers";

pub(super) fn draw(canvas: &mut Canvas<'_>) {
    let sections = canvas.view.sections;
    headings(canvas, sections);
    empty_sections(canvas.buf, sections, canvas.scene);
    rows(canvas, sections);
}

/// Draws the heading of a section: its name, numbers of rows, and a note at the right end.
fn heading(
    buf: &mut Buffer,
    area: Rect,
    name: &str,
    counts: &[Piece<'_>],
    note: &str,
    scene: Scene<'_>,
) {
    let palette = scene.palette;
    let inner = Rect { width: area.width.saturating_sub(1), ..area };
    let taken = paint::flush_right(buf, inner, 0, &[(note, palette.dim)]);
    let mut pen = Pen::row(buf, inner, 0);
    pen.reserve(taken).gap(1).put(name, palette.title).gap(1);
    for (text, style) in counts {
        pen.put(text, *style);
    }
}

/// Returns the number of problems, and of those with each sign: `6: 5 ✗  1 ▲`. The tabs show the same
/// numbers of `✗`.
fn tally(scene: Scene<'_>) -> Vec<(String, Style)> {
    let Scene { model, palette, .. } = scene;
    let Some(problems) = &model.problems else { return vec![("–".to_owned(), palette.dim)] };
    let count = |severity: Severity| problems.iter().filter(|row| row.severity == severity).count();
    let mut pieces: Vec<(String, Style)> = [Severity::Red, Severity::Amber, Severity::Notice]
        .into_iter()
        .map(|severity| (severity, count(severity) as u64))
        .filter(|(_, n)| *n > 0)
        .map(|(severity, n)| {
            let (sign, style) = lists::problem::sign(severity, palette);
            let style = if scene.is_outdated() { palette.dim } else { style };
            (format!("{} {sign}  ", human::count(n)), style)
        })
        .collect();
    if pieces.len() != 1 {
        let colon = if pieces.is_empty() { "" } else { ": " };
        let total = human::count(problems.len() as u64) + colon;
        pieces.insert(0, (total, palette.dim));
    }
    pieces
}

/// Returns the number of rows after a heading. Empty if the rows are on the screen.
fn number(rows: Option<usize>) -> String {
    match rows {
        None => "–".to_owned(),
        Some(0) => "0".to_owned(),
        Some(_) => String::new(),
    }
}

fn headings(canvas: &mut Canvas<'_>, sections: Sections) {
    let scene @ Scene { model, .. } = canvas.scene;
    let dim = scene.palette.dim;
    let tally = tally(scene);
    let counts: Vec<Piece<'_>> =
        tally.iter().map(|(text, style)| (text.as_str(), *style)).collect();
    let note = problems_note(canvas, sections.problems.rows.height);
    heading(canvas.buf, sections.problems.heading, PROBLEMS, &counts, &note, scene);

    let workers = model.workers.as_deref();
    let place = sections.workers.heading;
    let hidden = workers.map_or(0, <[_]>::len).saturating_sub(sections.workers.rows.height.into());
    match workers {
        Some(all) if sections.workers.rows.is_empty() && !all.is_empty() => {
            heading(canvas.buf, place, WORKERS, &[], "", scene);
            let from = 12.min(place.width);
            let names = Rect { x: place.x + from, width: place.width - from, ..place };
            lists::worker::draw_all(canvas.buf, names, all, scene);
        }
        _ => {
            let more = if hidden > 0 { format!("{hidden} more in tab 3") } else { String::new() };
            let has_key = place.width >= lists::ALL_COLUMNS && model.restarts_workers();
            let note = if has_key { format!("{more}   {RESTART}") } else { more };
            let count = number(workers.map(<[_]>::len));
            heading(canvas.buf, place, WORKERS, &[(&count, dim)], &note, scene);
        }
    }

    let recent = model.recent.as_ref().map(Vec::len);
    let place = sections.recent.heading;
    let note = match recent {
        Some(1..) => lists::workflow::times("took", "ended", place.width),
        _ => String::new(),
    };
    let count = match number(recent) {
        count if model.namespaces.len() < 2 => count,
        count => format!("{count} in {}", model.namespace).trim_start().to_owned(),
    };
    heading(canvas.buf, place, RECENT, &[(&count, dim)], &note, scene);

    let note = match scene.log.units().len() {
        0 | 1 => "warnings, and lines that name a workflow · 4 for everything",
        _ => "workers: all · server: warnings, and lines that name a workflow · 4 for everything",
    };
    let note = if sections.log.heading.width >= lists::ALL_COLUMNS { note } else { "" };
    heading(canvas.buf, sections.log.heading, LOG, &[], note, scene);
}

/// Returns which problems are visible, or how many are hidden.
fn problems_note(canvas: &mut Canvas<'_>, rows: u16) -> String {
    let list = &mut canvas.view.overview;
    let is_of_problem = |item: &&Item| matches!(item, Item::Problem(_) | Item::Member(..));
    let problems = list.items().iter().take_while(is_of_problem).count();
    list.scroll.measure(rows, u16::try_from(problems).unwrap_or(u16::MAX));
    if let Some(at) = list.at().filter(|at| *at < problems).and_then(|at| u16::try_from(at).ok()) {
        list.scroll.reveal(at, at);
    }
    let first = usize::from(list.scroll.offset);
    let dismissed = canvas.scene.model.dismissed;
    match (rows > 0 && usize::from(rows) < problems, dismissed) {
        (true, Dismissed { problems: hidden, .. }) => {
            let range = format!("{} to {} of {problems}", first + 1, first + usize::from(rows));
            match hidden {
                0 => range,
                _ => format!("{hidden} dismissed, u shows them   {range}"),
            }
        }
        (false, Dismissed { problems: 0, .. }) => String::new(),
        (false, Dismissed { problems, workflows }) if workflows > problems => {
            let workflows = human::counted(workflows, "workflow", "workflows");
            format!("{problems} dismissed ({workflows}), u shows them")
        }
        (false, Dismissed { problems, .. }) => format!("{problems} dismissed, u shows them"),
    }
}

/// Draws the sentence of an empty section. Its commands are rows.
fn empty_sections(buf: &mut Buffer, sections: Sections, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    if hints(model, EmptySection::Workers).next().is_some() {
        let address = model.address.as_deref().unwrap_or("the server");
        let mut text = format!("No worker is connected. Connect one to {address}");
        if !model.namespace.is_empty() {
            text += &format!(", namespace {}", model.namespace);
        }
        Pen::row(buf, sections.workers.rows, 0).gap(1).put(&(text + ":"), palette.text());
    }
    // A small screen has no heading that says so.
    let problems = sections.problems;
    if problems.heading.is_empty() && model.problems.as_ref().is_none_or(Vec::is_empty) {
        Pen::row(buf, problems.rows, 0).gap(1).put("no problems", palette.dim);
    }
}

fn rows(canvas: &mut Canvas<'_>, sections: Sections) {
    let scene = canvas.scene;
    let (list, newest) = (&canvas.view.overview, &canvas.view.newest);
    let marks = &canvas.view.marks;
    let offset = usize::from(list.scroll.offset);
    let (mut taught, mut line) = (0, 0);
    for (at, item) in list.items().iter().enumerate() {
        let place = match item {
            Item::Server | Item::Found(_) => continue,
            // The problems are the first rows.
            Item::Problem(_) | Item::Member(..) => match at.checked_sub(offset) {
                Some(number) => nth(sections.problems.rows, number),
                None => continue,
            },
            Item::Worker(number) => nth(sections.workers.rows, *number),
            Item::Workflow(number) => nth(sections.recent.rows, *number),
            Item::Hint(number) => match HINTS[*number].section {
                EmptySection::Workers => {
                    taught += 1;
                    nth(sections.workers.rows, taught)
                }
                EmptySection::Recent => nth(sections.recent.rows, 0),
            },
            Item::Line(_) => {
                line += 1;
                nth(sections.log.rows, line - 1)
            }
        };
        if place.is_empty() {
            continue;
        }
        let is_selected = list.at() == Some(at);
        match item {
            Item::Hint(number) => hint(canvas.buf, place, *number, is_selected, scene),
            Item::Line(_) => {
                if let Some(found) = newest.row(newest.visible().start + line - 1) {
                    logs::draw_row(canvas.buf, place, found, is_selected, scene);
                }
            }
            _ => {
                let line = lists::ListLine::Row(at);
                lists::draw_line(canvas.buf, canvas.map, place, (list, marks), &line, scene);
                continue;
            }
        }
        canvas.map.add(place, Click::Row(at));
    }
}

fn nth(area: Rect, number: usize) -> Rect {
    row(area, u16::try_from(number).unwrap_or(u16::MAX))
}

fn hint(buf: &mut Buffer, area: Rect, number: usize, is_selected: bool, scene: Scene<'_>) {
    let palette = scene.palette;
    lists::mark(buf, area, is_selected, scene);
    let inner = Rect { width: area.width.saturating_sub(1), ..area };
    let taken = paint::flush_right(buf, inner, 0, &[("y", palette.key), (" copy", palette.dim)]);
    let it = HINTS[number];
    let mut pen = Pen::row(buf, inner, 0);
    pen.reserve(taken).gap(3).put(it.command, palette.strong).gap(4).put(it.effect, palette.dim);
}
