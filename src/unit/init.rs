//! The duty of process number 1, as which a host may run in a container.

use crate::process::Pid;
use crate::process::identity::own_pid;
use crate::process::sweep::reap_inherited;
use std::time::{Duration, Instant};

/// The process that inherits every orphan of its pid namespace.
const INIT: Pid = 1;
const PERIOD: Duration = Duration::from_secs(1);

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Init {
    reaped: Option<Instant>,
}

impl Init {
    /// Reaps inherited processes that have ended, but not the server's leader, once a second; does
    /// nothing in any other process. Not to be called while a server is launched, whose leader is
    /// not known yet: its exit status would be lost.
    pub(crate) fn reap(&mut self, leader: Option<Pid>, now: Instant) {
        let is_due = self.reaped.is_none_or(|reaped| now >= reaped + PERIOD);
        if own_pid() == INIT && is_due {
            self.reaped = Some(now);
            reap_inherited(leader);
        }
    }
}
