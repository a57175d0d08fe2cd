//! Long lines whose end was cut off. The beginning of such a line can still be parsed. The line
//! ends with a note about the number of missing bytes.

use std::borrow::Cow;

/// The first characters of the note at the end of a cut line.
const CUT: &str = " … [";
const BYTES: &str = " bytes cut]";

/// Maximum length of the note, in bytes.
pub(super) const MAX_NOTICE: usize = 48;

/// The note at the end of a line from which `bytes` bytes were cut off.
pub fn cut_notice(bytes: u64) -> String {
    format!("{CUT}{bytes}{BYTES}")
}

/// Cuts a line after its first `chars` characters and adds a note with the number of missing bytes.
/// Returns a shorter line unchanged.
pub fn shortened(line: &str, chars: usize) -> Cow<'_, str> {
    if line.len() <= chars {
        return Cow::Borrowed(line);
    }
    let (kept, cut) = split(line).unwrap_or((line, 0));
    match kept.char_indices().nth(chars) {
        None => Cow::Borrowed(line),
        Some((end, _)) => {
            let cut = cut + (kept.len() - end) as u64;
            Cow::Owned(format!("{}{}", &kept[..end], cut_notice(cut)))
        }
    }
}

/// Splits a cut line into its text before the note, and the number of missing bytes. `None` if the
/// line was not cut.
pub(super) fn split(line: &str) -> Option<(&str, u64)> {
    let noted = line.strip_suffix(BYTES)?;
    let (kept, bytes) = noted.rsplit_once(CUT)?;
    Some((kept, bytes.parse().ok()?))
}

/// Makes the beginning of a cut line complete, so that it can be parsed: closes open strings and
/// brackets of JSON or of `key="value"` text. A cut string ends with `…`. A cut number is removed,
/// because a number without its last digits has another value.
pub(super) fn closed(kept: &str) -> String {
    let is_json = kept.starts_with('{');
    let mut open = Vec::new();
    let (mut in_text, mut escape) = (false, 0..0);
    let mut bytes = kept.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' if in_text => {
                let digits = match bytes.next() {
                    Some((_, b'x')) => 2,
                    Some((_, b'u')) => 4,
                    Some((_, b'U')) => 8,
                    _ => 0,
                };
                escape = at..at + 2 + digits;
            }
            b'"' => in_text = !in_text,
            b'{' if is_json && !in_text => open.push('}'),
            b'[' if is_json && !in_text => open.push(']'),
            b'}' | b']' if is_json && !in_text => drop(open.pop()),
            _ => {}
        }
    }
    let mut text = kept.to_owned();
    if in_text {
        if escape.end > kept.len() {
            text.truncate(escape.start);
        }
        text.push_str("…\"");
    } else if is_json {
        text.truncate(
            kept.trim_end_matches(|c: char| c.is_alphanumeric() || "+-.".contains(c)).len(),
        );
    }
    text.extend(open.iter().rev());
    text
}
