//! What is: each state with the data that only it has.

use super::{Cause, Effect, Failure, Generation, KILL_AGAIN, Layer, RestartHelps};
use std::time::{Duration, Instant};

/// What the operator wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Want {
    /// Running.
    Up,
    /// Not running.
    Down,
}

/// Who brought the process up, which decides what may be done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// This host spawned it.
    Spawned,
    /// An earlier host of this home spawned it.
    Adopted,
    /// Somebody else runs it: watched, never signalled.
    External,
}

/// A generation on its way up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starting {
    /// Which.
    pub generation: Generation,
    /// Whose.
    pub owner: Owner,
    /// Why it begins.
    pub cause: Cause,
    /// More about the cause.
    pub detail: String,
    /// Whether a process exists yet.
    pub launched: bool,
    /// When it was decided.
    pub since: Instant,
    /// How long it may take, from its launch.
    pub timeout: Duration,
    /// When it has taken too long.
    pub deadline: Instant,
    /// Since when its process was seen stopped by a signal: it makes no use of its time.
    pub halted: Option<Instant>,
}

impl Starting {
    /// When it is given up, where one that is halted has `patience`.
    pub(super) fn due(&self, patience: Duration) -> Instant {
        self.halted.map_or(self.deadline, |halted| self.deadline.min(halted + patience))
    }
}

/// A generation that was ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Which.
    pub generation: Generation,
    /// Whose.
    pub owner: Owner,
    /// When it became ready, most recently.
    pub since: Instant,
}

/// What is wrong with a generation that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Degradation {
    /// The first layer that failed.
    pub layer: Layer,
    /// What was seen.
    pub detail: String,
    /// Whether a restart helps.
    pub restart_helps: RestartHelps,
    /// Rounds in a row.
    pub failures: u32,
    /// The first of them.
    pub since: Instant,
}

/// A generation on its way down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopping {
    /// Which.
    pub generation: Generation,
    /// Why it ends.
    pub cause: Cause,
    /// More about the cause.
    pub detail: String,
    /// Whether a process exists; false while a launch still runs.
    pub launched: bool,
    /// When it was decided.
    pub since: Instant,
    /// Whether the operator has ended the grace period.
    pub grace_ended: bool,
    /// When to kill, or to kill again.
    pub act_at: Instant,
    /// How many times it was killed.
    pub kills: u32,
}

impl Stopping {
    pub(super) fn kill(&mut self, now: Instant) -> Vec<Effect> {
        self.kills += 1;
        self.act_at = now + KILL_AGAIN;
        vec![Effect::Kill { generation: self.generation }]
    }
}

/// What is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing runs and nothing is coming.
    Stopped {
        /// What there is to say about it.
        note: Option<String>,
    },
    /// On its way up.
    Starting(Starting),
    /// Every layer that applies passes.
    Ready(Live),
    /// It runs, and something is wrong.
    Degraded(Live, Degradation),
    /// On its way down.
    Stopping(Stopping),
    /// Down; the next spawn waits.
    Backoff {
        /// Until then.
        until: Instant,
        /// When the last process ended.
        since: Instant,
        /// Why it ended.
        cause: Cause,
        /// More about the cause.
        detail: String,
        /// Whether the next spawn counts as an automatic restart.
        counts: bool,
    },
    /// Given up.
    Failed {
        /// Why.
        failure: Failure,
        /// The generation that would not end: nothing may start beside it, and
        /// without proof of its end nothing is called stopped.
        left: Option<Generation>,
        /// When it is tried again, where it waits for a resource.
        retry: Option<Instant>,
    },
}

impl State {
    /// The state in one word.
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

    /// The generation that this state is about, if any process may exist.
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

    /// Whose process this state is about.
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
