//! Differences between two snapshots.
//!
//! A viewer that applies each delta to its previous snapshot has the same snapshot as the host. The
//! ages are the same too, because each age is a whole number of milliseconds on one clock, the
//! uptime of the host.

mod difference;

use super::{
    BrokenProject, Entry, Latency, LayerStatus, NoRestart, ProjectWorker, RestartStatus, Snapshot,
    State, TemporalStatus, WorkerUsage, known,
};
use crate::config::EffectiveOptions;
use crate::supervisor::Want;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Maximum number of timeline entries in a snapshot.
pub const ENTRIES: usize = 100;

/// The changes since the previous delta. A delta without changes shows that the host is alive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// Number of the delta: one more than the number of the previous delta or snapshot.
    pub seq: u64,
    /// Uptime of the host when it created the delta, in milliseconds. The ages in the delta are
    /// relative to this time.
    pub at_ms: u64,
    /// The changes, in the order in which they must be applied.
    #[serde(deserialize_with = "known_changes")]
    pub changes: Vec<Change>,
}

/// Deserializes changes. A timeline entry of an unknown kind becomes [`Change::Unknown`]. Any other
/// unknown value is an error, because a viewer without that change would show outdated data.
fn known_changes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Change>, D::Error> {
    let all = Vec::<Value>::deserialize(from)?;
    let read = |change: Value| match Change::deserialize(&change) {
        Err(_) if change["kind"] == "entry" => Ok(Change::Unknown),
        read => read.map_err(Error::custom),
    };
    all.into_iter().map(read).collect()
}

/// A change of one part of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// A change of the state, or of the values that describe it.
    State {
        /// State of the server.
        state: State,
        /// Whether the user wants the server up or down.
        intent: Want,
        /// Whether stigmer manages the server. False for a server that someone else started.
        managed: bool,
        /// A message about the state.
        message: String,
        /// Time since the state began, in milliseconds.
        state_ms: u64,
        /// Time until the next scheduled start, in milliseconds.
        next_start_ms: Option<u64>,
        /// Number of automatic restarts since the server was last stable.
        in_a_row: u32,
        /// In the state failed: what the user can do. In JSON the key is `cure`, because protocol 1
        /// defines this name.
        #[serde(rename = "cure")]
        hint: Option<String>,
        /// Last log lines of the server process that ended most recently.
        last_words: Vec<String>,
    },
    /// Another server, no server any more, or new data about the same server. If only values of
    /// [`Self::Resources`] change, this change is not sent.
    Temporal {
        /// All data about the server. `None` if no server runs.
        temporal: Option<TemporalStatus>,
    },
    /// A change of the automatic restarts.
    Restarts {
        /// Counts and the latest restart.
        #[serde(flatten)]
        restarts: RestartStatus,
        /// Ages of the automatic restarts in milliseconds, oldest first.
        ages_ms: Vec<u64>,
    },
    /// The results of a round of checks.
    Probe {
        /// The checks whose result has changed, with their results.
        #[serde(deserialize_with = "known")]
        layers: Vec<LayerStatus>,
        /// Latency of the `grpc` check.
        latency_us: Latency,
        /// Number of failed rounds of checks in a row.
        consecutive_failures: u32,
        /// Why the failed checks do not lead to a restart.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        no_restart: Option<NoRestart>,
        /// Growth of [`Snapshot::probes`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<Grown<Option<u64>>>,
    },
    /// Resource usage of all processes of the server.
    Resources {
        /// Resident memory in bytes.
        rss_bytes: Option<u64>,
        /// CPU usage in percent of one core.
        cpu_percent: Option<f64>,
        /// Size of the database file and its write-ahead log, in bytes.
        database_bytes: Option<u64>,
        /// Growth of [`Snapshot::rss`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rss: Option<Grown<u64>>,
        /// Growth of [`Snapshot::cpu`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cpu: Option<Grown<f64>>,
    },
    /// A new entry of the timeline.
    Entry(Arc<Entry>),
    /// New lines in the log of the server.
    Log {
        /// Number of lines that the host has read since it began to follow the log.
        lines: u64,
    },
    /// A change of the options in force.
    Options {
        /// All options in force, by name.
        options: EffectiveOptions,
    },
    /// Another project file that cannot be used, or none any more.
    BrokenProjects {
        /// All such files, newest first.
        projects: Vec<BrokenProject>,
    },
    /// A new worker of a project, or new data about a known one. If only values of
    /// [`Self::WorkerUsage`] change, this change is not sent.
    Worker(Box<ProjectWorker>),
    /// Resource usage of a worker of a project.
    WorkerUsage(WorkerUsage),
    /// A worker that is no longer part of a project.
    WorkerRemoved {
        /// Name of the worker.
        name: String,
    },
    /// A change that this version of stigmer does not know, from a host of a later version.
    /// Applying it has no effect.
    #[serde(other)]
    Unknown,
}

/// Growth of a series of bounded length: how many of the old values remain, and which values
/// follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grown<T> {
    /// Number of old values that remain. The oldest values are dropped.
    pub kept: usize,
    /// New values, oldest first.
    pub more: Vec<T>,
}

impl<T: Clone + PartialEq> Grown<T> {
    fn between(old: &[T], new: &[T]) -> Option<Self> {
        if old == new {
            return None;
        }
        let kept = (0..=old.len().min(new.len()))
            .rev()
            .find(|kept| old[old.len() - kept..] == new[..*kept])
            .unwrap_or(0);
        Some(Self { kept, more: new[kept..].to_vec() })
    }

    fn apply(&self, series: &mut Vec<T>) {
        series.drain(..series.len().saturating_sub(self.kept));
        series.extend_from_slice(&self.more);
    }
}

impl Snapshot {
    /// Applies a delta to this snapshot.
    pub fn apply(&mut self, delta: &Delta) {
        self.grow_older(delta.at_ms.saturating_sub(self.at_ms()));
        for change in &delta.changes {
            self.change(change);
        }
        self.seq = delta.seq;
    }

    fn change(&mut self, change: &Change) {
        let status = &mut self.status;
        match change {
            Change::State {
                state,
                intent,
                managed,
                message,
                state_ms,
                next_start_ms,
                in_a_row,
                hint,
                last_words,
            } => {
                status.state = *state;
                status.intent = *intent;
                status.managed = *managed;
                status.message.clone_from(message);
                self.state_ms = *state_ms;
                self.next_start_ms = *next_start_ms;
                self.in_a_row = *in_a_row;
                self.hint.clone_from(hint);
                self.last_words.clone_from(last_words);
            }
            Change::Temporal { temporal } => status.temporal.clone_from(temporal),
            Change::Restarts { restarts, ages_ms } => {
                status.restarts.clone_from(restarts);
                self.restart_ages_ms.clone_from(ages_ms);
            }
            Change::Probe { layers, latency_us, consecutive_failures, no_restart, history } => {
                let health = &mut status.health;
                for layer in layers {
                    match health.layers.iter_mut().find(|known| known.name == layer.name) {
                        Some(known) => known.clone_from(layer),
                        None => health.layers.push(layer.clone()),
                    }
                }
                health.latency_us = *latency_us;
                health.consecutive_failures = *consecutive_failures;
                health.no_restart = *no_restart;
                if let Some(grown) = history {
                    grown.apply(&mut self.probes);
                }
            }
            Change::Resources { rss_bytes, cpu_percent, database_bytes, rss, cpu } => {
                if let Some(temporal) = &mut status.temporal {
                    temporal.rss_bytes = *rss_bytes;
                    temporal.cpu_percent = *cpu_percent;
                    if let Some(database) = &mut temporal.database {
                        database.bytes = *database_bytes;
                    }
                }
                if let Some(grown) = rss {
                    grown.apply(&mut self.rss);
                }
                if let Some(grown) = cpu {
                    grown.apply(&mut self.cpu);
                }
            }
            Change::Entry(entry) => {
                self.timeline.push(entry.clone());
                let over = self.timeline.len().saturating_sub(ENTRIES);
                self.timeline.drain(..over);
            }
            Change::Log { lines } => status.log.lines = *lines,
            Change::BrokenProjects { projects } => status.broken_projects.clone_from(projects),
            Change::Options { options } => status.options.clone_from(options),
            Change::Worker(worker) => {
                let place = status.workers.binary_search_by(|it| it.name.cmp(&worker.name));
                match place {
                    Ok(place) => status.workers[place].clone_from(worker),
                    Err(place) => status.workers.insert(place, (**worker).clone()),
                }
            }
            Change::WorkerUsage(usage) => {
                let found = status.workers.iter_mut().find(|worker| worker.name == usage.name);
                found.into_iter().for_each(|worker| usage.apply(worker));
            }
            Change::WorkerRemoved { name } => status.workers.retain(|it| it.name != *name),
            Change::Unknown => {}
        }
    }

    /// Uptime of the host in milliseconds. All ages in the snapshot are relative to this time.
    #[must_use]
    pub fn at_ms(&self) -> u64 {
        self.status.host.as_ref().map_or(0, |host| host.uptime_ms)
    }

    /// Advances all ages by `ms` milliseconds.
    pub fn grow_older(&mut self, ms: u64) {
        let Self { status, next_start_ms, state_ms, restart_ages_ms, .. } = self;
        let uptimes = status
            .host
            .iter_mut()
            .map(|host| &mut host.uptime_ms)
            .chain(status.temporal.iter_mut().filter_map(|it| it.uptime_ms.as_mut()));
        let layers = status.health.layers.iter_mut().filter_map(|layer| layer.since_ms.as_mut());
        let last = status.restarts.last.iter_mut().map(|last| &mut last.ago_ms);
        let broken = status.broken_projects.iter_mut().map(|it| &mut it.since_ms);
        let ages = uptimes.chain(layers).chain(last).chain(broken).chain(restart_ages_ms);
        for age in ages.chain(Some(state_ms)) {
            *age = age.saturating_add(ms);
        }
        if let Some(left) = next_start_ms {
            *left = left.saturating_sub(ms);
        }
        status.workers.iter_mut().for_each(|worker| worker.grow_older(ms));
    }
}
