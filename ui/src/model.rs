//! The view model: all data on the screen except the log.
//!
//! Times are ages and durations in ms, never points in time, because the crate has no clock.

use crate::loss::{Storage, WorkflowCount};

/// The data that the dashboard draws. The default is the model before the first snapshot of a host.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The host that supervises the server: `this dashboard`, `background host 4711`.
    pub host_label: String,
    /// Home folder, shortened for display: `~/.stigmer`.
    pub home: String,
    /// Whether another process is the host. `false`: this dashboard is the host.
    pub attached: bool,
    /// State of the server.
    pub state: StateView,
    /// Current activity of the supervisor: `restarting in 0.8 s — 2nd try`. Empty if none.
    pub doing: String,
    /// Reason for the state, for example why it is degraded or failed. Empty if there is none.
    pub message: String,
    /// Whether stigmer started or adopted the server. `false`: an external server, which stigmer only watches.
    pub managed: bool,
    /// Whether a host supervises and checks the server. `false`: the host is gone.
    pub watched: bool,
    /// Whether an earlier host started the server.
    pub adopted: bool,
    /// Number of the server process that runs or ran last. Each start gets a new number. 0 if none
    /// ran yet.
    pub generation: u64,
    /// Process ID of the server. `None` if the server does not run.
    pub pid: Option<u32>,
    /// Time for which the server process has run.
    pub uptime_ms: Option<u64>,
    /// Version of the Temporal CLI.
    pub version: Option<String>,
    /// Version of the Temporal server.
    pub server_version: Option<String>,
    /// Address for clients: `127.0.0.1:7233`.
    pub address: Option<String>,
    /// URL of the web UI. `None` if the web UI is off.
    pub ui_url: Option<String>,
    /// Automatic restarts.
    pub restarts: RestartsView,
    /// Latency of the gRPC check.
    pub probe: ProbeView,
    /// The six checks, outermost first: lock, process, tcp, grpc, store, engine.
    pub health: [LayerView; 6],
    /// Usage of the process tree and the database.
    pub resources: ResourcesView,
    /// Set when the supervisor has given up.
    pub failure: Option<FailureView>,
    /// Starts, stops and restarts, newest first.
    pub timeline: Vec<TimelineRow>,
    /// Counts of the namespace of the user. `None` if the counts are not current, because a wrong
    /// number is worse than none.
    pub workflows: Option<Workflows>,
    /// Place of the data of the running server.
    pub storage: Storage,
    /// Known number of workflows in all namespaces, for the dialogs before a stop or a restart. These dialogs
    /// do not wait for a new count.
    pub count: WorkflowCount,
    /// Commands that are available now.
    pub can: Commands,
    /// Whether the user has quit and the dashboard finishes its work. No dialog opens any more.
    pub leaving: bool,
    /// A message for a short time: `copied 3 lines`. The caller removes it.
    pub toast: Option<String>,
}

/// State of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateView {
    /// The server does not run, and no start is requested.
    #[default]
    Stopped,
    /// The server was started and is not ready yet.
    Starting,
    /// All checks that apply to the server pass.
    Ready,
    /// The server runs, with a problem.
    Degraded,
    /// The server stops. Some of its processes still run.
    Stopping,
    /// The server does not run. The next start is scheduled.
    Backoff,
    /// The server does not run, and the supervisor has given up.
    Failed,
}

impl StateView {
    /// Whether the server has become ready and still runs.
    pub(crate) fn is_up(self) -> bool {
        matches!(self, Self::Ready | Self::Degraded)
    }
}

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
    /// Ages in ms of the known restarts, in any order. The time axis marks each of them.
    pub marks: Vec<u64>,
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
    /// Time in ms from the last passed check to the next ready state. `None` if the time is the same as
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
    /// Reason why failures do not lead to a restart. Empty if failures lead to a restart.
    pub no_restart: String,
}

/// When failed checks lead to a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureLimit {
    /// A restart follows after this number of consecutive failures.
    Count(u32),
    /// A restart follows if checks have failed for this time in ms without a passed check.
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

/// Entry of the timeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimelineRow {
    /// Unique number of the entry. Never changes.
    pub id: u64,
    /// Day in at most 6 columns: `Nov 22`. Empty for today.
    pub day: String,
    /// Time of day in at most 8 columns: `21:16:39`.
    pub clock: String,
    /// Generation of the server.
    pub generation: u64,
    /// Kind of the entry, shown as a sign.
    pub kind: TimelineKind,
    /// Description: `crash: signal 9 (SIGKILL) after 12 min`.
    pub what: String,
    /// Outcome: `repaired in 131 ms`, `down for 2.5 s`, `ready in 212 ms (new database)`. Empty until it is known.
    pub recovery: String,
    /// Phases of the start or the restart, in order.
    pub phases: Vec<Phase>,
    /// Last log lines of a generation that did not exit normally, oldest first.
    pub last_words: Vec<String>,
}

impl TimelineRow {
    /// Returns the day and the time: `Nov 22 21:16:39`. For an entry of today, only the time.
    pub(crate) fn when(&self) -> String {
        let gap = if self.day.is_empty() { "" } else { " " };
        format!("{}{gap}{}", self.day, self.clock)
    }

    /// Returns the whole entry as text. Each line ends with a line feed.
    pub(crate) fn plain(&self) -> String {
        let Self { generation, what, recovery, .. } = self;
        let mut text = format!("{} generation {generation}: {what}\n", self.when());
        if !recovery.is_empty() {
            text += &format!("  {recovery}\n");
        }
        for phase in &self.phases {
            text += &format!("  {:<8} {} ms\n", phase.name, phase.ms);
        }
        for line in &self.last_words {
            text += &format!("  | {line}\n");
        }
        text
    }
}

/// Kind of a timeline entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimelineKind {
    /// The server was started.
    #[default]
    Start,
    /// The server was stopped.
    Stop,
    /// The server exited or hung, and was restarted.
    Restart,
    /// The supervisor gave up.
    GaveUp,
}

/// Phase of a start or a restart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Phase {
    /// Name: `seen`, `stopped`, `cleaned`, `waited`, `spawned`, `tcp`, `grpc`, `store` or `engine`.
    pub name: String,
    /// Duration.
    pub ms: u64,
}

/// Counts of one namespace, from the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workflows {
    /// Name of the namespace.
    pub namespace: String,
    /// Number of open workflows.
    pub running: u64,
    /// Number of workflows that failed or timed out, and that the server still has. Terminated
    /// workflows do not count.
    pub failed: u64,
    /// Task queues that have tasks and no worker.
    pub unserved: Vec<UnservedQueue>,
}

/// A task queue that has tasks and no worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnservedQueue {
    /// Name of the queue.
    pub name: String,
    /// Number of waiting tasks.
    pub waiting: u64,
}

/// Commands that are available now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// Start, key `s`.
    pub start: bool,
    /// Stop, key `x`.
    pub stop: bool,
    /// Restart, key `r`.
    pub restart: bool,
    /// Hand-over to a background host, key `b`.
    pub background: bool,
}

impl Model {
    /// Whether the numbers are current: the server runs, and a host checks the server. Otherwise the numbers
    /// are the last known ones.
    pub(crate) fn is_live(&self) -> bool {
        match self.state {
            _ if !self.watched => false,
            StateView::Starting | StateView::Ready | StateView::Degraded | StateView::Stopping => {
                true
            }
            StateView::Stopped | StateView::Backoff | StateView::Failed => false,
        }
    }
}

impl Default for Model {
    fn default() -> Self {
        Self {
            host_label: String::new(),
            home: String::new(),
            attached: false,
            state: StateView::default(),
            doing: String::new(),
            message: String::new(),
            managed: true,
            watched: true,
            adopted: false,
            generation: 0,
            pid: None,
            uptime_ms: None,
            version: None,
            server_version: None,
            address: None,
            ui_url: None,
            restarts: RestartsView::default(),
            probe: ProbeView::default(),
            health: ["lock", "process", "tcp", "grpc", "store", "engine"]
                .map(|name| LayerView { name: name.into(), ..LayerView::default() }),
            resources: ResourcesView::default(),
            failure: None,
            timeline: Vec::new(),
            workflows: None,
            storage: Storage::default(),
            count: WorkflowCount::default(),
            can: Commands::default(),
            leaving: false,
            toast: None,
        }
    }
}
