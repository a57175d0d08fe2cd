//! Writes text into cells: measured in columns, clipped at the edge, without control characters.
//!
//! This crate writes every cell with [`Pen`] or [`crate::draw::graph`]. Both clip to their area, so
//! a panel cannot write outside its own area.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use crate::draw::cluster::{clip, clusters, width};

/// A text and its style.
pub(crate) type Piece<'a> = (&'a str, Style);

/// Writer of one row, from left to right. A text that does not fit ends in `…`.
pub(crate) struct Pen<'b> {
    buf: &'b mut Buffer,
    y: u16,
    left: u16,
    x: u16,
    end: u16,
    skip: u16,
}

impl<'b> Pen<'b> {
    /// Returns a pen at the start of row `row` of `area`. If the row does not exist, the pen has no room.
    pub(crate) fn row(buf: &'b mut Buffer, area: Rect, row: u16) -> Self {
        let y = area.y.saturating_add(row);
        let inside = area.intersection(buf.area);
        let exists = row < area.height && y >= inside.top() && y < inside.bottom();
        let end = if exists { inside.right() } else { inside.left() };
        Self { buf, y, left: area.x, x: inside.left(), end, skip: 0 }
    }

    /// Omits the next `columns` of text, because they are scrolled out to the left.
    pub(crate) fn skip(&mut self, columns: u16) -> &mut Self {
        self.skip = columns;
        self
    }

    /// Returns the current column of the screen.
    pub(crate) fn x(&self) -> u16 {
        self.x
    }

    /// Returns the number of free columns.
    pub(crate) fn room(&self) -> u16 {
        self.end.saturating_sub(self.x)
    }

    /// Keeps the last `columns` of the row free.
    pub(crate) fn reserve(&mut self, columns: u16) -> &mut Self {
        self.end = self.end.saturating_sub(columns).max(self.x);
        self
    }

    /// Advances to `column` of the area. Never moves back.
    pub(crate) fn to(&mut self, column: u16) -> &mut Self {
        self.x = self.x.max(self.left.saturating_add(column)).min(self.end);
        self
    }

    /// Advances by `columns`.
    pub(crate) fn gap(&mut self, columns: u16) -> &mut Self {
        let swallowed = columns.min(self.skip);
        self.skip -= swallowed;
        self.x = self.x.saturating_add(columns - swallowed).min(self.end);
        self
    }

    /// Writes `text`. If the text does not fit, writes its beginning and `…`, which fills the row.
    pub(crate) fn put(&mut self, text: &str, style: Style) -> &mut Self {
        self.put_marked(text, style, &[], style)
    }

    /// Writes like [`Pen::put`], with the ranges of bytes `marked` in the style `mark`.
    pub(crate) fn put_marked(
        &mut self,
        text: &str,
        style: Style,
        marked: &[Range<usize>],
        mark: Style,
    ) -> &mut Self {
        let last = self.x;
        let (end, last) = self.write(text, style, marked, mark, last);
        if end < text.len() {
            self.ellipsis(last, style);
        }
        self
    }

    /// Writes like [`Pen::put_marked`], without `…`. Returns the number of bytes written. The
    /// caller writes the rest into the next row.
    pub(crate) fn flow(
        &mut self,
        text: &str,
        style: Style,
        marked: &[Range<usize>],
        mark: Style,
    ) -> usize {
        self.write(text, style, marked, mark, self.x).0
    }

    /// Writes `text`. Returns the number of bytes written, and the column of the last character. `last` is
    /// the result if no character fits.
    fn write(
        &mut self,
        text: &str,
        style: Style,
        mut marked: &[Range<usize>],
        mark: Style,
        mut last: u16,
    ) -> (usize, u16) {
        let mut start = 0;
        for cluster in clusters(text) {
            let columns = cluster.columns;
            if self.skip > 0 {
                // If half of a wide character is scrolled out, the other half becomes a gap, so
                // that columns stay aligned.
                let swallowed = columns.min(self.skip);
                self.skip -= swallowed;
                self.x = self.x.saturating_add(columns - swallowed).min(self.end);
                start = cluster.end;
                continue;
            }
            if self.room() < columns {
                return (start, last);
            }
            while marked.first().is_some_and(|range| range.end <= start) {
                marked = &marked[1..];
            }
            let is_marked = marked.first().is_some_and(|range| range.start < cluster.end);
            let style = if is_marked { style.patch(mark) } else { style };
            last = self.x;
            self.cell(cluster.symbol, style);
            for _ in 1..columns {
                self.cell(" ", style);
            }
            start = cluster.end;
        }
        (text.len(), last)
    }

    /// Writes `text` into exactly `columns`, aligned to the right.
    pub(crate) fn right(&mut self, text: &str, columns: u16, style: Style) -> &mut Self {
        let free = columns.saturating_sub(width(text));
        self.gap(free).put(clip(text, columns), style)
    }

    /// Writes `text` into exactly `columns`, aligned to the left.
    pub(crate) fn left(&mut self, text: &str, columns: u16, style: Style) -> &mut Self {
        self.left_marked(text, columns, style, &[], style)
    }

    /// Writes like [`Pen::left`], with the ranges of bytes `marked` in the style `mark`.
    pub(crate) fn left_marked(
        &mut self,
        text: &str,
        columns: u16,
        style: Style,
        marked: &[Range<usize>],
        mark: Style,
    ) -> &mut Self {
        let end = self.end;
        let target = self.x.saturating_add(columns).min(end);
        self.end = target;
        self.put_marked(text, style, marked, mark);
        self.end = end;
        self.x = target;
        self
    }

    /// Repeats a symbol of one column.
    pub(crate) fn fill(&mut self, symbol: &str, columns: u16, style: Style) -> &mut Self {
        for _ in 0..columns.min(self.room()) {
            self.cell(symbol, style);
        }
        self
    }

    fn cell(&mut self, symbol: &str, style: Style) {
        if self.x < self.end
            && let Some(cell) = self.buf.cell_mut((self.x, self.y))
        {
            cell.set_symbol(symbol).set_style(style);
            self.x += 1;
        }
    }

    /// Writes `…`. Replaces the last character, from column `last`, if the row is full.
    fn ellipsis(&mut self, last: u16, style: Style) {
        if self.x == self.end {
            self.x = last;
        }
        self.cell("…", style);
        while self.x < self.end {
            self.cell(" ", style);
        }
    }
}

/// Writes `pieces` at the right end of a row. Returns the number of columns used, with one column of distance
/// to the text on the left, or 0 for no pieces. Pieces that do not fit are omitted from the left, because the
/// last piece is the most important.
pub(crate) fn flush_right(buf: &mut Buffer, area: Rect, row: u16, pieces: &[Piece<'_>]) -> u16 {
    let mut first = pieces.len();
    let mut total = 0_u16;
    for (i, (text, _)) in pieces.iter().enumerate().rev() {
        let wider = total.saturating_add(width(text));
        if wider > area.width {
            break;
        }
        total = wider;
        first = i;
    }
    if total == 0 {
        return 0;
    }
    let mut pen = Pen::row(buf, area, row);
    pen.to(area.width - total);
    for (text, style) in &pieces[first..] {
        pen.put(text, *style);
    }
    total.saturating_add(1)
}

/// Draws a box with round corners. Returns the area inside.
pub(crate) fn frame(buf: &mut Buffer, area: Rect, border: Style) -> Rect {
    if area.width < 2 || area.height < 2 {
        return Rect { width: 0, height: 0, ..area };
    }
    let across = area.width - 2;
    for row in 0..area.height {
        let (left, middle, right) = match row {
            0 => ("╭", "─", "╮"),
            r if r == area.height - 1 => ("╰", "─", "╯"),
            _ => ("│", "", "│"),
        };
        let mut pen = Pen::row(buf, area, row);
        pen.put(left, border);
        if middle.is_empty() {
            pen.gap(across)
        } else {
            pen.fill(middle, across, border)
        };
        pen.put(right, border);
    }
    Rect { x: area.x + 1, y: area.y + 1, width: across, height: area.height - 2 }
}

/// Returns a horizontal line of a box without its corners, for titles and notes.
pub(crate) fn edge(area: Rect, row: u16) -> Rect {
    Rect {
        x: area.x.saturating_add(2),
        y: area.y.saturating_add(row),
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(row).min(1),
    }
}

/// Resets the cells of `area` to blanks in `style`.
pub(crate) fn clear(buf: &mut Buffer, area: Rect, style: Style) {
    let area = area.intersection(buf.area);
    for y in area.top()..area.bottom() {
        // Clear the cell left of the area if it has a wide character, which would cover the first
        // column of the area.
        if let Some(x) = area.x.checked_sub(1)
            && let Some(cell) = buf.cell_mut((x, y))
            && cell.symbol().width() > 1
        {
            cell.set_symbol(" ");
        }
        for x in area.left()..area.right() {
            if let Some(cell) = buf.cell_mut((x, y)) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(columns: u16, write: impl FnOnce(&mut Pen<'_>)) -> String {
        let area = Rect::new(0, 0, columns, 1);
        let mut buf = Buffer::empty(Rect::new(0, 0, columns + 3, 2));
        write(&mut Pen::row(&mut buf, area, 0));
        let text: String = buf.content().iter().map(ratatui::buffer::Cell::symbol).collect();
        let (inside, outside) =
            text.split_at(text.char_indices().nth(columns.into()).map_or(0, |(i, _)| i));
        assert_eq!(outside.trim(), "", "{text:?}");
        inside.to_owned()
    }

    #[test]
    fn text_that_does_not_fit_ends_in_an_ellipsis() {
        let style = Style::new();
        assert_eq!(row(5, |pen| _ = pen.put("abcde", style)), "abcde");
        assert_eq!(row(5, |pen| _ = pen.put("abcdef", style)), "abcd…");
        assert_eq!(row(5, |pen| _ = pen.put("漢字漢", style)), "漢 字 …");
        assert_eq!(
            row(4, |pen| _ = pen.put("漢字漢", style)),
            "漢 … ",
            "the ellipsis replaces both columns"
        );
        assert_eq!(row(0, |pen| _ = pen.put("abc", style)), "");
    }

    #[test]
    fn columns_align_left_and_right() {
        let style = Style::new();
        assert_eq!(
            row(9, |pen| _ = pen.right("12", 4, style).right("12345", 4, style)),
            "  121234 "
        );
        assert_eq!(row(9, |pen| _ = pen.left("ab", 4, style).put("c", style)), "ab  c    ");
        assert_eq!(row(9, |pen| _ = pen.left("abcdef", 4, style).put("g", style)), "abc…g    ");
    }

    #[test]
    fn skipped_columns_keep_the_alignment() {
        let style = Style::new();
        assert_eq!(row(5, |pen| _ = pen.skip(2).put("abcd", style)), "cd   ");
        assert_eq!(row(5, |pen| _ = pen.skip(1).put("漢b", style)), " b   ");
        assert_eq!(row(5, |pen| _ = pen.skip(3).put("ab", style).gap(2).put("c", style)), " c   ");
    }

    #[test]
    fn last_piece_has_priority_at_the_right_end() {
        let area = Rect::new(0, 0, 6, 1);
        let mut buf = Buffer::empty(area);
        let style = Style::new();
        assert_eq!(flush_right(&mut buf, area, 0, &[("first", style), ("last", style)]), 5);
        assert_eq!(buf, Buffer::with_lines(["  last"]));
    }

    #[test]
    fn clearing_half_a_wide_character_clears_both_halves() {
        let area = Rect::new(0, 0, 4, 1);
        let mut buf = Buffer::empty(area);
        Pen::row(&mut buf, area, 0).put("漢字", Style::new());
        clear(&mut buf, Rect::new(1, 0, 1, 1), Style::new());
        assert_eq!(buf.cell((0, 0)).map(ratatui::buffer::Cell::symbol), Some(" "));
    }
}
