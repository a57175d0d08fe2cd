//! The timeline: its entries for starts, ends and hand-overs of the server, and for starts and ends
//! of the workers of projects.

use super::later;
use crate::supervisor::{Cause, Generation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Kind of a timeline entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// A server that stigmer started became ready.
    Ready,
    /// A server ended.
    Ended,
    /// The host took over a running server of an earlier host.
    Adopted,
    /// stigmer began to watch a server that someone else started.
    External,
    /// The supervisor gave up, and the state became `failed`.
    Failed,
    /// The host exited, and the server continued to run.
    HandedOver,
    /// The host was killed. If the watchdog of the host started another host, [`Entry::took_ms`] is
    /// set.
    HostDied,
}

/// An entry of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Time of the event.
    pub time: jiff::Timestamp,
    /// Kind of the event.
    pub happened: Happened,
    /// Number of the start to which the entry belongs, of the server or of the worker.
    pub generation: Generation,
    /// Name of the worker of a project to which the entry belongs. `None` for the server and its host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Why the server ended or started.
    pub cause: Cause,
    /// Details of the cause.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// In the entry of an ended server: age of the server process, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_ms: Option<u64>,
    /// Duration of the start or of the repair (an automatic restart), in milliseconds. In the entry
    /// of a killed host: the time until the next host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// Downtime of a repair; see [`super::LastRestart::downtime_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_ms: Option<u64>,
    /// The phases of the start or repair, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// Largest observed resident memory of the server, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_rss_bytes: Option<u64>,
    /// Set if the server may have ended for lack of memory: the number of processes of the machine
    /// that the out-of-memory killer ended between the last passed round of checks and the death of
    /// the server by SIGKILL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_kills: Option<u64>,
    /// First lines of the crash dump of the server, if there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_words: Vec<String>,
    /// Last log lines of the server, if the server ended although the user did not request it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_words: Vec<String>,
    /// Number of automatic restarts of the server or the worker up to this entry, by cause. A host that got no
    /// state from the previous host reads its counts from the newest entry.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "later::counts"
    )]
    pub restarts: BTreeMap<Cause, u64>,
}

/// A phase of a start or repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// One of these names, in this order:
    ///
    /// - `seen`: from the first failed check to the decision to restart, before `took_ms` begins
    /// - `stopped`: the stop of the old server, if a stop was requested
    /// - `cleaned`: the end of the remaining processes of the old server
    /// - `waited`: the delay before the start
    /// - `spawned`: the creation of the new process
    /// - `tcp`, `grpc`, `store`, `engine`: from the end of the previous phase until this check
    ///   first passed
    pub name: String,
    /// Duration in microseconds.
    pub us: u64,
}

/// Replaces an exit such as `exit 1` in the detail of a cause by `exit code 1`, for people.
#[must_use]
pub fn with_exit_code(detail: &str) -> String {
    match detail.split_once("exit ") {
        Some((before, code)) if code.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("{before}exit code {code}")
        }
        Some(_) | None => detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_has_the_word_code_only_before_a_number() {
        for (detail, shown) in [
            ("exit 1", "exit code 1"),
            ("exited, exit 0", "exited, exit code 0"),
            ("exit status unknown (adopted)", "exit status unknown (adopted)"),
            ("signal 9 (SIGKILL)", "signal 9 (SIGKILL)"),
        ] {
            assert_eq!(with_exit_code(detail), shown);
        }
    }
}
