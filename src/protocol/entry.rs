//! The timeline.

use super::later;
use crate::supervisor::{Cause, Generation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Kind of a timeline entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// A generation became ready.
    Ready,
    /// A generation ended.
    Ended,
    /// A running server was adopted.
    Adopted,
    /// stigmer began to watch an external server.
    External,
    /// The supervisor gave up.
    Failed,
    /// The host exited, and the server continued to run.
    HandedOver,
    /// The host was killed, and its watchdog started another one.
    HostDied,
}

/// An entry of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Time of the event.
    pub time: jiff::Timestamp,
    /// Kind of the event.
    pub happened: Happened,
    /// Generation of the server.
    pub generation: Generation,
    /// Why it ended or started.
    pub cause: Cause,
    /// Details of the cause.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// How long the generation had been up, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_ms: Option<u64>,
    /// Duration of the start or repair, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// Downtime of a repair; see [`super::LastRestart::downtime_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_ms: Option<u64>,
    /// Parts of that duration, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// Largest observed resident memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_rss_bytes: Option<u64>,
    /// Number of processes of the machine that the out-of-memory killer ended between the last
    /// passed round and a death by SIGKILL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_kills: Option<u64>,
    /// First lines of the crash dump of the server, if there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_words: Vec<String>,
    /// Last log lines of the server, if its end was not requested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_words: Vec<String>,
    /// Automatic restarts of the home up to this entry, by cause. A host without a hand-over takes
    /// its counts from the newest entry.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "later::counts"
    )]
    pub restarts: BTreeMap<Cause, u64>,
}

/// A part of a start or repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// `seen` (before the measured time), `stopped` (if a stop was requested), `cleaned`, `waited`,
    /// `spawned`, `tcp`, `grpc`, `store`, `engine`.
    pub name: String,
    /// Duration in microseconds.
    pub us: u64,
}
