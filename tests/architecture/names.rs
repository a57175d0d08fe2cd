//! Tests that no two types of the program share a name.

use std::collections::BTreeMap;

/// Names that two types may share, each with the two meanings.
const SHARED: &[(&str, &str)] = &[
    ("Event", "an event of the protocol; in the manager an event of its loop"),
    ("Report", "what a round of checks found; in the manager the sender of its events"),
    ("Started", "a started process of a unit; a started server"),
    ("State", "the state machine, and its states as the protocol names them"),
];

/// Returns the name of the type that a line declares. An indented `type` is an associated type and
/// does not count.
fn declared(line: &str) -> Option<&str> {
    let (is_indented, line) = (line.starts_with(' '), line.trim_start());
    let line = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => line,
    };
    let (keyword, rest) = line.split_once(' ')?;
    let declares = matches!(keyword, "struct" | "enum" | "trait" | "union")
        || keyword == "type" && !is_indented;
    rest.split(|c: char| !c.is_alphanumeric()).next().filter(|_| declares)
}

#[test]
fn no_two_types_share_a_name() {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in super::sources("src") {
        for name in super::code(&path, &text).lines().filter_map(declared) {
            found.entry(name.to_owned()).or_default().push(path.display().to_string());
        }
    }
    assert!(found.len() > 300, "only {} types", found.len());
    let shared: Vec<_> = found.iter().filter(|(_, paths)| paths.len() > 1).collect();
    for (name, paths) in &shared {
        let is_allowed = SHARED.iter().any(|(allowed, _)| allowed == name);
        assert!(is_allowed, "{name} is declared more than once: {paths:#?}");
    }
    for (name, _) in SHARED {
        assert!(shared.iter().any(|(shared, _)| shared == name), "{name} is not shared any more");
    }
}
