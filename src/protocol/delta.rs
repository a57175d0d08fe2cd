//! What has changed between two snapshots. A viewer that applies each delta to
//! the snapshot before it has the host's own snapshot, ages included: all ages
//! count whole milliseconds of one clock, the host's uptime.

mod difference;

use super::{
    Entry, Latency, LayerStatus, NoRestart, RestartStatus, Snapshot, State, TemporalStatus, known,
};
use crate::supervisor::Want;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Entries of the timeline that a snapshot holds.
pub const ENTRIES: usize = 100;

/// What has changed since the delta before, or nothing: then it is a beat that
/// says that the host lives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// One more than the delta before, or than the snapshot.
    pub seq: u64,
    /// The host's uptime: what the ages in it are as of.
    pub at_ms: u64,
    /// In the order in which they are applied.
    #[serde(deserialize_with = "known_changes")]
    pub changes: Vec<Change>,
}

/// The changes without entries of a later version. Another change that is not understood is an error: a viewer that
/// skipped it would show an old state.
fn known_changes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Change>, D::Error> {
    let all = Vec::<Value>::deserialize(from)?;
    let read = |change: Value| match Change::deserialize(&change) {
        Err(_) if change["kind"] == "entry" => Ok(Change::Unknown),
        read => read.map_err(Error::custom),
    };
    all.into_iter().map(read).collect()
}

/// A change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// The state, or what is said about it.
    State {
        /// What is.
        state: State,
        /// What the operator wants.
        intent: Want,
        /// False for a Temporal that somebody else runs.
        managed: bool,
        /// What there is to say about the state.
        message: String,
        /// Since it began.
        state_ms: u64,
        /// Until the next spawn, in backoff.
        next_start_ms: Option<u64>,
        /// Which restart in a row this is.
        in_a_row: u32,
        /// Where given up: what to do.
        cure: Option<String>,
        /// Where given up: the server's last words.
        last_words: Vec<String>,
    },
    /// Another server, none, or more known of it.
    Temporal {
        /// All that is known.
        temporal: Option<TemporalStatus>,
    },
    /// Automatic restarts.
    Restarts {
        /// How many, and the latest.
        #[serde(flatten)]
        restarts: RestartStatus,
        /// Their ages, oldest first.
        ages_ms: Vec<u64>,
    },
    /// The result of a round of probes.
    Probe {
        /// Those of which something has changed.
        #[serde(deserialize_with = "known")]
        layers: Vec<LayerStatus>,
        /// Of the grpc layer.
        latency_us: Latency,
        /// Rounds in a row.
        consecutive_failures: u32,
        /// Why they lead to no restart.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        no_restart: Option<NoRestart>,
        /// Latency of the grpc layer per round.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<Grown<Option<u64>>>,
    },
    /// What the instance costs.
    Resources {
        /// Resident bytes.
        rss_bytes: Option<u64>,
        /// Percent of a core.
        cpu_percent: Option<f64>,
        /// Of the database, with its write-ahead log.
        database_bytes: Option<u64>,
        /// Resident bytes over time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rss: Option<Grown<u64>>,
        /// Percent of a core over time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cpu: Option<Grown<f64>>,
    },
    /// Something happened.
    Entry(Arc<Entry>),
    /// Lines were written to Temporal's log.
    Log {
        /// Since the host began to follow it.
        lines: u64,
    },
    /// Other options are in force.
    Options {
        /// All of them, by name.
        options: Map<String, Value>,
    },
    /// Of a later version: says nothing here.
    #[serde(other)]
    Unknown,
}

/// How a bounded series has grown: of the old one the last `kept` stay, and
/// these follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grown<T> {
    /// How many of the old ones stay.
    pub kept: usize,
    /// What follows them.
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
    /// What is after this delta.
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
                cure,
                last_words,
            } => {
                status.state = *state;
                status.intent = *intent;
                status.managed = *managed;
                status.message.clone_from(message);
                self.state_ms = *state_ms;
                self.next_start_ms = *next_start_ms;
                self.in_a_row = *in_a_row;
                self.cure.clone_from(cure);
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
            Change::Options { options } => status.options.clone_from(options),
            Change::Unknown => {}
        }
    }

    /// The host's uptime that its ages are as of.
    #[must_use]
    pub fn at_ms(&self) -> u64 {
        self.status.host.as_ref().map_or(0, |host| host.uptime_ms)
    }

    /// So much time has passed, and nothing else has happened.
    pub fn grow_older(&mut self, ms: u64) {
        let Self { status, next_start_ms, state_ms, restart_ages_ms, .. } = self;
        let uptimes = status
            .host
            .iter_mut()
            .map(|host| &mut host.uptime_ms)
            .chain(status.temporal.iter_mut().filter_map(|it| it.uptime_ms.as_mut()));
        let layers = status.health.layers.iter_mut().filter_map(|layer| layer.since_ms.as_mut());
        let last = status.restarts.last.iter_mut().map(|last| &mut last.ago_ms);
        for age in uptimes.chain(layers).chain(last).chain(restart_ages_ms).chain(Some(state_ms)) {
            *age = age.saturating_add(ms);
        }
        if let Some(left) = next_start_ms {
            *left = left.saturating_sub(ms);
        }
    }
}
