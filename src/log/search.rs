//! Searches log lines by a regular expression, one page of many lines at a time.

mod plan;

use std::ops::Range;

use regex_automata::Input;
use regex_automata::meta::{self, Regex};
use regex_syntax::hir::Hir;

/// Maximum size of a compiled pattern, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// A compiled search pattern. The search is case-insensitive unless the pattern has a capital
/// letter.
#[derive(Clone, Debug)]
pub struct Finder {
    /// A literal text that every matching line contains. The search looks for this text first.
    /// `None` if that would not make the search much faster.
    gate: Option<Regex>,
    /// The parts of the pattern, at least one. A matching line contains all parts in this order. No
    /// part matches a line end, so one search for a part can run over many lines.
    pieces: Vec<Regex>,
    shown: Regex,
}

impl Finder {
    /// Compiles a search pattern.
    ///
    /// # Errors
    /// A message of one line that says why the pattern is not valid.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let hir = regex_syntax::ParserBuilder::new()
            .case_insensitive(!has_capital(pattern))
            .build()
            .parse(pattern)
            .map_err(|error| match error {
                regex_syntax::Error::Parse(error) => error.kind().to_string(),
                regex_syntax::Error::Translate(error) => error.kind().to_string(),
                error => error.to_string(),
            })?;
        let shown = compile(&hir)?;
        let line = plan::within_a_line(hir);
        let gate = plan::gate(&line).as_ref().map(compile).transpose()?;
        let pieces = plan::pieces(line).iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { gate, pieces, shown })
    }

    /// The ranges of all matches in a text, for highlighting. Leaves out empty matches.
    #[must_use]
    pub fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let matches = self.shown.find_iter(text).map(|found| found.range());
        matches.filter(|range| !range.is_empty()).collect()
    }

    /// Finds the next matching line in a page, which is a text of many lines. Each line of `text`
    /// has a line end. `from` is the start of the first line to search. `to` is the end of the last
    /// line to search, before its line end.
    pub(super) fn next(&self, text: &str, mut from: usize, to: usize) -> Option<Range<usize>> {
        while from <= to {
            let first = self.gate.as_ref().unwrap_or(&self.pieces[0]);
            let offset = end_of_match(first, text, from..to)?;
            let line = line_at(text, offset);
            let (begin, rest) = match self.gate {
                Some(_) => (line.start, &self.pieces[..]),
                None => (offset, &self.pieces[1..]),
            };
            let fits = rest
                .iter()
                .try_fold(begin, |at, piece| end_of_match(piece, text, at..line.end))
                .is_some();
            if fits {
                return Some(line);
            }
            from = line.end + 1;
        }
        None
    }
}

/// The earliest offset at which the first match ends.
fn end_of_match(regex: &Regex, text: &str, span: Range<usize>) -> Option<usize> {
    Some(regex.search_half(&Input::new(text).span(span).earliest(true))?.offset())
}

/// The range of the line that contains this offset or ends at it. The range has no line end.
fn line_at(text: &str, offset: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let start = memchr::memrchr(b'\n', &bytes[..offset]).map_or(0, |at| at + 1);
    let end = memchr::memchr(b'\n', &bytes[offset..]).map_or(bytes.len(), |at| offset + at);
    start..end
}

fn compile(hir: &Hir) -> Result<Regex, String> {
    let config = meta::Config::new()
        .utf8_empty(false)
        .nfa_size_limit(Some(MAX_BYTES))
        .onepass_size_limit(Some(MAX_BYTES));
    meta::Builder::new()
        .configure(config)
        .build_from_hir(hir)
        .map_err(|_| "the pattern would need too much memory; use a simpler pattern".to_owned())
}

/// Compiles a pattern that is applied to one line at a time, with the same rule for capital letters
/// as [`Finder`].
///
/// # Errors
/// Why the pattern is not valid.
pub fn pattern(text: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(text).case_insensitive(!has_capital(text)).build()
}

/// Whether a pattern has a capital letter. An escape such as `\S` does not count.
fn has_capital(pattern: &str) -> bool {
    let mut escaped = false;
    pattern.chars().any(|c| {
        let capital = !escaped && c.is_uppercase();
        escaped = !escaped && c == '\\';
        capital
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_case_pattern_is_case_insensitive() {
        let cases: [(&str, &str, &[&str]); 4] = [
            ("quota", "Quota QUOTA", &["Quota", "QUOTA"]),
            ("Quota", "quota Quota", &["Quota"]),
            (r"\Suota", "Quota", &["Quota"]),
            ("x*", "aXXb", &["XX"]),
        ];
        for (pattern, text, expected) in cases {
            let spans = Finder::new(pattern).unwrap().spans(text);
            let found: Vec<_> = spans.into_iter().map(|span| &text[span]).collect();
            assert_eq!(found, expected, "{pattern}");
            let by_line = super::pattern(pattern).unwrap();
            assert_eq!(by_line.is_match(text), !expected.is_empty(), "{pattern}");
        }
        assert!(!pattern("Quota").unwrap().is_match("quota"));
    }

    #[test]
    fn error_of_an_invalid_pattern_is_one_line() {
        for (pattern, why) in [("a(", "unclosed group"), ("[z-a]", "range"), (r"\q", "escape")] {
            let said = Finder::new(pattern).unwrap_err();
            assert!(said.contains(why) && !said.contains('\n'), "{pattern}: {said}");
        }
        assert!(Finder::new(r"(\w{100}){100}").unwrap_err().contains("memory"));
    }
}
