//! Reaps orphans if the host is process 1, for example in a container.

use crate::process::Pid;
use crate::process::identity::own_pid;
use crate::process::sweep::reap_inherited;
use std::time::{Duration, Instant};

/// The process that inherits all orphans of its pid namespace.
const INIT: Pid = 1;
const PERIOD: Duration = Duration::from_secs(1);

/// State of the reaping.
#[derive(Debug, Default)]
pub(crate) struct Init {
    reaped: Option<Instant>,
}

impl Init {
    /// Reaps inherited zombies except `leader`, at most once a second. Does nothing if the host is not
    /// process 1. Must not be called during a launch: the new leader is not known yet, and its exit
    /// status would be lost.
    pub(crate) fn reap(&mut self, leader: Option<Pid>, now: Instant) {
        let is_due = self.reaped.is_none_or(|reaped| now >= reaped + PERIOD);
        if own_pid() == INIT && is_due {
            self.reaped = Some(now);
            reap_inherited(leader);
        }
    }
}
