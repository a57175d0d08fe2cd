//! The direction of the arrows between modules, and who may touch the machine.

#[path = "architecture/docs.rs"]
mod docs;
#[path = "architecture/words.rs"]
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn sources(under: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(under)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the sources are there") {
            let path = entry.expect("and can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).expect("and read");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{under}");
    found
}

/// The module of the top level that a file of `src` belongs to.
fn module(path: &Path) -> String {
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let first = inside.expect("a file of src").components().next().expect("has a name");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// Code without its comments, and without its tests where those are in a file of their own.
fn code(path: &Path, text: &str) -> String {
    let is_test = path.components().any(|part| part.as_os_str() == "tests")
        || path.file_name().is_some_and(|name| name == "tests.rs");
    if is_test {
        return String::new();
    }
    let own = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    own.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// `crate::NAME`, wherever it stands.
fn uses(code: &str) -> BTreeSet<String> {
    code.split("crate::")
        .skip(1)
        .map(|rest| {
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn nothing_is_printed_by_macros_that_panic_where_it_cannot_be_written() {
    for (path, text) in sources("src") {
        let code = code(&path, &text);
        for name in ["println!", "print!", "dbg!"] {
            assert!(!code.contains(name), "{} uses {name}", path.display());
        }
    }
}

/// The modules of `src` from below, and what each may use: only modules above it in this list, so that no circle is
/// possible. `cli` may use all of them.
const MAP: &[(&str, &str)] = &[
    ("supervisor", ""),
    ("harmless", ""),
    ("clock", ""),
    ("paths", ""),
    ("config", "harmless paths supervisor"),
    ("log", "clock harmless paths"),
    ("process", "harmless paths supervisor"),
    ("temporal", "harmless paths process"),
    ("protocol", "supervisor"),
    ("facts", "config log paths process protocol supervisor"),
    ("server", "config facts harmless paths process protocol supervisor temporal"),
    ("manager", "clock config facts log paths process protocol server supervisor temporal"),
    ("control", "config facts log manager paths process protocol supervisor"),
    ("session", "config control facts manager paths protocol supervisor"),
    ("watchdog", "paths process"),
    (
        "hosting",
        "config control facts harmless manager paths process protocol server session supervisor watchdog",
    ),
    ("presenter", "clock config protocol session supervisor temporal"),
    ("signals", "process"),
    (
        "headless",
        "clock config control harmless hosting log manager paths presenter process protocol session signals \
         supervisor",
    ),
    (
        "tui",
        "clock config control harmless hosting log manager paths presenter process protocol server session \
         signals supervisor temporal",
    ),
    ("telemetry", "harmless log paths"),
];

#[test]
fn arrows_point_only_where_the_map_says() {
    for (at, (module, allowed)) in MAP.iter().enumerate() {
        for used in allowed.split_whitespace() {
            let is_below = MAP[..at].iter().any(|(name, _)| *name == used);
            assert!(is_below, "{used} is not below {module} on the map");
        }
    }
    for (path, text) in sources("src") {
        let module = module(&path);
        if matches!(module.as_str(), "lib" | "main" | "cli") {
            continue;
        }
        let (_, allowed) = MAP
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("{module} is not on the map"));
        for used in uses(&code(&path, &text)) {
            assert!(
                used == module || allowed.split_whitespace().any(|it| it == used),
                "{} uses {used}, and no arrow leads there",
                path.display()
            );
        }
    }
}

#[test]
fn the_supervisor_is_pure() {
    for (path, text) in sources("src/supervisor")
        .into_iter()
        .chain(sources("src").into_iter().filter(|(path, _)| path.ends_with("src/supervisor.rs")))
    {
        let code = code(&path, &text);
        for forbidden in [
            "Instant::now",
            "SystemTime",
            "tokio",
            "std::fs",
            "std::io",
            "std::thread",
            "nix::",
            "tracing",
        ] {
            assert!(!code.contains(forbidden), "{} has {forbidden}", path.display());
        }
    }
}

#[test]
fn the_view_knows_nothing_of_the_program() {
    for (path, text) in sources("ui/src") {
        let code = code(&path, &text);
        for forbidden in ["stigmer::", "Instant::now", "std::fs", "std::thread", "crossterm"] {
            assert!(!code.contains(forbidden), "{} has {forbidden}", path.display());
        }
    }
}

#[test]
fn only_the_process_folder_signals() {
    for (path, text) in sources("src") {
        let code = code(&path, &text);
        if path.ends_with("src/process/identity.rs") {
            assert!(code.contains("pidfd_send_signal"), "the rule is about nothing");
            continue;
        }
        if path.ends_with("src/process/job.rs") {
            assert_eq!(code.matches("kill(").count(), 1, "it stops its own job and nothing else");
            assert!(code.contains("kill(nix::unistd::Pid::from_raw(0), Signal::SIGTSTP)"));
            continue;
        }
        for forbidden in
            ["pidfd_send_signal", "signal::kill", "kill(nix", "kill(Pid", "killpg", "libc::kill"]
        {
            assert!(!code.contains(forbidden), "{} has {forbidden}", path.display());
        }
    }
}

/// The rooms of the view and what each may use. `app` holds the state of the view (`view`, `keymap`), which the
/// panels read, and the dispatch (`ui`), which draws the panels: the test below holds the order among its files.
#[test]
fn rooms_of_the_view_use_only_what_the_map_allows() {
    const DATA: &[&str] = &["human", "input", "log", "loss", "model"];
    let map: &[(&str, &[&str])] = &[
        ("human", &[]),
        ("input", &[]),
        ("log", &[]),
        ("loss", &["human"]),
        ("model", &["loss"]),
        ("draw", &["log", "model"]),
        ("explorer", &["draw", "human", "input", "log"]),
        ("panel", &["app", "draw", "explorer"]),
        ("app", &["draw", "explorer", "panel"]),
        ("demo", &["app", "draw"]),
    ];
    for (path, text) in sources("ui/src") {
        let module = ui_module(&path);
        let Some(room) = module.first().filter(|room| *room != "lib") else { continue };
        let (_, allowed) = map.iter().find(|(name, _)| name == room).expect("the room is known");
        for used in uses(&code(&path, &text)) {
            let is_data = DATA.contains(&used.as_str()) && !DATA.contains(&room.as_str());
            assert!(
                used == *room || is_data || allowed.contains(&used.as_str()),
                "{} uses {used}",
                path.display()
            );
        }
    }
}

#[test]
fn modules_of_the_view_import_each_other_in_one_direction() {
    let sources: Vec<(Vec<String>, String)> = sources("ui/src")
        .into_iter()
        .map(|(path, text)| (ui_module(&path), code(&path, &text)))
        .filter(|(_, code)| !code.is_empty())
        .collect();
    let modules: BTreeSet<Vec<String>> = sources.iter().map(|(module, _)| module.clone()).collect();
    let edges: Vec<(&Vec<String>, BTreeSet<Vec<String>>)> =
        sources.iter().map(|(module, code)| (module, imports(module, code, &modules))).collect();
    let number: usize = edges.iter().map(|(_, used)| used.len()).sum();
    assert!(number > 100, "the imports are not found: {number}");
    // Modules that import nothing, or that nothing imports, are removed until none is left.
    // What stays is part of a circle.
    let mut left = edges;
    loop {
        let names: BTreeSet<Vec<String>> =
            left.iter().map(|(module, _)| (*module).clone()).collect();
        let used: BTreeSet<Vec<String>> =
            left.iter().flat_map(|(_, used)| used.iter().cloned()).collect();
        let before = left.len();
        left.retain(|(module, own)| {
            used.contains(*module) && own.iter().any(|it| names.contains(it))
        });
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "imports in a circle: {left:?}");
}

/// The path of a module of the view: `["panel", "tiles", "probe"]`.
fn ui_module(path: &Path) -> Vec<String> {
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src"));
    let inside = inside.expect("a file of ui/src").with_extension("");
    inside.iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

/// The other modules that a module names, by `use` or by a path within the code.
fn imports(
    module: &[String],
    code: &str,
    modules: &BTreeSet<Vec<String>>,
) -> BTreeSet<Vec<String>> {
    let mut paths: Vec<String> = Vec::new();
    for statement in code.split(';').filter_map(|it| {
        let (before, tree) = it.rsplit_once("use ")?;
        before.chars().last().is_none_or(char::is_whitespace).then_some(tree)
    }) {
        flatten(&statement.split_whitespace().collect::<String>(), "", &mut paths);
    }
    let named = code.split("crate::").skip(1).map(|rest| {
        rest.chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect::<String>()
    });
    // A path that ends in colons is the head of a tree, which is among the statements.
    paths.extend(named.filter(|it| !it.ends_with(':')).map(|it| format!("crate::{it}")));
    let resolve = |path: &String| {
        let mut absolute = module.to_vec();
        for (at, part) in path.split("::").filter(|part| !part.is_empty()).enumerate() {
            match part {
                "crate" if at == 0 => absolute.clear(),
                "super" => _ = absolute.pop(),
                "self" => {}
                part => absolute.push(part.to_owned()),
            }
        }
        (1..=absolute.len()).rev().map(|n| absolute[..n].to_vec()).find(|it| modules.contains(it))
    };
    let mut used: BTreeSet<Vec<String>> = paths.iter().filter_map(resolve).collect();
    used.remove(module);
    used
}

/// The paths of a tree of imports: `a::{b, c::{self, d}}` are `a::b`, `a::c::self` and `a::c::d`.
fn flatten(tree: &str, prefix: &str, paths: &mut Vec<String>) {
    let Some((head, rest)) = tree.split_once('{') else {
        return paths.push(format!("{prefix}{tree}"));
    };
    let prefix = format!("{prefix}{head}");
    let inside = rest.strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut begin) = (0, 0);
    for (at, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if at > begin {
                    flatten(&inside[begin..at], &prefix, paths);
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
}

#[test]
fn program_is_built_without_the_sample_data() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("the manifest is there");
    let mut lines = manifest.lines().filter(|line| line.starts_with("stigmer-ui"));
    assert_eq!(
        lines.next(),
        Some("stigmer-ui = { path = \"ui\", version = \"0.1.0\" }"),
        "no feature of it is on"
    );
    assert_eq!(lines.next(), None);
    let lib = std::fs::read_to_string(root.join("ui/src/lib.rs")).expect("the crate is there");
    assert!(lib.contains("#[cfg(any(test, feature = \"demo\"))]\npub mod demo;"));
}

/// The panic of one call, one task or one draw is caught in many places; none would be with this.
#[test]
fn no_profile_aborts_on_a_panic() {
    for file in ["Cargo.toml", "ui/Cargo.toml", ".cargo/config.toml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let aborts = text.lines().any(|line| line.replace([' ', '"'], "").contains("panic=abort"));
        assert!(!aborts, "{file}");
    }
}
