//! Problems of the developer's workflows, workers and server, as `problems --json` and `GET
//! /v1/problems` return them.

use super::later::known;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest time that a host waits for complete samples before it responds to a request for
/// problems.
pub const FIRST_SAMPLES: Duration = Duration::from_secs(3);

/// Maximum number of dismissed problems that a host stores.
pub const DISMISSED_MAX: usize = 1_000;

/// Maximum number of workflows in [`Problem::others`].
pub const OTHERS: usize = 50;

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
    /// A project file cannot be used, or its namespaces cannot be made.
    Project,
    /// A worker that stigmer runs has failed.
    Worker,
    /// A worker runs that is older than its files or its description, because `before` fails or
    /// its new program is missing.
    Outdated,
    /// A worker ends again and again, and its next start is scheduled.
    Backoff,
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

    /// The name of the kind in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Data => "data",
            Self::Project => "project",
            Self::Worker => "worker",
            Self::Outdated => "outdated",
            Self::Backoff => "backoff",
            Self::Stuck => "stuck",
            Self::NoWorker => "no_worker",
            Self::Retrying => "retrying",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Restarted => "restarted",
        }
    }

    /// The state of the subject: the word on the screen, in the output of `problems`, and the key `state` in
    /// JSON.
    #[must_use]
    pub fn state(self) -> &'static str {
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
}

/// Writes the keys `kind` and `state`, and reads the kind.
mod kind_and_state {
    use super::ProblemKind;
    use serde::de::{Deserialize, Deserializer};
    use serde::ser::{SerializeMap, Serializer};

    #[derive(serde::Deserialize)]
    struct OnlyKind {
        kind: ProblemKind,
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(super) fn serialize<S: Serializer>(kind: &ProblemKind, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(2))?;
        map.serialize_entry("kind", kind)?;
        map.serialize_entry("state", kind.state())?;
        map.end()
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ProblemKind, D::Error> {
        OnlyKind::deserialize(from).map(|it| it.kind)
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
    /// Identifies the problem, see [`Problem::identity`]. Empty until the host lists the problem.
    #[serde(default)]
    pub id: String,
    /// Whether a user has dismissed the problem. It is then not shown.
    #[serde(default)]
    pub dismissed: bool,
    /// Kind of the problem. JSON has its state, too.
    #[serde(flatten, with = "kind_and_state")]
    pub kind: ProblemKind,
    /// How urgent the problem is.
    pub severity: Severity,
    /// Namespace of the workflow or the queue.
    pub namespace: Option<String>,
    /// Type of the workflow.
    #[serde(rename = "type")]
    pub workflow_type: Option<String>,
    /// Workflow ID, name of the queue, name of the worker, path of the project file, or `server`. If several workflows have this problem: the ID
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
    /// The other workflows with this problem, newest first: for a queue without a worker, the workflows
    /// whose tasks wait there. At most [`OTHERS`].
    #[serde(default)]
    pub others: Vec<WorkflowRef>,
    /// Age of the problem, in milliseconds.
    pub since_ms: u64,
    /// The root cause in one line.
    pub cause: String,
    /// Why the workflows in `others` do not continue, in one line: set if the subject is no workflow, and
    /// `cause` is about the subject.
    #[serde(default)]
    pub workflow_cause: Option<String>,
    /// Number of the current attempt.
    pub attempt: Option<u32>,
    /// The last attempt that the retry policy allows. `None` if there is no limit.
    pub max_attempts: Option<u32>,
    /// Time until the next attempt, in milliseconds.
    pub next_try_ms: Option<u64>,
    /// Age of the attempt numbers, in milliseconds. The server does not report a new attempt, so stigmer
    /// requests the numbers from time to time.
    #[serde(default)]
    pub as_of_ms: Option<u64>,
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
            id: String::new(),
            dismissed: false,
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
            workflow_cause: None,
            attempt: None,
            max_attempts: None,
            next_try_ms: None,
            as_of_ms: None,
            hint: None,
            command: None,
        }
    }

    /// Returns an ID that stays the same while the problem exists: also while workflows with the
    /// same type and cause, which share one problem, join or leave it.
    #[must_use]
    pub fn identity(&self) -> String {
        let (what, cause) = match &self.run_id {
            Some(_) => (self.workflow_type.as_deref(), self.cause.as_str()),
            None => (Some(self.subject.as_str()), ""),
        };
        let (namespace, activity) = (self.namespace.as_deref(), self.activity.as_deref());
        let parts = [Some(self.kind.as_str()), namespace, what, activity, Some(cause)];
        // FNV-1a with 64 bits. The next host, maybe of another version, must compute the same ID.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for part in parts {
            for byte in part.unwrap_or_default().bytes().chain([0xff]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        format!("{hash:016x}")
    }
}

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WorkflowRef {
    /// ID of the workflow.
    pub workflow_id: String,
    /// ID of the run.
    pub run_id: String,
    /// Type of the workflow.
    #[serde(rename = "type", default)]
    pub workflow_type: Option<String>,
    /// Number of the current attempt, if an activity or a workflow task of the run is retried.
    #[serde(default)]
    pub attempt: Option<u32>,
    /// Age of the problem of this run, in milliseconds. `None` if unknown.
    #[serde(default)]
    pub since_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_stays_the_same_while_workflows_join_and_leave() {
        let run = |run_id: &str, cause: &str| Problem {
            run_id: Some(run_id.to_owned()),
            workflow_type: Some("Refund".to_owned()),
            cause: cause.to_owned(),
            ..Problem::new(ProblemKind::Retrying, run_id)
        };
        let queue = |name: &str, cause: &str| Problem {
            cause: cause.to_owned(),
            ..Problem::new(ProblemKind::NoWorker, name)
        };
        let refund = run("1", "503");
        let joined = Problem { count: 2, attempt: Some(7), since_ms: 9, ..run("2", "503") };
        assert_eq!(refund.identity(), joined.identity());
        // The cause of a queue has the number of its tasks.
        let billing = queue("billing", "1 task");
        assert_eq!(billing.identity(), queue("billing", "2 tasks").identity());
        let others = [
            run("1", "504"),
            Problem { activity: Some("call_bank".to_owned()), ..run("1", "503") },
            Problem { namespace: Some("shop".to_owned()), ..run("1", "503") },
            Problem { kind: ProblemKind::Failed, ..run("1", "503") },
            queue("orders", "1 task"),
            billing,
            refund,
        ];
        let identities: std::collections::BTreeSet<String> =
            others.iter().map(Problem::identity).collect();
        assert_eq!(identities.len(), others.len());
        assert!(identities.iter().all(|id| id.len() == 16), "{identities:?}");
    }
}
