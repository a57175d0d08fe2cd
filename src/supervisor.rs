//! Decides: a pure state machine, with neither IO nor clock.
//!
//! [`Supervisor::handle`] and [`Supervisor::handle_timeout`] take an input and
//! the time, change plain data and return [`Effect`]s; [`Supervisor::poll_timeout`]
//! says when to call again. Intent ([`Want`]) and fact ([`State`]) are two
//! fields: a restart is "want up, end this generation", and what follows an end
//! is decided when the end is proven, from what is wanted then.
//!
//! Every input about a process carries its [`Generation`]; what is stale is
//! dropped and counted.

mod input;
mod restart;
mod state;

#[cfg(test)]
mod tests;

pub use input::{Cause, Effect, Exit, Failure, Found, Generation, Input, Layer, Remedy, Round};
pub use restart::{Policy, Schedule, ScheduleAges};
pub use state::{Live, Owner, Starting, State, Stopping, Trouble, Want};

use std::time::{Duration, Instant};

/// A tick later than this says that the host itself was held up (suspended,
/// stopped, starved): deadlines that passed meanwhile prove nothing.
pub const LATE: Duration = Duration::from_millis(250);

/// After SIGKILL a process is gone in milliseconds; one that is not sits in the
/// kernel, and is killed again this often, [`KILL_TRIES`] times.
const KILL_AGAIN: Duration = Duration::from_secs(1);
const KILL_TRIES: u32 = 10;

/// The state machine. See the module's documentation.
#[derive(Debug, Clone)]
pub struct Supervisor {
    policy: Policy,
    want: Want,
    state: State,
    schedule: Schedule,
    /// Last number given out; the next launch gets the one after.
    generation: Generation,
    /// When anything was last handled: a late tick shifts deadlines by the gap.
    seen: Instant,
    stale: u64,
}

impl Supervisor {
    /// A supervisor at rest. `last` is the last generation this home has
    /// spawned, `seed` feeds the jitter of restart delays.
    #[must_use]
    pub fn new(policy: Policy, last: Generation, seed: u64, now: Instant) -> Self {
        Self {
            schedule: Schedule::new(seed),
            policy,
            want: Want::Down,
            state: State::Stopped { note: None },
            generation: last,
            seen: now,
            stale: 0,
        }
    }

    /// Takes over the restart window and delay of the host before this one.
    pub fn resume(&mut self, schedule: Schedule) {
        self.schedule = schedule;
    }

    /// What the operator wants.
    #[must_use]
    pub fn want(&self) -> Want {
        self.want
    }

    /// What is.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The limits that it decides by.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The restart window and the delay reached.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// How many inputs came too late to mean anything.
    #[must_use]
    pub fn stale(&self) -> u64 {
        self.stale
    }

    /// When [`Self::handle_timeout`] wants to be called, if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Stopped { .. } | State::Ready(_) | State::Degraded(..) | State::Failed(_) => {
                None
            }
            State::Starting(starting) => Some(starting.deadline),
            State::Stopping(stopping) => Some(stopping.act_at),
            State::Backoff { until, .. } => Some(*until),
        }
    }

    /// Time has come for what [`Self::poll_timeout`] announced; anything
    /// earlier does nothing.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Effect> {
        let Some(due) = self.poll_timeout() else {
            self.seen = self.seen.max(now);
            return Vec::new();
        };
        let gap = now.saturating_duration_since(self.seen);
        self.seen = self.seen.max(now);
        if now < due {
            return Vec::new();
        }
        let late = now.saturating_duration_since(due) > LATE;
        match &mut self.state {
            State::Stopped { .. } | State::Ready(_) | State::Degraded(..) | State::Failed(_) => {
                Vec::new()
            }
            State::Starting(starting) if late => {
                starting.deadline += gap;
                Vec::new()
            }
            State::Starting(starting) => {
                let timeout = starting.timeout;
                let generation = starting.generation;
                match starting.owner {
                    Owner::Spawned => self.kill(
                        generation,
                        Cause::StartTimeout,
                        format!("not ready after {timeout:.0?}"),
                        now,
                    ),
                    Owner::Adopted => self.kill(
                        generation,
                        Cause::Unresponsive,
                        format!("found running, but not healthy within {timeout:.0?}"),
                        now,
                    ),
                    Owner::External => self.leave_external(
                        "the Temporal that somebody else runs on this port does not become ready",
                    ),
                }
            }
            State::Stopping(stopping) if late && stopping.kills == 0 => {
                stopping.act_at += gap;
                Vec::new()
            }
            State::Stopping(stopping) if !stopping.launched => {
                // The launch still runs; there is nothing to signal until it reports.
                stopping.act_at = now + KILL_AGAIN;
                Vec::new()
            }
            State::Stopping(stopping) if stopping.kills < KILL_TRIES => {
                stopping.kills += 1;
                stopping.act_at = now + KILL_AGAIN;
                vec![Effect::Kill { generation: stopping.generation }]
            }
            State::Stopping(_) => self.fail(Failure::new(
                "a process of Temporal does not end, not even by SIGKILL",
                "it hangs in the kernel (disk, network file system): see `ps -o pid,stat,wchan`",
            )),
            State::Backoff { cause, detail, .. } => {
                let (cause, detail) = (*cause, detail.clone());
                self.schedule.record(now);
                self.launch(cause, detail, true, now)
            }
        }
    }

    /// One thing has happened.
    pub fn handle(&mut self, input: Input, now: Instant) -> Vec<Effect> {
        self.seen = self.seen.max(now);
        match input {
            Input::Start => self.operator_start(now),
            Input::Stop { cause } => self.operator_stop(cause, now),
            Input::Restart => self.operator_restart(now),
            Input::Found { generation, found } => self.found(generation, found, now),
            Input::Launched { generation } => self.launched(generation, now),
            Input::LaunchRefused { generation, failure, curable } => {
                self.launch_refused(generation, failure, curable, now)
            }
            Input::Exited { generation, exit, fatal } => self.exited(generation, &exit, fatal, now),
            Input::Probed { generation, round } => self.probed(generation, round, now),
        }
    }

    fn operator_start(&mut self, now: Instant) -> Vec<Effect> {
        self.want = Want::Up;
        match &self.state {
            State::Starting(_) | State::Ready(_) | State::Degraded(..) => Vec::new(),
            // Comes back when the end is proven.
            State::Stopping(_) => {
                self.schedule.clear();
                Vec::new()
            }
            State::Stopped { .. } | State::Backoff { .. } | State::Failed(_) => {
                self.schedule.clear();
                self.launch(Cause::Operator, String::new(), false, now)
            }
        }
    }

    fn operator_stop(&mut self, cause: Cause, now: Instant) -> Vec<Effect> {
        self.want = Want::Down;
        self.schedule.clear();
        match &mut self.state {
            State::Stopped { .. } => Vec::new(),
            State::Backoff { .. } | State::Failed(_) => {
                self.state = State::Stopped { note: None };
                Vec::new()
            }
            State::Stopping(stopping) => {
                stopping.cause = cause;
                stopping.detail.clear();
                Vec::new()
            }
            State::Starting(Starting { owner: Owner::External, .. })
            | State::Ready(Live { owner: Owner::External, .. })
            | State::Degraded(Live { owner: Owner::External, .. }, _) => {
                self.leave_external("left alone: it was started elsewhere")
            }
            State::Starting(starting) => {
                let (generation, launched) = (starting.generation, starting.launched);
                self.terminate(generation, launched, cause, now)
            }
            State::Ready(live) | State::Degraded(live, _) => {
                let generation = live.generation;
                self.terminate(generation, true, cause, now)
            }
        }
    }

    fn operator_restart(&mut self, now: Instant) -> Vec<Effect> {
        match &self.state {
            State::Starting(Starting { owner: Owner::External, .. })
            | State::Ready(Live { owner: Owner::External, .. })
            | State::Degraded(Live { owner: Owner::External, .. }, _) => Vec::new(),
            State::Starting(_) | State::Ready(_) | State::Degraded(..) | State::Stopping(_) => {
                let effects = self.operator_stop(Cause::Operator, now);
                self.want = Want::Up;
                effects
            }
            State::Stopped { .. } | State::Backoff { .. } | State::Failed(_) => {
                self.operator_start(now)
            }
        }
    }

    /// Something runs already: at the host's start, or met by a launch.
    fn found(&mut self, generation: Generation, found: Found, now: Instant) -> Vec<Effect> {
        let (owner, timeout) = match found {
            Found::Ours => (Owner::Adopted, self.policy.adopt_timeout()),
            Found::External => (Owner::External, self.policy.start_timeout),
        };
        match &mut self.state {
            State::Stopped { .. } => {
                self.want = Want::Up;
                self.generation = self.generation.max(generation);
                self.state = State::Starting(Starting {
                    generation,
                    owner,
                    cause: Cause::Operator,
                    detail: String::new(),
                    launched: true,
                    since: now,
                    timeout,
                    deadline: now + timeout,
                });
                Vec::new()
            }
            State::Starting(starting) if starting.generation == generation => {
                starting.owner = owner;
                starting.launched = true;
                starting.timeout = timeout;
                starting.deadline = now + timeout;
                Vec::new()
            }
            State::Stopping(stopping)
                if stopping.generation == generation && !stopping.launched =>
            {
                match found {
                    Found::External => self.leave_external("left alone: it was started elsewhere"),
                    Found::Ours => self.launched(generation, now),
                }
            }
            State::Starting(_)
            | State::Stopping(_)
            | State::Ready(_)
            | State::Degraded(..)
            | State::Backoff { .. }
            | State::Failed(_) => self.drop_stale(),
        }
    }

    fn launched(&mut self, generation: Generation, now: Instant) -> Vec<Effect> {
        match &mut self.state {
            State::Starting(starting)
                if starting.generation == generation && !starting.launched =>
            {
                // Preparing (sweeping what was left, a slow disk) is not the
                // server's time: its own begins here.
                starting.launched = true;
                starting.deadline = now + starting.timeout;
                Vec::new()
            }
            State::Stopping(stopping)
                if stopping.generation == generation && !stopping.launched =>
            {
                stopping.launched = true;
                stopping.act_at = now + self.policy.stop_grace;
                vec![Effect::Terminate { generation }]
            }
            State::Starting(_)
            | State::Stopping(_)
            | State::Stopped { .. }
            | State::Ready(_)
            | State::Degraded(..)
            | State::Backoff { .. }
            | State::Failed(_) => self.drop_stale(),
        }
    }

    fn launch_refused(
        &mut self,
        generation: Generation,
        failure: Failure,
        curable: bool,
        now: Instant,
    ) -> Vec<Effect> {
        match &self.state {
            State::Starting(starting)
                if starting.generation == generation && !starting.launched =>
            {
                if curable {
                    self.restart(Cause::SpawnFailed, failure.reason, now)
                } else {
                    self.fail(failure)
                }
            }
            State::Stopping(stopping)
                if stopping.generation == generation && !stopping.launched =>
            {
                self.after_stop(Cause::Operator, String::new(), now)
            }
            State::Starting(_)
            | State::Stopping(_)
            | State::Stopped { .. }
            | State::Ready(_)
            | State::Degraded(..)
            | State::Backoff { .. }
            | State::Failed(_) => self.drop_stale(),
        }
    }

    fn exited(
        &mut self,
        generation: Generation,
        exit: &Exit,
        fatal: Option<Failure>,
        now: Instant,
    ) -> Vec<Effect> {
        if self.state.generation() != Some(generation) {
            return self.drop_stale();
        }
        match &self.state {
            State::Stopped { .. } | State::Backoff { .. } | State::Failed(_) => self.drop_stale(),
            State::Stopping(stopping) => {
                let (cause, detail) = (stopping.cause, stopping.detail.clone());
                self.after_stop(cause, detail, now)
            }
            State::Starting(_) | State::Ready(_) | State::Degraded(..) => {
                if let State::Ready(live) = &self.state {
                    self.schedule.credit(now.saturating_duration_since(live.since));
                }
                match fatal {
                    Some(failure) => self.fail(failure),
                    None => self.restart(exit.cause(), exit.to_string(), now),
                }
            }
        }
    }

    /// An end that somebody asked for is proven.
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
        }
    }

    fn probed(&mut self, generation: Generation, round: Round, now: Instant) -> Vec<Effect> {
        if self.state.generation() != Some(generation) {
            return self.drop_stale();
        }
        match (&mut self.state, round) {
            // Not launched: whoever answered, it was not this generation.
            (State::Starting(starting), _) if !starting.launched => self.drop_stale(),
            (State::Starting(starting), Round::Pass) => {
                let live = Live { generation, owner: starting.owner, since: now };
                self.state = State::Ready(live);
                Vec::new()
            }
            // It has until its deadline, and an exit is seen when it happens.
            (State::Starting(_), Round::Fail { .. } | Round::Void) => Vec::new(),
            (State::Ready(_), Round::Pass) => Vec::new(),
            (State::Degraded(live, _), Round::Pass) => {
                live.since = now;
                self.state = State::Ready(live.clone());
                Vec::new()
            }
            (State::Ready(_) | State::Degraded(..), Round::Void) => Vec::new(),
            (State::Ready(live), Round::Fail { layer, detail, remedy }) => {
                let live = live.clone();
                self.schedule.credit(now.saturating_duration_since(live.since));
                let trouble = Trouble { layer, detail, remedy, failures: 1, since: now };
                self.degraded(live, trouble, now)
            }
            (State::Degraded(live, trouble), Round::Fail { layer, detail, remedy }) => {
                // Only failures that a restart may cure count towards one, and
                // they count from the first of their kind.
                let (failures, since) = match (trouble.remedy, remedy) {
                    (Remedy::Restart, Remedy::Restart) | (Remedy::None, Remedy::None) => {
                        (trouble.failures + 1, trouble.since)
                    }
                    (Remedy::None, Remedy::Restart) | (Remedy::Restart, Remedy::None) => (1, now),
                };
                let live = live.clone();
                self.degraded(live, Trouble { layer, detail, remedy, failures, since }, now)
            }
            (State::Stopping(_), _) => Vec::new(),
            (State::Stopped { .. } | State::Backoff { .. } | State::Failed(_), _) => {
                self.drop_stale()
            }
        }
    }

    fn degraded(&mut self, live: Live, trouble: Trouble, now: Instant) -> Vec<Effect> {
        let reached = trouble.failures >= self.policy.failure_threshold
            && now.saturating_duration_since(trouble.since) >= self.policy.failure_span;
        match (live.owner, trouble.remedy) {
            (Owner::External, _) if reached && trouble.layer == Layer::Tcp => {
                self.leave_external("the Temporal that was started elsewhere is gone")
            }
            (Owner::Spawned | Owner::Adopted, Remedy::Restart) if reached => {
                let detail = format!(
                    "{}: {} ({} failures in a row)",
                    trouble.layer, trouble.detail, trouble.failures
                );
                self.kill(live.generation, Cause::Unresponsive, detail, now)
            }
            (Owner::External, _) | (Owner::Spawned | Owner::Adopted, _) => {
                self.state = State::Degraded(live, trouble);
                Vec::new()
            }
        }
    }

    fn launch(
        &mut self,
        cause: Cause,
        detail: String,
        automatic: bool,
        now: Instant,
    ) -> Vec<Effect> {
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
        });
        vec![Effect::Launch { generation, cause, detail, automatic }]
    }

    /// It ended though nobody asked: again, later, or not at all.
    fn restart(&mut self, cause: Cause, detail: String, now: Instant) -> Vec<Effect> {
        if self.want == Want::Down {
            self.state = State::Stopped { note: None };
            return Vec::new();
        }
        let Some(delay) = self.schedule.next_delay(&self.policy, cause, now) else {
            let reason = format!(
                "gave up after {} automatic restarts in {:.0?}; the last end: {cause}, {detail}",
                self.policy.max_restarts, self.policy.restart_window
            );
            return self.fail(Failure::new(reason, "`s` or `stigmer local` starts it again"));
        };
        if delay.is_zero() {
            self.schedule.record(now);
            return self.launch(cause, detail, true, now);
        }
        self.state = State::Backoff { until: now + delay, since: now, cause, detail };
        Vec::new()
    }

    fn terminate(
        &mut self,
        generation: Generation,
        launched: bool,
        cause: Cause,
        now: Instant,
    ) -> Vec<Effect> {
        self.state = State::Stopping(Stopping {
            generation,
            cause,
            detail: String::new(),
            launched,
            since: now,
            act_at: now + self.policy.stop_grace,
            kills: 0,
        });
        if launched { vec![Effect::Terminate { generation }] } else { Vec::new() }
    }

    /// Ends what does not answer: it would not hear a polite signal either.
    fn kill(
        &mut self,
        generation: Generation,
        cause: Cause,
        detail: String,
        now: Instant,
    ) -> Vec<Effect> {
        let launched = match &self.state {
            State::Starting(starting) => starting.launched,
            State::Stopped { .. }
            | State::Ready(_)
            | State::Degraded(..)
            | State::Stopping(_)
            | State::Backoff { .. }
            | State::Failed(_) => true,
        };
        self.state = State::Stopping(Stopping {
            generation,
            cause,
            detail,
            launched,
            since: now,
            act_at: now + KILL_AGAIN,
            kills: u32::from(launched),
        });
        if launched { vec![Effect::Kill { generation }] } else { Vec::new() }
    }

    fn leave_external(&mut self, note: &str) -> Vec<Effect> {
        let generation = self.state.generation();
        self.want = Want::Down;
        self.state = State::Stopped { note: Some(note.to_owned()) };
        generation.map(|generation| Effect::Unwatch { generation }).into_iter().collect()
    }

    fn fail(&mut self, failure: Failure) -> Vec<Effect> {
        self.state = State::Failed(failure);
        Vec::new()
    }

    fn drop_stale(&mut self) -> Vec<Effect> {
        self.stale += 1;
        Vec::new()
    }
}
