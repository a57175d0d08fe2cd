//! The facts: all that a host, the process that supervises the server, knows about the server and
//! itself. The manager of the host updates the facts and publishes all of them after each change. A
//! time is stored as an [`Instant`], and a reader converts it to an age.

mod broadcast;
pub(crate) mod chronicle;
mod dismissals;
mod distributions;
mod hand_over;
mod intent;
mod logged_runs;
pub(crate) mod metrics;
mod phrase;
pub(crate) mod record;
mod restarts;
mod status;
pub(crate) mod timeline;
mod troubles;
mod worker;

pub use broadcast::{BEAT, Latest, Stream};
pub(crate) use broadcast::{Broadcast, Source};
pub use dismissals::{Dismissals, LeftDismissal};
pub use hand_over::HandOver;
pub use intent::{Intent, WorkerIntent};
pub use logged_runs::{LoggedRun, LoggedRunReader, LoggedRuns};
pub use restarts::RestartFacts;
use status::Clock;
pub use troubles::{PartTrouble, Troubles};
pub use worker::{LeftWorker, WorkerFacts};
pub(crate) use worker::{OUTDATED, UNSETTLED};

use crate::config::Settings;
use crate::log::line::Level;
use crate::process::Pid;
use crate::process::identity::Identity;
use crate::process::usage::Usage;
use crate::protocol::{
    ApiError, Detached, ENTRIES, Entry, Mode, PerLayer, START_HINT, State as StateName,
};
pub(crate) use crate::supervisor::millis;
use crate::supervisor::{Cause, Generation, Owner, Schedule, State, StopSignal, UnitKind, Want};
use distributions::Distributions;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the supervisor of the server knows of the server.
pub(crate) const SERVER_KIND: UnitKind = UnitKind {
    unit: Cow::Borrowed("the server"),
    start_hint: Cow::Borrowed(START_HINT),
    stop_signals: &[StopSignal::Terminate],
};

/// The key in [`Facts::troubles`] for this trouble: an earlier host may have left a server, and
/// this host could not search for it.
pub(crate) const UNADOPTED: &str = "server";

/// Number of rounds of checks whose latency is stored: the rounds of five minutes, at one per
/// second.
const PROBES: usize = 300;
/// Number of measurements of memory and CPU usage that are stored.
const READINGS: usize = 120;
/// Number of automatic restarts whose times are stored.
const MARKS: usize = 64;

/// Facts about the host: the process that supervises the server.
#[derive(Debug, Clone)]
pub struct HostFacts {
    /// Process id of the host.
    pub pid: Pid,
    /// How the host runs.
    pub mode: Mode,
    /// When this process became the host.
    pub since: Instant,
}

/// Facts about the running server.
#[derive(Debug, Clone)]
pub struct ServerFacts {
    /// Number of this start of the server.
    pub generation: Generation,
    /// Who started the server: this host, an earlier one, or someone else.
    pub owner: Owner,
    /// The process that stigmer spawned. `None` if someone else started the server.
    pub leader: Option<Identity>,
    /// When the server was started. `None` if someone else started the server.
    pub since: Option<Instant>,
    /// Id of the process that listens on the server's port.
    pub server: Option<Pid>,
    /// Version of the Temporal CLI. `None` if someone else started the server.
    pub version: Option<String>,
    /// Version of the Temporal server. `None` until the server has reported it.
    pub server_version: Option<String>,
    /// Port of the metrics. `None` if unknown.
    pub metrics_port: Option<u16>,
    /// URL of the web UI. If someone else started the server, set only if a process listens on the
    /// usual port of the web UI.
    pub ui_url: Option<String>,
}

/// The result of one check in one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the check passed. `None` if the check does not apply or could not be made.
    pub ok: Option<bool>,
    /// How long the check took.
    pub latency: Duration,
    /// The error that the check found, or a remark. May be empty.
    pub detail: String,
}

/// The latest result of one of the six checks.
#[derive(Debug, Clone)]
pub struct LayerFacts {
    /// Whether the check passed. `None` if the check does not apply, could not be made, or has not
    /// run yet.
    pub ok: Option<bool>,
    /// How long the latest check took.
    pub latency: Option<Duration>,
    /// The error that the check found, or a remark. May be empty.
    pub detail: String,
    /// When `ok` last changed.
    pub since: Instant,
}

/// All that a host knows about the server and itself; see the module documentation.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The options in force.
    pub settings: Arc<Settings>,
    /// Facts about the host.
    pub host: HostFacts,
    /// Whether the user wants the server up or down.
    pub want: Want,
    /// The state of the supervisor.
    pub state: State,
    /// When the current state began.
    pub state_since: Instant,
    /// The automatic restarts that count towards the limit.
    pub schedule: Schedule,
    /// Facts about the running server. `None` if no server runs.
    pub server: Option<ServerFacts>,
    /// Number of the latest start of the server.
    pub generation: Generation,
    /// A message that is shown in addition to the state, for example about a changed version. May
    /// be empty.
    pub note: String,
    /// The parts of the host that do not work: for each, a short key and a message.
    pub troubles: Troubles<&'static str>,
    /// What does not work of the project files, newest first.
    pub broken_projects: Vec<PartTrouble<PathBuf>>,
    /// Number of automatic restarts of this home, by cause.
    pub restarts: BTreeMap<Cause, u64>,
    /// The latest automatic restart.
    pub last_restart: Option<RestartFacts>,
    /// Times of the latest automatic restarts, oldest first.
    pub marks: VecDeque<Instant>,
    /// The latest results of the six checks.
    pub layers: PerLayer<LayerFacts>,
    /// Number of failed rounds of checks in a row.
    pub failures: u32,
    /// Latency of the `grpc` check for each round, in microseconds, oldest first. `None` if the
    /// check failed.
    pub probes: VecDeque<Option<u64>>,
    /// Measurements of the server's resident memory in bytes, oldest first.
    pub rss: VecDeque<u64>,
    /// Peak of the resident memory of the running server, in bytes.
    pub peak_rss: Option<u64>,
    /// Measurements of the server's CPU usage in percent of one core, oldest first.
    pub cpu: VecDeque<f64>,
    /// Size of the database file and its write-ahead log, in bytes.
    pub database_bytes: Option<u64>,
    /// Set if the database file was deleted or replaced while the server has it open.
    pub detached: Option<Detached>,
    /// Entries of the timeline, newest last.
    pub timeline: VecDeque<Arc<Entry>>,
    /// Number of log lines that this host has read since it began to follow the log, by level.
    pub log_lines: [u64; Level::ALL.len()],
    /// Histograms and counters of checks and restarts, for `/metrics`.
    pub distributions: Distributions,
    /// CPU time that all processes of the server have used.
    pub cpu_time: Option<Duration>,
    /// Last log lines of the server process that ended most recently. Empty after the next start
    /// begins.
    pub last_words: Vec<String>,
    /// The problems that users have dismissed.
    pub dismissals: Dismissals,
    /// The workers of all projects, by name.
    pub workers: BTreeMap<String, Arc<WorkerFacts>>,
}

impl Facts {
    /// The facts of a host that has just started.
    #[must_use]
    pub fn new(settings: Arc<Settings>, mode: Mode, schedule: Schedule, now: Instant) -> Self {
        let unknown = || LayerFacts { ok: None, latency: None, detail: String::new(), since: now };
        Self {
            settings,
            host: HostFacts { pid: crate::process::identity::own_pid(), mode, since: now },
            want: Want::Down,
            state: State::Stopped { note: None },
            state_since: now,
            schedule,
            server: None,
            generation: Generation::default(),
            note: String::new(),
            troubles: Troubles::default(),
            broken_projects: Vec::new(),
            restarts: BTreeMap::new(),
            last_restart: None,
            marks: VecDeque::new(),
            layers: PerLayer::from_fn(|_| unknown()),
            failures: 0,
            probes: VecDeque::new(),
            rss: VecDeque::new(),
            peak_rss: None,
            cpu: VecDeque::new(),
            database_bytes: None,
            detached: None,
            timeline: VecDeque::new(),
            log_lines: Default::default(),
            distributions: Distributions::default(),
            cpu_time: None,
            last_words: Vec::new(),
            dismissals: Dismissals::default(),
            workers: BTreeMap::new(),
        }
    }

    /// The name of the state in the status.
    #[must_use]
    pub fn state_name(&self) -> StateName {
        state_name(&self.state)
    }

    /// Whether stigmer manages the server. False for a server that someone else started.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.state.owner() != Some(Owner::External)
    }

    /// Whether stigmer manages a server, or a server of an earlier host may still run that this
    /// host has not found.
    #[must_use]
    pub fn may_have_server(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.owner != Owner::External)
            || self.troubles.contains_key(UNADOPTED)
            || self.workers.values().any(|worker| worker.leader.is_some())
    }

    /// The message of the status: about the state, followed by the note and the troubles of the
    /// host. May be empty.
    #[must_use]
    pub fn message(&self) -> String {
        let said = match &self.state {
            State::Stopped { note } => self.stopped(note.as_deref()),
            State::Starting(starting) if starting.owner == Owner::Adopted => {
                "checking the server that was found running".to_owned()
            }
            State::Starting(starting) if starting.owner == Owner::External => {
                "checking the server that was started elsewhere".to_owned()
            }
            State::Ready(live) if live.owner == Owner::External => {
                format!("not started by stigmer{}", self.known_pid())
            }
            state => phrase::of_state(state, self.want),
        };
        phrase::joined(&said, &self.note, &self.troubles)
    }

    pub(crate) fn stopped(&self, note: Option<&str>) -> String {
        match (note, &self.settings.address) {
            (Some(note), Some(address)) => format!("{note} ({address})"),
            (note, _) => note.unwrap_or_default().to_owned(),
        }
    }

    /// The process id of the server in the form ` (pid N)`, which is appended to a sentence. Empty
    /// if the id is unknown.
    fn known_pid(&self) -> String {
        let pid = self.server.as_ref().and_then(|server| server.server);
        pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
    }

    /// The error of a request to stop or restart a server that someone else started.
    pub(crate) fn refusal(&self, command: &str) -> ApiError {
        ApiError::new(
            "external",
            format!("cannot {command} the server: it was started elsewhere{}", self.known_pid()),
            format!("{command} the server where it was started"),
        )
    }

    pub(crate) fn trouble(&mut self, with: &'static str, what: Option<String>) {
        self.troubles.set(with, what);
    }

    pub(crate) fn remember_probe(&mut self, latency: Option<u64>) {
        push_bounded(&mut self.probes, latency, PROBES);
    }

    pub(crate) fn remember_usage(&mut self, usage: Usage, cpu: Option<f64>, peak: Option<u64>) {
        push_bounded(&mut self.rss, usage.rss_bytes, READINGS);
        self.peak_rss = self.peak_rss.max(peak).max(Some(usage.rss_bytes));
        self.cpu_time = Some(usage.cpu);
        if let Some(cpu) = cpu {
            // The value is shown with one decimal. More decimals would only make each delta longer.
            push_bounded(&mut self.cpu, (cpu * 10.0).round() / 10.0, READINGS);
        }
    }

    pub(crate) fn remember_entry(&mut self, entry: Entry) {
        push_bounded(&mut self.timeline, Arc::new(entry), ENTRIES);
    }

    pub(crate) fn remember_restart(&mut self, restart: RestartFacts) {
        *self.restarts.entry(restart.cause).or_default() += 1;
        push_bounded(&mut self.marks, restart.at, MARKS);
        self.last_restart = Some(restart);
    }

    /// Removes all measurements of a server process that has ended.
    pub(crate) fn forget_server(&mut self, now: Instant) {
        self.server = None;
        self.detached = None;
        self.rss.clear();
        self.peak_rss = None;
        self.cpu.clear();
        self.cpu_time = None;
        self.failures = 0;
        for (_, layer) in self.layers.iter_mut() {
            *layer = LayerFacts { ok: None, latency: None, detail: String::new(), since: now };
        }
    }
}

fn state_name(state: &State) -> StateName {
    match state {
        State::Stopped { .. } => StateName::Stopped,
        State::Starting(_) => StateName::Starting,
        State::Ready(_) => StateName::Ready,
        State::Degraded(..) => StateName::Degraded,
        State::Stopping(_) => StateName::Stopping,
        State::Backoff { .. } => StateName::Backoff,
        State::Failed { .. } => StateName::Failed,
    }
}

fn push_bounded<T>(ring: &mut VecDeque<T>, item: T, bound: usize) {
    if ring.len() == bound {
        ring.pop_front();
    }
    ring.push_back(item);
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
