//! All that a viewer may want to know, kept by the manager and published whole
//! with each change; a reader turns it into ages at the moment it asks.

use super::distributions::Distributions;
use super::hand_over::HandOver;
use crate::config::{Database, Settings};
use crate::log::line::Level;
use crate::process::Pid;
use crate::process::identity::Identity;
use crate::process::record::Record;
use crate::process::usage::Usage;
use crate::protocol::{
    ApiError, DatabaseStatus, Detached, ENTRIES, Entry, HealthStatus, HostStatus, LastRestart,
    Latency, LayerStatus, LogStatus, Mode, NoRestart, RestartStatus, SCHEMA, Snapshot,
    State as StateName, Status, TemporalStatus,
};
pub(super) use crate::supervisor::millis;
use crate::supervisor::{Cause, Generation, Layer, Owner, Remedy, Schedule, State, Want};
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
    pub layers: [LayerFacts; 6],
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
            layers: std::array::from_fn(|_| unknown()),
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
            State::Degraded(_, trouble) => format!("{}: {}", trouble.layer, trouble.detail),
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

    pub(super) fn stopped(&self, note: Option<&str>) -> String {
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
    pub(super) fn refusal(&self, command: &str) -> ApiError {
        ApiError::new(
            "external",
            format!("cannot {command} Temporal: it was started elsewhere, {}", self.not_ours()),
            format!("{command} it where it was started"),
        )
    }

    /// Between two moments in whole milliseconds of the host's own clock, so that
    /// what a viewer counts on by itself is the very age that the host would say.
    fn age(&self, since: Instant, now: Instant) -> u64 {
        let clock = |at: Instant| match at.checked_duration_since(self.host.since) {
            Some(after) => i128::try_from(after.as_millis()).unwrap_or(i128::MAX),
            // An adopted server began before its host.
            None => {
                let before = self.host.since.saturating_duration_since(at);
                -i128::try_from(before.as_nanos().div_ceil(1_000_000)).unwrap_or(i128::MAX)
            }
        };
        u64::try_from(clock(now) - clock(since)).unwrap_or(0)
    }

    /// The status, its ages as of `now`.
    #[must_use]
    pub fn status(&self, now: Instant) -> Status {
        let age = |at: Instant| self.age(at, now);
        let settings = &self.settings;
        Status {
            schema: SCHEMA,
            state: self.state_name(),
            intent: self.want,
            managed: self.is_managed(),
            message: self.message(),
            host: Some(HostStatus {
                pid: self.host.pid,
                mode: self.host.mode,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                uptime_ms: age(self.host.since),
            }),
            temporal: self.server.as_ref().map(|server| self.temporal(server, now)),
            restarts: RestartStatus {
                total: self.restarts.values().sum(),
                in_window: self.schedule.in_window(&settings.policy, now) as u64,
                last: self.last_restart.as_ref().map(|last| LastRestart {
                    cause: last.cause,
                    detail: last.detail.clone(),
                    ago_ms: age(last.at),
                    recovery_ms: last.recovery.map(millis),
                    downtime_ms: last.downtime.map(millis),
                }),
            },
            health: HealthStatus {
                layers: Layer::ALL
                    .iter()
                    .zip(&self.layers)
                    .map(|(name, layer)| LayerStatus {
                        name: *name,
                        ok: layer.ok,
                        latency_us: layer.latency.map(micros),
                        detail: layer.detail.clone(),
                        since_ms: Some(age(layer.since)),
                    })
                    .collect(),
                latency_us: latency(&self.probes),
                consecutive_failures: self.failures,
                no_restart: self.no_restart(),
            },
            log: LogStatus {
                lines: self.log_lines.iter().sum(),
                path: settings.home.temporal_log(),
            },
            options: settings.in_force(),
        }
    }

    fn no_restart(&self) -> Option<NoRestart> {
        match &self.state {
            State::Degraded(_, trouble) if trouble.remedy == Remedy::None => {
                Some(self.detached.map_or(NoRestart::NoHelp, |_| NoRestart::DataLoss))
            }
            State::Degraded(..)
            | State::Stopped { .. }
            | State::Starting(_)
            | State::Ready(_)
            | State::Stopping(_)
            | State::Backoff { .. }
            | State::Failed { .. } => None,
        }
    }

    fn temporal(&self, server: &ServerFacts, now: Instant) -> TemporalStatus {
        let settings = &self.settings;
        let managed = server.owner != Owner::External;
        let pid = server.leader.as_ref().map(|leader| leader.pid).or(server.server);
        TemporalStatus {
            pid,
            // It leads its own session, so the group has its number.
            pgid: server.leader.as_ref().map(|leader| leader.pid),
            server_pid: server.server,
            generation: managed.then_some(server.generation),
            adopted: server.owner == Owner::Adopted,
            address: settings.server_address(),
            ui_url: server.ui_url.clone(),
            version: server.version.clone().or_else(|| {
                let own = server.server_version.as_ref().filter(|_| !managed);
                own.map(|version| format!("server {version}"))
            }),
            server_version: server.server_version.clone(),
            uptime_ms: server.since.map(|since| self.age(since, now)),
            rss_bytes: self.rss.back().copied(),
            cpu_percent: self.cpu.back().copied(),
            database: match &settings.database {
                Database::File(path) if managed => {
                    let (bytes, detached) = (self.database_bytes, self.detached);
                    Some(DatabaseStatus { path: path.clone(), bytes, detached })
                }
                Database::File(_) | Database::Memory => None,
            },
        }
    }

    /// What a viewer draws, its ages as of `now`.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let age = |at: Instant| self.age(at, now);
        Snapshot {
            seq: 0,
            status: self.status(now),
            next_start_ms: match &self.state {
                State::Backoff { until, .. } => Some(self.age(now, *until)),
                State::Failed { retry, .. } => retry.map(|retry| self.age(now, retry)),
                State::Stopped { .. }
                | State::Starting(_)
                | State::Ready(_)
                | State::Degraded(..)
                | State::Stopping(_) => None,
            },
            in_a_row: self.schedule.in_a_row(),
            state_ms: age(self.state_since),
            probes: self.probes.iter().copied().collect(),
            cpu: self.cpu.iter().copied().collect(),
            rss: self.rss.iter().copied().collect(),
            restart_ages_ms: self.marks.iter().map(|at| age(*at)).collect(),
            timeline: self.timeline.iter().cloned().collect(),
            cure: match &self.state {
                State::Failed { failure, .. } => Some(failure.cure.clone()),
                State::Stopped { .. }
                | State::Starting(_)
                | State::Ready(_)
                | State::Degraded(..)
                | State::Stopping(_)
                | State::Backoff { .. } => None,
            },
            last_words: self.last_words.clone(),
        }
    }

    /// Goes on with what the host before this one has counted.
    pub(super) fn resume(&mut self, before: HandOver, now: Instant) {
        let gap = before.age();
        let ago = |ms: u64| now.checked_sub(gap + Duration::from_millis(ms)).unwrap_or(now);
        self.restarts = before.restarts;
        self.last_restart = before.last_restart.map(|last| RestartFacts {
            cause: last.cause,
            detail: last.detail,
            at: ago(last.ago_ms),
            recovery: last.recovery_ms.map(Duration::from_millis),
            downtime: last.downtime_ms.map(Duration::from_millis),
        });
        self.marks = before.marks_ms.into_iter().map(ago).collect();
        self.probes = before.probes.into();
        self.timeline = before.timeline.into();
    }

    pub(super) fn trouble(&mut self, with: &'static str, what: Option<String>) {
        match what {
            Some(what) => self.troubles.insert(with, what),
            None => self.troubles.remove(with),
        };
    }

    pub(super) fn remember_probe(&mut self, latency: Option<u64>) {
        push_bounded(&mut self.probes, latency, PROBES);
    }

    pub(super) fn remember_usage(&mut self, usage: Usage, cpu: Option<f64>, peak: Option<u64>) {
        push_bounded(&mut self.rss, usage.rss_bytes, READINGS);
        self.peak_rss = self.peak_rss.max(peak).max(Some(usage.rss_bytes));
        self.cpu_time = Some(usage.cpu);
        if let Some(cpu) = cpu {
            // Finer than it is shown, it would only be longer on the wire.
            push_bounded(&mut self.cpu, (cpu * 10.0).round() / 10.0, READINGS);
        }
    }

    pub(super) fn remember_entry(&mut self, entry: Entry) {
        push_bounded(&mut self.timeline, Arc::new(entry), ENTRIES);
    }

    pub(super) fn remember_restart(&mut self, restart: RestartFacts) {
        *self.restarts.entry(restart.cause).or_default() += 1;
        push_bounded(&mut self.marks, restart.at, MARKS);
        self.last_restart = Some(restart);
    }

    /// What was measured of a process that is no more.
    pub(super) fn forget_server(&mut self, now: Instant) {
        self.server = None;
        self.detached = None;
        self.rss.clear();
        self.peak_rss = None;
        self.cpu.clear();
        self.cpu_time = None;
        self.failures = 0;
        for layer in &mut self.layers {
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

fn latency(probes: &VecDeque<Option<u64>>) -> Latency {
    let mut sorted: Vec<u64> = probes.iter().copied().flatten().collect();
    sorted.sort_unstable();
    // Nearest rank: the smallest value that so many percent do not exceed.
    let percentile = |percent: usize| {
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied()
    };
    Latency { last: probes.back().copied().flatten(), p50: percentile(50), p99: percentile(99) }
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank_and_failures_do_not_count() {
        let probes: VecDeque<Option<u64>> = (1..=100).map(Some).chain([None]).collect();
        let found = latency(&probes);
        assert_eq!((found.last, found.p50, found.p99), (None, Some(50), Some(99)));
        assert_eq!(latency(&VecDeque::new()), Latency::default());
        let one = latency(&VecDeque::from([Some(7)]));
        assert_eq!((one.last, one.p50, one.p99), (Some(7), Some(7), Some(7)));
    }
}
