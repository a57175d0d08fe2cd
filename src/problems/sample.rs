//! Samples of a server: the facts from which problems are derived.

use crate::temporal::executions::{Description, Execution, NewestEvents};
use crate::temporal::queues::{QueueKind, QueueState};
use std::time::{Duration, SystemTime};

/// All that is known of one namespace.
#[derive(Debug, Clone, Default)]
pub struct NamespaceSample {
    /// Name of the namespace.
    pub namespace: String,
    /// Open workflows that were described.
    pub open: Vec<OpenRun>,
    /// Workflows that failed or timed out.
    pub ended: Vec<EndedRun>,
    /// Queues of open workflows.
    pub queues: Vec<QueueSample>,
}

/// An open workflow.
#[derive(Debug, Clone)]
pub struct OpenRun {
    /// Its description.
    pub description: Description,
    /// Its newest events. `None` if they were not read, because nothing fails.
    pub events: Option<NewestEvents>,
}

/// A workflow that failed or timed out.
#[derive(Debug, Clone)]
pub struct EndedRun {
    /// The workflow.
    pub execution: Execution,
    /// Its last events.
    pub events: NewestEvents,
}

/// A queue and the processes of its pollers.
#[derive(Debug, Clone)]
pub struct QueueSample {
    /// Name of the queue.
    pub name: String,
    /// Kind of the tasks.
    pub kind: QueueKind,
    /// What the server says.
    pub state: QueueState,
    /// The pollers, each with its process.
    pub pollers: Vec<PollerSample>,
}

/// A poller of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollerSample {
    /// The name that the worker gives itself.
    pub identity: String,
    /// The time of its last poll.
    pub last_poll: Option<SystemTime>,
    /// Its process.
    pub process: PollerProcess,
}

/// The process of a poller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollerProcess {
    /// It runs on this machine.
    Runs {
        /// Its process id.
        pid: i32,
        /// Its command line. Empty if unknown.
        command: String,
    },
    /// It ran on this machine and has ended.
    Ended {
        /// Its process id.
        pid: i32,
        /// Its command line, if stigmer saw the process before it ended. Else empty.
        command: String,
    },
    /// It runs on another machine, or its name does not say which process it is.
    Unknown,
}

/// Time without a poll after which a worker is gone, if its process is unknown. An idle worker polls
/// once a minute.
pub const STALE: Duration = Duration::from_secs(75);

impl PollerSample {
    /// Whether the worker still polls.
    #[must_use]
    pub fn is_alive(&self, now: SystemTime) -> bool {
        match self.process {
            PollerProcess::Ended { .. } => false,
            PollerProcess::Runs { .. } | PollerProcess::Unknown => {
                let age = self.last_poll.and_then(|poll| now.duration_since(poll).ok());
                age.is_none_or(|age| age < STALE)
            }
        }
    }
}

impl QueueSample {
    /// Whether a worker polls the queue.
    #[must_use]
    pub fn is_served(&self, now: SystemTime) -> bool {
        self.pollers.iter().any(|poller| poller.is_alive(now))
    }

    /// The worker that polled the queue last.
    #[must_use]
    pub fn last_poller(&self) -> Option<&PollerSample> {
        self.pollers.iter().max_by_key(|poller| poller.last_poll)
    }
}
