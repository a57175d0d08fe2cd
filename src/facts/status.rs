//! Converts the facts to a status and to a snapshot. Ages are relative to the time of the
//! conversion.

use super::{Facts, ServerFacts, micros, phrase, restarts};
use crate::config::Database;
use crate::protocol::{
    BrokenProject, DatabaseStatus, HealthStatus, HostStatus, Latency, LayerStatus, LogStatus,
    NoRestart, SCHEMA, Snapshot, Status, TemporalStatus,
};
use crate::supervisor::{Owner, RestartHelps, State, Want};
use std::collections::VecDeque;
use std::time::Instant;

/// The uptime of the host as a clock. Contains the time at which the host began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(pub(super) Instant);

impl Clock {
    /// The age of `since` at `now`, in milliseconds. The age is the difference of two uptimes of
    /// the host, each rounded to whole milliseconds. So a viewer that adds the time since the
    /// snapshot gets the same age as the host.
    pub(super) fn age(&self, since: Instant, now: Instant) -> u64 {
        let clock = |at: Instant| match at.checked_duration_since(self.0) {
            Some(after) => i128::try_from(after.as_millis()).unwrap_or(i128::MAX),
            // `since` is before the start of this host. An example is the start of an adopted
            // server.
            None => {
                let before = self.0.saturating_duration_since(at);
                -i128::try_from(before.as_nanos().div_ceil(1_000_000)).unwrap_or(i128::MAX)
            }
        };
        u64::try_from(clock(now) - clock(since)).unwrap_or(0)
    }

    /// Time until the next start of a unit in this state, in milliseconds.
    pub(super) fn next_start(&self, state: &State, want: Want, now: Instant) -> Option<u64> {
        match state {
            State::Backoff { until, .. } => Some(self.age(now, *until)),
            // If the user wants the unit down, the next attempt is a search, and not a start.
            State::Failed { retry, .. } => {
                retry.filter(|_| want == Want::Up).map(|retry| self.age(now, retry))
            }
            State::Stopped { .. }
            | State::Starting(_)
            | State::Ready(_)
            | State::Degraded(..)
            | State::Stopping(_) => None,
        }
    }
}

impl Facts {
    fn age(&self, since: Instant, now: Instant) -> u64 {
        Clock(self.host.since).age(since, now)
    }

    /// Creates the status. Ages are relative to `now`.
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
            restarts: restarts::status(
                &self.restarts,
                (&self.schedule, &settings.policy, now),
                self.last_restart.as_ref(),
                age,
            ),
            health: HealthStatus {
                layers: self
                    .layers
                    .iter()
                    .map(|(name, layer)| LayerStatus {
                        name,
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
            broken_projects: self
                .broken_projects
                .iter()
                .map(|trouble| BrokenProject {
                    file: trouble.part.clone(),
                    reason: trouble.message.clone(),
                    since_ms: age(trouble.since),
                })
                .collect(),
            workers: self
                .workers
                .values()
                .map(|worker| worker.status(&Clock(self.host.since), now))
                .collect(),
        }
    }

    fn no_restart(&self) -> Option<NoRestart> {
        match &self.state {
            State::Degraded(_, degradation) if degradation.restart_helps == RestartHelps::No => {
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
            // The spawned process leads its process group, so the group has the same number.
            pgid: server.leader.as_ref().map(|leader| leader.pid),
            server_pid: server.server,
            generation: managed.then_some(server.generation),
            adopted: server.owner == Owner::Adopted,
            address: settings.server_address(),
            ui_url: server.ui_url.clone(),
            version: server.version.clone().or_else(|| {
                let own = server.server_version.as_ref().filter(|_| !managed);
                own.map(|version| TemporalStatus::version_of_server(version))
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

    /// Creates the snapshot for viewers. Ages are relative to `now`.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let age = |at: Instant| self.age(at, now);
        Snapshot {
            seq: 0,
            status: self.status(now),
            next_start_ms: Clock(self.host.since).next_start(&self.state, self.want, now),
            in_a_row: self.schedule.in_a_row(),
            state_ms: age(self.state_since),
            probes: self.probes.iter().copied().collect(),
            cpu: self.cpu.iter().copied().collect(),
            rss: self.rss.iter().copied().collect(),
            restart_ages_ms: self.marks.iter().map(|at| age(*at)).collect(),
            timeline: self.timeline.iter().cloned().collect(),
            hint: phrase::hint(&self.state),
            last_words: self.last_words.clone(),
        }
    }
}

fn latency(probes: &VecDeque<Option<u64>>) -> Latency {
    let mut sorted: Vec<u64> = probes.iter().copied().flatten().collect();
    sorted.sort_unstable();
    // Nearest-rank method: the smallest value such that at least `percent` percent of the values
    // are not greater.
    let percentile = |percent: usize| {
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied()
    };
    Latency { last: probes.back().copied().flatten(), p50: percentile(50), p99: percentile(99) }
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
