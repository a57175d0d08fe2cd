//! Compares the options that a command requests with those of the running server.

use super::{EffectiveOptions, Options};
use crate::harmless::{harmless, quote};
use serde_json::Value;

/// Key of the arguments after `--`, which have no flag.
const ARGUMENTS: &str = "arguments";

/// Key of the dynamic configuration, which only files set.
const DYNAMIC_CONFIG: &str = "dynamic-config";

/// An option whose requested value differs from the value in the running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Key of the option.
    option: String,
    /// Name of the option for messages, such as `--port`, or a description of the arguments for
    /// Temporal.
    name: String,
    /// Part of a command line that sets the requested value, such as `--port 7300`.
    flag: String,
    /// The value in the running server.
    running: String,
    /// The requested value.
    asked: String,
}

impl Difference {
    fn between(option: &str, running: Option<&Value>, asked: &Value) -> Self {
        let running = running.map_or_else(|| "not set".to_owned(), |value| plain(option, value));
        let value = plain(option, asked);
        let name = format!("--{option}");
        let (name, flag) = match (option, asked) {
            (ARGUMENTS, _) => ("the arguments after `--`".to_owned(), format!("-- {value}")),
            (DYNAMIC_CONFIG, _) => ("the dynamic configuration".to_owned(), String::new()),
            (_, Value::Bool(_)) => (name, format!("--{option}={value}")),
            (_, _) => (name, format!("--{option} {}", quoted(&value))),
        };
        Self { option: option.to_owned(), name, flag, running, asked: value }
    }

    /// Key of the option, such as `port`.
    #[must_use]
    pub fn option(&self) -> &str {
        &self.option
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, .. } = self;
        let (running, asked) = (quote(&self.running), quote(&self.asked));
        write!(f, "{name} is {running} for the running server, but {asked} was requested")
    }
}

/// The error if the running server has other options than the requested ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the server is already running with other options: {}; {}",
    self.differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    harmless(&self.hint())
)]
pub struct Different {
    differences: Vec<Difference>,
    managed: bool,
}

impl Different {
    fn hint(&self) -> String {
        let flags: Vec<String> = self.differences.iter().map(|it| it.flag.clone()).collect();
        let flags = flags.join(" ");
        if self.managed {
            format!("to apply the requested options, run `stigmer local restart {flags}`")
        } else {
            format!(
                "that server was started elsewhere, so stigmer only watches it; to run your own \
                 server, run `stigmer local stop`, then `stigmer local {flags}`"
            )
        }
    }
}

/// Checks that the running server has the requested options. `in_force` contains the options of
/// that server.
///
/// # Errors
/// If options differ. The error lists them, and describes how to apply the requested options.
pub fn agree(asked: &Options, in_force: &EffectiveOptions, managed: bool) -> Result<(), Different> {
    let differences = differences(asked, in_force);
    if differences.is_empty() { Ok(()) } else { Err(Different { differences, managed }) }
}

/// Returns the requested options whose values differ from those of the running server.
#[must_use]
pub fn differences(asked: &Options, in_force: &EffectiveOptions) -> Vec<Difference> {
    let running = in_force.values.to_map();
    asked
        .to_map()
        .iter()
        .filter(|(option, value)| running.get(*option) != Some(value))
        .map(|(option, value)| Difference::between(option, running.get(option), value))
        .collect()
}

/// Formats an option value as a user would write it on the command line.
pub(super) fn plain(option: &str, value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if option == ARGUMENTS => {
            let items: Vec<String> = items.iter().filter_map(Value::as_str).map(quoted).collect();
            items.join(" ")
        }
        Value::Array(items) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            items.join(",")
        }
        Value::Object(settings) => {
            let settings = settings.iter().map(|(name, value)| format!("{name}={value}"));
            settings.collect::<Vec<_>>().join(" ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Quotes a word for the shell, if necessary.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
