//! Lines that were cut. The part before the cut can be parsed, and a note has the number of missing
//! bytes.

use std::borrow::Cow;

/// Start and end of the note on a cut line.
const CUT: &str = " … [";
const BYTES: &str = " bytes cut]";

/// Maximum length of a note.
pub(super) const MAX_NOTICE: usize = 48;

/// The note on a line of which `bytes` bytes were cut.
pub fn cut_notice(bytes: u64) -> String {
    format!("{CUT}{bytes}{BYTES}")
}

/// The line, or its first `chars` characters and a note on the missing bytes.
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

/// The remaining part of a cut line, and the number of missing bytes.
pub(super) fn split(line: &str) -> Option<(&str, u64)> {
    let noted = line.strip_suffix(BYTES)?;
    let (kept, bytes) = noted.rsplit_once(CUT)?;
    Some((kept, bytes.parse().ok()?))
}

/// The beginning of a JSON object or of `key="value"` text, with open strings and brackets closed.
/// A cut string ends with `…`; a cut number is removed, because it would be another number.
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
