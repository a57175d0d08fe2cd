//! The states of the supervisor. Each state has only the data that applies to it.

use super::{Cause, Check, Effect, Failure, Generation, KILL_AGAIN, RestartHelps, UnitKind};
use std::time::{Duration, Instant};

/// The operator's intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Want {
    /// The server should run.
    Up,
    /// The server should not run.
    Down,
}

/// Who spawned the server process. The owner decides what stigmer may do to the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// This host spawned the process.
    Spawned,
    /// An earlier host of this home spawned the process.
    Adopted,
    /// Someone else spawned the process. stigmer watches the process and never signals it.
    External,
}

/// A server that is starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starting {
    /// The number of the generation.
    pub generation: Generation,
    /// Who spawned the process.
    pub owner: Owner,
    /// Why the server starts.
    pub cause: Cause,
    /// Details of the cause.
    pub detail: String,
    /// Whether the process exists. False while its launch is in progress.
    pub launched: bool,
    /// When the start was decided.
    pub since: Instant,
    /// Time limit of the start, counted from the spawn of the process.
    pub timeout: Duration,
    /// When the start times out.
    pub deadline: Instant,
    /// When a check first found the process stopped by a signal. Such a process makes no progress.
    /// `None` if the process is not stopped.
    pub halted: Option<Instant>,
    /// The check that failed last, with the observed error.
    pub failing: Option<String>,
}

impl Starting {
    /// When the start times out: at the deadline, or earlier if a signal has stopped the process,
    /// then `patience` after that.
    pub(super) fn due(&self, patience: Duration) -> Instant {
        self.halted.map_or(self.deadline, |halted| self.deadline.min(halted + patience))
    }
}

/// A running server: ready or degraded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// The number of the generation.
    pub generation: Generation,
    /// Who spawned the process.
    pub owner: Owner,
    /// When the server last became ready.
    pub since: Instant,
}

/// The failing check of a degraded server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Degradation {
    /// The first check that failed.
    pub check: Check,
    /// The observed error.
    pub detail: String,
    /// Whether a restart may fix the error.
    pub restart_helps: RestartHelps,
    /// Number of failed rounds of checks in a row.
    pub failures: u32,
    /// When the first of the failed rounds in [`Self::failures`] ended.
    pub since: Instant,
}

/// A server that is being stopped, or the search for a server to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopping {
    /// The number of the generation.
    pub generation: Generation,
    /// Why the server ends.
    pub cause: Cause,
    /// Details of the cause.
    pub detail: String,
    /// Whether a process exists. False while a launch or a search is in progress.
    pub launched: bool,
    /// When the stop was decided.
    pub since: Instant,
    /// Whether the operator has ended the grace period.
    pub grace_ended: bool,
    /// When to send the next signal.
    pub act_at: Instant,
    /// Number of signals of [`UnitKind::stop_signals`] that were sent.
    pub signals: usize,
    /// Number of SIGKILLs sent.
    pub kills: u32,
}

impl Stopping {
    /// Sends the next signal that requests the end of the processes, or SIGKILL after the last of
    /// these signals.
    pub(super) fn insist(&mut self, kind: &UnitKind, grace: Duration, now: Instant) -> Vec<Effect> {
        let Some(signal) = kind.stop_signals.get(self.signals).copied() else {
            return self.kill(now);
        };
        self.act_at = now + kind.part_of(grace, self.signals);
        self.signals += 1;
        vec![Effect::Terminate { generation: self.generation, signal }]
    }

    pub(super) fn kill(&mut self, now: Instant) -> Vec<Effect> {
        self.kills += 1;
        self.act_at = now + KILL_AGAIN;
        vec![Effect::Kill { generation: self.generation }]
    }
}

/// The state of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// No process runs, and no start is scheduled.
    Stopped {
        /// A message for the user.
        note: Option<String>,
    },
    /// The server is starting.
    Starting(Starting),
    /// The server runs, and all checks that apply to it pass.
    Ready(Live),
    /// The server runs, and a check fails.
    Degraded(Live, Degradation),
    /// The server is being stopped.
    Stopping(Stopping),
    /// No process runs; the next start is scheduled.
    Backoff {
        /// Time of the next start.
        until: Instant,
        /// When the last process ended.
        since: Instant,
        /// Why the last process ended.
        cause: Cause,
        /// Details of the cause.
        detail: String,
        /// Whether the next spawn counts as an automatic restart.
        counts: bool,
    },
    /// The supervisor has given up. If the intent is "up", the server does not start. If the intent
    /// is "down", the end of the server is not proven.
    Failed {
        /// Why the supervisor has given up, and what the user can do.
        failure: Failure,
        /// A process that survived SIGKILL. Until its end is proven, no server may start and the
        /// state does not become stopped.
        left: Option<Generation>,
        /// Time of the next attempt, if a resource is missing or a search has failed.
        retry: Option<Instant>,
    },
}

impl State {
    /// The name of the state.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stopped { .. } => "stopped",
            Self::Starting(_) => "starting",
            Self::Ready(_) => "ready",
            Self::Degraded(..) => "degraded",
            Self::Stopping(_) => "stopping",
            Self::Backoff { .. } => "backoff",
            Self::Failed { .. } => "failed",
        }
    }

    /// The generation of this state, if a process of that generation may exist.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        match self {
            Self::Starting(starting) => Some(starting.generation),
            Self::Ready(live) | Self::Degraded(live, _) => Some(live.generation),
            Self::Stopping(stopping) => Some(stopping.generation),
            Self::Failed { left, .. } => *left,
            Self::Stopped { .. } | Self::Backoff { .. } => None,
        }
    }

    /// The owner of a server that starts, is ready or is degraded. `None` in all other states.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        match self {
            Self::Starting(starting) => Some(starting.owner),
            Self::Ready(live) | Self::Degraded(live, _) => Some(live.owner),
            Self::Stopping(_)
            | Self::Stopped { .. }
            | Self::Backoff { .. }
            | Self::Failed { .. } => None,
        }
    }
}
