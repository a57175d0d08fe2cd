//! Finds the processes of workers by their identity, the name that a worker gives itself.
//!
//! A server reports the end of a worker a minute later or never. For a worker on this machine, the
//! process table shows the end at once.

use super::sample::{PollerProcess, PollerSample};
use crate::process::threads::LOOKS;
use crate::process::{Pid, linux, memory};
use crate::temporal::queues::QueuePoller;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// Time limit for reading a command line, which usually takes microseconds.
const COMMAND: Duration = Duration::from_secs(1);
/// If a poll is later than the end of the process by more than this time, another process has made
/// the poll. Server and host use the same clock, but the server writes the time of a poll a moment
/// later.
const DYING: Duration = Duration::from_secs(1);
/// The maximum number of workers that are known.
const KNOWN: usize = 1_000;

/// The known workers and their processes.
#[derive(Debug)]
pub(super) struct Pollers {
    host: String,
    known: HashMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    process: PollerProcess,
    /// Start time of the process, as first seen. It distinguishes the process from a later process
    /// with the same pid.
    start_ticks: Option<u64>,
    /// The time at which the process was first seen to be absent.
    absent_since: Option<SystemTime>,
}

impl Pollers {
    pub(super) fn new() -> Self {
        let host = nix::unistd::gethostname().unwrap_or_default();
        Self { host: host.to_string_lossy().into_owned(), known: HashMap::new() }
    }

    /// Looks up the process of this worker in the process table and stores the result.
    pub(super) async fn look(&mut self, poller: &QueuePoller) {
        let Some(pid) = self.pid(&poller.identity) else { return };
        let known = self.known.get(&poller.identity);
        let Ok(found) = linux::stat(pid) else { return };
        let alive = found.filter(|process| !process.is_zombie());
        let is_same = |ticks| known.is_none_or(|it| it.start_ticks.is_none_or(|old| old == ticks));
        let now = match alive {
            Some(process) if is_same(process.start_ticks) => {
                let seen = known.filter(|it| it.start_ticks.is_some()).map(|it| it.process.clone());
                let process_state = match seen {
                    Some(runs @ PollerProcess::Runs { .. }) => runs,
                    Some(PollerProcess::Ended { .. } | PollerProcess::Unknown) | None => {
                        let read = LOOKS.run(COMMAND, move || memory::command_line(pid)).await;
                        PollerProcess::Runs { pid, command: read.unwrap_or_default() }
                    }
                };
                let start_ticks = Some(process.start_ticks);
                Known { process: process_state, start_ticks, absent_since: None }
            }
            // There is no such process, or a later process has the same pid.
            _ => self.absent(pid, poller),
        };
        if self.known.len() < KNOWN || self.known.contains_key(&poller.identity) {
            self.known.insert(poller.identity.clone(), now);
        }
    }

    /// Returns the poller for the case that no process has its id. If the last poll is later than the
    /// end of the process, the poller is a process with the same id in another pid namespace.
    fn absent(&self, pid: Pid, poller: &QueuePoller) -> Known {
        let known = self.known.get(&poller.identity);
        let absent_since = known.and_then(|it| it.absent_since).unwrap_or_else(SystemTime::now);
        let polls = poller.last_poll.is_some_and(|poll| poll > absent_since + DYING);
        let process = match known.map(|it| &it.process) {
            _ if polls => PollerProcess::Unknown,
            Some(PollerProcess::Unknown) => PollerProcess::Unknown,
            Some(PollerProcess::Runs { command, .. } | PollerProcess::Ended { command, .. }) => {
                PollerProcess::Ended { pid, command: command.clone() }
            }
            None => PollerProcess::Ended { pid, command: String::new() },
        };
        let start_ticks = known.and_then(|it| it.start_ticks);
        Known { process, start_ticks, absent_since: Some(absent_since) }
    }

    /// The process id in a name like `4712@host` or `4712@host@queue`, if the host is this machine.
    fn pid(&self, identity: &str) -> Option<Pid> {
        let (pid, rest) = identity.split_once('@')?;
        let host = rest.split_once('@').map_or(rest, |(host, _)| host);
        pid.parse().ok().filter(|pid| *pid > 0 && host == self.host)
    }

    /// The poller with the stored state of its process.
    pub(super) fn sample(&self, poller: &QueuePoller) -> PollerSample {
        let known = self.known.get(&poller.identity).map(|it| it.process.clone());
        PollerSample {
            identity: poller.identity.clone(),
            last_poll: poller.last_poll,
            process: known.unwrap_or(PollerProcess::Unknown),
        }
    }
}
