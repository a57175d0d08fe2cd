//! The wrapped lines above the history: causes, what the run waits for, and what to do.

use std::borrow::Cow;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::line::{self, NAMES, NOTES};
use crate::app::view::{PageLine, WorkflowCursor};
use crate::draw::cluster::{width, wrap_in};
use crate::draw::layout::split_top;
use crate::model::WorkflowPage;
use crate::panel::lists;
use crate::panel::scene::{Canvas, Click, Scene};

const OPENS: &str = "Enter: whole stack";

/// A line with a name, a text that may take several rows, and a note at the right end.
pub(super) struct Paragraph<'a> {
    name: &'static str,
    text: Cow<'a, str>,
    style: Style,
    note: Cow<'a, str>,
    /// Columns that stay free for the note. The number of rows does not depend on the selection.
    note_columns: u16,
    line: Option<PageLine>,
    /// Priority: 0 is the highest. Without room, paragraphs with the greatest numbers are omitted.
    rank: u8,
}

/// Returns the paragraphs of a page in `area`, in their order.
pub(super) fn paragraphs<'a>(
    cursor: &WorkflowCursor,
    page: &'a WorkflowPage,
    scene: Scene<'_>,
    area: Rect,
) -> Vec<Paragraph<'a>> {
    let Scene { model, palette, .. } = scene;
    let selected = cursor.line(model);
    let has_notes = area.width >= NOTES;
    let plain = |name, text: Cow<'a, str>, style, rank| Paragraph {
        name,
        text,
        style,
        note: "".into(),
        note_columns: 0,
        line: None,
        rank,
    };
    let mut all = Vec::new();
    let has_summary = !page.summary.is_empty();
    if has_summary {
        all.push(plain("Cause", page.summary.as_str().into(), palette.text(), 0));
    }
    for (at, cause) in page.causes.iter().enumerate() {
        let is_selected = selected == Some(PageLine::Cause(at));
        let (name, style) = match (at, has_summary) {
            (0, false) => ("Cause", palette.text()),
            (0, true) => ("Failure", palette.text()),
            (_, _) => (" then", palette.dim),
        };
        let opens = if cause.lines.is_empty() { "" } else { OPENS };
        let note = if is_selected { opens } else { cause.place.as_str() };
        let columns = width(&cause.place).max(width(opens));
        all.push(Paragraph {
            note: if has_notes { note } else { "" }.into(),
            note_columns: if has_notes { columns } else { 0 },
            line: Some(PageLine::Cause(at)),
            ..plain(
                name,
                cause.text.as_str().into(),
                style,
                match at {
                    _ if is_selected => 0,
                    0 => u8::from(has_summary),
                    _ => 4,
                },
            )
        });
    }
    let shown = page.pending.len().min(usize::from(area.height / 6).max(1));
    for (at, pending) in page.pending.iter().take(shown).enumerate() {
        let more = page.pending.len() - shown;
        let note = if at + 1 == shown && more > 0 { format!("+{more}") } else { String::new() };
        let style = if pending.failed { palette.warn } else { palette.text() };
        let text = format!("{}: {}", pending.name, pending.text);
        let (name, rank) = if at == 0 { ("Pending", 2) } else { ("", 5) };
        let note_columns = width(&note);
        all.push(Paragraph {
            note: note.into(),
            note_columns,
            ..plain(name, text.into(), style, rank)
        });
    }
    if !page.hint.is_empty() {
        all.push(plain("What to do", page.hint.as_str().into(), palette.accent, 3));
    }
    all
}

/// Divides `room` rows among the paragraphs: one row for each by priority, then the rows that their texts
/// need.
pub(super) fn heights(all: &[Paragraph<'_>], columns: u16, mut room: u16) -> Vec<u16> {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| all[*at].rank);
    let mut heights = vec![0; all.len()];
    for at in &order {
        heights[*at] = room.min(1);
        room -= heights[*at];
    }
    for at in order.into_iter().filter(|at| heights[*at] > 0).collect::<Vec<_>>() {
        let more = all[at].rows(columns).saturating_sub(1).min(room);
        heights[at] += more;
        room -= more;
    }
    heights
}

impl Paragraph<'_> {
    /// Returns the texts of all rows, at most `most`. The note has the right end of the last one.
    fn lines(&self, columns: u16, most: u16) -> Vec<String> {
        let room = columns.saturating_sub(NAMES + 2);
        let note_room = if self.note_columns > 0 { self.note_columns + 1 } else { 0 };
        if width(&self.text).saturating_add(note_room) <= room || most <= 1 {
            return vec![self.text.clone().into_owned()];
        }
        let mut lines = wrap_in(&self.text, room, most.into());
        let has_room = |line: &String| width(line).saturating_add(note_room) <= room;
        if note_room > 0 && !lines.last().is_some_and(has_room) && lines.len() < usize::from(most) {
            lines.push(String::new());
        }
        lines
    }

    fn rows(&self, columns: u16) -> u16 {
        u16::try_from(self.lines(columns, u16::MAX).len()).unwrap_or(u16::MAX)
    }

    /// Draws the paragraph into all rows of `area`.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, cursor: &WorkflowCursor) {
        let scene @ Scene { model, .. } = canvas.scene;
        if area.is_empty() {
            return;
        }
        let is_selected = self.line.is_some() && cursor.line(model) == self.line;
        lists::mark(canvas.buf, area, is_selected, scene);
        let lines = self.lines(area.width, area.height);
        let end = lines.len().saturating_sub(1);
        for (at, text) in lines.iter().enumerate() {
            let (place, _) = split_top(Rect { y: area.y + at as u16, ..area }, 1);
            let name = if at == 0 { self.name } else { "" };
            let note = if at == end { &*self.note } else { "" };
            line::draw(canvas, place, name, (text, self.style), note);
        }
        if let Some(line) = self.line {
            canvas.map.add(area, Click::PageLine(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraph(columns: usize, rank: u8) -> Paragraph<'static> {
        Paragraph {
            name: "",
            text: "ab ".repeat(columns / 3).into(),
            style: Style::new(),
            note: "".into(),
            note_columns: 0,
            line: None,
            rank,
        }
    }

    #[test]
    fn rows_go_to_the_most_important_text_after_each_has_one() {
        // Texts have 30 columns.
        let all = [paragraph(90, 0), paragraph(30, 4), paragraph(60, 2)];
        let columns = NAMES + 2 + 30;
        for (room, expected) in [
            (0, [0, 0, 0]),
            (1, [1, 0, 0]),
            (2, [1, 0, 1]),
            (3, [1, 1, 1]),
            (5, [3, 1, 1]),
            (6, [3, 1, 2]),
            (20, [3, 1, 2]),
        ] {
            assert_eq!(heights(&all, columns, room), expected, "{room}");
        }
    }

    #[test]
    fn note_has_the_row_of_a_short_text_or_takes_the_end_of_its_last_row() {
        let rows = |text: &str| {
            let text = text.to_owned().into();
            let place = Paragraph { note_columns: 8, text, ..paragraph(0, 0) };
            place.lines(NAMES + 2 + 20, 9)
        };
        assert_eq!(rows("eleven chars").len(), 2, "the note is below");
        assert_eq!(rows("ten chars ").len(), 1);
        assert_eq!(
            rows("a text of two rows of twenty columns"),
            ["a text of two rows", "of twenty columns", ""]
        );
        assert_eq!(rows("a text of two rows of one"), ["a text of two rows", "of one"]);
    }
}
