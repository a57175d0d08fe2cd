//! All that a viewer may want to know, kept by the manager and published whole
//! with each change; a reader turns it into ages at the moment it asks.

mod broadcast;
pub mod chronicle;
mod distributions;
mod hand_over;
mod intent;
pub mod metrics;
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

/// Rounds of probes that are remembered: five minutes at one a second.
const PROBES: usize = 300;
/// Readings of memory and processor time.
const READINGS: usize = 120;
/// Marks on the time axis of restarts.
const MARKS: usize = 64;

/// Who hosts.
#[derive(Debug, Clone)]
pub struct HostFacts {
    /// Our process.
    pub pid: Pid,
    /// How we run.
    pub mode: Mode,
    /// Since when.
    pub since: Instant,
}

/// The server that runs, as far as it is known.
#[derive(Debug, Clone)]
pub struct ServerFacts {
    /// Which generation.
    pub generation: Generation,
    /// Whose.
    pub owner: Owner,
    /// The process that was spawned; none for somebody else's.
    pub leader: Option<Identity>,
    /// What its record says; none for somebody else's.
    pub record: Option<Arc<Record>>,
    /// Since when it runs; none for somebody else's.
    pub since: Option<Instant>,
    /// The process that owns the socket.
    pub server: Option<Pid>,
    /// The CLI's version; none for somebody else's.
    pub version: Option<String>,
    /// The server's own version, once it has been asked.
    pub server_version: Option<String>,
    /// The web UI: ours, or what listens where somebody else's would be.
    pub ui_url: Option<String>,
}

/// One layer in one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Passed; none where it does not apply.
    pub ok: Option<bool>,
    /// How long the answer took.
    pub latency: Duration,
    /// What there is to say.
    pub detail: String,
}

/// A layer's verdict.
#[derive(Debug, Clone)]
pub struct LayerFacts {
    /// Passed; none where it does not apply or was not reached.
    pub ok: Option<bool>,
    /// Of the latest answer.
    pub latency: Option<Duration>,
    /// What there is to say.
    pub detail: String,
    /// Since when the verdict is this.
    pub since: Instant,
}

/// The latest automatic restart.
#[derive(Debug, Clone)]
pub struct RestartFacts {
    /// Why.
    pub cause: Cause,
    /// More about why.
    pub detail: String,
    /// When the old process ended, or the verdict fell.
    pub at: Instant,
    /// Until ready again.
    pub recovery: Option<Duration>,
    /// Since the last passed check, until ready again.
    pub downtime: Option<Duration>,
}

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct Facts {
    /// What was asked for.
    pub settings: Arc<Settings>,
    /// Who hosts.
    pub host: HostFacts,
    /// What the operator wants.
    pub want: Want,
    /// What is.
    pub state: State,
    /// Since when.
    pub state_since: Instant,
    /// The restart window.
    pub schedule: Schedule,
    /// The server.
    pub server: Option<ServerFacts>,
    /// The last generation that there was.
    pub generation: Generation,
    /// What there is to say beside the state, such as a changed version.
    pub note: String,
    /// What of the host's own does not work, by what it is.
    pub troubles: BTreeMap<&'static str, String>,
    /// Automatic restarts by cause.
    pub restarts: BTreeMap<Cause, u64>,
    /// The latest of them.
    pub last_restart: Option<RestartFacts>,
    /// When they were.
    pub marks: VecDeque<Instant>,
    /// One per layer.
    pub layers: PerLayer<LayerFacts>,
    /// Failed rounds in a row.
    pub failures: u32,
    /// Microseconds of the grpc layer, oldest first; none is a failure.
    pub probes: VecDeque<Option<u64>>,
    /// Resident bytes, oldest first.
    pub rss: VecDeque<u64>,
    /// The most resident bytes of the server that runs.
    pub peak_rss: Option<u64>,
    /// Percent of a core, oldest first.
    pub cpu: VecDeque<f64>,
    /// Size of the database with its write-ahead log.
    pub database_bytes: Option<u64>,
    /// How the database's path has lost the file that the server has open.
    pub detached: Option<Detached>,
    /// Newest last.
    pub timeline: VecDeque<Arc<Entry>>,
    /// Lines of Temporal's log since the host follows it, by level.
    pub log_lines: [u64; Level::ALL.len()],
    /// What is kept of many probes and repairs.
    pub distributions: Distributions,
    /// Processor time of the instance, in all.
    pub cpu_time: Option<Duration>,
    /// What the server said last, where it was given up.
    pub last_words: Vec<String>,
}

impl Facts {
    /// Nothing has happened yet.
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

    /// False for a Temporal that somebody else runs.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.state.owner() != Some(Owner::External)
    }

    /// What there is to say about the state.
    #[must_use]
    pub fn message(&self) -> String {
        let said = match &self.state {
            State::Stopped { note } => self.stopped(note.as_deref()),
            State::Starting(starting) => match starting.owner {
                Owner::Spawned if starting.cause == Cause::Operator => String::new(),
                Owner::Spawned => format!("after {}: {}", starting.cause, starting.detail),
                Owner::Adopted => "checking the Temporal that was found running".to_owned(),
                Owner::External => "checking the Temporal that somebody else runs".to_owned(),
            },
            State::Ready(live) if live.owner == Owner::External => self.not_ours(),
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

    /// Whose the server is, where stigmer did not start it.
    fn not_ours(&self) -> String {
        let pid = self.server.as_ref().and_then(|server| server.server);
        let pid = pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
        format!("not started by stigmer{pid}")
    }

    /// Why the server of someone else is not stopped or restarted.
    pub(crate) fn refusal(&self, command: &str) -> ApiError {
        ApiError::new(
            "external",
            format!("cannot {command} Temporal: it was started elsewhere, {}", self.not_ours()),
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

    /// What was measured of a process that is no more.
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
