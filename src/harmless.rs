//! Foreign text (of a log, a peer, another process, a file), made safe to print: nothing in it can move the cursor, change colours, set the
//! clipboard or reverse the reading order of a terminal.

use std::borrow::Cow;

/// Tab stops: stack frames of Go begin with a tab, and eight columns are a lot on 80.
const TAB: usize = 4;

/// What a message quotes of a foreign text, in characters.
const QUOTE: usize = 400;

/// A foreign text as a message quotes it: [`harmless`], in one line, and cut where it is long.
pub fn quote(text: &str) -> String {
    // An escape sequence may be longer than what is left of it, but not a whole text of them.
    let end = text.char_indices().nth(4 * QUOTE).map_or(text.len(), |(end, _)| end);
    let clean = harmless(&text[..end]);
    match clean.char_indices().nth(QUOTE) {
        Some((cut, _)) => format!("{}…", &clean[..cut]),
        None if end < text.len() => format!("{clean}…"),
        None => clean.into_owned(),
    }
}

/// A text of several lines, each of them [`harmless`]; the line ends stay. What prints applies it to
/// all of a text, so that no line depends on where its parts come from.
pub fn lines(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| c != '\n' && is_hostile(c)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split('\n').map(harmless).collect::<Vec<_>>().join("\n"))
}

/// The text without escape sequences, tabs expanded, every other control character visible.
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

/// The text with every control character visible and nothing taken away, for those who want to
/// see what really was written.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(symbol).collect())
}

/// Controls, and the marks that reorder or break a line without being controls.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fff9}'..='\u{fffb}')
}

fn symbol(c: char) -> char {
    match c {
        // U+2400 ff. are the pictures of the C0 controls, in their order.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{2028}' | '\u{2029}' => '\u{240a}',
        c if is_hostile(c) => '\u{fffd}',
        c => c,
    }
}

/// Length in bytes of the escape sequence that `text` begins with. `None` where it does not end:
/// hiding the rest of the line would be worse than showing `␛`.
fn escape_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    match bytes.get(1)? {
        b'[' => {
            let end = bytes[2..].iter().position(|b| !(0x20..=0x3f).contains(b))? + 2;
            (0x40..=0x7e).contains(&bytes[end]).then_some(end + 1)
        }
        // Strings for the terminal itself (title, clipboard, …), ended by BEL or ESC \.
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

    /// A text with a member of each family that a terminal obeys.
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
    }
}
