//! Reports text that is not TOML, in plain words.

use super::mistake::Notes;
use super::text::toml_text;
use crate::harmless::quote;
use toml::de::Error;

/// Reports the errors of the parser. An error hides the other mistakes below it, because the parser
/// may have misread the rest of the file.
pub(super) fn report(errors: &[Error], notes: &mut Notes<'_>) {
    let place = |error: &Error| error.span().map_or(0, |span| span.start);
    let Some(first) = errors.iter().map(place).min() else { return };
    let text = notes.text();
    let line_begin = text.as_bytes()[..first.min(text.len())].iter().rposition(|b| *b == b'\n');
    notes.forget_from(line_begin.map_or(0, |at| at + 1));
    let mut reported = Vec::new();
    let mut errors: Vec<&Error> = errors.iter().collect();
    errors.sort_by_key(|error| place(error));
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let line = notes.line(span.start);
        // The errors that follow the first one of a line have the same cause.
        if reported.contains(&line) {
            continue;
        }
        reported.push(line);
        let part = notes.quoted(span.clone());
        let what = match error.message() {
            "duplicate key" => duplicate(notes, part, line),
            message => explained(message, part),
        };
        notes.add(span, what);
    }
}

/// The mistake of a name that occurs twice.
fn duplicate(notes: &Notes<'_>, name: &str, line: usize) -> String {
    let lines: Vec<&str> = notes.text().lines().collect();
    let this = lines.get(line - 1).copied().unwrap_or_default().trim();
    let above = &lines[..(line - 1).min(lines.len())];
    let plain = |line: &str| line.split('#').next().unwrap_or_default().replace([' ', '\t'], "");
    let is_header = |line: &str| line.trim_start().starts_with('[');
    let key = |line: &str| plain(line).split('=').next().unwrap_or_default().to_owned();
    let first = if is_header(this) {
        above.iter().position(|line| plain(line) == plain(this))
    } else {
        let begin = above.iter().rposition(|line| is_header(line)).map_or(0, |at| at + 1);
        let first = above[begin..].iter().position(|line| key(line) == key(this));
        first.map(|at| at + begin)
    };
    let first = first.map(|at| format!(", first in line {}", at + 1)).unwrap_or_default();
    let (what, advice) = if is_header(this) && this.contains("worker") {
        ("the name", "give each worker its own name")
    } else {
        ("the name", "remove one of the two")
    };
    format!("{what} `{}` occurs twice{first}; {advice}", quote(name))
}

/// Explains a message of the parser, which is for people who know the syntax of TOML.
fn explained(message: &str, part: &str) -> String {
    let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let part = quote(part.trim());
    let known = [
        ("key with no value", "a key needs a value: write KEY = VALUE, or begin a comment with #"),
        ("missing value for key", "this key has no value; write one after ="),
        ("missing value", "a value is missing"),
        ("unclosed array", "this list has no closing ]; add the bracket"),
        ("unclosed inline table", "this table has no closing }; add the brace"),
        ("unclosed table", "the name of a table has no closing ]; add the bracket"),
        ("unclosed array table", "the name of a table has no closing ]; add the bracket"),
        (
            "missing comma between array elements",
            "a comma is missing between two entries of a list",
        ),
        (
            "missing comma between key-value pairs",
            "a comma is missing between two entries of a table",
        ),
        (
            "unexpected key or value",
            "there is more text after the value; write one key in each line",
        ),
        ("invalid unquoted key", "this name needs quotes: only letters, digits, - and _ need none"),
        ("recursion limit", "tables and lists are nested too deeply"),
        ("extra comma in array", "there is a comma too many in this list"),
        ("extra comma in inline table", "there is a comma too many in this table"),
    ];
    if what == "string values must be quoted" {
        return match part.as_str() {
            "" => "this key has no value; write one after =".to_owned(),
            part => format!("a text needs quotes; write {}", toml_text(part)),
        };
    }
    if let Some((_, plain)) = known.iter().find(|(known, _)| *known == what) {
        return (*plain).to_owned();
    }
    if what.starts_with("invalid") && what.ends_with("string") {
        return "this text has no closing quote, or a character that needs a backslash".to_owned();
    }
    let expected = match expected {
        "" | "nothing" => String::new(),
        expected => format!("; write {}", expected.replace("newline", "a line break")),
    };
    let part = if part.is_empty() { part } else { format!(" (`{part}`)") };
    format!("this is not TOML: {what}{part}{expected}")
}
