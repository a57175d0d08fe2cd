//! Creates the entries of the timeline. For a start or a repair (an automatic restart), measures
//! the duration of each phase.

use super::{Verdict, micros, millis};
use crate::protocol::{Entry, Happened, Layer, PerLayer, Phase};
use crate::supervisor::{Cause, Failure, Generation, Live, Owner, Starting, State, Stopping};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// What a change of the state of a unit means for its timeline.
#[derive(Debug)]
pub(crate) enum StateChange<'s> {
    /// The unit has become ready.
    Ready(&'s Starting, &'s Live),
    /// The supervisor has given up.
    Failed(&'s Failure),
    /// The unit was to run, and is being stopped or killed.
    Stopping(&'s Stopping),
    /// A start that the user or a changed file has caused.
    Requested(&'s Starting),
    /// Another change.
    Other,
}

impl<'s> StateChange<'s> {
    /// The change between two states. `None` if both have the same name and generation.
    pub(crate) fn between(before: &'s State, after: &'s State) -> Option<Self> {
        let is_same = std::mem::discriminant(before) == std::mem::discriminant(after);
        if is_same && before.generation() == after.generation() {
            return None;
        }
        Some(match (before, after) {
            (State::Starting(starting), State::Ready(live)) => Self::Ready(starting, live),
            // The timeline contains this failure already, and only a process that the failed unit left
            // behind has exited.
            (State::Failed { .. }, State::Failed { .. }) => Self::Other,
            (_, State::Failed { failure, .. }) => Self::Failed(failure),
            (
                State::Ready(_) | State::Degraded(..) | State::Starting(_),
                State::Stopping(stopping),
            ) => Self::Stopping(stopping),
            (
                State::Stopped { .. } | State::Failed { .. } | State::Backoff { .. },
                State::Starting(starting),
            ) if !starting.cause.is_automatic() && starting.owner == Owner::Spawned => {
                Self::Requested(starting)
            }
            (_, _) => Self::Other,
        })
    }
}

/// A start or a repair of the server that is in progress. A repair is an automatic restart.
#[derive(Debug)]
pub struct Episode {
    cause: Cause,
    detail: String,
    is_repair: bool,
    begun: Instant,
    phases: Vec<Phase>,
    /// When the latest phase ended.
    reached: Instant,
}

impl Episode {
    /// Begins a start or a repair. `now` is the time of the user's command, of the end of the old
    /// process, or of the decision to kill the old process.
    pub fn begin(cause: Cause, detail: String, is_repair: bool, now: Instant) -> Self {
        Self { cause, detail, is_repair, begun: now, phases: Vec::new(), reached: now }
    }

    /// Whether this is a repair: an automatic restart. If not, the user requested the start.
    pub fn is_repair(&self) -> bool {
        self.is_repair
    }

    /// Details of the cause.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// When the start or repair began.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Time since the start or repair began.
    pub fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }

    /// Adds the phase `seen`, which ended when the episode began: from the first failed check to
    /// the decision to restart.
    pub fn seen(&mut self, after: Duration) {
        self.phases.insert(0, phase("seen", after));
    }

    /// Notes that the old process ended at `at`, and that ending the rest of its process tree then
    /// took `cleaned`. In a repair, the phase `cleaned` also includes the time until `at`. After a
    /// requested stop, the time until `at` is the phase `stopped`.
    pub fn ended(&mut self, at: Instant, cleaned: Duration) {
        let ending = at.saturating_duration_since(self.begun);
        if self.is_repair {
            self.passed("cleaned", ending + cleaned);
        } else {
            self.passed("stopped", ending);
            self.passed("cleaned", cleaned);
        }
    }

    /// Adds a phase that ends now. If the phase exists already, its duration grows by `took`.
    pub fn passed(&mut self, name: &str, took: Duration) {
        match self.phases.iter_mut().find(|phase| phase.name == name) {
            Some(known) => known.us += micros(took),
            None => self.phases.push(phase(name, took)),
        }
        self.reached = Instant::now();
    }

    /// Notes that a launch begins. All checks that pass after this call are checks of the new
    /// process.
    pub fn launching(&mut self, now: Instant) {
        // Removes the phases of the checks that the old server passed while it shut down.
        let is_layer = |phase: &Phase| Layer::ALL.iter().any(|it| it.as_str() == phase.name);
        self.phases.retain(|phase| !is_layer(phase));
        self.reached = now;
    }

    /// Adds a phase for each check that passes for the first time. If several checks first pass in
    /// one round, the phase of each check is its own latency. The phase of the first of them also
    /// includes the time before this round.
    pub fn layers(&mut self, verdicts: &PerLayer<Option<Verdict>>, now: Instant) {
        let new: Vec<(Layer, Duration)> = [Layer::Tcp, Layer::Grpc, Layer::Store, Layer::Engine]
            .into_iter()
            .filter(|layer| !self.phases.iter().any(|phase| phase.name == layer.as_str()))
            .filter_map(|layer| {
                let verdict = verdicts[layer].as_ref()?;
                // The `store` and `engine` checks run at the same time. So only the time after the
                // end of `store` counts for `engine`.
                let shared = match (layer, &verdicts[Layer::Store]) {
                    (Layer::Engine, Some(store)) => store.latency,
                    (_, _) => Duration::ZERO,
                };
                let took = verdict.latency.saturating_sub(shared);
                (verdict.ok == Some(true)).then_some((layer, took))
            })
            .collect();
        if new.is_empty() {
            return;
        }
        let answers: Duration = new.iter().map(|(_, latency)| *latency).sum();
        let mut waited = now.saturating_duration_since(self.reached).saturating_sub(answers);
        for (layer, latency) in new {
            self.phases.push(phase(layer.as_str(), std::mem::take(&mut waited) + latency));
        }
        self.reached = now;
    }

    /// Creates the entry for a start or repair that has succeeded.
    pub fn ready(&self, starting: &Starting, owner: Owner, now: Instant) -> Entry {
        let happened = match owner {
            Owner::Spawned => Happened::Ready,
            Owner::Adopted => Happened::Adopted,
            Owner::External => Happened::External,
        };
        Entry {
            took_ms: Some(millis(self.elapsed(now))),
            phases: self.phases.clone(),
            ..entry(happened, starting.generation, self.cause, self.detail.clone())
        }
    }
}

fn phase(name: &str, took: Duration) -> Phase {
    Phase { name: name.to_owned(), us: micros(took) }
}

/// Creates an entry with the current time and these values. All other values are empty.
pub fn entry(happened: Happened, generation: Generation, cause: Cause, detail: String) -> Entry {
    Entry {
        time: jiff::Timestamp::now(),
        happened,
        generation,
        worker: None,
        cause,
        detail,
        uptime_ms: None,
        took_ms: None,
        downtime_ms: None,
        phases: Vec::new(),
        peak_rss_bytes: None,
        oom_kills: None,
        first_words: Vec::new(),
        last_words: Vec::new(),
        restarts: BTreeMap::new(),
    }
}

/// The generations whose end is among these entries of one unit.
pub(crate) fn ended<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> BTreeSet<Generation> {
    let ends = entries.into_iter().filter(|entry| entry.happened == Happened::Ended);
    ends.map(|entry| entry.generation).collect()
}

/// Creates the entry for a server that stigmer does not restart any more.
pub fn failed(generation: Generation, reason: &str, last_words: Vec<String>) -> Entry {
    Entry { last_words, ..entry(Happened::Failed, generation, Cause::Crash, reason.to_owned()) }
}

/// Creates the entry for the death of the previous host. `detail` names that host. `took` is the
/// time from its death until this host replaced it. `None` if no host replaced it.
pub fn host_died(generation: Generation, detail: String, took: Option<Duration>) -> Entry {
    Entry {
        took_ms: took.map(millis),
        ..entry(Happened::HostDied, generation, Cause::Crash, detail)
    }
}

/// Creates the entry for a host that exits while the server continues to run.
pub fn handed_over(generation: Generation) -> Entry {
    entry(Happened::HandedOver, generation, Cause::Operator, String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_add_up_to_the_duration() {
        let ms = Duration::from_millis;
        let begun = Instant::now();
        let phases = |is_repair| {
            let mut episode = Episode::begin(Cause::Operator, String::new(), is_repair, begun);
            episode.ended(begun + ms(1_000), ms(20));
            episode.passed("waited", ms(250));
            episode.launching(begun + ms(1_270));
            episode.passed("cleaned", ms(3));
            let all = episode.phases.iter();
            all.map(|phase| (phase.name.clone(), phase.us / 1_000)).collect::<Vec<_>>()
        };
        let expected = |phases: &[(&str, u64)]| {
            phases.iter().map(|(name, ms)| ((*name).to_owned(), *ms)).collect::<Vec<_>>()
        };
        assert_eq!(
            phases(false),
            expected(&[("stopped", 1_000), ("cleaned", 23), ("waited", 250)])
        );
        assert_eq!(phases(true), expected(&[("cleaned", 1_023), ("waited", 250)]));
    }
}
