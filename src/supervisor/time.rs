//! State transitions for timeouts, and the correction of deadlines after a late call.

use super::{Cause, Effect, Failure, KILL_TRIES, LATE, Owner, Starting, State, Supervisor, Want};
use std::time::Instant;

impl Supervisor {
    /// Returns the time for the next call of [`Self::handle_timeout`], if no input comes earlier.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Stopped { .. } | State::Ready(_) | State::Degraded(..) => None,
            State::Failed { retry, .. } => *retry,
            // A start has no deadline while its launch is in progress: there is no process to
            // signal, and the preparation (a search for old processes, a slow disk) is not part of
            // the start timeout.
            State::Starting(starting) => {
                starting.launched.then(|| starting.due(self.policy.halt_timeout()))
            }
            State::Stopping(stopping) => stopping.launched.then_some(stopping.act_at),
            State::Backoff { until, .. } => Some(*until),
        }
    }

    /// Handles the deadline that [`Self::poll_timeout`] returned. A call before the deadline does
    /// nothing.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Effect> {
        self.wake(now);
        if self.poll_timeout().is_none_or(|due| now < due) {
            return Vec::new();
        }
        let unit = self.kind.unit.clone();
        let effects = match &mut self.state {
            State::Stopped { .. } | State::Ready(_) | State::Degraded(..) => Vec::new(),
            // The start or the search is tried again. A repeated start does not count as a restart,
            // because a resource is missing and the server has not failed.
            State::Failed { failure, .. } => match self.want {
                Want::Up => {
                    let detail = failure.reason.clone();
                    self.launch(Cause::SpawnFailed, detail, false, now)
                }
                Want::Down => self.search(Cause::Operator, now),
            },
            State::Starting(starting) => {
                let starting = starting.clone();
                self.give_up_start(starting, now)
            }
            State::Stopping(stopping) if stopping.kills == 0 => {
                stopping.insist(&self.kind, self.policy.stop_grace, now)
            }
            State::Stopping(stopping) if stopping.kills < KILL_TRIES => stopping.kill(now),
            State::Stopping(stopping) => {
                self.state = State::Failed {
                    failure: Failure::new(
                        format!("a process of {unit} does not end, not even by SIGKILL"),
                        "the process is blocked in the kernel, for example by a disk or a network \
                         file system; run `ps -eo pid,stat,wchan` to see what the process waits for",
                    ),
                    left: Some(stopping.generation),
                    retry: None,
                };
                Vec::new()
            }
            State::Backoff { cause, detail, counts, .. } => {
                let (cause, detail, counts) = (*cause, detail.clone(), *counts);
                if counts {
                    self.schedule.record(now);
                }
                self.launch(cause, detail, counts, now)
            }
        };
        self.debug_check();
        effects
    }

    /// Handles a start whose deadline has passed. Kills a server that stigmer started, and only
    /// stops watching an external server.
    fn give_up_start(&mut self, starting: Starting, now: Instant) -> Vec<Effect> {
        let Starting { generation, owner, timeout, failing, .. } = starting;
        let seen = failing.map_or_else(String::new, |failing| format!(": {failing}"));
        let (cause, why) = match owner {
            Owner::Spawned if now < starting.deadline => {
                let patience = self.policy.halt_timeout();
                let why = format!("stopped by a signal for {patience:.0?} while starting");
                (Cause::Unresponsive, why)
            }
            Owner::Spawned => (Cause::StartTimeout, format!("not ready after {timeout:.0?}{seen}")),
            Owner::Adopted => {
                let why = format!("found running, but not healthy within {timeout:.0?}{seen}");
                (Cause::Unresponsive, why)
            }
            Owner::External => {
                let unit = &self.kind.unit;
                return self.leave_external(&format!(
                    "{unit} that was started elsewhere does not become ready{seen}"
                ));
            }
        };
        self.kill(generation, cause, why, now)
    }

    /// Stores the time of this call. If a deadline passed more than [`LATE`] ago, the host was late
    /// and not the server. In this case, the deadline is moved by the time since the previous call.
    /// Every call must do this, because the first call after a delay may be an input instead of a
    /// timeout.
    pub(super) fn wake(&mut self, now: Instant) {
        let gap = now.saturating_duration_since(self.seen);
        self.seen = self.seen.max(now);
        let late = self.poll_timeout().is_some_and(|due| now.saturating_duration_since(due) > LATE);
        match &mut self.state {
            State::Starting(starting) if late => {
                starting.deadline += gap;
                starting.halted = starting.halted.map(|halted| halted + gap);
            }
            // Once SIGKILL was sent, a delay of the host does not extend the deadline.
            State::Stopping(stopping) if late && stopping.kills == 0 => {
                stopping.act_at += gap;
            }
            // During the delay no round of checks ended, so the delay does not count as time with
            // failed checks.
            State::Degraded(_, degradation) if gap > self.policy.longest_round() + LATE => {
                degradation.since += gap;
            }
            State::Stopped { .. }
            | State::Starting(_)
            | State::Ready(_)
            | State::Degraded(..)
            | State::Stopping(_)
            | State::Backoff { .. }
            | State::Failed { .. } => {}
        }
    }
}
