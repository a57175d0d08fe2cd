//! Tests the language of documents and sources: no words and comments that are hard to read.

use super::docs::{documents, read};
use std::path::Path;

/// Words that no text may contain, in lower case. `CONTRIBUTING.md` has the reasons.
const WORDS: &[&str] = &[
    "anew",
    "at last",
    "beside",
    "for ever",
    "hear",
    "hears",
    "in whole",
    "make place",
    "makes place",
    "mend",
    "mends",
    "obey",
    "obeys",
    "so many",
    "somebody else",
    "tell",
    "tells",
    "told",
    "whoever",
];

/// Doc comments without information.
const FILLERS: &[&str] = &["/// Which.", "/// What is.", "/// Why.", "/// The same."];

fn bad_lines(path: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let words: String = line
            .to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .flat_map(|word| [" ", word])
            .collect();
        let word = WORDS.iter().find(|word| format!("{words} ").contains(&format!(" {word} ")));
        let filler = FILLERS.iter().find(|filler| line.trim() == **filler);
        if let Some(bad) = word.or(filler) {
            found.push(format!("{}:{}: {bad}", path.display(), number + 1));
        }
    }
    found
}

#[test]
fn documents_use_plain_words() {
    let mut found = Vec::new();
    for path in &documents() {
        // Text in backticks is a message or a name, which may contain any word.
        let text = read(path);
        let lines =
            text.lines().map(|line| line.split('`').step_by(2).collect::<Vec<_>>().join("`"));
        found.extend(bad_lines(path, &lines.collect::<Vec<_>>().join("\n")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn sources_use_plain_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for (path, text) in ["src", "ui", "tests", "benches"].into_iter().flat_map(super::sources) {
        let path = path.strip_prefix(root).unwrap_or(&path);
        // Skip this file, because it contains the list of words.
        if path.ends_with("architecture/words.rs") {
            continue;
        }
        found.extend(bad_lines(path, &text));
    }
    assert!(found.is_empty(), "hard words:\n{}", found.join("\n"));
}
