//! The facts about server and host. The manager updates them and publishes them as a whole with each
//! change. Times are moments; a reader converts them to ages when it reads.

mod broadcast;
pub(crate) mod chronicle;
mod distributions;
mod hand_over;
mod intent;
pub(crate) mod metrics;
mod status;
pub(crate) mod timeline;

pub use broadcast::{BEAT, Latest, Stream};
pub(crate) use broadcast::{Broadcast, Source};
pub use hand_over::HandOver;
pub use intent::Intent;

use crate::config::Settings;
use crate::log::line::Level;
use crate::process::Pid;
use crate::process::identity::Identity;
use crate::process::record::Record;
use crate::process::usage::Usage;
use crate::protocol::{ApiError, Detached, ENTRIES, Entry, Mode, State as StateName};
pub(crate) use crate::supervisor::millis;
use crate::supervisor::{Cause, Generation, Owner, PerLayer, Schedule, State, Want};
use distributions::Distributions;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The trouble of a host that does not know whether an earlier host left a server.
pub(crate) const UNADOPTED: &str = "server";

/// Rounds of probes that are remembered: five minutes at one a second.
const PROBES: usize = 300;
/// Readings of memory and processor time.
const READINGS: usize = 120;
/// Marks on the time axis of restarts.
const MARKS: usize = 64;

/// The host.
#[derive(Debug, Clone)]
pub struct HostFacts {
    /// Its process.
    pub pid: Pid,
    /// The kind of host.
    pub mode: Mode,
    /// When it became the host.
    pub since: Instant,
}

/// The server that runs, as far as it is known.
#[derive(Debug, Clone)]
pub struct ServerFacts {
    /// Its generation.
    pub generation: Generation,
    /// Who started it.
    pub owner: Owner,
    /// The spawned process. `None` for an external server.
    pub leader: Option<Identity>,
    /// Its record. `None` for an external server.
    pub record: Option<Arc<Record>>,
    /// When it started. `None` for an external server.
    pub since: Option<Instant>,
    /// The process that owns the socket.
    pub server: Option<Pid>,
    /// Version of the CLI. `None` for an external server.
    pub version: Option<String>,
    /// Version of the server, once it is known.
    pub server_version: Option<String>,
    /// URL of the web UI. For an external server: of the listener on the usual port.
    pub ui_url: Option<String>,
}

/// One layer in one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the check passed. `None` where it does not apply.
    pub ok: Option<bool>,
    /// How long the answer took.
    pub latency: Duration,
    /// A message; may be empty.
    pub detail: String,
}

/// The verdict about a layer, with its age.
#[derive(Debug, Clone)]
pub struct LayerFacts {
    /// Whether the check passed. `None` where it does not apply or was not reached.
    pub ok: Option<bool>,
    /// Of the latest answer.
    pub latency: Option<Duration>,
    /// A message; may be empty.
    pub detail: String,
    /// When the verdict last changed.
    pub since: Instant,
}

/// The latest automatic restart.
#[derive(Debug, Clone)]
pub struct RestartFacts {
    /// The cause.
    pub cause: Cause,
    /// More about the cause.
    pub detail: String,
    /// When the old process ended, or when the verdict was reached.
    pub at: Instant,
    /// From then until the server was ready again.
    pub recovery: Option<Duration>,
    /// From the last passed check until the server was ready again.
    pub downtime: Option<Duration>,
}

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The options of the host.
    pub settings: Arc<Settings>,
    /// The host.
    pub host: HostFacts,
    /// What the operator wants.
    pub want: Want,
    /// State of the supervisor.
    pub state: State,
    /// When the state began.
    pub state_since: Instant,
    /// The restart window.
    pub schedule: Schedule,
    /// The server.
    pub server: Option<ServerFacts>,
    /// The latest generation.
    pub generation: Generation,
    /// A message in addition to the state, such as a changed version.
    pub note: String,
    /// Parts of the host that do not work, with a message each.
    pub troubles: BTreeMap<&'static str, String>,
    /// Automatic restarts by cause.
    pub restarts: BTreeMap<Cause, u64>,
    /// The latest of them.
    pub last_restart: Option<RestartFacts>,
    /// When the automatic restarts happened.
    pub marks: VecDeque<Instant>,
    /// The checks.
    pub layers: PerLayer<LayerFacts>,
    /// Number of failed rounds in a row.
    pub failures: u32,
    /// Latencies of the grpc layer in microseconds, oldest first. `None` is a failure.
    pub probes: VecDeque<Option<u64>>,
    /// Resident memory in bytes, oldest first.
    pub rss: VecDeque<u64>,
    /// Peak of the resident memory of the running server, in bytes.
    pub peak_rss: Option<u64>,
    /// CPU usage in percent of one core, oldest first.
    pub cpu: VecDeque<f64>,
    /// Size of the database with its write-ahead log.
    pub database_bytes: Option<u64>,
    /// How the database's path has lost the file that the server has open.
    pub detached: Option<Detached>,
    /// Entries of the timeline, newest last.
    pub timeline: VecDeque<Arc<Entry>>,
    /// Lines of Temporal's log since the host follows it, by level.
    pub log_lines: [u64; Level::ALL.len()],
    /// Histograms and counters of probes and repairs.
    pub distributions: Distributions,
    /// Total processor time of the instance.
    pub cpu_time: Option<Duration>,
    /// Last log lines of the server, in the state failed.
    pub last_words: Vec<String>,
}

impl Facts {
    /// The facts of a host that starts.
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
            troubles: BTreeMap::new(),
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
        }
    }

    /// The state in one word.
    #[must_use]
    pub fn state_name(&self) -> StateName {
        match self.state {
            State::Stopped { .. } => StateName::Stopped,
            State::Starting(_) => StateName::Starting,
            State::Ready(_) => StateName::Ready,
            State::Degraded(..) => StateName::Degraded,
            State::Stopping(_) => StateName::Stopping,
            State::Backoff { .. } => StateName::Backoff,
            State::Failed { .. } => StateName::Failed,
        }
    }

    /// False for an external server.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.state.owner() != Some(Owner::External)
    }

    /// Whether stigmer manages a server, or an earlier host may have left one.
    #[must_use]
    pub fn may_have_server(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.owner != Owner::External)
            || self.troubles.contains_key(UNADOPTED)
    }

    /// The message about the state, with the notes and the troubles of the host.
    #[must_use]
    pub fn message(&self) -> String {
        let said = match &self.state {
            State::Stopped { note } => self.stopped(note.as_deref()),
            State::Starting(starting) => match starting.owner {
                Owner::Spawned if starting.cause == Cause::Operator => String::new(),
                Owner::Spawned => format!("after {}: {}", starting.cause, starting.detail),
                Owner::Adopted => "checking the server that was found running".to_owned(),
                Owner::External => "checking the server that someone else runs".to_owned(),
            },
            State::Ready(live) if live.owner == Owner::External => {
                format!("not started by stigmer{}", self.known_pid())
            }
            State::Ready(_) => String::new(),
            State::Degraded(_, degradation) => {
                format!("{}: {}", degradation.layer, degradation.detail)
            }
            State::Stopping(stopping) => match (self.want, stopping.cause) {
                (Want::Up, Cause::Operator) => "stopping, then restart".to_owned(),
                (Want::Up, cause) => {
                    format!("ending it, then restart ({cause}: {})", stopping.detail)
                }
                (Want::Down, _) => String::new(),
            },
            State::Backoff { cause, detail, .. } => format!("after {cause}: {detail}"),
            State::Failed { failure, .. } => failure.reason.clone(),
        };
        let parts = [&said, &self.note].into_iter().chain(self.troubles.values());
        let parts: Vec<&str> = parts.map(String::as_str).filter(|part| !part.is_empty()).collect();
        parts.join(" · ")
    }

    pub(crate) fn stopped(&self, note: Option<&str>) -> String {
        match (note, &self.settings.address) {
            (Some(note), Some(address)) => format!("{note} ({address})"),
            (note, _) => note.unwrap_or_default().to_owned(),
        }
    }

    /// The process of the server, in parentheses after a space. Empty if it is unknown.
    fn known_pid(&self) -> String {
        let pid = self.server.as_ref().and_then(|server| server.server);
        pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
    }

    /// The error of a stop or restart of an external server.
    pub(crate) fn refusal(&self, command: &str) -> ApiError {
        ApiError::new(
            "external",
            format!("cannot {command} the server: it was started elsewhere{}", self.known_pid()),
            format!("{command} it where it was started"),
        )
    }

    pub(crate) fn trouble(&mut self, with: &'static str, what: Option<String>) {
        match what {
            Some(what) => self.troubles.insert(with, what),
            None => self.troubles.remove(with),
        };
    }

    pub(crate) fn remember_probe(&mut self, latency: Option<u64>) {
        push_bounded(&mut self.probes, latency, PROBES);
    }

    pub(crate) fn remember_usage(&mut self, usage: Usage, cpu: Option<f64>, peak: Option<u64>) {
        push_bounded(&mut self.rss, usage.rss_bytes, READINGS);
        self.peak_rss = self.peak_rss.max(peak).max(Some(usage.rss_bytes));
        self.cpu_time = Some(usage.cpu);
        if let Some(cpu) = cpu {
            // Finer than it is shown, it would only be longer on the wire.
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

    /// Removes what was measured of a process that has ended.
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

fn push_bounded<T>(ring: &mut VecDeque<T>, item: T, bound: usize) {
    if ring.len() == bound {
        ring.pop_front();
    }
    ring.push_back(item);
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
