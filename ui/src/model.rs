//! The view model: everything the screen shows except the log, as plain data.
//!
//! Ages and durations are given as such, never as points in time: the crate has no clock.

use crate::loss::{Count, Storage};

/// What the dashboard draws. `Default` is a host that has not said anything yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Who supervises: "this dashboard", "background host 4711".
    pub host_label: String,
    /// The home, shortened for display (`~/.stigmer`).
    pub home: String,
    /// This dashboard only watches another process that hosts the supervisor.
    pub attached: bool,
    /// What Temporal is doing.
    pub state: StateView,
    /// What the supervisor does now: "restarting in 0.8 s — 2nd try". Empty when nothing.
    pub doing: String,
    /// What the operator should know: why it is degraded, or why it failed. Empty when nothing.
    pub message: String,
    /// We spawned or adopted it; `false`: somebody else runs it and we only watch.
    pub managed: bool,
    /// Somebody supervises and probes it; `false`: its host is gone.
    pub watched: bool,
    /// It was spawned by an earlier host.
    pub adopted: bool,
    /// Number of the Temporal that runs or ran last; 0: none yet.
    pub generation: u64,
    /// Process id of the leader while there is one.
    pub pid: Option<u32>,
    /// How long this generation has run.
    pub uptime_ms: Option<u64>,
    /// Version of the Temporal command line program.
    pub version: Option<String>,
    /// Version of the server itself.
    pub server_version: Option<String>,
    /// Where clients connect: `127.0.0.1:7233`.
    pub address: Option<String>,
    /// The web UI, absent when it is off.
    pub ui_url: Option<String>,
    /// Automatic restarts.
    pub restarts: RestartsView,
    /// Latency of the grpc layer.
    pub probe: ProbeView,
    /// The six probe layers, outermost first.
    pub health: [LayerView; 6],
    /// What the process tree and the database use.
    pub resources: ResourcesView,
    /// Present when the supervisor has given up.
    pub failure: Option<FailureView>,
    /// Starts, stops and repairs, newest first.
    pub timeline: Vec<TimelineRow>,
    /// What the user's workflows do. Absent while nobody knows: no figure is better than a wrong one.
    pub workflows: Option<Workflows>,
    /// Where the data of the server is that runs.
    pub storage: Storage,
    /// What is known of its workflows in all namespaces: for the questions that are asked before it is
    /// ended, which must not wait for an answer.
    pub count: Count,
    /// Which commands work now.
    pub can: Commands,
    /// The operator has quit, and what has to be done before that is under way: no question is asked any more.
    pub leaving: bool,
    /// A short-lived word to the operator: "copied 3 lines". The caller takes it away again.
    pub toast: Option<String>,
}

/// The states of contract.md, section 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateView {
    /// Nothing runs and nobody wants it to.
    #[default]
    Stopped,
    /// Spawned, does not answer yet.
    Starting,
    /// Every layer that applies passes.
    Ready,
    /// Runs, but something is wrong that a restart would not cure.
    Degraded,
    /// Being stopped.
    Stopping,
    /// Down; the next spawn waits.
    Backoff,
    /// Given up.
    Failed,
}

impl StateView {
    /// Whether it answers, well or not.
    pub(crate) fn is_up(self) -> bool {
        matches!(self, Self::Ready | Self::Degraded)
    }
}

/// Automatic restarts, in all and within the window that bounds them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RestartsView {
    /// All automatic restarts of the home, whichever host made them.
    pub total: u64,
    /// Those within the window.
    pub in_window: u32,
    /// One more than this within the window means giving up.
    pub max: u32,
    /// Length of the window.
    pub window_ms: u64,
    /// The latest one.
    pub last: Option<LastRestart>,
    /// Age of each restart that is remembered, for the time axis. Any order.
    pub marks: Vec<u64>,
}

/// The latest automatic restart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LastRestart {
    /// One word: `crash`, `unresponsive`.
    pub cause: String,
    /// More about it: "signal 9 (SIGKILL)".
    pub detail: String,
    /// How long ago.
    pub ago_ms: u64,
    /// From the end of the old process to ready again; absent while not ready yet.
    pub recovery_ms: Option<u64>,
    /// Since the last passed check; absent where that is the same.
    pub downtime_ms: Option<u64>,
}

/// The grpc layer's latency and its recent history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeView {
    /// Latest answer, µs.
    pub last_us: Option<u64>,
    /// Median, µs.
    pub p50_us: Option<u64>,
    /// 99th percentile, µs.
    pub p99_us: Option<u64>,
    /// Oldest first.
    pub history: Vec<ProbePoint>,
    /// Time between probes.
    pub period_ms: u64,
    /// So many failures in a row end the generation.
    pub failure_threshold: u32,
    /// They must also go on for so long; 0: their number decides.
    pub failure_span_ms: u64,
    /// Failures in a row until now.
    pub consecutive_failures: u32,
    /// Why failures lead to no restart; empty: they do.
    pub no_restart: String,
}

/// One probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbePoint {
    /// Answered after so many µs.
    Ok(u64),
    /// Did not pass.
    Failed,
}

/// One probe layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerView {
    /// `lock`, `process`, `tcp`, `grpc`, `store`, `engine`.
    pub name: String,
    /// The verdict; `None`: does not count, or not asked yet.
    pub ok: Option<bool>,
    /// How long the answer took, µs.
    pub latency_us: Option<u64>,
    /// Why it failed, or why it does not count.
    pub detail: String,
    /// For how long the verdict has stood.
    pub since_ms: Option<u64>,
}

/// Sums over the processes of the instance, and the database file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourcesView {
    /// 100 is one core.
    pub cpu_percent: Option<f32>,
    /// Oldest first.
    pub cpu_history: Vec<f32>,
    /// Resident memory.
    pub rss_bytes: Option<u64>,
    /// Oldest first.
    pub rss_history: Vec<u64>,
    /// Database file, shortened for display.
    pub db_path: Option<String>,
    /// Its size with journal.
    pub db_bytes: Option<u64>,
}

/// Why the supervisor has given up, and what helps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FailureView {
    /// One sentence.
    pub cause: String,
    /// The last lines that Temporal wrote, oldest first.
    pub last_words: Vec<String>,
    /// One remedy a line. A key at the beginning, two spaces after it, is shown as a key.
    pub cure: Vec<String>,
}

/// One entry of the timeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimelineRow {
    /// Which entry: no other has this, and it stays, whatever comes or goes before and after it.
    pub id: u64,
    /// On which day, as text of at most 6 columns: `Nov 22`; empty: today.
    pub day: String,
    /// When, as text of at most 8 columns: `21:16:39`.
    pub clock: String,
    /// Which Temporal.
    pub generation: u64,
    /// How it went, for the sign in front.
    pub kind: TimelineKind,
    /// "crash: signal 9 (SIGKILL) after 12 min".
    pub what: String,
    /// "repaired in 131 ms", "down for 2.5 s", "ready in 212 ms (new database)"; empty while under way.
    pub recovery: String,
    /// What the time went into, in order.
    pub phases: Vec<Phase>,
    /// Last lines of a generation that ended badly, oldest first.
    pub last_words: Vec<String>,
}

impl TimelineRow {
    /// `Nov 22 21:16:39`, and today without the day.
    pub(crate) fn when(&self) -> String {
        let gap = if self.day.is_empty() { "" } else { " " };
        format!("{}{gap}{}", self.day, self.clock)
    }

    /// All of it as text, each line with a line end.
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

/// What sort of thing happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimelineKind {
    /// Somebody started it.
    #[default]
    Start,
    /// Somebody stopped it.
    Stop,
    /// It ended or hung and was restarted.
    Restart,
    /// Given up.
    GaveUp,
}

/// One phase of a start or a repair.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Phase {
    /// `seen`, `stopped`, `cleaned`, `waited`, `spawned`, `tcp`, `grpc`, `store`, `engine`.
    pub name: String,
    /// Its duration.
    pub ms: u64,
}

/// What runs on this Temporal, as its own counts say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workflows {
    /// Where they were counted: `default`.
    pub namespace: String,
    /// Open now.
    pub running: u64,
    /// Closed as failed, timed out or terminated, as far as they are still kept.
    pub failed: u64,
    /// Task queues that have work and nobody who takes it.
    pub unserved: Vec<UnservedQueue>,
}

/// A task queue with work but no worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnservedQueue {
    /// Its name.
    pub name: String,
    /// Tasks that wait in it.
    pub waiting: u64,
}

/// Which commands would do something now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// `s`
    pub start: bool,
    /// `x`
    pub stop: bool,
    /// `r`
    pub restart: bool,
    /// Quitting may leave a background host behind.
    pub background: bool,
}

impl Model {
    /// There is a process that the figures are about, and somebody who measures it. Otherwise they are
    /// those of before.
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
            count: Count::default(),
            can: Commands::default(),
            leaving: false,
            toast: None,
        }
    }
}
