//! The automatic restarts of a unit, and their conversion to the status and to the hand-over file.

use super::millis;
use super::timeline::Episode;
use crate::protocol::{LastRestart, RestartStatus};
use crate::supervisor::{Cause, Policy, Schedule};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The latest automatic restart.
#[derive(Debug, Clone)]
pub struct RestartFacts {
    /// Why the unit was restarted.
    pub cause: Cause,
    /// Details of the cause.
    pub detail: String,
    /// When the restart began: at the end of the old process, or at the decision to kill it.
    pub at: Instant,
    /// Time from `at` until the unit was ready again. `None` while the restart is in progress.
    pub recovery: Option<Duration>,
    /// Time from the last passed round of checks until the unit was ready again. `None` while the
    /// restart is in progress.
    pub downtime: Option<Duration>,
}

impl RestartFacts {
    /// A restart that begins now, as the repair in progress.
    pub(crate) fn begin(cause: Cause, repair: &Episode) -> Self {
        Self {
            cause,
            detail: repair.detail().to_owned(),
            at: repair.begun(),
            recovery: None,
            downtime: None,
        }
    }

    /// The restart in the status and in the hand-over file. `age` converts a time to milliseconds.
    pub(super) fn status(&self, age: impl Fn(Instant) -> u64) -> LastRestart {
        LastRestart {
            cause: self.cause,
            detail: self.detail.clone(),
            ago_ms: age(self.at),
            recovery_ms: self.recovery.map(millis),
            downtime_ms: self.downtime.map(millis),
        }
    }

    /// A restart by an earlier host. `ago` converts an age in milliseconds to a time.
    pub(super) fn recall(last: LastRestart, ago: impl Fn(u64) -> Instant) -> Self {
        Self {
            cause: last.cause,
            detail: last.detail,
            at: ago(last.ago_ms),
            recovery: last.recovery_ms.map(Duration::from_millis),
            downtime: last.downtime_ms.map(Duration::from_millis),
        }
    }
}

/// The restarts of a unit in the status.
pub(super) fn status(
    counts: &BTreeMap<Cause, u64>,
    (schedule, policy, now): (&Schedule, &Policy, Instant),
    last: Option<&RestartFacts>,
    age: impl Fn(Instant) -> u64,
) -> RestartStatus {
    RestartStatus {
        total: counts.values().sum(),
        in_window: schedule.in_window(policy, now) as u64,
        last: last.map(|last| last.status(age)),
    }
}
