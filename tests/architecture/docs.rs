//! Tests that the documents describe the program as it is: options, messages, metrics, links.

use clap::{Args, Command};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use stigmer::config::{Options, Settings};
use stigmer::paths::Home;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All documents for people: Markdown files in the root folder and in `docs`, relative to the root.
pub(crate) fn documents() -> Vec<PathBuf> {
    let is_markdown = |path: &PathBuf| path.extension().is_some_and(|it| it == "md");
    let list = |folder: &'static str| {
        let entries = std::fs::read_dir(root().join(folder)).expect("the folder can be listed");
        entries.map(move |entry| {
            Path::new(folder).join(entry.expect("and its entries read").file_name())
        })
    };
    list("").chain(list("docs")).filter(is_markdown).collect()
}

/// The lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// The rows of all tables, each as a list of its cells.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    prose(text)
        .filter(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
}

/// The texts in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The anchor that a code host, such as GitHub, creates for a heading.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

#[test]
fn each_link_leads_to_a_file_and_a_heading() {
    for document in documents() {
        let text = read(&document);
        let prose: Vec<&str> = prose(&text).collect();
        for link in prose.join("\n").split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => document.clone(),
                file => document.parent().unwrap().join(file),
            };
            assert!(root().join(&target).exists(), "{}: no file for {link}", document.display());
            if !heading.is_empty() {
                let text = read(&target);
                let headings = self::prose(&text).filter(|line| line.starts_with('#'));
                let mut headings = headings.map(|line| anchor(line.trim_start_matches('#')));
                assert!(
                    headings.any(|it| it == heading),
                    "{}: no heading for {link}",
                    document.display()
                );
            }
        }
    }
}

#[test]
fn configuration_page_has_each_option_and_variable() {
    let text = read("docs/configuration.md");
    let rows: Vec<Vec<&str>> = rows(&text).collect();
    let row_of = |option: &str| {
        let has = |cell: &str| quoted(cell).any(|it| it.split([' ', '[']).next() == Some(option));
        rows.iter().find(|row| has(row[0])).unwrap_or_else(|| panic!("no row for {option}"))
    };
    for argument in Options::augment_args(Command::new("local")).get_arguments() {
        let (Some(option), Some(variable)) = (argument.get_long(), argument.get_env()) else {
            continue;
        };
        let row = row_of(&format!("--{option}"));
        let variable = variable.to_string_lossy();
        assert!(row.contains(&format!("`{variable}`").as_str()), "{option}: {row:?}");
        assert!(row.contains(&format!("`{option}`").as_str()), "{option}: {row:?}");
    }
    row_of("--home");
    for (path, source) in super::sources("src") {
        let source = super::code(&path, &source);
        for name in source.split('"').filter(|it| it.starts_with("STIGMER_")) {
            let is_internal = name.starts_with("STIGMER_TEST_")
                || ["STIGMER_INSTANCE", "STIGMER_WORKER"].contains(&name);
            let is_name =
                !name.ends_with('_') && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            if is_name && !is_internal {
                assert!(text.contains(&format!("`{name}`")), "{name} of {}", path.display());
            }
        }
    }
}

/// Each documented default is correct: setting an option to its documented default changes nothing.
#[test]
fn configuration_page_has_the_defaults() {
    let text = read("docs/configuration.md");
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    let in_force = |options| Settings::resolve(home.clone(), options).unwrap().in_force();
    let defaults = in_force(Options::default());
    let mut documented = BTreeMap::new();
    for row in rows(&text).filter(|row| row.len() == 5) {
        let (Some(key), Some(default)) = (quoted(row[2]).next(), quoted(row[3]).next()) else {
            continue;
        };
        let is_value = row[3].starts_with('`') && row[3].ends_with('`');
        if is_value && !default.contains(' ') {
            let options: Options = toml::from_str(&format!("{key} = {default}")).unwrap();
            assert_ne!(options, Options::default(), "{key}");
            documented.insert(key.to_owned(), in_force(options));
        }
    }
    documented.remove("arguments");
    for (key, with) in &documented {
        // The settings here have a database file. With a database in memory, an explicit
        // `failure-threshold` changes the settings even if its value is the default: the failures
        // need not last a minimum time any more.
        assert_eq!(*with, defaults, "{key}");
    }
    // The defaults of these options depend on other options or on the home.
    let keys = defaults.values.to_map();
    for key in keys.keys().filter(|key| !matches!(key.as_str(), "ui-port" | "db")) {
        assert!(documented.contains_key(key), "the default of {key} is not documented");
    }
}

/// Each default in the help is correct: setting an option to this default changes nothing.
#[test]
fn help_has_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    let in_force = |options| Settings::resolve(home.clone(), options).unwrap().in_force();
    let mut checked = 0;
    for argument in Options::augment_args(Command::new("local")).get_arguments() {
        let (Some(key), Some(help)) = (argument.get_long(), argument.get_help()) else { continue };
        let help = help.to_string();
        let Some((_, default)) = help.split_once("[default: ") else { continue };
        let default = default.split([';', ']']).next().unwrap_or_default();
        // The defaults of these options depend on other options, on the home, or on the terminal.
        if matches!(key, "ui-port" | "temporal-bin" | "db" | "http" | "theme") {
            continue;
        }
        let written = [default.to_owned(), format!("\"{default}\""), format!("[\"{default}\"]")];
        let options = written.iter().find_map(|it| toml::from_str(&format!("{key} = {it}")).ok());
        let options: Options = options.unwrap_or_else(|| panic!("{key}: {help}"));
        assert_eq!(in_force(options), in_force(Options::default()), "{key}: {help}");
        checked += 1;
    }
    assert!(checked > 10, "only {checked} defaults");
}

/// Each message on the page is in the sources. If a message on the page has `…`, the parts before
/// and after `…` are in the sources.
#[test]
fn troubleshooting_page_quotes_messages_as_they_are() {
    let mut known = String::new();
    for (_, text) in super::sources("src").into_iter().chain(super::sources("ui/src")) {
        // Join the parts of a string that continues on the next line.
        let mut lines = text.lines();
        while let Some(mut line) = lines.next() {
            while let Some(begin) = line.strip_suffix('\\') {
                known.push_str(begin);
                line = lines.next().unwrap_or_default().trim_start();
            }
            known.push_str(line);
            known.push('\n');
        }
    }
    let page = read("docs/troubleshooting.md");
    let messages: Vec<&str> = rows(&page).flat_map(|row| quoted(row[0])).collect();
    assert!(messages.len() > 100, "only {} messages", messages.len());
    for message in messages {
        for part in message.split('…').map(str::trim).filter(|part| part.len() > 2) {
            assert!(
                known.contains(part),
                "docs/troubleshooting.md quotes `{message}`, but no source has `{part}`: \
                 quote the message as it is now"
            );
        }
    }
}

#[test]
fn api_page_has_each_path_and_metric() {
    let page = read("docs/http-api.md");
    for (path, text) in super::sources("src/control") {
        let text = super::code(&path, &text);
        for route in text.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(page.contains(&format!(" {route}`")), "{route} of {}", path.display());
        }
    }
    let metrics = read("src/facts/metrics.rs");
    for rest in metrics.split("registry.register(").skip(1) {
        let name = rest.split('"').nth(1).unwrap();
        assert!(page.contains(&format!("`stigmer_{name}")), "{name}");
    }
}

/// The names of the fields of a structure, read from its source.
fn fields(source: &str, name: &str) -> Vec<String> {
    let body =
        source.split(&format!("pub struct {name} {{")).nth(1).expect("the structure is there");
    let body = body.split("\n}").next().unwrap_or_default();
    let fields = body.lines().filter_map(|line| line.trim().strip_prefix("pub "));
    fields.filter_map(|field| Some(field.split_once(':')?.0.to_owned())).collect()
}

#[test]
fn api_page_has_each_key_of_the_status() {
    let page = read("docs/http-api.md");
    let source = read("src/protocol.rs");
    let structures = [
        ("Status", ""),
        ("HostStatus", "host."),
        ("TemporalStatus", "temporal."),
        ("RestartStatus", "restarts."),
        ("HealthStatus", "health."),
        ("LogStatus", "log."),
        ("DatabaseStatus", ""),
        ("LastRestart", ""),
        ("LayerStatus", ""),
        ("Latency", ""),
    ];
    for (structure, prefix) in structures {
        let fields = fields(&source, structure);
        assert!(!fields.is_empty(), "{structure}");
        for field in fields {
            // If a field contains an object, the page may describe the keys of the object instead
            // of the field.
            let keys = [format!("`{prefix}{field}`"), format!("`{prefix}{field}.")];
            assert!(keys.iter().any(|key| page.contains(key)), "{} of {structure}", keys[0]);
        }
    }
}
