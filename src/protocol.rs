//! What crosses a boundary: the status object, the snapshot that viewers draw,
//! the entries of the timeline. Keys are only added; ages, never wall clocks
//! (but for the timeline, which outlives every process).

mod delta;
mod event;
mod later;
#[cfg(test)]
pub(crate) mod tests;

pub use delta::{Change, Delta, ENTRIES, Grown};
pub use event::{Event, Fresh, Hello, PROTOCOL};
pub(crate) use later::known;

use crate::supervisor::{Cause, Generation, Layer, Want};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Version of [`Status`].
pub const SCHEMA: u32 = 1;

/// What is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing runs and nothing is coming.
    Stopped,
    /// On its way up.
    Starting,
    /// Every probe layer that applies passes.
    Ready,
    /// It runs, but something is wrong.
    Degraded,
    /// On its way down.
    Stopping,
    /// Down; the next spawn waits.
    Backoff,
    /// Given up.
    Failed,
}

impl State {
    /// Every state, for tables and metrics.
    pub const ALL: [Self; 7] = [
        Self::Stopped,
        Self::Starting,
        Self::Ready,
        Self::Degraded,
        Self::Stopping,
        Self::Backoff,
        Self::Failed,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Stopping => "stopping",
            Self::Backoff => "backoff",
            Self::Failed => "failed",
        }
    }

    /// Whether a worker may use it.
    #[must_use]
    pub fn is_up(self) -> bool {
        match self {
            Self::Ready | Self::Degraded => true,
            Self::Stopped | Self::Starting | Self::Stopping | Self::Backoff | Self::Failed => false,
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Detached from every terminal.
    Background,
    /// Inside the dashboard.
    Tui,
    /// In the foreground, printing lines.
    Headless,
    /// As only a later version does.
    #[serde(other)]
    Other,
}

impl Mode {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Tui => "tui",
            Self::Headless => "headless",
            Self::Other => "other",
        }
    }
}

/// `status --json` and `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What is.
    pub state: State,
    /// What the operator wants.
    pub intent: Want,
    /// False for a Temporal that somebody else runs.
    pub managed: bool,
    /// What there is to say about the state; may be empty.
    pub message: String,
    /// The host; none when none runs.
    pub host: Option<HostStatus>,
    /// The server; none when none runs.
    pub temporal: Option<TemporalStatus>,
    /// Automatic restarts.
    pub restarts: RestartStatus,
    /// The six layers.
    pub health: HealthStatus,
    /// Temporal's log.
    pub log: LogStatus,
    /// The options in force, by name.
    #[serde(default)]
    pub options: Map<String, Value>,
}

/// A host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStatus {
    /// Its process.
    pub pid: i32,
    /// How it runs.
    pub mode: Mode,
    /// The version of stigmer.
    pub version: String,
    /// Since it began.
    pub uptime_ms: u64,
}

/// A Temporal server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemporalStatus {
    /// The process that was spawned; none where somebody else's is not visible.
    pub pid: Option<i32>,
    /// Its process group.
    pub pgid: Option<i32>,
    /// The process that owns the listening socket.
    pub server_pid: Option<i32>,
    /// Its generation; none where it is not ours.
    pub generation: Option<Generation>,
    /// Spawned by an earlier host of this home.
    pub adopted: bool,
    /// `HOST:PORT` of the gRPC frontend.
    pub address: String,
    /// The web UI; none when headless.
    pub ui_url: Option<String>,
    /// The CLI's version, or where that is unknown the server's.
    pub version: Option<String>,
    /// The server's own version, once it has been asked.
    #[serde(default)]
    pub server_version: Option<String>,
    /// Since it was spawned.
    pub uptime_ms: Option<u64>,
    /// Resident memory of the instance.
    pub rss_bytes: Option<u64>,
    /// Processor time of the instance, in percent of a core.
    pub cpu_percent: Option<f64>,
    /// Its database; none in memory.
    pub database: Option<DatabaseStatus>,
}

/// A database file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseStatus {
    /// Where.
    pub path: PathBuf,
    /// Its size, with its write-ahead log.
    pub bytes: Option<u64>,
    /// Its path no longer leads to the file that the server has open: the end of the server loses
    /// what it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detached: Option<Detached>,
}

/// How a path has lost the database that a server has open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Detached {
    /// No file is there.
    Deleted,
    /// Another file is there.
    Replaced,
}

impl std::fmt::Display for Detached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Deleted => "deleted",
            Self::Replaced => "replaced",
        })
    }
}

/// Why failing probes lead to no restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoRestart {
    /// It would lose data that only the running server has.
    DataLoss,
    /// It would not help: the disk is full, for example.
    #[serde(other)]
    NoHelp,
}

/// Automatic restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartStatus {
    /// All of them in this home, whichever host made them, as far as its timeline goes back.
    pub total: u64,
    /// Those that count for giving up. A host that is handed nothing begins with none.
    pub in_window: u64,
    /// The most recent.
    #[serde(default, deserialize_with = "later::if_known")]
    pub last: Option<LastRestart>,
}

/// An automatic restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRestart {
    /// Why.
    pub cause: Cause,
    /// More about why.
    pub detail: String,
    /// Since it was begun.
    pub ago_ms: u64,
    /// From the end of the old process (or the verdict) to ready again; none
    /// while it is under way.
    pub recovery_ms: Option<u64>,
    /// From the last passed check, or from the end of a server that passed its
    /// checks, to ready again: a freeze and failed restarts included. `None` while
    /// it is under way.
    #[serde(default)]
    pub downtime_ms: Option<u64>,
}

/// The verdict of every layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthStatus {
    /// All six, bottom up.
    #[serde(deserialize_with = "known")]
    pub layers: Vec<LayerStatus>,
    /// Of the grpc layer.
    pub latency_us: Latency,
    /// Rounds in a row.
    pub consecutive_failures: u32,
    /// Why they lead to no restart; absent where they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_restart: Option<NoRestart>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerStatus {
    /// Which.
    pub name: Layer,
    /// Passed; none where it does not apply or was not reached.
    pub ok: Option<bool>,
    /// How long the answer took.
    pub latency_us: Option<u64>,
    /// What was seen, where there is something to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Since when the verdict is what it is.
    #[serde(default)]
    pub since_ms: Option<u64>,
}

/// Latencies in microseconds, over the rounds that are remembered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// The latest.
    pub last: Option<u64>,
    /// The median.
    pub p50: Option<u64>,
    /// The 99th percentile.
    pub p99: Option<u64>,
}

/// Temporal's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogStatus {
    /// Lines since the host began to follow it.
    pub lines: u64,
    /// Where it is.
    pub path: PathBuf,
}

/// What a viewer draws: the status and what has led to it. What is added to it, or
/// to the status, needs a default for hosts that do not say it, and a [`Change`]
/// that tells viewers of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Number of the latest delta that is in it.
    #[serde(default)]
    pub seq: u64,
    /// The status.
    pub status: Status,
    /// Until the next spawn, in backoff.
    pub next_start_ms: Option<u64>,
    /// Which restart in a row this is.
    pub in_a_row: u32,
    /// Since the state began.
    pub state_ms: u64,
    /// Latency of the grpc layer per round, oldest first; none is a failure.
    pub probes: Vec<Option<u64>>,
    /// Percent of a core, oldest first.
    pub cpu: Vec<f64>,
    /// Resident bytes, oldest first.
    pub rss: Vec<u64>,
    /// Ages of automatic restarts, oldest first.
    pub restart_ages_ms: Vec<u64>,
    /// Newest last.
    #[serde(deserialize_with = "known")]
    pub timeline: Vec<Arc<Entry>>,
    /// Where given up: what to do.
    pub cure: Option<String>,
    /// Where given up: the server's last words.
    pub last_words: Vec<String>,
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// A generation became ready.
    Ready,
    /// One ended.
    Ended,
    /// One that ran already is watched again.
    Adopted,
    /// One that somebody else runs is watched.
    External,
    /// Given up.
    Failed,
    /// The host left, and Temporal runs on.
    HandedOver,
    /// The host died without leaving, and its watchdog started another.
    HostDied,
}

/// An entry of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub time: jiff::Timestamp,
    /// What.
    pub happened: Happened,
    /// Which generation it is about.
    pub generation: Generation,
    /// Why it ended, or began.
    pub cause: Cause,
    /// More about why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// How long it had been up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_ms: Option<u64>,
    /// How long it took to start or to repair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// Of a repair: see [`LastRestart::downtime_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_ms: Option<u64>,
    /// What that time went to, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// The most resident memory that it was seen to have had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_rss_bytes: Option<u64>,
    /// How many processes, anywhere on the machine, the kernel ended for want of
    /// memory between the last time that all was well and a death by SIGKILL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_kills: Option<u64>,
    /// The first lines of the server's crash dump, where it left one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_words: Vec<String>,
    /// The server's last lines, where it ended unasked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_words: Vec<String>,
    /// Automatic restarts of the home until then, by cause. The newest entry gives the count to a
    /// host that was handed nothing.
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
    /// `seen` (before the time that is told), `stopped` (where that was asked for), `cleaned`,
    /// `waited`, `spawned`, `tcp`, `grpc`, `store`, `engine`.
    pub name: String,
    /// Microseconds.
    pub us: u64,
}

/// An error of the control API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}{}{hint}", if hint.is_empty() { "" } else { "; " })]
pub struct ApiError {
    /// A word for programs.
    pub code: String,
    /// What was tried, on what, and why it failed.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

impl ApiError {
    /// An error.
    pub fn new(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), hint: hint.into() }
    }
}

/// The body of a failed answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The error.
    pub error: ApiError,
}
