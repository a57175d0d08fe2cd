//! The language of documents and sources: words and comments that make text hard to read.

use super::docs::{documents, read};
use std::path::Path;

/// Modules (a file and its folder, or a folder of sources), and how many lines of each may still have such words.
/// Lower the number when text is rewritten, and never raise it. Add a module here to have it checked.
const MODULES: &[(&str, usize)] = &[
    ("src/cli", 0),
    ("src/config", 0),
    ("src/control", 0),
    ("src/headless", 0),
    ("src/paths", 0),
    ("src/presenter", 0),
    ("src/process", 0),
    ("src/protocol", 0),
    ("src/runtime", 0),
    ("src/session", 0),
    ("src/supervisor", 0),
    ("src/caught", 0),
    ("src/clock", 0),
    ("src/harmless", 0),
    ("src/hosting", 0),
    ("src/signals", 0),
    ("src/telemetry", 0),
    ("src/tui", 0),
    ("src/watchdog", 0),
    ("src/facts", 0),
    ("src/log", 0),
    ("src/server", 23),
    ("src/temporal", 0),
    ("src/unit", 0),
    ("ui", 0),
];

/// Whole words, lower case. `CONTRIBUTING.md` has the reasons.
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

/// Comments that say nothing.
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
        // In backticks are messages and names, as they are.
        let text = read(path);
        let lines =
            text.lines().map(|line| line.split('`').step_by(2).collect::<Vec<_>>().join("`"));
        found.extend(bad_lines(path, &lines.collect::<Vec<_>>().join("\n")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn sources_use_more_and_more_plain_words() {
    for (module, most) in MODULES {
        let top = module.split('/').next().unwrap_or_default();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(module);
        let mut files = super::sources(top);
        files.retain(|(path, _)| path.with_extension("").starts_with(&root));
        assert!(!files.is_empty(), "no sources in {module}");
        let found: Vec<String> =
            files.iter().flat_map(|(path, text)| bad_lines(path, text)).collect();
        assert!(
            found.len() <= *most,
            "{} lines of {module} have hard words, {most} may: reword some\n{}",
            found.len(),
            found.join("\n")
        );
    }
}
