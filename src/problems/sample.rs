//! Samples of a server, from which problems are derived.

use crate::temporal::executions::{Description, Execution, NewestEvents};
use crate::temporal::queues::{QueueKind, QueueState};
use std::time::{Duration, SystemTime};

/// A sample of one namespace.
#[derive(Debug, Clone, Default)]
pub struct NamespaceSample {
    /// Name of the namespace.
    pub namespace: String,
    /// The open workflows that have a description.
    pub open: Vec<OpenRun>,
    /// The workflows that failed or timed out.
    pub ended: Vec<EndedRun>,
    /// The queues of open workflows and of their activities.
    pub queues: Vec<QueueSample>,
}

/// An open workflow.
#[derive(Debug, Clone)]
pub struct OpenRun {
    /// The description of the workflow.
    pub description: Description,
    /// The newest events of the workflow. `None` if they were not read, because nothing fails.
    pub events: Option<NewestEvents>,
}

/// A workflow that failed or timed out.
#[derive(Debug, Clone)]
pub struct EndedRun {
    /// The workflow.
    pub execution: Execution,
    /// The last events of the workflow.
    pub events: NewestEvents,
}

/// A queue and the processes of its pollers.
#[derive(Debug, Clone)]
pub struct QueueSample {
    /// Name of the queue.
    pub name: String,
    /// Kind of the tasks in the queue.
    pub kind: QueueKind,
    /// The state of the queue, as the server reports it.
    pub state: QueueState,
    /// The pollers of the queue, each with its process.
    pub pollers: Vec<PollerSample>,
}

/// A poller of a queue: a worker, and its process if known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollerSample {
    /// The name that the worker gives itself.
    pub identity: String,
    /// When the worker last polled the queue.
    pub last_poll: Option<SystemTime>,
    /// The process of the worker.
    pub process: PollerProcess,
}

/// The process of a worker that polls a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollerProcess {
    /// The process runs on this machine.
    Runs {
        /// Process id.
        pid: i32,
        /// Command line of the process. Empty if unknown.
        command: String,
    },
    /// The process ran on this machine and has ended.
    Ended {
        /// Process id.
        pid: i32,
        /// Command line of the process. Empty if stigmer did not see the process before it ended.
        command: String,
    },
    /// The process runs on another machine, or the identity of the worker does not contain its pid.
    Unknown,
}

/// A worker that has not polled for this time counts as ended. An idle worker polls once a minute.
pub const STALE: Duration = Duration::from_secs(75);

impl PollerSample {
    /// Whether the worker still polls. False if its process has ended, or after [`STALE`] without a
    /// poll.
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
    /// Whether at least one worker polls the queue.
    #[must_use]
    pub fn is_served(&self, now: SystemTime) -> bool {
        self.pollers.iter().any(|poller| poller.is_alive(now))
    }

    /// The worker that polled the queue most recently.
    #[must_use]
    pub fn last_poller(&self) -> Option<&PollerSample> {
        self.pollers.iter().max_by_key(|poller| poller.last_poll)
    }
}
