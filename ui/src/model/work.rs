//! The work of the developer: problems, workflows and workers, as plain rows with ages.

/// Something that is wrong now and that a developer should know, with its root cause.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProblemRow {
    /// Identifies the problem. Never changes while the problem exists.
    pub id: String,
    /// Kind of the problem.
    pub kind: ProblemKind,
    /// Whether somebody must act.
    pub severity: Severity,
    /// Namespace of the workflow or the queue. Empty for a problem of the server.
    pub namespace: String,
    /// Workflow type, or what the subject is: `queue`, `worker`, `server`.
    pub type_name: String,
    /// Workflow ID, or the name of the queue, the worker or the server. The newest one of a group.
    pub subject: String,
    /// Run ID of the workflow. `None` if the subject is no workflow.
    pub run_id: Option<String>,
    /// Task queue. Empty if unknown.
    pub queue: String,
    /// Number of workflows that this row stands for. 1 if the subject is no workflow.
    pub count: u64,
    /// The workflows of a group, newest first. If the subject is a workflow, it is the first of them. If
    /// it is a queue, they wait there.
    pub members: Vec<Member>,
    /// Innermost failure in one line, `Type: message`.
    pub cause: String,
    /// Why the members do not continue, if the subject is no workflow. Otherwise empty.
    pub workflow_cause: String,
    /// Type of the activity that is retried.
    pub activity: Option<String>,
    /// ID of that activity. Empty if unknown.
    pub activity_id: String,
    /// Number of the latest attempt, from 1.
    pub attempt: Option<u32>,
    /// Maximum number of attempts. `None` if unlimited or unknown.
    pub max_attempts: Option<u32>,
    /// Time until the next attempt.
    pub next_try_ms: Option<u64>,
    /// Age of the numbers of the attempts.
    pub as_of_ms: Option<u64>,
    /// Age of the problem.
    pub since_ms: Option<u64>,
    /// Possible next step in one sentence. Empty if none is known.
    pub hint: String,
    /// Command line that shows more. Empty if there is none.
    pub command: String,
}

impl ProblemRow {
    /// Returns the workflows that wait because of this problem. Empty if the subject is a workflow.
    pub(crate) fn waiting(&self) -> &[Member] {
        if self.run_id.is_none() { &self.members } else { &[] }
    }

    /// Returns the positions of the members that have rows of their own while this row is expanded: all
    /// but the subject.
    pub(crate) fn further(&self) -> std::ops::Range<usize> {
        usize::from(self.run_id.is_some())..self.members.len()
    }
}

/// Numbers of the problems that are dismissed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dismissed {
    /// Problems. A group is one problem.
    pub problems: u64,
    /// Workflows of these problems.
    pub workflows: u64,
}

/// A workflow of a group of problems.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Workflow ID.
    pub workflow_id: String,
    /// Run ID.
    pub run_id: String,
    /// Workflow type.
    pub type_name: String,
    /// Number of the current attempt. `None` if nothing is retried, or unknown.
    pub attempt: Option<u32>,
    /// Age of the problem of this workflow. `None` if unknown.
    pub since_ms: Option<u64>,
}

/// Kind of a problem, in descending order of priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProblemKind {
    /// The server failed.
    Server,
    /// Data would be lost.
    Data,
    /// A project file cannot be used.
    Project,
    /// A worker failed and is not restarted.
    Worker,
    /// A worker runs that is older than its files.
    Outdated,
    /// A worker ends again and again.
    Backoff,
    /// A workflow task fails repeatedly.
    Stuck,
    /// No worker polls a queue that has tasks.
    NoWorker,
    /// An activity fails and is retried.
    Retrying,
    /// A workflow failed.
    #[default]
    Failed,
    /// A workflow timed out.
    TimedOut,
    /// The server or a worker was restarted.
    Restarted,
}

impl ProblemKind {
    /// All kinds, in descending order of priority.
    pub const ALL: [Self; 12] = [
        Self::Server,
        Self::Data,
        Self::Project,
        Self::Worker,
        Self::Outdated,
        Self::Backoff,
        Self::Stuck,
        Self::NoWorker,
        Self::Retrying,
        Self::Failed,
        Self::TimedOut,
        Self::Restarted,
    ];

    /// Returns the word on the screen, in at most 9 columns.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Server | Self::Project | Self::Failed => "failed",
            Self::Data => "at risk",
            Self::Worker => "gave up",
            Self::Outdated => "outdated",
            Self::Backoff => "backoff",
            Self::Stuck => "stuck",
            Self::NoWorker => "no worker",
            Self::Retrying => "retrying",
            Self::TimedOut => "timed out",
            Self::Restarted => "restarted",
        }
    }

    /// Whether the workflow has ended.
    pub(crate) fn is_closed(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut)
    }

    /// Whether the problem is about a project or one of its workers.
    pub(crate) fn is_of_project(self) -> bool {
        matches!(self, Self::Project | Self::Worker | Self::Outdated | Self::Backoff)
    }

    /// Whether the tab of workflows lists the problem.
    pub(crate) fn is_of_workflows(self) -> bool {
        match self {
            Self::Stuck | Self::NoWorker | Self::Retrying | Self::Failed | Self::TimedOut => true,
            Self::Server
            | Self::Data
            | Self::Project
            | Self::Worker
            | Self::Outdated
            | Self::Backoff
            | Self::Restarted => false,
        }
    }
}

/// Whether somebody must act on a problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Severity {
    /// Somebody must act.
    #[default]
    Red,
    /// The problem may heal itself.
    Amber,
    /// Nothing to do.
    Notice,
}

/// A workflow that runs, or that closed recently.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkflowRow {
    /// State of the workflow.
    pub status: WorkflowStatus,
    /// Workflow type.
    pub type_name: String,
    /// Workflow ID.
    pub workflow_id: String,
    /// Run ID. Unique.
    pub run_id: String,
    /// Task queue. Empty if unknown.
    pub queue: String,
    /// Result, cause, or current activity in one line. Empty if unknown.
    pub note: String,
    /// Running time, so far or in total.
    pub took_ms: Option<u64>,
    /// Time since its end. `None` while it runs.
    pub ended_ms: Option<u64>,
}

/// What the list of workflows is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The namespace. `None`: the first one of [`Model::namespaces`](super::Model::namespaces).
    pub namespace: Option<String>,
    /// A query of Temporal, which the server runs. `None`: all workflows.
    pub query: Option<String>,
}

/// The workflows that match the query of a [`Listing`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundWorkflows {
    /// The query.
    pub query: String,
    /// Why the server does not run the query. Empty if it does.
    pub error: String,
    /// The workflows, in the order of the server. `None` while they are unknown.
    pub rows: Option<Vec<WorkflowRow>>,
    /// Whether there are more than these.
    pub more: bool,
}

/// The answer of a workflow to a query, a request for its stack trace, or an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Number of the answer. Each answer has a greater one.
    pub number: u64,
    /// The workflow and the question: `basket-1 › query items`.
    pub title: String,
    /// The answer, or the reason why there is none.
    pub text: String,
    /// Whether `text` is an error.
    pub is_error: bool,
}

/// State of a workflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkflowStatus {
    /// It runs.
    #[default]
    Running,
    /// It is paused.
    Paused,
    /// It returned a result.
    Completed,
    /// It failed.
    Failed,
    /// It ran too long.
    TimedOut,
    /// It was canceled.
    Canceled,
    /// It was terminated.
    Terminated,
    /// Another run continues it.
    Continued,
}

impl WorkflowStatus {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Running,
        Self::Paused,
        Self::Completed,
        Self::Failed,
        Self::TimedOut,
        Self::Canceled,
        Self::Terminated,
        Self::Continued,
    ];

    /// Returns the word on the screen, in at most 10 columns.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timed out",
            Self::Canceled => "canceled",
            Self::Terminated => "terminated",
            Self::Continued => "continued",
        }
    }

    /// Whether the workflow has not ended.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

/// A worker: a process that polls a queue of the server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkerRow {
    /// Identifies the worker. Never changes while the row exists.
    pub id: String,
    /// State of the worker.
    pub state: WorkerState,
    /// Name; `pid 5120` for an external process; the identity for a worker on another machine.
    pub name: String,
    /// Whether stigmer did not start it.
    pub external: bool,
    /// Names with which its processes poll.
    pub identities: Vec<String>,
    /// Whether it runs on another machine. Command and usage are unknown then.
    pub remote: bool,
    /// Queues that it polls.
    pub queues: Vec<String>,
    /// Command line, shortened for display. Empty if unknown.
    pub command: String,
    /// Folder where it runs, shortened for display. Empty if unknown.
    pub folder: String,
    /// Process ID on this machine.
    pub pid: Option<u32>,
    /// CPU usage; 100 is one core.
    pub cpu_percent: Option<f32>,
    /// Resident memory in bytes.
    pub rss_bytes: Option<u64>,
    /// Age of the state.
    pub since_ms: Option<u64>,
    /// Number of restarts. `None` for an external worker.
    pub restarts: Option<u64>,
    /// Number of the latest start. `None` for an external worker.
    pub generation: Option<u64>,
    /// Reason for the state, such as the exit code and the last line. Empty if none.
    pub cause: String,
    /// Possible next step in one sentence. Empty if none is known.
    pub hint: String,
    /// Last log lines of the process that ended most recently.
    pub last_lines: Vec<String>,
    /// Commands that are available now. None for an external worker.
    pub can: UnitCommands,
}

/// Commands for a worker of a project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitCommands {
    /// Start, key `s`.
    pub start: bool,
    /// Stop, key `x`.
    pub stop: bool,
    /// Restart, key `r`.
    pub restart: bool,
}

/// State of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkerState {
    /// stigmer started it, and it does not poll yet.
    Starting,
    /// stigmer started it, and it polls.
    Running,
    /// stigmer started it, it polls, and it is older than its files.
    Outdated,
    /// stigmer started it, it runs, and it no longer polls.
    Degraded,
    /// stigmer stops it.
    Stopping,
    /// It polls, and stigmer did not start it.
    #[default]
    Polling,
    /// Its process has ended.
    Ended,
    /// It does not run, and stigmer restarts it.
    Backoff,
    /// stigmer does not restart it any more.
    GaveUp,
    /// stigmer stopped it on request.
    Stopped,
}

impl WorkerState {
    /// All states.
    pub const ALL: [Self; 10] = [
        Self::Starting,
        Self::Running,
        Self::Outdated,
        Self::Degraded,
        Self::Stopping,
        Self::Polling,
        Self::Ended,
        Self::Backoff,
        Self::GaveUp,
        Self::Stopped,
    ];

    /// Returns the word on the screen, in at most 9 columns.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Outdated => "outdated",
            Self::Degraded => "degraded",
            Self::Stopping => "stopping",
            Self::Polling => "polling",
            Self::Ended => "ended",
            Self::Backoff => "backoff",
            Self::GaveUp => "gave up",
            Self::Stopped => "stopped",
        }
    }
}

/// Numbers of workflows in the shown namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkflowCounts {
    /// Open workflows.
    pub running: u64,
    /// Completed workflows that the server still has.
    pub completed: u64,
    /// Failed workflows that the server still has.
    pub failed: u64,
    /// Workflows that timed out and that the server still has.
    pub timed_out: u64,
    /// All workflows that have ended and that the server still has.
    pub closed: u64,
}

/// Workflows that closed within the same 2 minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClosedCount {
    /// Completed workflows.
    pub completed: u64,
    /// Failed or timed out workflows.
    pub failed: u64,
}
