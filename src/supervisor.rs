//! The state machine that decides when to start, stop and restart the server. The state machine
//! does no IO and reads no clock.
//!
//! [`Supervisor::handle`] takes an input and the time. [`Supervisor::handle_timeout`] takes only
//! the time. Both change plain data and return [`Effect`]s, which the manager of the host performs.
//! [`Supervisor::poll_timeout`] returns the time for the next call of `handle_timeout`.
//!
//! The intent ([`Want`]: what the operator wants) and the state ([`State`]: what the server does)
//! are separate fields. A restart stops the current server while the intent stays "up". When the
//! end of the server is proven, the intent at that time decides whether the server starts again.
//!
//! Every input about a process has the number of that process, its [`Generation`]. Inputs that are
//! out of date ("stale") are dropped and counted.

mod input;
mod operator;
mod process;
mod restart;
mod state;
mod time;

#[cfg(test)]
mod tests;

pub use input::{
    Cause, Check, Effect, Exit, Failure, Found, Generation, Input, Resource, RestartHelps, Round,
    StopSignal, UnitKind,
};
pub use restart::{Checkpoint, Policy, Schedule};
pub use state::{Degradation, Live, Owner, Starting, State, Stopping, Want};

use restart::Waiting;
pub(crate) use restart::millis;
use std::time::{Duration, Instant};

/// If `handle_timeout` is called more than this time after its deadline, the host itself was
/// delayed (suspended, stopped, or without CPU time). Deadlines that passed during the delay prove
/// nothing about the server.
pub const LATE: Duration = Duration::from_millis(250);

/// Time between two SIGKILLs to one generation. A process ends within milliseconds of SIGKILL. A
/// process that survives SIGKILL is blocked in the kernel. At most [`KILL_TRIES`] SIGKILLs are
/// sent.
const KILL_AGAIN: Duration = Duration::from_secs(1);
const KILL_TRIES: u32 = 10;

/// The state machine: the intent, the state of the server, and the restart policy.
#[derive(Debug, Clone)]
pub struct Supervisor {
    kind: UnitKind,
    policy: Policy,
    /// The policy that replaces `policy` at the next launch. The running server keeps the policy
    /// with which it was started.
    next_policy: Option<Policy>,
    want: Want,
    state: State,
    schedule: Schedule,
    /// The highest generation number used so far. The next launch or search uses the following
    /// number.
    generation: Generation,
    /// True until the first decision. Only while `fresh` is true, the supervisor accepts a running
    /// server that no launch or search has found.
    fresh: bool,
    /// Time of the last call. If the next call is late, the supervisor moves the deadlines by the
    /// time between the two calls.
    seen: Instant,
    stale: u64,
}

impl Supervisor {
    /// Creates a supervisor in the state stopped. `last` is the number of the last generation of the
    /// unit in this home. `seed` initializes the random part of the restart delays.
    #[must_use]
    pub fn new(kind: UnitKind, policy: Policy, last: Generation, seed: u64, now: Instant) -> Self {
        Self {
            kind,
            schedule: Schedule::new(seed),
            policy,
            next_policy: None,
            want: Want::Down,
            state: State::Stopped { note: None },
            generation: last,
            fresh: true,
            seen: now,
            stale: 0,
        }
    }

    /// Continues from the state of the previous host, which ended `gap` ago. Must be called before
    /// any other method.
    pub fn resume(&mut self, checkpoint: &Checkpoint, gap: Duration, now: Instant) {
        let then = now.checked_sub(gap).unwrap_or(now);
        self.schedule.resume(checkpoint, then);
        if let (Want::Up, Some(waiting)) = (checkpoint.want, &checkpoint.waiting) {
            self.want = Want::Up;
            self.fresh = false;
            let since = then.checked_sub(Duration::from_millis(waiting.since_ms)).unwrap_or(then);
            self.state = State::Backoff {
                until: since + Duration::from_millis(waiting.delay_ms),
                since,
                cause: waiting.cause,
                detail: waiting.detail.clone(),
                counts: waiting.counts,
            };
        }
    }

    /// Replaces the limits at once. If the server was found running, the limits with which that
    /// server was started remain in force.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Replaces the limits from the next launch on.
    pub fn set_next_policy(&mut self, policy: Policy) {
        self.next_policy = Some(policy);
    }

    /// Returns the state from which the next host continues.
    #[must_use]
    pub fn hand_over(&self, now: Instant) -> Checkpoint {
        let mut schedule = self.schedule.clone();
        if let State::Ready(live) = &self.state {
            schedule.credit(now.saturating_duration_since(live.since));
        }
        let waiting = match &self.state {
            State::Backoff { until, since, cause, detail, counts } => Some(Waiting {
                since_ms: millis(now.saturating_duration_since(*since)),
                delay_ms: millis(*until - *since),
                cause: *cause,
                detail: detail.clone(),
                counts: *counts,
            }),
            State::Stopped { .. }
            | State::Starting(_)
            | State::Ready(_)
            | State::Degraded(..)
            | State::Stopping(_)
            | State::Failed { .. } => None,
        };
        Checkpoint {
            want: self.want,
            spawns_ago_ms: schedule.spawns_ago(now),
            in_a_row: schedule.in_a_row(),
            waiting,
        }
    }

    /// Whether the supervisor has made no decision yet. Only in this case, the supervisor may adopt
    /// a server that was found running at the start of the host.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The operator's intent.
    #[must_use]
    pub fn want(&self) -> Want {
        self.want
    }

    /// The current state.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The limits in force.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The restart window and the current delay.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Number of inputs that were dropped because they were out of date.
    #[must_use]
    pub fn stale(&self) -> u64 {
        self.stale
    }

    /// Handles one input.
    pub fn handle(&mut self, input: Input, now: Instant) -> Vec<Effect> {
        self.wake(now);
        let effects = match input {
            Input::Start => self.operator_start(now),
            Input::Stop { cause } => self.operator_stop(cause, now),
            Input::EndGrace => self.operator_end_grace(now),
            Input::Restart => self.operator_restart(now),
            Input::Reload { detail } => self.reload(detail, now),
            Input::Found { generation, found } => self.found(generation, found, now),
            Input::Launched { generation } => self.launched(generation, now),
            Input::LaunchRefused { generation, failure, is_transient } => {
                self.launch_refused(generation, failure, is_transient, now)
            }
            Input::Absent { generation } => self.absent(generation, now),
            Input::SearchFailed { generation, failure } => {
                self.search_failed(generation, failure, now)
            }
            Input::Exited { generation, exit, fatal } => self.exited(generation, &exit, fatal, now),
            Input::Probed { generation, round } => self.probed(generation, round, now),
        };
        self.debug_check();
        effects
    }

    /// Handles the proven end of a server that the supervisor has stopped. The intent decides
    /// whether the server starts again.
    fn after_stop(&mut self, cause: Cause, detail: String, now: Instant) -> Vec<Effect> {
        match (self.want, cause) {
            (Want::Down, _) => {
                self.state = State::Stopped { note: None };
                Vec::new()
            }
            (
                Want::Up,
                Cause::Unresponsive
                | Cause::StartTimeout
                | Cause::Crash
                | Cause::Exited
                | Cause::SpawnFailed,
            ) => self.restart(cause, detail, now),
            (Want::Up, Cause::Operator | Cause::Shutdown) => {
                self.launch(Cause::Operator, String::new(), false, now)
            }
            (Want::Up, Cause::Changed) => self.launch(cause, detail, false, now),
        }
    }

    fn launch(
        &mut self,
        cause: Cause,
        detail: String,
        automatic: bool,
        now: Instant,
    ) -> Vec<Effect> {
        if let Some(policy) = self.next_policy.take() {
            self.policy = policy;
        }
        self.generation = self.generation.next();
        let generation = self.generation;
        let timeout = self.policy.start_timeout;
        self.state = State::Starting(Starting {
            generation,
            owner: Owner::Spawned,
            cause,
            detail: detail.clone(),
            launched: false,
            since: now,
            timeout,
            deadline: now + timeout,
            halted: None,
            failing: None,
        });
        vec![Effect::Launch { generation, cause, detail, automatic }]
    }

    /// Handles a failed launch, or an end of the server that the operator did not request. Restarts
    /// the server now, later, or not at all.
    fn restart(&mut self, cause: Cause, detail: String, now: Instant) -> Vec<Effect> {
        // Starts that time out are so slow that the window never has enough of them.
        let is_hopeless =
            cause == Cause::StartTimeout && self.schedule.in_a_row() >= self.policy.max_restarts;
        let delay = match is_hopeless {
            true => None,
            false => self.schedule.next_delay(&self.policy, cause, now),
        };
        let Some(delay) = delay else {
            let restarts = match self.policy.max_restarts {
                1 => "1 automatic restart".to_owned(),
                count => format!("{count} automatic restarts"),
            };
            let span = match is_hopeless {
                true => "a row".to_owned(),
                false => format!("{} s", self.policy.restart_window.as_secs_f64().ceil()),
            };
            let reason =
                format!("gave up after {restarts} in {span}; last cause: {cause}, {detail}");
            return self.fail(Failure::new(reason, self.kind.start_hint.clone()), now);
        };
        if delay.is_zero() {
            self.schedule.record(now);
            return self.launch(cause, detail, true, now);
        }
        self.state = State::Backoff { until: now + delay, since: now, cause, detail, counts: true };
        Vec::new()
    }

    /// Handles a start that failed because the system lacks a resource. The supervisor tries the
    /// start again, and these attempts do not count as restarts. After `max_restarts` attempts in a
    /// row the state becomes failed, so that a client that waits for the start gets a response. The
    /// attempts continue.
    fn wait_for_resource(&mut self, failure: Failure, now: Instant) -> Vec<Effect> {
        if self.schedule.in_a_row() >= self.policy.max_restarts {
            return self.fail(failure, now);
        }
        let (cause, detail) = (Cause::SpawnFailed, failure.reason);
        let delay = self.schedule.backoff(&self.policy);
        if delay.is_zero() {
            return self.launch(cause, detail, false, now);
        }
        self.state =
            State::Backoff { until: now + delay, since: now, cause, detail, counts: false };
        Vec::new()
    }

    fn terminate(
        &mut self,
        generation: Generation,
        launched: bool,
        cause: Cause,
        now: Instant,
    ) -> Vec<Effect> {
        let mut stopping = Stopping {
            generation,
            cause,
            detail: String::new(),
            launched,
            since: now,
            grace_ended: false,
            act_at: now + self.policy.stop_grace,
            signals: 0,
            kills: 0,
        };
        let effects = match launched {
            true => stopping.insist(&self.kind, self.policy.stop_grace, now),
            false => Vec::new(),
        };
        self.state = State::Stopping(stopping);
        effects
    }

    /// Searches for a server that this host does not watch, and stops that server. The state
    /// becomes stopped only after the proof that no such server is left. The search has its own
    /// generation number. Without that number, a late input about an earlier generation could look
    /// like the result of the search.
    fn search(&mut self, cause: Cause, now: Instant) -> Vec<Effect> {
        self.generation = self.generation.next();
        let generation = self.generation;
        self.terminate(generation, false, cause, now);
        vec![Effect::Search { generation }]
    }

    /// Kills a server that does not respond. The server gets no SIGTERM first, because it would not
    /// handle SIGTERM either.
    fn kill(
        &mut self,
        generation: Generation,
        cause: Cause,
        detail: String,
        now: Instant,
    ) -> Vec<Effect> {
        self.state = State::Stopping(Stopping {
            generation,
            cause,
            detail,
            launched: true,
            since: now,
            grace_ended: false,
            act_at: now + KILL_AGAIN,
            signals: 0,
            kills: 1,
        });
        vec![Effect::Kill { generation }]
    }

    fn leave_external(&mut self, note: &str) -> Vec<Effect> {
        let generation = self.state.generation();
        self.want = Want::Down;
        self.state = State::Stopped { note: Some(note.to_owned()) };
        generation.map(|generation| Effect::Unwatch { generation }).into_iter().collect()
    }

    fn leave_ended_external(&mut self) -> Vec<Effect> {
        let note = format!("{} that was started elsewhere has ended", self.kind.unit);
        self.leave_external(&note)
    }

    fn fail(&mut self, failure: Failure, now: Instant) -> Vec<Effect> {
        let retry = failure.waits_for.map(|_| now + self.schedule.resource_delay(&self.policy));
        self.state = State::Failed { failure, left: None, retry };
        Vec::new()
    }

    fn drop_stale(&mut self) -> Vec<Effect> {
        self.stale += 1;
        Vec::new()
    }

    /// Checks invariants after each call. Does nothing in a release build.
    fn debug_check(&self) {
        if cfg!(debug_assertions) {
            let up = match &self.state {
                // stigmer never stops an external server, so that server may run while the intent
                // is down.
                state if state.owner() == Some(Owner::External) => None,
                State::Stopped { .. } => Some(false),
                State::Stopping(_) | State::Failed { .. } => None,
                State::Starting(_)
                | State::Ready(_)
                | State::Degraded(..)
                | State::Backoff { .. } => Some(true),
            };
            assert!(up.is_none_or(|up| up == (self.want == Want::Up)), "intent and fact: {self:?}");
            assert!(
                self.state.generation().is_none_or(|generation| generation <= self.generation),
                "a number that was never used: {self:?}"
            );
            if let State::Stopping(stopping) = &self.state {
                assert!(
                    stopping.launched || stopping.kills == 0,
                    "kill without a process: {self:?}"
                );
                assert!(stopping.kills <= KILL_TRIES, "killed too often: {self:?}");
            }
            if let State::Starting(starting) = &self.state {
                assert!(
                    starting.launched || starting.owner == Owner::Spawned,
                    "found, but not launched: {self:?}"
                );
            }
        }
    }
}
