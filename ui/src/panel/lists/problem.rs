//! A row of a problem.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{ALL_COLUMNS, CAUSES, NUMBERS, STATE, name, state_style, text_style};
use crate::draw::paint::{self, Pen};
use crate::draw::theme::Palette;
use crate::human;
use crate::model::{Member, ProblemKind, ProblemRow, Severity};
use crate::panel::scene::Scene;

/// Columns of the type, on a wide screen.
const TYPE: u16 = 12;
/// Columns of an age, with the gap before it.
const AGE: u16 = 8;

/// Returns the sign of a problem and its style.
pub(crate) fn sign(row: &ProblemRow, palette: &Palette) -> (&'static str, Style) {
    match row.severity {
        Severity::Red => ("✗", palette.error),
        Severity::Amber => ("▲", palette.warn),
        Severity::Notice => ("↻", palette.dim),
    }
}

pub(super) fn draw(buf: &mut Buffer, area: Rect, row: &ProblemRow, scene: Scene<'_>) {
    let palette = scene.palette;
    let width = area.width;
    let taken = if !(CAUSES..NUMBERS).contains(&width) {
        let age = row.since_ms.map(human::age_short).unwrap_or_default();
        let inner = Rect { width: width.saturating_sub(1), ..area };
        paint::flush_right(buf, inner, 0, &[(&age, palette.dim)]);
        AGE + 1
    } else {
        0
    };
    let (sign, style) = sign(row, palette);
    let style = state_style(style, scene);
    let text = text_style(row.since_ms, scene);
    let mut pen = Pen::row(buf, area, 0);
    pen.reserve(taken).gap(1).put(sign, style).gap(1).left(row.kind.label(), STATE, style);
    let more = row.count.saturating_sub(1);
    if width >= ALL_COLUMNS {
        pen.left(&row.type_name, TYPE - 1, text).gap(1);
        name(&mut pen, &row.subject, more, if width >= 160 { 38 } else { 19 }, text, scene);
    } else {
        let subject = match row.kind {
            ProblemKind::NoWorker => format!("queue {}", row.subject),
            _ => row.subject.clone(),
        };
        let columns = if width >= CAUSES { 15 } else { pen.room() };
        name(&mut pen, &subject, more, columns, text, scene);
    }
    if width >= CAUSES {
        pen.put(&cause(row, width >= ALL_COLUMNS), text);
    }
}

/// Draws a further workflow of a problem, below the row of the problem.
pub(super) fn draw_member(
    buf: &mut Buffer,
    area: Rect,
    row: &ProblemRow,
    it: &Member,
    scene: Scene<'_>,
) {
    let style = text_style(row.since_ms, scene);
    let mut pen = Pen::row(buf, area, 0);
    pen.gap(3 + STATE);
    if area.width >= ALL_COLUMNS {
        pen.left(&row.type_name, TYPE - 1, style).gap(1);
    }
    pen.put(&it.workflow_id, style);
}

/// Returns the cause, after the progress of the retries.
fn cause(row: &ProblemRow, is_wide: bool) -> String {
    if row.kind != ProblemKind::Retrying {
        return row.cause.clone();
    }
    let activity = row.activity.as_ref().filter(|_| is_wide);
    let attempt = match (row.attempt, row.max_attempts) {
        (Some(attempt), Some(most)) => Some(format!("{attempt} of {most}")),
        (Some(attempt), None) => Some(format!("attempt {attempt}")),
        (None, _) => None,
    };
    let next = row.next_try_ms.map(|ms| match (is_wide, ms) {
        (true, 1_000..) => format!("next in {}", human::age(ms)),
        (true, _) => "next now".to_owned(),
        (false, _) => human::age(ms),
    });
    let progress: Vec<String> = attempt.into_iter().chain(next).collect();
    let progress = activity.cloned().into_iter().chain([progress.join(", ")]);
    let parts = [progress.collect::<Vec<_>>().join(" "), row.cause.clone()];
    let parts: Vec<&str> =
        parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
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
        let wide = "call_bank 8 of 50, next in 13 s · BankUnavailable: 503";
        assert_eq!(cause(&row, true), wide);
        assert_eq!(cause(&row, false), "8 of 50, 13 s · BankUnavailable: 503");
        let unknown =
            ProblemRow { activity: None, attempt: None, next_try_ms: None, ..row.clone() };
        assert_eq!(cause(&unknown, true), "BankUnavailable: 503");
        let unlimited = ProblemRow { max_attempts: None, next_try_ms: None, ..row };
        assert_eq!(cause(&unlimited, false), "attempt 8 · BankUnavailable: 503");
    }
}
