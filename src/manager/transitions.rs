//! What a change of the supervisor's state means for the timeline and for the time that is counted.

use super::Manager;
use crate::facts;
use crate::facts::timeline::{self, Episode};
use crate::supervisor::{Cause, Owner, RestartHelps, State};
use std::time::Instant;

impl Manager {
    /// Writes the timeline from what changed.
    pub(super) fn observe(&mut self, before: &State, after: &State, now: Instant) {
        if std::mem::discriminant(before) == std::mem::discriminant(after)
            && before.generation() == after.generation()
        {
            return;
        }
        let since = std::mem::replace(&mut self.facts.state_since, now);
        tracing::info!(state = after.name(), generation = after.generation().map(|g| g.0), "state");
        match (before, after) {
            (State::Starting(starting), State::Ready(live)) => {
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
            // Given up already; only what was left behind has ended.
            (State::Failed { .. }, State::Failed { .. }) => {}
            (_, State::Failed { failure, .. }) => {
                let generation = before.generation().unwrap_or(self.facts.generation);
                let failed =
                    timeline::failed(generation, &failure.reason, self.facts.last_words.clone());
                // A full disk may last for hours, with a try every half minute.
                let last = self.facts.timeline.back();
                let is_told = last.is_some_and(|last| {
                    (last.happened, &last.detail) == (failed.happened, &failed.detail)
                });
                if !is_told {
                    self.remember(failed);
                }
            }
            (State::Starting(starting), State::Stopped { note: Some(note) }) => {
                let reason = self.facts.stopped(Some(note));
                self.remember(timeline::failed(starting.generation, &reason, Vec::new()));
            }
            (
                State::Ready(_) | State::Degraded(..) | State::Starting(_),
                State::Stopping(stopping),
            ) => {
                // Where it hangs, the repair begins with the verdict.
                let automatic = !matches!(stopping.cause, Cause::Operator | Cause::Shutdown);
                match automatic {
                    true => self.is_down(before, now),
                    false => self.down_since = None,
                }
                let seen = match before {
                    State::Degraded(_, degradation) => {
                        Some(now.saturating_duration_since(degradation.since))
                    }
                    State::Stopped { .. }
                    | State::Starting(_)
                    | State::Ready(_)
                    | State::Stopping(_)
                    | State::Backoff { .. }
                    | State::Failed { .. } => None,
                };
                self.episode =
                    Episode::begin(stopping.cause, stopping.detail.clone(), automatic, now);
                if let Some(seen) = seen {
                    self.episode.seen(seen);
                }
            }
            (
                State::Stopped { .. } | State::Failed { .. } | State::Backoff { .. },
                State::Starting(starting),
            ) if starting.cause == Cause::Operator && starting.owner == Owner::Spawned => {
                self.episode = Episode::begin(Cause::Operator, String::new(), false, now);
            }
            (State::Backoff { .. }, State::Starting(_)) => {
                self.episode.passed("waited", now.saturating_duration_since(since));
            }
            (State::Stopped { .. }, _)
            | (State::Starting(_), _)
            | (State::Ready(_), _)
            | (State::Degraded(..), _)
            | (State::Stopping(_), _)
            | (State::Backoff { .. }, _)
            | (State::Failed { .. }, _) => {}
        }
    }

    /// The server is down from now on, or rather since it was seen to work: one
    /// whose checks failed was down before. A start that fails changes nothing.
    pub(super) fn is_down(&mut self, before: &State, now: Instant) {
        let since = match before {
            // A check that fails after the end of the process tells of no freeze.
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
