//! The language of the documents and of the view: words and comments that make text hard to read.

/// Searched besides the documents. Add a folder when its text is clean.
const FOLDERS: &[&str] = &[];

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

#[test]
fn documents_and_listed_folders_use_plain_words() {
    let mut found = Vec::new();
    // In backticks are messages and names, as they are.
    let documents = super::docs::documents().into_iter().map(|path| {
        let text = super::docs::read(&path);
        let lines =
            text.lines().map(|line| line.split('`').step_by(2).collect::<Vec<_>>().join("`"));
        (path, lines.collect::<Vec<_>>().join("\n"))
    });
    let documents = documents.filter(|(path, _)| !path.ends_with("ARCHITECTURE.md"));
    let folders = FOLDERS.iter().flat_map(|folder| super::sources(folder));
    for (path, text) in documents.chain(folders) {
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
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
