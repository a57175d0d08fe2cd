//! Options that a command requests, compared with those of the running server.

use super::Options;
use crate::harmless::{harmless, quote};
use serde_json::{Map, Value};

/// An option whose requested value differs from the value of the running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Name of the option.
    pub option: String,
    /// Value of the running server.
    pub running: String,
    /// Requested value.
    pub asked: String,
}

impl Difference {
    /// The flag that sets the requested value.
    #[must_use]
    fn flag(&self) -> String {
        match self.option.as_str() {
            option @ ("in-memory" | "watchdog" | "allow-other-user") => {
                format!("--{option}={}", self.asked)
            }
            "arguments" => format!("-- {}", self.asked),
            option => format!("--{option} {}", quoted(&self.asked)),
        }
    }

    fn name(&self) -> String {
        match self.option.as_str() {
            "arguments" => "the arguments after `--`".to_owned(),
            option => format!("--{option}"),
        }
    }
}

/// The running server has other options than the requested ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Temporal is already running with other options: {}; {}",
    self.differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    harmless(&self.hint())
)]
pub struct Different {
    differences: Vec<Difference>,
    managed: bool,
}

impl Different {
    fn hint(&self) -> String {
        let flags: Vec<String> = self.differences.iter().map(Difference::flag).collect();
        let flags = flags.join(" ");
        if self.managed {
            format!("apply them with `stigmer local restart {flags}`")
        } else {
            format!(
                "it was started elsewhere, and stigmer only watches it; start a server of your own \
                 with `stigmer local stop` and `stigmer local {flags}`"
            )
        }
    }
}

/// Checks that the effective options match the requested options.
///
/// # Errors
/// The differences, and how to apply them.
pub fn agree(
    asked: &Options,
    in_force: &Map<String, Value>,
    managed: bool,
) -> Result<(), Different> {
    let differences = differences(asked, in_force);
    if differences.is_empty() { Ok(()) } else { Err(Different { differences, managed }) }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (running, asked) = (quote(&self.running), quote(&self.asked));
        write!(f, "{} is {running} for the running server, but {asked} was requested", self.name())
    }
}

/// The requested options that differ from the effective options.
#[must_use]
pub fn differences(asked: &Options, in_force: &Map<String, Value>) -> Vec<Difference> {
    let plain = |name: &str, value: Option<&Value>| match value {
        None | Some(Value::Null) => "not set".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if name == "arguments" => {
            let items: Vec<String> = items.iter().filter_map(Value::as_str).map(quoted).collect();
            items.join(" ")
        }
        Some(Value::Array(items)) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            items.join(",")
        }
        Some(other) => other.to_string(),
    };
    asked
        .to_map()
        .iter()
        .filter(|(name, value)| in_force.get(*name) != Some(value))
        .map(|(name, value)| Difference {
            option: name.clone(),
            running: plain(name, in_force.get(name)),
            asked: plain(name, Some(value)),
        })
        .collect()
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
