//! The mistakes of a project file, each with its line.

use crate::harmless::harmless;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A mistake in a project file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Number of the line in the file, from 1.
    pub line: usize,
    /// What is wrong, and what to write instead. One line, without control characters.
    pub what: String,
}

/// All mistakes of a project file, in the order of their lines. Prints one line for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    /// Path of the file.
    pub file: PathBuf,
    /// The mistakes; at least one.
    pub list: Vec<Mistake>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = crate::paths::shortened(&self.file);
        for (at, Mistake { line, what }) in self.list.iter().enumerate() {
            let end = if at == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{line}: {what}", harmless(&file))?;
        }
        Ok(())
    }
}

/// Collects mistakes while a file is read.
pub(super) struct Notes<'t> {
    text: &'t str,
    found: Vec<(usize, String)>,
}

impl<'t> Notes<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Adds a mistake. The span is in bytes of the text.
    pub(super) fn add(&mut self, span: Range<usize>, what: impl AsRef<str>) {
        self.found.push((span.start, harmless(what.as_ref()).into_owned()));
    }

    /// Removes the mistakes at or after this place.
    pub(super) fn forget_from(&mut self, place: usize) {
        self.found.retain(|(at, _)| *at < place);
    }

    /// The part of the text in this span. Empty if the span is outside of the text.
    pub(super) fn quoted(&self, span: Range<usize>) -> &'t str {
        self.text.get(span).unwrap_or_default()
    }

    /// The number of the line at this place, from 1. The end of the text counts as part of the last
    /// line.
    pub(super) fn line(&self, place: usize) -> usize {
        let bytes = self.text.as_bytes();
        let before = &bytes[..place.min(bytes.len())];
        let ends = before.iter().filter(|byte| **byte == b'\n').count();
        (ends + 1).min(self.text.lines().count()).max(1)
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// Returns the mistakes, sorted by their places.
    pub(super) fn into_list(mut self) -> Vec<Mistake> {
        let mut found = std::mem::take(&mut self.found);
        found.sort();
        found.dedup();
        found.into_iter().map(|(at, what)| Mistake { line: self.line(at), what }).collect()
    }
}

/// The error of a file that is not UTF-8.
pub(super) fn not_utf8(file: &Path, bytes: &[u8], valid_up_to: usize) -> Mistakes {
    let before = &bytes[..valid_up_to.min(bytes.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let what = "this line is not UTF-8; save the file as UTF-8".to_owned();
    Mistakes { file: file.to_owned(), list: vec![Mistake { line, what }] }
}
