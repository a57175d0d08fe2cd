//! Updates the timeline and the downtime when the state of the supervisor changes.

use super::Manager;
use crate::facts;
use crate::facts::timeline::{self, Episode, StateChange};
use crate::supervisor::{Failure, Generation, Live, RestartHelps, Starting, State, Stopping};
use std::time::Instant;

impl Manager {
    /// Handles a change of the state: writes an entry into the timeline, and updates the figures of
    /// a repair.
    pub(super) fn observe(&mut self, before: &State, after: &State, now: Instant) {
        let Some(change) = StateChange::between(before, after) else { return };
        let since = std::mem::replace(&mut self.facts.state_since, now);
        tracing::info!(
            state = after.name(),
            generation = after.generation().map(|g| g.0),
            "the state changed"
        );
        match change {
            StateChange::Ready(starting, live) => self.record_ready(starting, live, now),
            StateChange::Failed(failure) => {
                let generation = before.generation().unwrap_or(self.facts.generation);
                self.record_failure(generation, failure);
            }
            StateChange::Stopping(stopping) => self.begin_stopping(before, stopping, now),
            StateChange::Requested(starting) => {
                self.episode = Episode::begin(starting.cause, starting.detail.clone(), false, now);
            }
            StateChange::Other => match (before, after) {
                (State::Starting(starting), State::Stopped { note: Some(note) }) => {
                    let reason = self.facts.stopped(Some(note));
                    self.remember(timeline::failed(starting.generation, &reason, Vec::new()));
                }
                (State::Backoff { .. }, State::Starting(_)) => {
                    self.episode.passed("waited", now.saturating_duration_since(since));
                }
                (_, _) => {}
            },
        }
    }

    /// Writes the result of a start or a repair into the timeline, and updates the figures of the
    /// last repair.
    fn record_ready(&mut self, starting: &Starting, live: &Live, now: Instant) {
        let mut ready = self.episode.ready(starting, live.owner, now);
        let down_since = self.down_since.take().unwrap_or(self.episode.begun());
        let downtime = now.saturating_duration_since(down_since);
        ready.downtime_ms = self.episode.is_repair().then_some(facts::millis(downtime));
        if self.episode.is_repair()
            && let Some(last) = &mut self.facts.last_restart
        {
            let recovery = self.episode.elapsed(now);
            last.recovery = Some(recovery);
            last.downtime = Some(downtime);
            self.facts.distributions.recoveries.observe(recovery.as_secs_f64());
        }
        self.remember(ready);
        self.became_ready(live.generation, live.owner);
    }

    /// Writes a failure into the timeline, unless the last entry describes the same failure.
    /// Without this check, a full disk would add an entry every 30 s, because each new start fails.
    fn record_failure(&mut self, generation: Generation, failure: &Failure) {
        let failed = timeline::failed(generation, &failure.reason, self.facts.last_words.clone());
        let last = self.facts.timeline.iter().rfind(|entry| entry.worker.is_none());
        let is_recorded = last
            .is_some_and(|last| (last.happened, &last.detail) == (failed.happened, &failed.detail));
        if !is_recorded {
            self.remember(failed);
        }
    }

    /// Begins the episode of a stop or a repair. For a server that hangs, the repair begins here,
    /// when the checks have detected the hang.
    fn begin_stopping(&mut self, before: &State, stopping: &Stopping, now: Instant) {
        let automatic = stopping.cause.is_automatic();
        match automatic {
            true => self.is_down(before, now),
            false => self.down_since = None,
        }
        self.episode = Episode::begin(stopping.cause, stopping.detail.clone(), automatic, now);
        if let State::Degraded(_, degradation) = before {
            self.episode.seen(now.saturating_duration_since(degradation.since));
        }
    }

    /// Sets the beginning of the downtime, unless it is set already. The downtime begins at the
    /// last passed check if checks have failed, at the start of the server if it was starting, and
    /// otherwise now.
    pub(super) fn is_down(&mut self, before: &State, now: Instant) {
        let since = match before {
            // With `since < now`, ignore a check that failed only because the process had exited:
            // such a check does not prove that the server hung before its exit.
            State::Degraded(_, degradation)
                if degradation.restart_helps == RestartHelps::Yes && degradation.since < now =>
            {
                let passed = self.unit.passed();
                passed.map_or(degradation.since, |passed| passed.min(degradation.since))
            }
            State::Starting(starting) => starting.since.min(now),
            State::Stopped { .. }
            | State::Ready(_)
            | State::Degraded(..)
            | State::Stopping(_)
            | State::Backoff { .. }
            | State::Failed { .. } => now,
        };
        self.down_since.get_or_insert(since);
    }
}
