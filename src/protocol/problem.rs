//! Problems of the developer's workflows, workers and server: `problems --json` and `GET /v1/problems`.

use super::later::known;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest time that a host waits for the first complete samples before it responds to a request
/// for problems.
pub const FIRST_SAMPLES: Duration = Duration::from_secs(3);

/// The response of `GET /v1/problems`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemList {
    /// Always [`super::SCHEMA`].
    pub schema: u32,
    /// Age of the oldest sample behind the list, in milliseconds. `None` if no server was sampled:
    /// the list then has only the problems of the server itself.
    pub as_of_ms: Option<u64>,
    /// The problems, worst first.
    #[serde(deserialize_with = "known")]
    pub problems: Vec<Problem>,
}

/// What is wrong, in one word. The variants are in the order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The server does not run although it should.
    Server,
    /// Data would be lost with the server.
    Data,
    /// A worker that stigmer runs has failed.
    Worker,
    /// A workflow task fails again and again.
    Stuck,
    /// A queue has tasks and no worker.
    NoWorker,
    /// An activity fails and is tried again.
    Retrying,
    /// A workflow failed.
    Failed,
    /// A workflow reached its timeout.
    TimedOut,
    /// A notice: the server was restarted.
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

    /// The name in JSON.
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

    /// The words on the screen.
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

/// Who must act. The variants are in the order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Somebody must act.
    Red,
    /// It may heal itself.
    Amber,
    /// It is over.
    Notice,
}

impl Severity {
    /// The name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Amber => "amber",
            Self::Notice => "notice",
        }
    }
}

/// A problem. Unknown parts are `None`. The texts come from users and their programs: a printer makes
/// them harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Its kind.
    pub kind: ProblemKind,
    /// Who must act.
    pub severity: Severity,
    /// The namespace of the workflow or the queue.
    pub namespace: Option<String>,
    /// Type of the workflow.
    #[serde(rename = "type")]
    pub workflow_type: Option<String>,
    /// The workflow ID, the queue, or `server`; of several, the newest.
    pub subject: String,
    /// Run ID of the workflow.
    pub run_id: Option<String>,
    /// The task queue.
    pub queue: Option<String>,
    /// Type of the activity that fails.
    pub activity: Option<String>,
    /// Number of workflows with this problem, or of tasks that wait.
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
    /// The last attempt that is allowed.
    pub max_attempts: Option<u32>,
    /// Time until the next attempt, in milliseconds.
    pub next_try_ms: Option<u64>,
    /// What the user can do.
    pub hint: Option<String>,
    /// A command of the Temporal CLI that shows more.
    pub command: Option<String>,
}

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WorkflowRef {
    /// ID of the workflow.
    pub workflow_id: String,
    /// ID of the run.
    pub run_id: String,
}
