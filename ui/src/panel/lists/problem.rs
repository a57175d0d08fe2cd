//! A row of a problem.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{ALL_COLUMNS, CAUSES, NUMBERS, STATE, name, state_style, text_style};
use crate::draw::cluster::width;
use crate::draw::paint::{self, Pen};
use crate::draw::theme::Palette;
use crate::human;
use crate::model::{Member, ProblemKind, ProblemRow, Severity};
use crate::panel::scene::Scene;

/// Columns of the type, on a wide screen.
const TYPE: u16 = 12;
/// Columns of an age, with the gap before it.
const AGE: u16 = 8;

/// Minimum columns of a cause after the progress of the retries.
const LEAST_CAUSE: u16 = 18;
/// Columns of the time until the next attempt, so that the form of a row does not depend on the time.
const NEXT: u16 = 20;

/// Returns the sign of a severity and its style.
pub(crate) fn sign(severity: Severity, palette: &Palette) -> (&'static str, Style) {
    match severity {
        Severity::Red => ("✗", palette.error),
        Severity::Amber => ("▲", palette.warn),
        Severity::Notice => ("↻", palette.dim),
    }
}

pub(super) fn draw(buf: &mut Buffer, area: Rect, row: &ProblemRow, scene: Scene<'_>) {
    let palette = scene.palette;
    let columns = area.width;
    let taken = if !(CAUSES..NUMBERS).contains(&columns) {
        let age = row.since_ms.map(human::age_short).unwrap_or_default();
        let inner = Rect { width: columns.saturating_sub(1), ..area };
        paint::flush_right(buf, inner, 0, &[(&age, palette.dim)]);
        AGE + 1
    } else {
        0
    };
    let (sign, style) = sign(row.severity, palette);
    let style = state_style(style, scene);
    let text = text_style(row.since_ms, scene);
    let mut pen = Pen::row(buf, area, 0);
    pen.reserve(taken).gap(1).put(sign, style).gap(1).left(row.kind.label(), STATE, style);
    let more = row.count.saturating_sub(1);
    let elsewhere = elsewhere(row, scene);
    if columns >= ALL_COLUMNS {
        pen.left(&row.type_name, TYPE - 1, text).gap(1);
        name(&mut pen, &row.subject, more, if columns >= 160 { 38 } else { 19 }, text, scene);
    } else {
        let subject = match row.kind {
            ProblemKind::NoWorker if row.run_id.is_none() => format!("queue {}", row.subject),
            _ => row.subject.clone(),
        };
        let subject = match elsewhere {
            Some(namespace) if columns < CAUSES => format!("{subject} in {namespace}"),
            _ => subject,
        };
        let room = if columns >= CAUSES { 15 } else { pen.room() };
        name(&mut pen, &subject, more, room, text, scene);
    }
    if columns >= CAUSES {
        if let Some(namespace) = elsewhere {
            pen.put("in ", palette.dim).put(namespace, text).put(" · ", palette.dim);
        }
        let cause = cause(row, pen.room());
        pen.put(&cause, text);
    }
}

/// Returns the namespace of a problem, if it is not the shown one.
fn elsewhere<'a>(row: &'a ProblemRow, scene: Scene<'_>) -> Option<&'a str> {
    let shown = &scene.model.namespace;
    let is_elsewhere = !row.namespace.is_empty() && !shown.is_empty() && row.namespace != *shown;
    is_elsewhere.then_some(row.namespace.as_str())
}

/// Draws a further workflow of a problem, below the row of the problem. The cause is that of the problem.
pub(super) fn draw_member(
    buf: &mut Buffer,
    area: Rect,
    row: &ProblemRow,
    it: &Member,
    scene: Scene<'_>,
) {
    let palette = scene.palette;
    let columns = area.width;
    let style = text_style(it.since_ms.or(row.since_ms), scene);
    let inner = Rect { width: columns.saturating_sub(1), ..area };
    let age = it.since_ms.map(human::age_short).unwrap_or_default();
    let shows_age = !(CAUSES..NUMBERS).contains(&columns);
    if shows_age {
        paint::flush_right(buf, inner, 0, &[(&age, palette.dim)]);
    }
    let mut pen = Pen::row(buf, area, 0);
    pen.reserve(if shows_age { AGE + 1 } else { 0 }).gap(3);
    pen.left(row.kind.label(), STATE, palette.dim);
    if columns >= ALL_COLUMNS {
        pen.left(&it.type_name, TYPE - 1, style).gap(1);
    }
    let room = match columns {
        160.. => 38,
        ALL_COLUMNS.. => 19,
        CAUSES.. => 15,
        _ => pen.room(),
    };
    name(&mut pen, &it.workflow_id, 0, room, style, scene);
    let attempt = it.attempt.map(|attempt| attempts(attempt, row.max_attempts));
    let text = attempt.as_deref().unwrap_or(&row.workflow_cause);
    if columns >= CAUSES {
        pen.put(text, style);
    }
}

/// Draws a queue without a worker as the newest workflow that waits there.
pub(super) fn draw_waiting(buf: &mut Buffer, area: Rect, row: &ProblemRow, scene: Scene<'_>) {
    let Some(newest) = row.waiting().first() else { return draw(buf, area, row, scene) };
    let row = ProblemRow {
        type_name: newest.type_name.clone(),
        subject: newest.workflow_id.clone(),
        run_id: Some(newest.run_id.clone()),
        count: row.waiting().len() as u64,
        cause: row.workflow_cause.clone(),
        ..row.clone()
    };
    draw(buf, area, &row, scene);
}

/// Returns the cause for `room` columns, after as much of the progress of the retries as leaves room for the
/// cause.
fn cause(row: &ProblemRow, room: u16) -> String {
    if row.kind != ProblemKind::Retrying {
        return row.cause.clone();
    }
    let Some(attempt) = row.attempt else { return row.cause.clone() };
    let attempt = attempts(attempt, row.max_attempts);
    let next = row.next_try_ms.map(|ms| match ms {
        1_000.. => format!(", next in {}", human::remaining(ms)),
        _ => ", next now".to_owned(),
    });
    let next_columns = if next.is_some() { NEXT } else { 0 };
    let named = row.activity.as_ref().map(|name| format!("{name} {attempt}"));
    let needed = |progress: &str| width(progress) + 3 + width(&row.cause).min(LEAST_CAUSE);
    let mut forms = named.into_iter().chain([attempt.clone()]);
    let progress = match forms.find(|form| needed(form).saturating_add(next_columns) <= room) {
        Some(form) => form + &next.unwrap_or_default(),
        None => attempt,
    };
    match row.cause.as_str() {
        "" => progress,
        cause => format!("{progress} · {cause}"),
    }
}

/// Returns `attempt 8 of 50`.
fn attempts(attempt: u32, most: Option<u32>) -> String {
    match most {
        Some(most) => format!("attempt {attempt} of {most}"),
        None => format!("attempt {attempt}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_show_their_progress_before_the_cause() {
        let row = ProblemRow {
            kind: ProblemKind::Retrying,
            cause: "BankUnavailable: 503".into(),
            activity: Some("call_bank".into()),
            attempt: Some(8),
            max_attempts: Some(50),
            next_try_ms: Some(13_000),
            ..ProblemRow::default()
        };
        for (room, expected) in [
            (66, "call_bank attempt 8 of 50, next in 13 s · BankUnavailable: 503"),
            (65, "attempt 8 of 50, next in 13 s · BankUnavailable: 503"),
            (55, "attempt 8 of 50 · BankUnavailable: 503"),
            (0, "attempt 8 of 50 · BankUnavailable: 503"),
        ] {
            assert_eq!(cause(&row, room), expected);
            let later = ProblemRow { next_try_ms: Some(119_000), ..row.clone() };
            let later = cause(&later, room).replace("1 min 59 s", "13 s");
            assert_eq!(later, expected, "the form does not depend on the time");
        }
        let unknown = ProblemRow { attempt: None, next_try_ms: None, ..row.clone() };
        assert_eq!(cause(&unknown, 100), "BankUnavailable: 503");
        let unlimited =
            ProblemRow { activity: None, max_attempts: None, next_try_ms: Some(900), ..row };
        assert_eq!(cause(&unlimited, 100), "attempt 8, next now · BankUnavailable: 503");
    }
}
