//! Tests of the structure of the sources: which other modules a module may use, and which modules
//! may send signals, print, or do IO.

#[path = "architecture/docs.rs"]
mod docs;
#[path = "architecture/imports.rs"]
mod imports;
#[path = "architecture/names.rs"]
mod names;
#[path = "architecture/words.rs"]
mod words;

use imports::Imports;
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

/// Returns code without its comments and tests. A file of tests gives an empty text.
fn code(path: &Path, text: &str) -> String {
    let is_test = path.components().any(|part| part.as_os_str() == "tests")
        || path.file_name().is_some_and(|name| name == "tests.rs");
    if is_test {
        return String::new();
    }
    let tests = ["#[cfg(test)]\nmod tests {", "#[cfg(test)]\npub(crate) mod tests {"];
    let own = tests.iter().fold(text, |text, begin| text.split(begin).next().unwrap_or(text));
    own.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// A module of `src`: its file and the files of its folder.
fn module(name: &str) -> Vec<(PathBuf, String)> {
    let (file, folder) = (format!("src/{name}.rs"), format!("src/{name}/"));
    let is_part =
        |path: &Path| path.ends_with(&file) || path.display().to_string().contains(&folder);
    let found: Vec<_> = sources("src").into_iter().filter(|(path, _)| is_part(path)).collect();
    assert!(found.len() > 1, "{name}");
    found
}

#[test]
fn no_source_prints_with_a_macro_that_panics() {
    for (path, text) in sources("src") {
        let code = code(&path, &text);
        for name in ["println!", "print!", "dbg!"] {
            assert!(!code.contains(name), "{} uses {name}", path.display());
        }
    }
}

/// The modules of `src`, lowest first, each with the modules that it may use. A module may use only
/// modules above it in this list, so that no circle is possible. `cli` may use all of them.
const MAP: &[(&str, &str)] = &[
    ("supervisor", ""),
    ("harmless", ""),
    ("caller", ""),
    ("caught", ""),
    ("clock", ""),
    ("spelling", ""),
    ("paths", ""),
    ("config", "harmless paths supervisor"),
    ("process", "harmless paths supervisor"),
    ("runtime", "caught process"),
    ("log", "clock harmless paths process"),
    ("unit", "log paths process supervisor"),
    ("temporal", "caught harmless paths process"),
    ("watch", "caught paths"),
    ("project", "config harmless paths process spelling temporal watch"),
    ("worker", "harmless log paths process project supervisor temporal unit"),
    ("workflow", "temporal"),
    ("protocol", "config supervisor"),
    ("facts", "config log paths process protocol supervisor"),
    ("server", "clock config facts harmless log paths process protocol supervisor temporal unit"),
    (
        "manager",
        "config facts harmless log paths process project protocol server spelling supervisor temporal unit watch \
         worker",
    ),
    ("problems", "clock facts process protocol spelling supervisor temporal"),
    ("control", "config facts harmless log manager paths problems process protocol supervisor"),
    ("session", "config control facts manager paths problems protocol supervisor"),
    ("terminal_guard", "process"),
    ("watchdog", "caller paths process"),
    (
        "hosting",
        "config control facts harmless log manager paths process protocol runtime server session supervisor \
         temporal unit watchdog worker",
    ),
    ("presenter", "clock config harmless paths protocol session supervisor temporal workflow"),
    ("signals", "process"),
    (
        "headless",
        "clock config facts harmless hosting log manager presenter process protocol session signals \
         supervisor",
    ),
    (
        "tui",
        "caught clock config harmless hosting log manager paths presenter process protocol server session \
         signals supervisor temporal terminal_guard workflow",
    ),
    ("telemetry", "harmless log paths"),
];

#[test]
fn modules_use_only_what_the_map_allows() {
    for (at, (module, allowed)) in MAP.iter().enumerate() {
        for used in allowed.split_whitespace() {
            let is_below = MAP[..at].iter().any(|(name, _)| *name == used);
            assert!(is_below, "{used} is not below {module} on the map");
        }
    }
    let mut unused: BTreeSet<(&str, &str)> = MAP
        .iter()
        .flat_map(|(module, allowed)| allowed.split_whitespace().map(|used| (*module, used)))
        .collect();
    let imports = Imports::of("src");
    for (module, used) in imports.between_rooms() {
        let room = module[0].as_str();
        if matches!(room, "main" | "cli") {
            continue;
        }
        let (_, allowed) = MAP
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{room} is not on the map"));
        assert!(
            allowed.split_whitespace().any(|it| it == used),
            "{} uses {used}, and no arrow leads there",
            module.join("::")
        );
        unused.remove(&(room, used.as_str()));
    }
    assert!(unused.is_empty(), "no file needs these arrows, remove them: {unused:?}");
}

#[test]
fn supervisor_uses_no_clock_io_or_async() {
    for (path, text) in module("supervisor") {
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

/// A unit can run any program. The server is the first kind of unit, a worker of the user's project
/// is the second kind. So the code of `unit` and `supervisor` must not depend on the program.
#[test]
fn unit_and_supervisor_name_nothing_of_their_program() {
    for (path, text) in module("unit").into_iter().chain(module("supervisor")) {
        let code = code(&path, &text).to_lowercase();
        for forbidden in [
            "temporal",
            "settings",
            "namespace",
            "server",
            "layer",
            "stigmer local",
            "lineparser",
            "log::noise",
            "log::last_words",
        ] {
            assert!(!code.contains(forbidden), "{} has {forbidden}", path.display());
        }
    }
    let record = |path: &Path| path.ends_with("src/process/record.rs");
    let record = sources("src").into_iter().filter(|(path, _)| record(path));
    for (path, text) in module("unit").into_iter().chain(module("supervisor")).chain(record) {
        let code = code(&path, &text).to_lowercase();
        let mut words = code.split(|c: char| !c.is_alphabetic());
        let forbidden = words.find(|word| matches!(*word, "database" | "port" | "ports"));
        assert_eq!(forbidden, None, "{}", path.display());
    }
}

#[test]
fn view_uses_no_module_of_the_program_no_clock_and_no_io() {
    for (path, text) in sources("ui/src") {
        let code = code(&path, &text);
        for forbidden in ["stigmer::", "Instant::now", "std::fs", "std::thread", "crossterm"] {
            assert!(!code.contains(forbidden), "{} has {forbidden}", path.display());
        }
    }
}

#[test]
fn only_process_identity_signals_other_processes() {
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

/// The top-level modules of `ui` and the modules that each may use. `app` and `panel` use each
/// other: `app` contains the state of the view (`view`, `keymap`), which the panels read, and the
/// dispatch (`ui`), which draws the panels. The next test checks that the imports of their files
/// form no circle.
#[test]
fn modules_of_the_view_use_only_what_their_map_allows() {
    const DATA: &[&str] = &["human", "input", "log", "loss", "model", "request"];
    let map: &[(&str, &[&str])] = &[
        ("human", &[]),
        ("request", &[]),
        ("input", &["human", "request"]),
        ("log", &[]),
        ("loss", &["human"]),
        ("model", &["loss", "request"]),
        ("draw", &["log", "model"]),
        ("explorer", &["draw", "human", "input", "log"]),
        ("panel", &["app", "draw", "explorer"]),
        ("app", &["draw", "explorer", "panel"]),
        ("demo", &["app", "draw"]),
    ];
    for (module, used) in Imports::of("ui/src").between_rooms() {
        let room = module[0].as_str();
        let (_, allowed) = map.iter().find(|(name, _)| *name == room).expect("the room is known");
        let is_data = DATA.contains(&used.as_str()) && !DATA.contains(&room);
        assert!(is_data || allowed.contains(&used.as_str()), "{} uses {used}", module.join("::"));
    }
}

#[test]
fn modules_import_each_other_in_one_direction() {
    for (folder, with_parents) in [("ui/src", true), ("src", false)] {
        let imports = Imports::of(folder);
        assert!(
            imports.count() > 100,
            "the imports of {folder} are not found: {}",
            imports.count()
        );
        let circles = imports.circles(with_parents);
        assert!(circles.is_empty(), "{folder}: imports in a circle\n{}", circles.join("\n"));
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

/// stigmer catches the panic of a call, a task or a draw in many places. With `panic = "abort"`, no
/// place could catch a panic.
#[test]
fn no_profile_aborts_on_a_panic() {
    for file in ["Cargo.toml", "ui/Cargo.toml", ".cargo/config.toml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let aborts = text.lines().any(|line| line.replace([' ', '"'], "").contains("panic=abort"));
        assert!(!aborts, "{file}");
    }
}
