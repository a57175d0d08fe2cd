//! Reaps orphaned zombies in a host that is process 1, for example in a container. In this case no
//! other process reaps them.

use crate::process::Pid;
use crate::process::identity::own_pid;
use crate::process::sweep::reap_inherited;
use std::time::{Duration, Instant};

/// The pid of the process that inherits all orphans of its pid namespace.
const INIT: Pid = 1;
const PERIOD: Duration = Duration::from_secs(1);

/// When the zombies were last reaped.
#[derive(Debug, Default)]
pub(crate) struct Init {
    reaped: Option<Instant>,
}

impl Init {
    /// Reaps the zombies that this process has inherited, at most once a second. Does nothing if
    /// the host is not process 1. Never reaps the spawned process of a unit, because the unit must
    /// read the exit status of that process first. This is also true for a process whose launch is
    /// still in progress.
    pub(crate) fn reap(&mut self, now: Instant) {
        let is_due = self.reaped.is_none_or(|reaped| now >= reaped + PERIOD);
        if own_pid() == INIT && is_due {
            self.reaped = Some(now);
            reap_inherited();
        }
    }
}
