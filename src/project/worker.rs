//! The tables `[worker.NAME]`: the workers of a project.

use super::keys;
use super::mistake::Notes;
use super::section::{KeySpec, Section};
use super::text::toml_key;
use crate::config::{ConfigError, Limits, Options, Size, Span, errors};
use crate::harmless::quote;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use stigmer_ui::request::shell_word;
use toml::de::DeTable;

/// Names that commands use for something else.
pub(super) const RESERVED: [&str; 3] = ["all", "server", "stigmer"];

/// Maximum length of a worker's name, so that a row of the dashboard has room for it.
pub(super) const NAME_MAX: usize = 40;

/// Time that a stop gives a worker. It is longer than for the server, because running activities need
/// time to end.
const STOP_GRACE: Duration = Duration::from_secs(30);

/// A worker of a project.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerSpec {
    /// Name, unique within the project: letters, digits, `-` and `_`.
    pub name: String,
    /// The program and its arguments. Has at least one entry.
    pub run: Vec<String>,
    /// Folder in which the worker runs. Absolute.
    pub dir: PathBuf,
    /// Environment variables, in addition to those of stigmer.
    pub env: BTreeMap<String, String>,
    /// File with more environment variables. Absolute; the file may be missing.
    pub env_file: Option<PathBuf>,
    /// Patterns of files whose change restarts the worker, relative to the folder of the project.
    pub watch: Vec<String>,
    /// The program that runs before each start, and its arguments.
    pub before: Option<Vec<String>>,
    /// The task queues that the worker polls when it is ready. Empty: any.
    pub task_queues: Vec<String>,
    /// Whether the worker starts with the server.
    pub start: bool,
    /// The limits of its supervision.
    pub limits: Limits,
}

impl WorkerSpec {
    /// A worker with the defaults of all keys except `run`, which has no default.
    fn with_defaults(name: &str, folder: &Path, limits: Limits) -> Self {
        Self {
            name: name.to_owned(),
            run: Vec::new(),
            dir: folder.to_owned(),
            env: BTreeMap::new(),
            env_file: None,
            watch: Vec::new(),
            before: None,
            task_queues: Vec::new(),
            start: true,
            limits,
        }
    }

    /// The command line, as a user would type it in a shell.
    #[must_use]
    pub fn command(&self) -> String {
        let words: Vec<String> = self.run.iter().map(|word| shell_word(word)).collect();
        words.join(" ")
    }

    /// The defaults of the keys that have one, as their values in a file.
    pub(super) fn defaults() -> Map<String, Value> {
        let limits = Limits::of(&limits_of(&mut |_| None)).ok();
        let spec = limits.map(|limits| Self::with_defaults("", Path::new("."), limits));
        spec.map(|spec| spec.to_map()).unwrap_or_default()
    }

    /// Reads the table of a worker. `begin` is the place of its name. `None` without a `run`.
    pub(super) fn read(
        name: &str,
        table: &DeTable<'_>,
        begin: Range<usize>,
        folder: &Path,
        notes: &mut Notes<'_>,
    ) -> Option<Self> {
        let (keys, of_server) = (keys::worker(), keys::temporal());
        let title = format!("[worker.{}]", quote(name));
        let mut section = Section::open(&title, begin, table, &keys, notes, |typed| {
            let is_of_server = of_server.iter().any(|key| key.name == typed);
            is_of_server.then(|| format!("write `{typed}` below [temporal]"))
        });
        let options = limits_of(&mut |key| section.json(key));
        for error in errors(&options) {
            let ConfigError::Value { option, value, why } = error else { continue };
            section.report(option, format!("`{option}` cannot be {}: {why}", quote(&value)));
        }
        let limits = Limits::of(&options).or_else(|_| Limits::of(&Options::default())).ok()?;
        let defaults = Self::with_defaults(name, folder, limits);
        let spec = Self {
            run: section.get("run").unwrap_or_default(),
            dir: section
                .get::<PathBuf>("dir")
                .map_or(defaults.dir, |dir| super::within(folder, &dir)),
            env: section.get("env").unwrap_or(defaults.env),
            env_file: section.get::<PathBuf>("env-file").map(|file| super::within(folder, &file)),
            watch: section.get("watch").unwrap_or(defaults.watch),
            before: section.get("before").or(defaults.before),
            task_queues: section.get("task-queues").unwrap_or(defaults.task_queues),
            start: section.get("start").unwrap_or(defaults.start),
            ..defaults
        };
        Some(spec)
    }

    /// All keys that have a value, with their values as in a file.
    #[must_use]
    pub fn to_map(&self) -> Map<String, Value> {
        let Self { run, env, env_file, watch, before, task_queues, start, limits, .. } = self;
        let Limits { policy, log_max } = limits;
        let path = |path: &Path| Value::from(path.to_string_lossy());
        let time = |time: Duration| Value::from(Span(time).to_string());
        let some = |list: &[String]| (!list.is_empty()).then(|| json!(list));
        let entries = [
            ("run", some(run)),
            ("dir", Some(path(&self.dir))),
            ("env", (!env.is_empty()).then(|| json!(env))),
            ("env-file", env_file.as_deref().map(path)),
            ("watch", some(watch)),
            ("before", before.as_deref().and_then(some)),
            ("task-queues", some(task_queues)),
            ("start", Some(json!(start))),
            ("stop-grace", Some(time(policy.stop_grace))),
            ("start-timeout", Some(time(policy.start_timeout))),
            ("max-restarts", Some(json!(policy.max_restarts))),
            ("restart-window", Some(time(policy.restart_window))),
            ("backoff-max", Some(time(policy.backoff_max))),
            ("log-max", Some(Size(*log_max).to_string().into())),
        ];
        let entries = entries.into_iter();
        entries.filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

/// The limits of a worker as options, whose checks and defaults they share.
fn limits_of(json: &mut dyn FnMut(&str) -> Option<Value>) -> Options {
    let names =
        ["stop-grace", "start-timeout", "max-restarts", "restart-window", "backoff-max", "log-max"];
    let set = names.into_iter().filter_map(|name| Some((name.to_owned(), json(name)?)));
    let options = serde_json::from_value::<Options>(Value::Object(set.collect()));
    options
        .unwrap_or_default()
        .or(Options { stop_grace: Some(Span(STOP_GRACE)), ..Options::default() })
}

/// Checks the name of a worker. The name is part of paths, commands, URLs and metrics.
///
/// # Errors
/// If the name is not valid. The error says what to write instead.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let shown = quote(name);
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() {
        return Err("a worker needs a name; write [worker.NAME]".to_owned());
    }
    if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        return Err(format!(
            "the name `{shown}` is reserved for commands; choose another name for the worker"
        ));
    }
    if name.len() > NAME_MAX {
        return Err(format!(
            "the name `{shown}` is longer than {NAME_MAX} letters; shorten the name"
        ));
    }
    if !name.chars().all(is_part) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        let instead = valid_name(name).map(|name| format!("; write [worker.{name}]"));
        return Err(format!(
            "the name `{shown}` of a worker may have only letters, digits, - and _, and begins with a \
             letter or a digit{}",
            instead.unwrap_or_default()
        ));
    }
    Ok(())
}

/// Makes a valid name of a text. `None` if nothing is left of it.
pub(super) fn valid_name(text: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_part(c)).filter(|word| !word.is_empty());
    let mut name = words.collect::<Vec<_>>().join("-");
    name.truncate(NAME_MAX);
    let name = name.trim_matches(['-', '_']);
    check_name(name).is_ok().then(|| name.to_owned())
}

/// The first line of the table of a worker.
pub(super) fn header(name: &str) -> String {
    format!("[worker.{}]", toml_key(name))
}

/// The keys of a worker without a default, for the schema.
pub(super) fn is_required(key: &KeySpec) -> bool {
    key.name == "run"
}
