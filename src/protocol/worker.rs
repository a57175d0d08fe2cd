//! Workers of the developer that stigmer did not start, as `GET /v1/workers` returns them.

use super::later::known;
use serde::{Deserialize, Serialize};

/// The response of `GET /v1/workers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerList {
    /// Always [`super::SCHEMA`].
    pub schema: u32,
    /// Age of the oldest list behind the workers, in milliseconds. `None` until the server was
    /// sampled.
    pub as_of_ms: Option<u64>,
    /// Why workers may be missing. `None` if the list is complete.
    #[serde(default)]
    pub unknown: Option<String>,
    /// The workers: those that poll first, then those that ended.
    #[serde(deserialize_with = "known")]
    pub workers: Vec<Worker>,
}

/// A worker of the server. Unknown values are `None`. The strings come from users and their programs
/// and are unchanged, so they must be made harmless before they are printed on a terminal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// The name that the worker gives itself: `PID@HOST` by default. Workers of one process may share
    /// it.
    pub identity: String,
    /// Whether the worker polls.
    pub state: WorkerStatus,
    /// Why the worker counts as ended although its process may run.
    pub cause: Option<String>,
    /// Whether the worker runs on another machine.
    pub is_remote: bool,
    /// Process id on this machine.
    pub pid: Option<i32>,
    /// Command line of the process.
    pub command: Option<String>,
    /// Working folder of the process.
    pub folder: Option<String>,
    /// Name of the worker of a project to which the process belongs. `None` if stigmer did not start the process.
    #[serde(default)]
    pub unit: Option<String>,
    /// CPU usage in percent of one core.
    pub cpu_percent: Option<f64>,
    /// Resident memory in bytes.
    pub rss_bytes: Option<u64>,
    /// Name and version of the SDK.
    pub sdk: Option<String>,
    /// The task queues that the worker polls, or polled before its end.
    pub queues: Vec<PolledQueue>,
    /// Time since the start of the worker, or since its end, in milliseconds.
    pub since_ms: Option<u64>,
    /// Time since the last poll that the server has reported, in milliseconds. An idle worker polls
    /// once a minute.
    pub last_poll_ms: Option<u64>,
}

/// Whether a worker polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerStatus {
    /// The worker polls.
    Polling,
    /// The worker has ended.
    Ended,
}

/// A task queue that a worker polls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PolledQueue {
    /// Namespace of the queue.
    pub namespace: String,
    /// Name of the queue.
    pub name: String,
}
