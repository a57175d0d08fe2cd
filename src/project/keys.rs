//! The keys of a project file. The parser, the JSON Schema and the tests of the documentation use
//! these tables. The keys of `[temporal]` are the options of `stigmer local`, from their definition.

use super::kind::ValueKind;
use super::section::KeySpec;
use crate::config::{HttpAddress, Options, Size, Span, TemporalLogLevel};
use clap::{Arg, ArgAction, Args, Command};
use std::any::TypeId;
use std::path::PathBuf;

/// The options that are not keys of `[temporal]`, each with the reason.
pub(super) const NOT_IN_FILE: &[(&str, &str)] = &[
    ("home", "the home is set with --home or STIGMER_HOME, for all projects that share it"),
    ("project", "the project file is this file"),
    ("theme", "the theme is your own choice; set it in config.toml of your home"),
    ("notify", "notifications are your own choice; set them in config.toml of your home"),
];

/// The keys of `[temporal]`.
pub(super) fn temporal() -> Vec<KeySpec> {
    let command = Options::augment_args(Command::new("local"));
    let options = command.get_arguments().filter_map(option);
    let is_key = |key: &KeySpec| NOT_IN_FILE.iter().all(|(name, _)| *name != key.name);
    let arguments = key(
        "arguments",
        ValueKind::Texts { is_required: false },
        "Further arguments for `temporal server start-dev`",
    );
    let own = [
        arguments,
        key(
            "retention",
            ValueKind::Time,
            "Time for which the server keeps closed workflows, in each of the namespaces; at least 1h",
        ),
        key(
            "search-attributes",
            ValueKind::Attributes,
            "Search attributes that each of the namespaces has, with their types",
        ),
        key(
            "dynamic-config",
            ValueKind::DynamicConfig,
            "Settings of Temporal's dynamic configuration, with their whole names in quotes",
        ),
    ];
    options.filter(is_key).chain(own).collect()
}

/// The keys of a worker.
pub(super) fn worker() -> Vec<KeySpec> {
    vec![
        key("run", ValueKind::Command, "Command that starts the worker; it runs without a shell"),
        key("dir", ValueKind::Path, "Folder in which the worker runs, relative to this file"),
        key(
            "env",
            ValueKind::Variables,
            "Environment variables of the worker, in addition to those of stigmer",
        ),
        key(
            "env-file",
            ValueKind::Path,
            "File with more environment variables, relative to this file; `env` overrides it",
        ),
        key(
            "watch",
            ValueKind::Patterns,
            "Files whose change restarts the worker, relative to this file; .gitignore is respected",
        ),
        key(
            "before",
            ValueKind::Command,
            "Command that runs before each start; if it fails, the running worker stays",
        ),
        key(
            "task-queues",
            ValueKind::Texts { is_required: true },
            "Task queues that the worker polls when it is ready; without this key, any task queue",
        ),
        key(
            "start",
            ValueKind::Flag,
            "Whether the worker starts with the server, or only on request",
        ),
        key(
            "stop-grace",
            ValueKind::Time,
            "Time that a stop gives running activities before the worker is killed",
        ),
        key(
            "start-timeout",
            ValueKind::Time,
            "Time limit from the start of the worker to ready; at least 100ms",
        ),
        key(
            "max-restarts",
            ValueKind::Count { most: u32::MAX },
            "Maximum number of automatic restarts within `restart-window`",
        ),
        key(
            "restart-window",
            ValueKind::Time,
            "Time window in which `max-restarts` counts restarts",
        ),
        key("backoff-max", ValueKind::Time, "Longest delay before an automatic restart"),
        key(
            "log-max",
            ValueKind::Size,
            "Size of the worker's log that is kept on disk; at least 1MiB",
        ),
    ]
}

fn key(name: &str, kind: ValueKind, meaning: &str) -> KeySpec {
    KeySpec { name: name.to_owned(), kind, meaning: meaning.to_owned() }
}

/// The key of an option. `None` for an argument without a long name.
fn option(argument: &Arg) -> Option<KeySpec> {
    let name = argument.get_long()?;
    let type_ = argument.get_value_parser().type_id();
    let is = |other: TypeId| type_ == other;
    let kind = if matches!(argument.get_action(), ArgAction::Append) {
        ValueKind::Texts { is_required: true }
    } else if is(TypeId::of::<u16>()) {
        ValueKind::Count { most: u16::MAX.into() }
    } else if is(TypeId::of::<u32>()) {
        ValueKind::Count { most: u32::MAX }
    } else if is(TypeId::of::<bool>()) {
        ValueKind::Flag
    } else if is(TypeId::of::<PathBuf>()) {
        ValueKind::Path
    } else if is(TypeId::of::<Span>()) {
        ValueKind::Time
    } else if is(TypeId::of::<Size>()) {
        ValueKind::Size
    } else if is(TypeId::of::<HttpAddress>()) {
        ValueKind::Address
    } else if is(TypeId::of::<TemporalLogLevel>()) {
        let words = argument.get_possible_values();
        ValueKind::Word(words.iter().map(|it| it.get_name().to_owned()).collect())
    } else {
        ValueKind::Text
    };
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    Some(KeySpec { name: name.to_owned(), kind, meaning: help })
}
