//! A dialog on a screen without room for a box: the question, and its answers as keys.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::keymap::{self, Binding, Context};
use crate::app::view::{Interruption, Overlay, stop_impact};
use crate::draw::cluster::{width, wrap};
use crate::draw::layout::split_top;
use crate::draw::paint::Pen;
use crate::human;
use crate::loss::{Loss, StopImpact, WorkflowTotals};
use crate::panel::scene::{Canvas, Click, Scene};
use crate::panel::state;

/// Columns of a key, if each answer has a row.
const KEY: u16 = 4;
const GAP: u16 = 2;

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let scene @ Scene { model, log, palette, .. } = canvas.scene;
    let context = Context { view: canvas.view, model, log };
    let choices: Vec<&Binding> = keymap::choices(context.scope(), &context).collect();
    let lines: Vec<(String, Style)> = if let Some(message) = scene.message() {
        wrap(message, area.width).into_iter().map(|line| (line, palette.selected)).collect()
    } else {
        let impact = stop_impact(model).map(|impact| {
            let style = if impact.loss().is_some() { palette.error } else { palette.warn };
            (brief(impact, area.width), style)
        });
        std::iter::once((title(&context), palette.strong)).chain(impact).collect()
    };
    let rows = answers(&choices, area, lines.len());
    let (above, below) = split_top(area, area.height.saturating_sub(rows.len() as u16));
    for (row, (line, style)) in (0..above.height).zip(&lines) {
        Pen::row(canvas.buf, above, row).put(line, *style);
    }
    for (y, answers) in (0..below.height).zip(rows) {
        let mut pen = Pen::row(canvas.buf, below, y);
        for answer in answers {
            let from = pen.x();
            pen.left(answer.key.shown, answer.columns, palette.key).put(answer.label, palette.base);
            let place = Rect { x: from, y: below.y + y, width: pen.x() - from, height: 1 };
            if let Some((key, _)) = answer.key.keys.first() {
                canvas.map.add(place, Click::Key(*key));
            }
            pen.gap(GAP);
        }
    }
}

struct Answer<'a> {
    key: &'a Binding,
    /// Columns of the key and the gap after it.
    columns: u16,
    label: &'a str,
}

/// Arranges the answers in rows: one answer in each row, or several in one row if `lines` of the
/// question need the rest of the room.
fn answers<'a>(choices: &[&'a Binding], area: Rect, lines: usize) -> Vec<Vec<Answer<'a>>> {
    if choices.len() + lines <= area.height.into() {
        let one = |key: &&'a Binding| vec![Answer { key, columns: KEY, label: key.short }];
        return choices.iter().map(one).collect();
    }
    let whole = side_by_side(choices, area.width, |short| short);
    if whole.len() <= area.height.into() {
        return whole;
    }
    side_by_side(choices, area.width, |short| short.split(' ').next().unwrap_or(short))
}

fn side_by_side<'a>(
    choices: &[&'a Binding],
    columns: u16,
    label: fn(&'a str) -> &'a str,
) -> Vec<Vec<Answer<'a>>> {
    let mut rows: Vec<Vec<Answer<'a>>> = Vec::new();
    let mut used = columns;
    for key in choices {
        let answer = Answer { key, columns: width(key.shown) + 1, label: label(key.short) };
        let wide = answer.columns + width(answer.label);
        match rows.last_mut() {
            Some(row) if used + GAP + wide <= columns => {
                row.push(answer);
                used += GAP + wide;
            }
            _ => {
                rows.push(vec![answer]);
                used = wide;
            }
        }
    }
    rows
}

fn title(context: &Context<'_>) -> String {
    match context.overlay() {
        Some(Overlay::Confirm(Interruption::Stop)) => "Stop the server?".to_owned(),
        Some(Overlay::Confirm(Interruption::Restart)) => "Restart the server?".to_owned(),
        Some(Overlay::Confirm(Interruption::StopAndQuit)) => "Stop and quit?".to_owned(),
        _ => format!("Server {}", state::word(context.model.state)),
    }
}

/// Returns the impact of a stop as the longest text that fits into `columns`.
fn brief(impact: StopImpact, columns: u16) -> String {
    let [long, short] = match impact {
        StopImpact::Interrupted(running) => {
            let workflows = human::counted(running, "workflow", "workflows");
            [format!("{workflows} running"), format!("{} running", human::count(running))]
        }
        StopImpact::Lost(Loss { workflows: None, .. }) => {
            ["all workflows LOST".to_owned(), "all LOST".to_owned()]
        }
        StopImpact::Lost(Loss { workflows: Some(WorkflowTotals { running, closed }), .. }) => {
            let all = running.saturating_add(closed);
            let workflows = human::counted(all, "workflow", "workflows");
            [format!("{workflows} LOST"), format!("{} LOST", human::count(all))]
        }
    };
    if width(&long) <= columns { long } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Storage, WorkflowCount};

    #[test]
    fn narrow_question_still_names_the_loss() {
        let text =
            |storage, count, columns| brief(StopImpact::judge(storage, count).unwrap(), columns);
        let some = WorkflowCount::Current(WorkflowTotals { running: 7, closed: 12 });
        assert_eq!(text(Storage::Memory, some, 20), "19 workflows LOST");
        assert_eq!(text(Storage::Memory, some, 10), "19 LOST");
        assert_eq!(text(Storage::Memory, WorkflowCount::Unknown, 20), "all workflows LOST");
        assert_eq!(text(Storage::File, some, 20), "7 workflows running");
    }
}
