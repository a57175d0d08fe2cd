//! Samples of a server, from which problems are derived.

use crate::process::Pid;
use crate::temporal::executions::{Description, Execution, NewestEvents};
use crate::temporal::queues::{QueueKind, QueueState};
use crate::temporal::workers::WorkerHeartbeat;
use std::collections::BTreeMap;
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
    /// The queues of open workflows, of their activities, and of known workers.
    pub queues: Vec<QueueSample>,
    /// The workers that report to the server.
    pub workers: Vec<WorkerSample>,
    /// The processes of the workers that started an open task, or that failed a workflow task, by the
    /// identities of the workers.
    pub starters: BTreeMap<String, PollerProcess>,
}

/// An open workflow.
#[derive(Debug, Clone)]
pub struct OpenRun {
    /// The description of the workflow.
    pub description: Description,
    /// When the description was read.
    pub described: Option<SystemTime>,
    /// The newest events of the workflow. `None` if they were not read, because nothing fails.
    pub events: Option<NewestEvents>,
    /// Why the workflow will fail when it continues. `None` if this is not known.
    pub mismatch: Option<Mismatch>,
    /// When the current attempt of the workflow task was first seen. `None` if it may be older.
    pub attempt_since: Option<SystemTime>,
}

/// A mismatch of the code of the workers and the history of a workflow that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The message of the SDK.
    pub message: String,
    /// The start of the newest worker of the queue.
    pub since: SystemTime,
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

/// A worker that reports to the server.
#[derive(Debug, Clone)]
pub struct WorkerSample {
    /// The last report of the worker.
    pub heartbeat: WorkerHeartbeat,
    /// The worker as a poller of its queue. Its last report counts as a poll.
    pub poller: PollerSample,
}

/// A poller of a queue: a worker, and its process if known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollerSample {
    /// The name that the worker gives itself.
    pub identity: String,
    /// When the worker last polled the queue.
    pub last_poll: Option<SystemTime>,
    /// Whether the worker has reported its end.
    pub has_shut_down: bool,
    /// The process of the worker.
    pub process: PollerProcess,
}

/// The process of a worker that polls a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollerProcess {
    /// The process runs on this machine.
    Runs {
        /// Process id.
        pid: Pid,
        /// Command line of the process. Empty if unknown.
        command: String,
        /// When the process started. `None` if unknown.
        started: Option<SystemTime>,
    },
    /// The process runs on this machine, and is not connected to the server any more.
    Disconnected {
        /// Process id.
        pid: Pid,
        /// Command line of the process. Empty if unknown.
        command: String,
        /// When the process was first seen without a connection.
        since: SystemTime,
    },
    /// The process ran on this machine and has ended.
    Ended {
        /// Process id.
        pid: Pid,
        /// Command line of the process. Empty if stigmer did not see the process before it ended.
        command: String,
        /// When the process ended. `None` if stigmer did not see the process before.
        since: Option<SystemTime>,
    },
    /// The process runs on another machine.
    Remote,
    /// Nothing is known: the identity of the worker does not contain a process id, or another process
    /// of this machine has that id.
    Unknown,
}

impl PollerProcess {
    /// The process id on this machine.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        match self {
            Self::Runs { pid, .. } | Self::Disconnected { pid, .. } | Self::Ended { pid, .. } => {
                Some(*pid)
            }
            Self::Remote | Self::Unknown => None,
        }
    }

    /// When the process started. `None` if it does not run, or if this is unknown.
    #[must_use]
    pub fn started(&self) -> Option<SystemTime> {
        match self {
            Self::Runs { started, .. } => *started,
            Self::Disconnected { .. } | Self::Ended { .. } | Self::Remote | Self::Unknown => None,
        }
    }

    /// Command line of the process. Empty if unknown.
    #[must_use]
    pub fn command(&self) -> &str {
        match self {
            Self::Runs { command, .. }
            | Self::Disconnected { command, .. }
            | Self::Ended { command, .. } => command,
            Self::Remote | Self::Unknown => "",
        }
    }
}

/// A worker that has not polled for this time counts as ended. An idle worker polls once a minute.
pub const STALE: Duration = Duration::from_secs(75);

impl PollerSample {
    /// Whether the worker still polls. False if it has reported its end, if its process has ended or
    /// is not connected, or after [`STALE`] without a poll.
    #[must_use]
    pub fn is_alive(&self, now: SystemTime) -> bool {
        match self.process {
            _ if self.has_shut_down => false,
            PollerProcess::Ended { .. } | PollerProcess::Disconnected { .. } => false,
            PollerProcess::Runs { .. } | PollerProcess::Remote | PollerProcess::Unknown => {
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
