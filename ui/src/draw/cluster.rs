//! Text as a sequence of clusters. A cluster is a character with its accents, and takes one or two cells.
//!
//! Log lines can contain any text. Three things must not happen: a control character in a cell; a cell that is
//! wider on the terminal than calculated, because the rest of the row would shift; a cell with kilobytes of
//! accents. So format characters, such as joiners and variation selectors, are dropped. An emoji family is drawn
//! as its members, which have the same width on every terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Maximum number of accents on one character. Further accents are dropped.
const MAX_MARKS: usize = 4;

/// Maximum number of rows of one word.
const WORD_MAX: usize = 1_000;

/// A character with its accents.
pub(crate) struct Cluster<'a> {
    pub(crate) symbol: &'a str,
    /// Width: 1 or 2.
    pub(crate) columns: u16,
    /// Byte offset of the end within the text.
    pub(crate) end: usize,
}

/// Splits a text into clusters. Control and format characters are dropped, a tab becomes a space.
pub(crate) fn clusters(text: &str) -> impl Iterator<Item = Cluster<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let base = rest.chars().next()?;
            let base_end = at + base.len_utf8();
            let columns = base.width().unwrap_or(0);
            if base == '\t' {
                at = base_end;
                return Some(Cluster { symbol: " ", columns: 1, end: at });
            }
            if columns == 0 {
                at = base_end;
                continue;
            }
            if columns > 2 {
                // Terminals disagree about the width of such a character.
                at = base_end;
                return Some(Cluster { symbol: "\u{FFFD}", columns: 1, end: at });
            }
            let marks: usize = text[base_end..]
                .chars()
                .take_while(|&c| is_mark(c))
                .take(MAX_MARKS)
                .map(char::len_utf8)
                .sum();
            let start = at;
            at = base_end + marks;
            let whole = &text[start..at];
            // Some accents change the width of their character. Drop these accents, so that columns
            // stay aligned.
            let symbol = if whole.width() == columns { whole } else { &text[start..base_end] };
            return Some(Cluster { symbol, columns: columns as u16, end: at });
        }
    })
}

/// Returns the width of `text` in columns.
pub(crate) fn width(text: &str) -> u16 {
    clusters(text).fold(0, |sum, cluster| sum.saturating_add(cluster.columns))
}

/// Returns the longest beginning of `text` that fits into `columns`.
pub(crate) fn clip(text: &str, columns: u16) -> &str {
    let mut used = 0;
    let mut end = 0;
    for cluster in clusters(text) {
        used += cluster.columns;
        if used > columns {
            break;
        }
        end = cluster.end;
    }
    &text[..end]
}

/// Returns the longest end of a text that fits into `columns`.
pub(crate) fn tail(text: &str, columns: u16) -> &str {
    let mut excess = width(text).saturating_sub(columns);
    let begin = clusters(text).take_while(|cluster| {
        let out = excess > 0;
        excess = excess.saturating_sub(cluster.columns);
        out
    });
    &text[begin.last().map_or(0, |cluster| cluster.end)..]
}

/// Returns the longest beginning of `text` that has at most `bytes`.
pub(crate) fn shorten(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Breaks a text at any character into at most `most` pieces of at most `columns`.
pub(crate) fn chop(text: &str, columns: u16, most: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && pieces.len() < most {
        let piece = clip(rest, columns);
        // The piece is empty if no character fits, or if the rest has no visible character.
        let end = if piece.is_empty() { rest.len() } else { piece.len() };
        pieces.push(piece);
        rest = &rest[end..];
    }
    pieces
}

/// Breaks a text at spaces into lines of at most `columns`. Breaks longer words at any character.
pub(crate) fn wrap(text: &str, columns: u16) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line).saturating_add(1).saturating_add(width(word)) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.extend(chop(word, columns, WORD_MAX).into_iter().map(str::to_owned)),
        }
    }
    lines
}

/// Breaks a text like [`wrap`] into at most `rows`. The last row contains the rest of the text,
/// which is clipped when drawn.
pub(crate) fn wrap_in(text: &str, columns: u16, rows: usize) -> Vec<String> {
    let mut lines = wrap(text, columns);
    if lines.len() > rows {
        let rest = lines.drain(rows.saturating_sub(1)..).collect::<Vec<_>>().join(" ");
        lines.extend((rows > 0).then_some(rest));
    }
    lines
}

/// Whether the character combines with the character before it and takes no cell.
fn is_mark(c: char) -> bool {
    c.width() == Some(0) && !is_format(c)
}

fn is_format(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(text: &str) -> Vec<&str> {
        clusters(text).map(|cluster| cluster.symbol).collect()
    }

    #[test]
    fn accents_belong_to_their_letter() {
        assert_eq!(symbols("e\u{301}a"), ["e\u{301}", "a"]);
        assert_eq!(symbols("\u{301}a"), ["a"], "an accent without a letter is dropped");
        let heap = format!("x{}y", "\u{301}".repeat(10_000));
        assert_eq!(symbols(&heap).first().map(|s| s.len()), Some(9));
        assert_eq!(width(&heap), 2);
    }

    #[test]
    fn control_and_direction_characters_are_dropped() {
        assert_eq!(
            symbols("a\x1b[31m\r\n\u{202e}b\u{9b}c\u{feff}"),
            ["a", "[", "3", "1", "m", "b", "c"]
        );
        assert_eq!(symbols("a\tb"), ["a", " ", "b"]);
        assert_eq!(symbols("👩\u{200d}👧"), ["👩", "👧"]);
    }

    #[test]
    fn character_with_more_than_two_columns_is_replaced() {
        assert_eq!(symbols("a\u{17D8}b"), ["a", "\u{FFFD}", "b"]);
        assert_eq!(width("a\u{17D8}b"), 3);
        assert_eq!(clip("\u{17D8}", 1), "\u{17D8}");
    }

    #[test]
    fn clipping_keeps_wide_characters_whole() {
        assert_eq!(clip("漢字", 3), "漢");
        assert_eq!(clip("漢字", 4), "漢字");
        assert_eq!(clip("漢字", 1), "");
    }

    #[test]
    fn wrapping_breaks_at_spaces() {
        assert_eq!(wrap("a bc  def", 4), ["a bc", "def"]);
        assert_eq!(wrap("", 4), Vec::<String>::new());
        assert_eq!(wrap("a bcdefg h", 4), ["a", "bcde", "fg h"]);
        assert_eq!(wrap_in("ab cd ef gh", 4, 2), ["ab", "cd ef gh"]);
        assert_eq!(wrap_in("ab", 4, 0), Vec::<String>::new());
    }
}
