//! Problems of the developer's workflows, workers and server, as `problems --json` and `GET
//! /v1/problems` return them.

use super::later::known;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest time that a host waits for complete samples before it responds to a request for
/// problems.
pub const FIRST_SAMPLES: Duration = Duration::from_secs(3);

/// The response of `GET /v1/problems`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemList {
    /// Always [`super::SCHEMA`].
    pub schema: u32,
    /// Age of the oldest list of workflows behind the problems, in milliseconds. `None` until the
    /// server was sampled: `problems` then has only the problems of the server itself.
    pub as_of_ms: Option<u64>,
    /// Why problems of workflows may be missing. `None` if the list is complete.
    #[serde(default)]
    pub unknown: Option<String>,
    /// The problems, worst first.
    #[serde(deserialize_with = "known")]
    pub problems: Vec<Problem>,
}

/// The kind of a problem. The variants are in the order of the list, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The server does not run although it should, or one of its checks fails.
    Server,
    /// Data is lost when the server ends.
    Data,
    /// A worker that stigmer runs has failed.
    Worker,
    /// A workflow task fails again and again.
    Stuck,
    /// A task queue has tasks and no worker.
    NoWorker,
    /// An activity fails and is tried again.
    Retrying,
    /// A workflow failed.
    Failed,
    /// A workflow reached its timeout.
    TimedOut,
    /// The server was restarted automatically. The user need not act.
    Restarted,
}

impl ProblemKind {
    /// Every kind, for metrics.
    pub const ALL: [Self; 9] = [
        Self::Server,
        Self::Data,
        Self::Worker,
        Self::Stuck,
        Self::NoWorker,
        Self::Retrying,
        Self::Failed,
        Self::TimedOut,
        Self::Restarted,
    ];

    /// The name of the kind in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Data => "data",
            Self::Worker => "worker",
            Self::Stuck => "stuck",
            Self::NoWorker => "no_worker",
            Self::Retrying => "retrying",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Restarted => "restarted",
        }
    }

    /// The name of the kind on the screen.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NoWorker => "no worker",
            Self::TimedOut => "timed out",
            Self::Server
            | Self::Data
            | Self::Worker
            | Self::Stuck
            | Self::Retrying
            | Self::Failed
            | Self::Restarted => self.as_str(),
        }
    }
}

/// How urgent a problem is. The variants are in the order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The user must act.
    Red,
    /// The problem may end without an action of the user.
    Amber,
    /// The problem is over.
    Notice,
}

impl Severity {
    /// The name of the severity in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Amber => "amber",
            Self::Notice => "notice",
        }
    }
}

/// A problem. Unknown values are `None`. The strings come from users and their programs and are
/// unchanged, so they must be made harmless before they are printed on a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Kind of the problem.
    pub kind: ProblemKind,
    /// How urgent the problem is.
    pub severity: Severity,
    /// Namespace of the workflow or the queue.
    pub namespace: Option<String>,
    /// Type of the workflow.
    #[serde(rename = "type")]
    pub workflow_type: Option<String>,
    /// Workflow ID, name of the queue, or `server`. If several workflows have this problem: the ID
    /// of the newest.
    pub subject: String,
    /// Run ID of the workflow.
    pub run_id: Option<String>,
    /// Name of the task queue.
    pub queue: Option<String>,
    /// Type of the activity that fails.
    pub activity: Option<String>,
    /// ID of that activity.
    #[serde(default)]
    pub activity_id: Option<String>,
    /// Number of workflows with this problem, or of waiting tasks.
    pub count: u64,
    /// The other workflows with this problem, newest first. At most 50.
    #[serde(default)]
    pub others: Vec<WorkflowRef>,
    /// Age of the problem, in milliseconds.
    pub since_ms: u64,
    /// The root cause in one line.
    pub cause: String,
    /// Number of the current attempt.
    pub attempt: Option<u32>,
    /// The last attempt that the retry policy allows. `None` if there is no limit.
    pub max_attempts: Option<u32>,
    /// Time until the next attempt, in milliseconds.
    pub next_try_ms: Option<u64>,
    /// What the user can do.
    pub hint: Option<String>,
    /// A command of the Temporal CLI that shows more.
    pub command: Option<String>,
}

impl Problem {
    /// Creates a red problem of this kind and subject that began now. All other values are unknown.
    #[must_use]
    pub fn new(kind: ProblemKind, subject: &str) -> Self {
        Self {
            kind,
            severity: Severity::Red,
            namespace: None,
            workflow_type: None,
            subject: subject.to_owned(),
            run_id: None,
            queue: None,
            activity: None,
            activity_id: None,
            count: 1,
            others: Vec::new(),
            since_ms: 0,
            cause: String::new(),
            attempt: None,
            max_attempts: None,
            next_try_ms: None,
            hint: None,
            command: None,
        }
    }
}

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WorkflowRef {
    /// ID of the workflow.
    pub workflow_id: String,
    /// ID of the run.
    pub run_id: String,
}
