//! State transitions for commands of the operator.

use super::{Cause, Effect, Live, Owner, Starting, State, Supervisor, Want};
use std::time::Instant;

impl Supervisor {
    pub(super) fn operator_start(&mut self, now: Instant) -> Vec<Effect> {
        self.want = Want::Up;
        self.fresh = false;
        match &self.state {
            // The server starts or runs already, so nothing changes. The restart counts are not
            // reset either, because a repeated start must not disable the restart limit.
            State::Starting(_) | State::Ready(_) | State::Degraded(..) => Vec::new(),
            // When the end of the server is proven, `after_stop` starts the server again.
            State::Stopping(_) => {
                self.schedule.clear();
                Vec::new()
            }
            State::Failed { left: Some(generation), .. } => {
                let generation = *generation;
                self.schedule.clear();
                self.kill(generation, Cause::Operator, String::new(), now)
            }
            State::Stopped { .. } | State::Backoff { .. } | State::Failed { left: None, .. } => {
                self.schedule.clear();
                self.launch(Cause::Operator, String::new(), false, now)
            }
        }
    }

    pub(super) fn operator_stop(&mut self, cause: Cause, now: Instant) -> Vec<Effect> {
        let is_fresh = std::mem::replace(&mut self.fresh, false);
        self.want = Want::Down;
        self.schedule.clear();
        match &mut self.state {
            // A server of an earlier host may still run. The search finds that server, or proves
            // that none runs.
            State::Stopped { .. } if is_fresh => self.search(cause, now),
            State::Stopped { .. } => Vec::new(),
            State::Failed { left: Some(generation), .. } => {
                let generation = *generation;
                self.kill(generation, cause, String::new(), now)
            }
            State::Backoff { .. } | State::Failed { left: None, .. } => self.search(cause, now),
            State::Stopping(stopping) => {
                stopping.cause = cause;
                stopping.detail.clear();
                Vec::new()
            }
            // Someone else started this server, so stigmer does not stop it, and the state does not
            // change.
            State::Starting(Starting { owner: Owner::External, .. })
            | State::Ready(Live { owner: Owner::External, .. })
            | State::Degraded(Live { owner: Owner::External, .. }, _) => Vec::new(),
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

    /// Restarts a unit after a change of a file. A unit that has ended, or that is to be restarted
    /// later, starts at once, because the change may be the repair.
    pub(super) fn reload(&mut self, detail: String, now: Instant) -> Vec<Effect> {
        if self.want == Want::Down {
            return Vec::new();
        }
        match &self.state {
            State::Starting(Starting { owner: Owner::External, .. })
            | State::Ready(Live { owner: Owner::External, .. })
            | State::Degraded(Live { owner: Owner::External, .. }, _)
            | State::Stopped { .. }
            // The process that survived SIGKILL must end first.
            | State::Failed { left: Some(_), .. }
            // The next start reads the changed file.
            | State::Stopping(_)
            | State::Starting(Starting { launched: false, .. }) => Vec::new(),
            State::Backoff { .. } | State::Failed { left: None, .. } => {
                self.schedule.clear();
                self.launch(Cause::Changed, detail, false, now)
            }
            State::Starting(_) | State::Ready(_) | State::Degraded(..) => {
                let effects = self.operator_stop(Cause::Changed, now);
                self.want = Want::Up;
                if let State::Stopping(stopping) = &mut self.state {
                    stopping.detail = detail;
                }
                effects
            }
        }
    }

    /// Ends the grace period of a stop. Does nothing during a restart, where the intent is up.
    pub(super) fn operator_end_grace(&mut self, now: Instant) -> Vec<Effect> {
        match &mut self.state {
            State::Stopping(stopping) if self.want == Want::Down && stopping.kills == 0 => {
                stopping.grace_ended = true;
                if stopping.launched { stopping.kill(now) } else { Vec::new() }
            }
            State::Stopping(_)
            | State::Stopped { .. }
            | State::Starting(_)
            | State::Ready(_)
            | State::Degraded(..)
            | State::Backoff { .. }
            | State::Failed { .. } => Vec::new(),
        }
    }

    pub(super) fn operator_restart(&mut self, now: Instant) -> Vec<Effect> {
        match &self.state {
            State::Starting(Starting { owner: Owner::External, .. })
            | State::Ready(Live { owner: Owner::External, .. })
            | State::Degraded(Live { owner: Owner::External, .. }, _) => match self.want {
                Want::Up => Vec::new(),
                // The operator may restart with new options, so stigmer stops watching the external
                // server and launches.
                Want::Down => {
                    let mut effects = self.leave_external("");
                    effects.extend(self.operator_start(now));
                    effects
                }
            },
            State::Starting(_) | State::Ready(_) | State::Degraded(..) | State::Stopping(_) => {
                let effects = self.operator_stop(Cause::Operator, now);
                self.want = Want::Up;
                effects
            }
            State::Stopped { .. } | State::Backoff { .. } | State::Failed { .. } => {
                self.operator_start(now)
            }
        }
    }
}
