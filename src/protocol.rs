//! Data that crosses a process boundary: the status, the snapshot that viewers draw, and the
//! timeline. Keys are only added. Times are ages, never wall clocks, except in the timeline, which
//! outlives every process.

mod delta;
mod entry;
mod error;
mod event;
mod later;
#[cfg(test)]
pub(crate) mod tests;

pub use delta::{Change, Delta, ENTRIES, Grown};
pub use entry::{Entry, Happened, Phase};
pub use error::{ApiError, ErrorBody};
pub use event::{Event, Fresh, Hello, PROTOCOL};
pub(crate) use later::known;

use crate::config::EffectiveOptions;
use crate::supervisor::{Cause, Generation, Layer, Want};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// Version of the format of [`Status`].
pub const SCHEMA: u32 = 1;

/// The state of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No process runs, and no start is scheduled.
    Stopped,
    /// The server starts.
    Starting,
    /// All layers that apply pass.
    Ready,
    /// The server runs, and a check fails.
    Degraded,
    /// The server stops.
    Stopping,
    /// No process runs; the next start is scheduled.
    Backoff,
    /// The supervisor has given up.
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

    /// The name in JSON.
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

    /// Whether workers can use the server.
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
    /// Part of the dashboard.
    Tui,
    /// In the foreground; prints lines.
    Headless,
    /// A mode of a later version.
    #[serde(other)]
    Other,
}

impl Mode {
    /// The name in JSON.
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
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// State of the server.
    pub state: State,
    /// The operator's intent.
    pub intent: Want,
    /// False for an external server.
    pub managed: bool,
    /// A message about the state. May be empty.
    pub message: String,
    /// The host, or `None` if none runs.
    pub host: Option<HostStatus>,
    /// The server, or `None` if none runs.
    pub temporal: Option<TemporalStatus>,
    /// Counts of automatic restarts.
    pub restarts: RestartStatus,
    /// Results of the six layers.
    pub health: HealthStatus,
    /// Log of the server.
    pub log: LogStatus,
    /// The options in force, by name.
    #[serde(default)]
    pub options: EffectiveOptions,
}

/// A host process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStatus {
    /// Process id of the host.
    pub pid: i32,
    /// How the host runs.
    pub mode: Mode,
    /// Version of stigmer.
    pub version: String,
    /// Age of the host, in milliseconds.
    pub uptime_ms: u64,
}

/// A server process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemporalStatus {
    /// The process that was spawned. `None` if the process of an external server is not visible.
    pub pid: Option<i32>,
    /// Process group of the server.
    pub pgid: Option<i32>,
    /// The process that owns the listening socket.
    pub server_pid: Option<i32>,
    /// Generation of the server. `None` if it is external.
    pub generation: Option<Generation>,
    /// Whether an earlier host of this home spawned it.
    pub adopted: bool,
    /// `HOST:PORT` of the gRPC frontend.
    pub address: String,
    /// URL of the web UI. `None` with `--headless`.
    pub ui_url: Option<String>,
    /// Version of the CLI, or of the server if that of the CLI is unknown.
    pub version: Option<String>,
    /// Version that the server itself reports. `None` until it has responded.
    #[serde(default)]
    pub server_version: Option<String>,
    /// Time since the spawn, in milliseconds.
    pub uptime_ms: Option<u64>,
    /// Resident memory of the instance.
    pub rss_bytes: Option<u64>,
    /// CPU time of the instance, in percent of one core.
    pub cpu_percent: Option<f64>,
    /// Database of the server. `None` in memory.
    pub database: Option<DatabaseStatus>,
}

impl TemporalStatus {
    /// The value of `version` if the version of the CLI is unknown.
    #[must_use]
    pub fn version_of_server(version: &str) -> String {
        format!("server {version}")
    }

    /// Version of the CLI, if known.
    #[must_use]
    pub fn cli_version(&self) -> Option<&str> {
        let server = self.server_version.as_deref().map(Self::version_of_server);
        self.version.as_deref().filter(|version| server.as_deref() != Some(*version))
    }
}

/// A database file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseStatus {
    /// Path of the file.
    pub path: PathBuf,
    /// Size of the file and its write-ahead log.
    pub bytes: Option<u64>,
    /// Set if the path no longer leads to the file that the server has open. The end of the server
    /// then loses its data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detached: Option<Detached>,
}

/// What happened to the file at the path of an open database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Detached {
    /// There is no file.
    Deleted,
    /// There is another file.
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

/// Why failing checks do not lead to a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoRestart {
    /// It would lose data that only the running server has.
    DataLoss,
    /// It would not help: the disk is full, for example.
    #[serde(other)]
    NoHelp,
}

/// Counts of automatic restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartStatus {
    /// All automatic restarts of this home, by all hosts, as far as the timeline goes back.
    pub total: u64,
    /// Restarts that count towards the limit. A host without a hand-over starts at zero.
    pub in_window: u64,
    /// The most recent restart.
    #[serde(default, deserialize_with = "later::if_known")]
    pub last: Option<LastRestart>,
}

/// An automatic restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRestart {
    /// Why the server was restarted.
    pub cause: Cause,
    /// Details of the cause.
    pub detail: String,
    /// Time since the start of the restart, in milliseconds.
    pub ago_ms: u64,
    /// Time from the end of the old process, or from the decision to kill it, to ready. `None`
    /// while the restart is in progress.
    pub recovery_ms: Option<u64>,
    /// Time from the last passed check, or from the end of a healthy server, to ready. It includes
    /// a freeze and failed restarts. `None` while the restart is in progress.
    #[serde(default)]
    pub downtime_ms: Option<u64>,
}

/// Results of all layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthStatus {
    /// All six layers, lowest first.
    #[serde(deserialize_with = "known")]
    pub layers: Vec<LayerStatus>,
    /// Latency of the grpc layer.
    pub latency_us: Latency,
    /// Number of failed rounds in a row.
    pub consecutive_failures: u32,
    /// Why the failures do not lead to a restart. Absent if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_restart: Option<NoRestart>,
}

/// Result of one layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerStatus {
    /// Name of the layer.
    pub name: Layer,
    /// Whether the check passed. `None` if it does not apply or was not reached.
    pub ok: Option<bool>,
    /// Duration of the check.
    pub latency_us: Option<u64>,
    /// The observed error or remark.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Age of this result, in milliseconds.
    #[serde(default)]
    pub since_ms: Option<u64>,
}

/// Latencies of the last rounds, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Latency of the latest round.
    pub last: Option<u64>,
    /// The median.
    pub p50: Option<u64>,
    /// The 99th percentile.
    pub p99: Option<u64>,
}

/// The log of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogStatus {
    /// Number of lines since the host began to follow the log.
    pub lines: u64,
    /// Path of the log.
    pub path: PathBuf,
}

/// The data that a viewer draws: the status and its history. A new field here or in [`Status`]
/// needs a default, for hosts that do not send it, and a [`Change`] that updates it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Number of the latest delta that it includes.
    #[serde(default)]
    pub seq: u64,
    /// The status.
    pub status: Status,
    /// Time until the next start in backoff, in milliseconds.
    pub next_start_ms: Option<u64>,
    /// Number of automatic restarts in a row.
    pub in_a_row: u32,
    /// Age of the state, in milliseconds.
    pub state_ms: u64,
    /// Latency of the grpc layer per round, oldest first. `None` is a failure.
    pub probes: Vec<Option<u64>>,
    /// CPU usage in percent of one core, oldest first.
    pub cpu: Vec<f64>,
    /// Resident memory in bytes, oldest first.
    pub rss: Vec<u64>,
    /// Ages of automatic restarts, oldest first.
    pub restart_ages_ms: Vec<u64>,
    /// Entries of the timeline, newest last.
    #[serde(deserialize_with = "known")]
    pub timeline: Vec<Arc<Entry>>,
    /// What the user can do, in the state failed. Protocol 1 has it as `cure`.
    #[serde(rename = "cure")]
    pub hint: Option<String>,
    /// Last log lines of the server, in the state failed.
    pub last_words: Vec<String>,
}
