//! Data that one process sends to another: the status, the snapshot that viewers draw, and the
//! timeline. A later version only adds keys and never removes a key. Times are ages in
//! milliseconds. Only the timeline has wall-clock times, because it remains when all processes have
//! ended.

mod delta;
mod entry;
mod error;
mod event;
mod later;
mod layer;
mod problem;
mod project_worker;
#[cfg(test)]
pub(crate) mod tests;
mod worker;

pub use delta::{Change, Delta, ENTRIES, Grown};
pub use entry::{Entry, Happened, Phase, with_exit_code};
pub use error::{ApiError, ErrorBody};
pub use event::{Event, Fresh, Hello, PROTOCOL};
pub(crate) use later::known;
pub use layer::{Layer, PerLayer};
pub use problem::{
    DISMISSED_MAX, FIRST_SAMPLES, OTHERS, Problem, ProblemKind, ProblemList, Severity, WorkflowRef,
};
pub use project_worker::{Outdated, ProjectWorker, WorkerUsage, line_with_cause};
pub use worker::{PolledQueue, Worker, WorkerList, WorkerStatus};

use crate::config::EffectiveOptions;
use crate::supervisor::{Cause, Generation, Want};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// Version of the format of [`Status`].
pub const SCHEMA: u32 = 1;

/// The hint for a failure that lasts until the operator starts the server.
pub const START_HINT: &str = "start the server with `stigmer local`";

/// The state of the server, or of a worker of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No process runs, and no start is scheduled.
    Stopped,
    /// The server is starting.
    Starting,
    /// The server runs, and all checks that apply pass.
    Ready,
    /// The server runs, and a check fails.
    Degraded,
    /// The server is being stopped.
    Stopping,
    /// No process runs; the next start is scheduled.
    Backoff,
    /// No process runs, and the supervisor has given up or waits for a missing resource.
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

    /// The name of the state in JSON.
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

    /// Whether the server runs and has been ready: [`State::Ready`] or [`State::Degraded`].
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

/// How a host process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// In the background, detached from every terminal.
    Background,
    /// As a part of a dashboard.
    Tui,
    /// In the foreground, with `--no-tui`: the host prints lines.
    Headless,
    /// A mode that this version does not know. A host of a later version sent it.
    #[serde(other)]
    Other,
}

impl Mode {
    /// The name of the mode in JSON.
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

/// The status of server and host, as `status --json` and `GET /v1/status` return it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// State of the server.
    pub state: State,
    /// Whether the user wants the server up or down.
    pub intent: Want,
    /// Whether stigmer manages the server. False for a server that someone else started.
    pub managed: bool,
    /// A message about the state. May be empty.
    pub message: String,
    /// The host process, or `None` if no host runs.
    pub host: Option<HostStatus>,
    /// The server, or `None` if no server runs.
    pub temporal: Option<TemporalStatus>,
    /// Counts of automatic restarts.
    pub restarts: RestartStatus,
    /// Results of the six checks.
    pub health: HealthStatus,
    /// The log of the server.
    pub log: LogStatus,
    /// The options in force, by name.
    #[serde(default)]
    pub options: EffectiveOptions,
    /// The project files that cannot be used, and those whose namespaces cannot be made, newest first.
    #[serde(default)]
    pub broken_projects: Vec<BrokenProject>,
    /// The workers of all projects of this home, by name.
    #[serde(default, deserialize_with = "known")]
    pub workers: Vec<ProjectWorker>,
}

/// A project file that cannot be used, or whose namespaces cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenProject {
    /// Path of the file.
    pub file: PathBuf,
    /// What does not work.
    pub reason: String,
    /// Time since it does not work, in milliseconds.
    pub since_ms: u64,
}

/// The host: the process that supervises the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStatus {
    /// Process id of the host.
    pub pid: i32,
    /// How the host runs.
    pub mode: Mode,
    /// Version of stigmer.
    pub version: String,
    /// Time since the process became the host, in milliseconds.
    pub uptime_ms: u64,
}

/// The server: its processes, addresses, versions and resources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemporalStatus {
    /// Id of the process that stigmer spawned, or of the process that listens on the port if
    /// someone else started the server. `None` if that process is not visible.
    pub pid: Option<i32>,
    /// Process group of the server. `None` for a server that someone else started.
    pub pgid: Option<i32>,
    /// Id of the process that listens on the server's port. It may be a child of `pid`.
    pub server_pid: Option<i32>,
    /// Number of this start of the server. `None` if someone else started the server.
    pub generation: Option<Generation>,
    /// Whether an earlier host of this home started the server, and this host took it over.
    pub adopted: bool,
    /// `HOST:PORT` of the gRPC frontend.
    pub address: String,
    /// URL of the web UI. `None` if the server runs without a web UI.
    pub ui_url: Option<String>,
    /// Version of the Temporal CLI. If unknown, the text that [`Self::version_of_server`] returns.
    pub version: Option<String>,
    /// Version of the Temporal server, as the server reports it. `None` until the server has
    /// responded.
    #[serde(default)]
    pub server_version: Option<String>,
    /// Time since the start of the server process, in milliseconds.
    pub uptime_ms: Option<u64>,
    /// Resident memory of all processes of the server, in bytes.
    pub rss_bytes: Option<u64>,
    /// CPU time of all processes of the server, in percent of one core.
    pub cpu_percent: Option<f64>,
    /// The database file. `None` if the database is in memory, or if someone else started the
    /// server.
    pub database: Option<DatabaseStatus>,
}

impl TemporalStatus {
    /// The value of `version` if only the version of the server is known.
    #[must_use]
    pub fn version_of_server(version: &str) -> String {
        format!("server {version}")
    }

    /// Version of the Temporal CLI. `None` if `version` is the version of the server.
    #[must_use]
    pub fn cli_version(&self) -> Option<&str> {
        let server = self.server_version.as_deref().map(Self::version_of_server);
        self.version.as_deref().filter(|version| server.as_deref() != Some(*version))
    }
}

/// The database file of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseStatus {
    /// Path of the file.
    pub path: PathBuf,
    /// Size of the file and its write-ahead log, in bytes.
    pub bytes: Option<u64>,
    /// Set if the file was deleted or replaced while the server has it open. When the server ends,
    /// all data in that file is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detached: Option<Detached>,
}

/// What happened to the path of a database file that a server has open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Detached {
    /// There is no file at the path.
    Deleted,
    /// There is another file at the path.
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

/// Why stigmer does not restart a server whose checks fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoRestart {
    /// A restart would lose data that only the running server has.
    DataLoss,
    /// A restart would not help, for example because the disk is full.
    #[serde(other)]
    NoHelp,
}

/// Counts of automatic restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartStatus {
    /// All automatic restarts of this home, including those by earlier hosts as far as the timeline
    /// shows them.
    pub total: u64,
    /// Automatic restarts within `restart-window`. If there are more than `max-restarts`, stigmer
    /// gives up. If a host got no state from the previous host, its count starts at zero.
    pub in_window: u64,
    /// The most recent automatic restart.
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
    /// Time since the restart began, in milliseconds.
    pub ago_ms: u64,
    /// Time from the end of the old process, or from the decision to kill it, until the new server
    /// was ready, in milliseconds. `None` while the restart is in progress.
    pub recovery_ms: Option<u64>,
    /// Time from the last passed round of checks until the new server was ready, in milliseconds.
    /// If the old server was healthy until its end, the time from that end instead. The time
    /// includes failed restarts, and the time in which the old server hung. `None` while the
    /// restart is in progress.
    #[serde(default)]
    pub downtime_ms: Option<u64>,
}

/// Results of the checks of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthStatus {
    /// Results of all six checks, in the order of the checks.
    #[serde(deserialize_with = "known")]
    pub layers: Vec<LayerStatus>,
    /// Latency of the `grpc` check.
    pub latency_us: Latency,
    /// Number of failed rounds of checks in a row.
    pub consecutive_failures: u32,
    /// Why the failed checks do not lead to a restart. `None` if they lead to a restart, or if no
    /// check fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_restart: Option<NoRestart>,
}

/// Result of one of the six checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerStatus {
    /// Name of the check.
    pub name: Layer,
    /// Whether the check passed. `None` if the check does not apply to this server, or has not run
    /// yet.
    pub ok: Option<bool>,
    /// Duration of the check, in microseconds.
    pub latency_us: Option<u64>,
    /// The error that the check found, or a remark. May be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Time since `ok` last changed, in milliseconds.
    #[serde(default)]
    pub since_ms: Option<u64>,
}

/// Latencies of the `grpc` check in the rounds of [`Snapshot::probes`], in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Latency of the latest round.
    pub last: Option<u64>,
    /// The median of the successful checks.
    pub p50: Option<u64>,
    /// The 99th percentile of the successful checks.
    pub p99: Option<u64>,
}

/// The log of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogStatus {
    /// Number of lines that this host has read since it began to follow the log.
    pub lines: u64,
    /// Path of the log file.
    pub path: PathBuf,
}

/// The data that a viewer draws: the status and its history.
///
/// A new field in this type or in [`Status`] needs two things: a default, because a host of an
/// earlier version does not send the field; and a [`Change`] that updates the field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Number of the latest delta that is included in this snapshot.
    #[serde(default)]
    pub seq: u64,
    /// The status.
    pub status: Status,
    /// In the states backoff and failed: time until the next start, in milliseconds. `None` if no
    /// start is scheduled.
    pub next_start_ms: Option<u64>,
    /// Number of automatic restarts since the server was last stable.
    pub in_a_row: u32,
    /// Time since the state began, in milliseconds.
    pub state_ms: u64,
    /// Latency of the `grpc` check for each round, in microseconds, oldest first. `None` if the
    /// check failed.
    pub probes: Vec<Option<u64>>,
    /// CPU usage of the server in percent of one core, oldest first.
    pub cpu: Vec<f64>,
    /// Resident memory of the server in bytes, oldest first.
    pub rss: Vec<u64>,
    /// Ages of the automatic restarts in milliseconds, oldest first.
    pub restart_ages_ms: Vec<u64>,
    /// Entries of the timeline, newest last.
    #[serde(deserialize_with = "known")]
    pub timeline: Vec<Arc<Entry>>,
    /// In the state failed: what the user can do. In JSON the key is `cure`, because protocol 1
    /// defines this name.
    #[serde(rename = "cure")]
    pub hint: Option<String>,
    /// Last log lines of the server process that ended most recently. Empty after the next start
    /// begins.
    pub last_words: Vec<String>,
}
