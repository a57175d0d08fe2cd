//! The server: restarts, checks, usage, and the explanation of a failure.

/// Automatic restarts: the total, and the number within the time window of the restart limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RestartsView {
    /// Number of automatic restarts by all hosts of this home.
    pub total: u64,
    /// Number within the time window.
    pub in_window: u32,
    /// Limit of restarts within the time window. `None` if unknown.
    pub limit: Option<RestartLimit>,
    /// The latest automatic restart.
    pub last: Option<LastRestart>,
}

/// Limit of automatic restarts within a time window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestartLimit {
    /// Number of restarts that the window allows. Instead of one more restart, the supervisor gives
    /// up.
    pub max: u32,
    /// Length of the window.
    pub window_ms: u64,
}

/// The latest automatic restart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LastRestart {
    /// Cause in one word: `crash`, `unresponsive`.
    pub cause: String,
    /// Detail of the cause: `signal 9 (SIGKILL)`.
    pub detail: String,
    /// Age of the restart in ms.
    pub ago_ms: u64,
    /// Time in ms from the exit of the old process to the next ready state. `None` while the server
    /// is not ready.
    pub recovery_ms: Option<u64>,
    /// Time in ms from the last passed check to the next ready state. `None` if equal to
    /// `recovery_ms`.
    pub downtime_ms: Option<u64>,
}

/// Latency of the gRPC check, and its recent history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeView {
    /// Latest latency in µs.
    pub last_us: Option<u64>,
    /// Median in µs.
    pub p50_us: Option<u64>,
    /// 99th percentile in µs.
    pub p99_us: Option<u64>,
    /// Recent checks, oldest first.
    pub history: Vec<ProbePoint>,
    /// Time between two checks. `None` if unknown.
    pub period_ms: Option<u64>,
    /// When failures lead to a restart. `None` if unknown.
    pub limit: Option<FailureLimit>,
    /// Number of consecutive failures so far.
    pub consecutive_failures: u32,
    /// Reason why failures do not lead to a restart. Empty if they lead to one.
    pub no_restart: String,
}

/// When failed checks lead to a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureLimit {
    /// After this number of consecutive failures.
    Count(u32),
    /// After consecutive failures for this time in ms.
    Span(u64),
}

/// Result of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbePoint {
    /// Response after this number of µs.
    Ok(u64),
    /// No response, or a failed check.
    Failed,
}

/// Result of one of the six checks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerView {
    /// Name of the check: `lock`, `process`, `tcp`, `grpc`, `store` or `engine`.
    pub name: String,
    /// Whether the check passes. `None` if it does not apply or has not run yet.
    pub ok: Option<bool>,
    /// Duration of the latest check in µs.
    pub latency_us: Option<u64>,
    /// Reason of a failure, or reason why the check does not apply.
    pub detail: String,
    /// Age of the current verdict (passed or failed) in ms.
    pub since_ms: Option<u64>,
}

/// Usage of all processes of the server, and size of the database file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourcesView {
    /// CPU usage; 100 is one core.
    pub cpu_percent: Option<f32>,
    /// Recent CPU usage, oldest first.
    pub cpu_history: Vec<f32>,
    /// Resident memory in bytes.
    pub rss_bytes: Option<u64>,
    /// Recent resident memory, oldest first.
    pub rss_history: Vec<u64>,
    /// Path of the database file, shortened for display.
    pub db_path: Option<String>,
    /// Size of the database file and its journal in bytes.
    pub db_bytes: Option<u64>,
}

/// Explanation of the failed state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FailureView {
    /// Cause in one sentence.
    pub cause: String,
    /// Last log lines of the server, oldest first.
    pub last_words: Vec<String>,
    /// Possible next steps. `s  try again`: a key of one or two columns, two spaces, and its effect.
    pub hints: Vec<String>,
}
