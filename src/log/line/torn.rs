//! Lines that were cut. What stands in front of the cut is known all the same, and how much of the
//! line is not.

use std::borrow::Cow;

/// How the note at the end of a cut line begins, and how it ends.
const CUT: &str = " … [";
const BYTES: &str = " bytes cut]";

/// More than the longest such note has.
pub(super) const MAX_NOTICE: usize = 48;

/// What stands at the end of a line of which `bytes` bytes were cut off.
pub fn cut_notice(bytes: u64) -> String {
    format!("{CUT}{bytes}{BYTES}")
}

/// The line, or so many characters of it and a note of what is missing.
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

/// What is there of a line that was cut, and how many bytes are missing.
pub(super) fn split(line: &str) -> Option<(&str, u64)> {
    let noted = line.strip_suffix(BYTES)?;
    let (kept, bytes) = noted.rsplit_once(CUT)?;
    Some((kept, bytes.parse().ok()?))
}

/// The beginning of a JSON object or of `key="value"` text, with what is open in it closed. Text
/// that was torn ends with `…`; half a number would be another one, and goes.
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
