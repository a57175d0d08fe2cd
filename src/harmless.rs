//! Makes foreign text safe to print. Foreign text comes from a log, a peer, another process or a
//! file. After the conversion, no part of the text can move the cursor, change colors, set the
//! clipboard or reverse the reading order of a terminal.

use std::borrow::Cow;

/// Width of a tab in columns. Stack traces of Go indent their lines with a tab, and the usual eight
/// columns are too many on a screen of 80.
const TAB: usize = 4;

/// Maximum length of foreign text that [`quote`] puts into a message, in characters.
const QUOTE: usize = 400;

/// Quotes foreign text for a message: in one line, without escape sequences and control characters
/// (see [`harmless`]), and shortened to 400 characters.
pub fn quote(text: &str) -> String {
    // The text is cut before the conversion, so that a long text is not converted as a whole. The
    // cut leaves four times the limit, because escape sequences use characters and are not visible.
    let end = text.char_indices().nth(4 * QUOTE).map_or(text.len(), |(end, _)| end);
    let clean = harmless(&text[..end]);
    match clean.char_indices().nth(QUOTE) {
        Some((cut, _)) => format!("{}…", &clean[..cut]),
        None if end < text.len() => format!("{clean}…"),
        None => clean.into_owned(),
    }
}

/// Quotes several lines of foreign text, at most `limit` bytes of it. A text that is cut ends in `…`.
pub fn block(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return lines(text).into_owned();
    }
    let end = (0..=limit).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", lines(&text[..end]))
}

/// Applies [`harmless`] to each line of a text. Code that prints calls this function for the
/// complete text. So the output is safe even if a part of the text was not made harmless before.
pub fn lines(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| c != '\n' && is_hostile(c)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split('\n').map(harmless).collect::<Vec<_>>().join("\n"))
}

/// Removes escape sequences, expands tabs, and replaces every other control character by a visible
/// symbol.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut column = 0;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if c == '\u{1b}' { escape_len(rest) } else { None };
        if let Some(skipped) = skipped {
            rest = &rest[skipped..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if c == '\t' {
            let width = TAB - column % TAB;
            clean.extend(std::iter::repeat_n(' ', width));
            column += width;
        } else {
            clean.push(symbol(c));
            column = if c == '\n' { 0 } else { column + 1 };
        }
    }
    Cow::Owned(clean)
}

/// Replaces every control character by a visible symbol and removes nothing, for users who want to
/// see the original text.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(symbol).collect())
}

/// Whether a character is a control character, or a mark that breaks a line or changes the reading
/// order.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fff9}'..='\u{fffb}')
}

fn symbol(c: char) -> char {
    match c {
        // U+2400 and the following code points are pictures of the C0 controls, in the same order.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{2028}' | '\u{2029}' => '\u{240a}',
        c if is_hostile(c) => '\u{fffd}',
        c => c,
    }
}

/// Length in bytes of the escape sequence at the start of `text`. `None` if the end of the sequence
/// is missing. The caller then shows the escape character as `␛`, because hiding the rest of the
/// line would be worse.
fn escape_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    match bytes.get(1)? {
        b'[' => {
            let end = bytes[2..].iter().position(|b| !(0x20..=0x3f).contains(b))? + 2;
            (0x40..=0x7e).contains(&bytes[end]).then_some(end + 1)
        }
        // These sequences contain a string for the terminal itself, such as a title. The string
        // ends with BEL, or with ESC and a backslash.
        b']' | b'P' | b'X' | b'^' | b'_' => {
            let bel = text.find('\u{7}').map(|at| at + 1);
            let st = text[2..].find("\u{1b}\\").map(|at| at + 4);
            match (bel, st) {
                (Some(bel), Some(st)) => Some(bel.min(st)),
                (bel, st) => bel.or(st),
            }
        }
        _ => {
            let end = bytes[1..].iter().position(|b| !(0x20..=0x2f).contains(b))? + 1;
            (0x30..=0x7e).contains(&bytes[end]).then_some(end + 1)
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A text with one example of each kind of sequence that a terminal interprets.
    pub(crate) const HOSTILE: &str =
        "a\u{1b}[31mb\u{1b}]0;title\u{7}c\u{9b}2Jd\u{7f}e\u{202e}f\u{2066}g\rh\u{8}i";

    pub(crate) fn assert_harmless(text: &str) {
        let found = text.chars().find(|c| *c != '\n' && is_hostile(*c));
        assert_eq!(found, None, "in {text:?}");
    }

    #[test]
    fn lines_are_harmless_and_their_ends_stay() {
        let text = format!("{HOSTILE}\n\tnext\n");
        assert_harmless(&lines(&text));
        assert!(lines(&text).ends_with("i\n    next\n"), "{:?}", lines(&text));
        assert!(matches!(lines("one\ntwo\n"), Cow::Borrowed(_)));
        assert_harmless(&block(&text, 1_000));
        assert_eq!(block("one\ntwo", 7), "one\ntwo");
        assert_eq!(block("öü", 3), "ö…");
    }
}
