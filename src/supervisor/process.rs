//! State transitions for inputs about processes.

use super::{
    Cause, Degradation, Effect, Exit, Failure, Found, Generation, Live, Owner, Resource,
    RestartHelps, Round, Starting, State, Supervisor, Want,
};
use std::time::{Duration, Instant};

/// Pause before the next search, if a server may still run after a stop.
const SEARCH_AGAIN: Duration = Duration::from_secs(30);

impl Supervisor {
    /// Handles a running server that was found at the start of the host, or by a launch or search.
    pub(super) fn found(
        &mut self,
        generation: Generation,
        found: Found,
        now: Instant,
    ) -> Vec<Effect> {
        let (owner, timeout) = match found {
            Found::Ours => (Owner::Adopted, self.policy.adopt_timeout()),
            Found::External => (Owner::External, self.policy.start_timeout),
        };
        let (cause, detail, since) = match &self.state {
            // A running server is accepted only as the first input of a host. A later input of this
            // kind would be the result of an earlier launch, and would undo a stop.
            State::Stopped { .. } if self.fresh => {
                self.want = Want::Up;
                (Cause::Operator, String::new(), now)
            }
            State::Starting(starting)
                if starting.generation == generation && !starting.launched =>
            {
                (starting.cause, starting.detail.clone(), starting.since)
            }
            State::Stopping(stopping)
                if stopping.generation == generation && !stopping.launched =>
            {
                match found {
                    Found::Ours => return self.launched(generation, now),
                    // If a restart finds an external server, the supervisor uses that server, as in
                    // a start.
                    Found::External => (Cause::Operator, String::new(), now),
                }
            }
            State::Stopped { .. }
            | State::Starting(_)
            | State::Stopping(_)
            | State::Ready(_)
            | State::Degraded(..)
            | State::Backoff { .. }
            | State::Failed { .. } => return self.drop_stale(),
        };
        // `detail` is the reason for a launch of a server by stigmer, so it does not apply to an
        // external server.
        let detail = if owner == Owner::External { String::new() } else { detail };
        self.fresh = false;
        self.generation = self.generation.max(generation);
        self.state = State::Starting(Starting {
            generation,
            owner,
            cause,
            detail,
            launched: true,
            since,
            timeout,
            deadline: now + timeout,
            halted: None,
            failing: None,
        });
        Vec::new()
    }

    pub(super) fn launched(&mut self, generation: Generation, now: Instant) -> Vec<Effect> {
        match &mut self.state {
            State::Starting(starting)
                if starting.generation == generation && !starting.launched =>
            {
                // The start timeout begins here, after the spawn. The preparation before the spawn
                // (a search for old processes, a slow disk) is not the server's fault.
                starting.launched = true;
                starting.deadline = now + starting.timeout;
                Vec::new()
            }
            State::Stopping(stopping)
                if stopping.generation == generation && !stopping.launched =>
            {
                stopping.launched = true;
                if stopping.grace_ended {
                    return stopping.kill(now);
                }
                stopping.insist(&self.kind, self.policy.stop_grace, now)
            }
            State::Starting(_)
            | State::Stopping(_)
            | State::Stopped { .. }
            | State::Ready(_)
            | State::Degraded(..)
            | State::Backoff { .. }
            | State::Failed { .. } => self.drop_stale(),
        }
    }

    pub(super) fn launch_refused(
        &mut self,
        generation: Generation,
        failure: Failure,
        is_transient: bool,
        now: Instant,
    ) -> Vec<Effect> {
        match &mut self.state {
            State::Starting(starting)
                if starting.generation == generation && !starting.launched =>
            {
                match failure.waits_for {
                    Some(Resource::System) if is_transient => self.wait_for_resource(failure, now),
                    Some(_) | None if is_transient => {
                        self.restart(Cause::SpawnFailed, failure.reason, now)
                    }
                    Some(_) | None => self.fail(failure, now),
                }
            }
            State::Stopping(stopping)
                if stopping.generation == generation && !stopping.launched =>
            {
                match self.want {
                    Want::Up => self.after_stop(Cause::Operator, String::new(), now),
                    // A refused launch does not prove that no earlier server runs, so the
                    // supervisor searches for such a server.
                    Want::Down => {
                        self.generation = self.generation.next();
                        stopping.generation = self.generation;
                        vec![Effect::Search { generation: self.generation }]
                    }
                }
            }
            State::Starting(_)
            | State::Stopping(_)
            | State::Stopped { .. }
            | State::Ready(_)
            | State::Degraded(..)
            | State::Backoff { .. }
            | State::Failed { .. } => self.drop_stale(),
        }
    }

    pub(super) fn absent(&mut self, generation: Generation, now: Instant) -> Vec<Effect> {
        match self.is_searched(generation) {
            true => self.after_stop(Cause::Operator, String::new(), now),
            false => self.drop_stale(),
        }
    }

    pub(super) fn search_failed(
        &mut self,
        generation: Generation,
        failure: Failure,
        now: Instant,
    ) -> Vec<Effect> {
        match (self.is_searched(generation), self.want) {
            (false, _) => self.drop_stale(),
            // There is no second search, because the following launch itself searches for a running
            // server.
            (true, Want::Up) => self.after_stop(Cause::Operator, String::new(), now),
            (true, Want::Down) => {
                let retry = Some(now + SEARCH_AGAIN);
                self.state = State::Failed { failure, left: None, retry };
                Vec::new()
            }
        }
    }

    /// Whether the supervisor waits for the result of the search with this number.
    fn is_searched(&self, generation: Generation) -> bool {
        matches!(&self.state, State::Stopping(stopping)
            if stopping.generation == generation && !stopping.launched)
    }

    pub(super) fn exited(
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
            State::Stopped { .. } | State::Backoff { .. } => self.drop_stale(),
            // The process that survived SIGKILL has ended. If the intent is "up", the state stays
            // failed until the operator starts the server.
            State::Failed { failure, .. } => match self.want {
                Want::Up => self.fail(failure.clone(), now),
                Want::Down => {
                    self.state = State::Stopped { note: None };
                    Vec::new()
                }
            },
            State::Stopping(stopping) => {
                let (cause, detail) = (stopping.cause, stopping.detail.clone());
                self.after_stop(cause, detail, now)
            }
            State::Starting(Starting { owner: Owner::External, .. })
            | State::Ready(Live { owner: Owner::External, .. })
            | State::Degraded(Live { owner: Owner::External, .. }, _) => {
                self.leave_ended_external()
            }
            State::Starting(_) | State::Ready(_) | State::Degraded(..) => {
                if let State::Ready(live) = &self.state {
                    self.schedule.credit(now.saturating_duration_since(live.since));
                }
                match fatal {
                    Some(failure) if failure.waits_for == Some(Resource::System) => {
                        self.wait_for_resource(failure, now)
                    }
                    Some(failure) => self.fail(failure, now),
                    None => self.restart(exit.cause(), exit.to_string(), now),
                }
            }
        }
    }

    pub(super) fn probed(
        &mut self,
        generation: Generation,
        round: Round,
        now: Instant,
    ) -> Vec<Effect> {
        if self.state.generation() != Some(generation) {
            return self.drop_stale();
        }
        match (&mut self.state, round) {
            // The process of this generation does not exist yet, so the round has checked another
            // process.
            (State::Starting(starting), _) if !starting.launched => self.drop_stale(),
            (State::Starting(starting), Round::Pass) => {
                let live = Live { generation, owner: starting.owner, since: now };
                self.state = State::Ready(live);
                Vec::new()
            }
            // This server was started before this host, and a restart does not help. A kill could
            // lose data that only this process has. The state `Degraded` has no deadline, so the
            // supervisor never kills the server for this failure.
            (
                State::Starting(starting @ Starting { owner: Owner::Adopted, .. }),
                Round::Fail {
                    check,
                    detail,
                    restart_helps: restart_helps @ (RestartHelps::No | RestartHelps::Waiting),
                },
            ) => {
                let live = Live { generation, owner: starting.owner, since: now };
                let degradation =
                    Degradation { check, detail, restart_helps, failures: 1, since: now };
                self.degraded(live, degradation, now)
            }
            // A failed check does not end a start: the server has time until the deadline, and an
            // exit is reported by another input. But a process that a signal has stopped makes no
            // progress, so `halted` shortens this time.
            (State::Starting(starting), Round::Fail { restart_helps, check, detail }) => {
                starting.failing = Some(format!("{check}: {detail}"));
                starting.halted = match (starting.owner, restart_helps) {
                    (Owner::Spawned, RestartHelps::Yes) => starting.halted.or(Some(now)),
                    (
                        Owner::Spawned,
                        RestartHelps::NotYet | RestartHelps::No | RestartHelps::Waiting,
                    )
                    | (Owner::Adopted | Owner::External, _) => None,
                };
                if restart_helps == RestartHelps::Waiting {
                    starting.deadline = now + starting.timeout;
                }
                Vec::new()
            }
            (State::Starting(_), Round::Void) => Vec::new(),
            (State::Ready(_), Round::Pass) => Vec::new(),
            (State::Degraded(live, _), Round::Pass) => {
                live.since = now;
                self.state = State::Ready(live.clone());
                Vec::new()
            }
            (State::Ready(_) | State::Degraded(..), Round::Void) => Vec::new(),
            (State::Ready(live), Round::Fail { check, detail, restart_helps }) => {
                let live = live.clone();
                self.schedule.credit(now.saturating_duration_since(live.since));
                let degradation =
                    Degradation { check, detail, restart_helps, failures: 1, since: now };
                self.degraded(live, degradation, now)
            }
            (State::Degraded(live, degradation), Round::Fail { check, detail, restart_helps }) => {
                // The failure threshold applies to failures that a restart may fix. So the count
                // begins again when `restart_helps` changes.
                let (failures, since) = if degradation.restart_helps == restart_helps {
                    (degradation.failures.saturating_add(1), degradation.since)
                } else {
                    (1, now)
                };
                let live = live.clone();
                self.degraded(
                    live,
                    Degradation { check, detail, restart_helps, failures, since },
                    now,
                )
            }
            (State::Stopping(_), _) => Vec::new(),
            (State::Stopped { .. } | State::Backoff { .. } | State::Failed { .. }, _) => {
                self.drop_stale()
            }
        }
    }

    fn degraded(&mut self, live: Live, degradation: Degradation, now: Instant) -> Vec<Effect> {
        let reached = degradation.failures >= self.policy.failure_threshold
            && now.saturating_duration_since(degradation.since) >= self.policy.failure_span;
        match (live.owner, degradation.restart_helps) {
            (Owner::External, _) if reached && degradation.check.shows_end => {
                self.leave_ended_external()
            }
            (Owner::Spawned | Owner::Adopted, RestartHelps::Yes) if reached => {
                let detail = format!(
                    "{}: {} ({} failures in a row)",
                    degradation.check, degradation.detail, degradation.failures
                );
                self.kill(live.generation, Cause::Unresponsive, detail, now)
            }
            // The server shuts down, and stigmer did not request it. The server gets the same time
            // as in a stop by stigmer.
            (Owner::Spawned | Owner::Adopted, RestartHelps::NotYet)
                if now.saturating_duration_since(degradation.since) >= self.policy.stop_grace =>
            {
                let detail = format!(
                    "{}, and did not exit within {:?}",
                    degradation.detail, self.policy.stop_grace
                );
                self.kill(live.generation, Cause::Exited, detail, now)
            }
            (Owner::External, _) | (Owner::Spawned | Owner::Adopted, _) => {
                self.state = State::Degraded(live, degradation);
                Vec::new()
            }
        }
    }
}
