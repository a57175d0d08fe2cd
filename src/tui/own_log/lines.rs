//! Formats a record of stigmer's own log for the screen. The parts are in the same order as in a
//! line of the server log: time, level, target, message, fields.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use stigmer_ui::{Level, Palette};
use tui_logger::{ExtLogRecord, LogFormatter};
use unicode_width::UnicodeWidthChar;

/// Minimum width, in columns, at which continuation rows are indented to the column of the message.
const ROOMY: usize = 60;
/// Width of the time and the level, in columns.
const HEAD: usize = 19;

/// A formatter that uses the colors of the theme.
pub(super) struct LineFormatter {
    pub(super) palette: Palette,
}

impl LineFormatter {
    /// Separator of time, message and fields in the text of a record.
    pub(super) const BETWEEN: &str = "\t";
}

impl LogFormatter for LineFormatter {
    fn min_width(&self) -> u16 {
        12
    }

    fn format(&self, width: usize, record: &ExtLogRecord) -> Vec<Line<'_>> {
        let palette = &self.palette;
        let level = level(record.level);
        let mut parts = record.msg().split(Self::BETWEEN);
        let mut part = || parts.next().unwrap_or_default();
        let indent = if width >= ROOMY { HEAD } else { 2 };
        let mut rows = Rows { width, indent, rows: vec![Vec::new()], used: 0 };
        rows.words(part(), palette.dim);
        rows.words(level.word(), palette.level(level));
        rows.gap(level.word().len() - level.word().trim_end().len());
        rows.words(record.target(), palette.component);
        rows.gap(1);
        rows.words(part(), palette.text());
        rows.gap(1);
        rows.words(part(), palette.dim);
        rows.rows.into_iter().map(Line::from).collect()
    }
}

fn level(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warn,
        log::Level::Info => Level::Info,
        log::Level::Debug => Level::Debug,
        log::Level::Trace => Level::Trace,
    }
}

/// The rows of one record on the screen. There is always at least one row.
struct Rows {
    width: usize,
    indent: usize,
    rows: Vec<Vec<Span<'static>>>,
    used: usize,
}

impl Rows {
    fn words(&mut self, text: &str, style: Style) {
        for word in text.split_whitespace() {
            let columns = word.chars().filter_map(char::width).sum::<usize>();
            if self.used > self.indent && self.used + columns > self.width {
                self.next();
            }
            for c in word.chars() {
                let columns = c.width().unwrap_or(0);
                if self.used + columns > self.width {
                    self.next();
                }
                self.put(c, columns, style);
            }
            self.gap(1);
        }
    }

    fn gap(&mut self, columns: usize) {
        for _ in 0..columns.min(self.width.saturating_sub(self.used)) {
            self.put(' ', 1, Style::new());
        }
    }

    fn next(&mut self) {
        self.rows.push(Vec::new());
        self.used = 0;
        self.gap(self.indent);
    }

    fn put(&mut self, c: char, columns: usize, style: Style) {
        let row = self.rows.last_mut().expect("there is always one");
        match row.last_mut().filter(|span| span.style == style) {
            Some(span) => span.content.to_mut().push(c),
            None => row.push(Span::styled(c.to_string(), style)),
        }
        self.used += columns;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stigmer_ui::Theme;

    fn rows(width: usize, text: &str) -> Vec<String> {
        let mut rows = Rows { width, indent: 2, rows: vec![Vec::new()], used: 0 };
        rows.words(text, Theme::Dark.palette().dim);
        let text = |row: Vec<Span<'_>>| Line::from(row).to_string().trim_end().to_owned();
        rows.rows.into_iter().map(text).collect()
    }

    #[test]
    fn words_wrap_and_long_words_are_split() {
        assert_eq!(rows(10, ""), [""]);
        assert_eq!(rows(10, "one two three four"), ["one two", "  three", "  four"]);
        assert_eq!(rows(10, "abcdefghijklmno p"), ["abcdefghij", "  klmno p"]);
        assert_eq!(rows(6, "漢字かな交じ"), ["漢字か", "  な交", "  じ"]);
    }
}
