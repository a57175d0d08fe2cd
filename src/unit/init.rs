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
    /// Reaps inherited zombies, at most once a second. Does nothing if the host is not process 1. A
    /// leader is spared until its unit has read its exit status, also while it is launched.
    pub(crate) fn reap(&mut self, now: Instant) {
        let is_due = self.reaped.is_none_or(|reaped| now >= reaped + PERIOD);
        if own_pid() == INIT && is_due {
            self.reaped = Some(now);
            reap_inherited();
        }
    }
}
