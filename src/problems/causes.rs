//! Creates the text of a cause from the error that an SDK reports, in one short line.

mod mismatch;

use super::millis;
use crate::temporal::executions::TaskFailure;
use std::time::Duration;
use stigmer_ui::human;

/// The beginnings of the messages with which SDKs report an unknown workflow type: Python,
/// TypeScript, Go, Java.
const UNKNOWN_TYPE: [&str; 4] = [
    "Workflow class ",
    "Failed to initialize workflow of type ",
    "unable to find workflow type",
    "Unknown workflow type",
];

/// Why a workflow task fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TaskCause {
    /// The code does not match the history of the run, with the message of the SDK.
    NonDeterminism(String),
    /// The worker does not know the type of the workflow.
    UnknownType,
    /// The code failed, with `Type: message`.
    Exception(String),
    /// The worker reported no failure. The number is the reason in the API.
    Unexplained(i32),
}

impl TaskCause {
    pub(super) fn of(failure: &TaskFailure) -> Self {
        let Some(root) = failure.failure.as_ref().map(|cause| cause.text.as_str()) else {
            return Self::Unexplained(failure.reason);
        };
        if is_unknown_type(root) {
            Self::UnknownType
        } else if failure.is_non_determinism() || root.contains("Nondeterminism error") {
            Self::NonDeterminism(root.to_owned())
        } else {
            Self::Exception(root.to_owned())
        }
    }

    /// The cause in one line. `queue` and `workflow_type` are those of the workflow.
    pub(super) fn text(&self, queue: &str, workflow_type: &str) -> String {
        match self {
            Self::NonDeterminism(message) => {
                format!("non-determinism: {}", mismatch::sentence(message))
            }
            Self::UnknownType => {
                format!("no worker on queue {queue} knows the type {workflow_type}")
            }
            Self::Exception(root) => root.clone(),
            Self::Unexplained(reason) => format!("the workflow task fails (reason {reason})"),
        }
    }
}

/// Whether the root cause is a workflow type that the worker does not know. `root` may begin with the
/// type of the error.
fn is_unknown_type(root: &str) -> bool {
    let message = root.split_once(": ").map_or(root, |(_, message)| message);
    let begins = |text: &str| UNKNOWN_TYPE.iter().any(|start| text.starts_with(start));
    (begins(root) || begins(message))
        // The message of a user's own error may begin the same way.
        && (!root.contains("Workflow class ") || root.contains("is not registered"))
}

/// Whether a failure of an activity is that the worker does not know its type: in the words of the SDKs
/// for Python and TypeScript, Go, and Java.
pub(super) fn is_unknown_activity(root: &str) -> bool {
    const UNKNOWN: [(&str, &str); 3] = [
        ("Activity function ", " is not registered on this "),
        ("unable to find activityType=", ""),
        ("Activity Type ", " is not registered with a worker"),
    ];
    let message = root.split_once(": ").map_or(root, |(_, message)| message);
    let is_one = |text: &str| {
        UNKNOWN.iter().any(|(begin, then)| text.starts_with(begin) && text.contains(then))
    };
    is_one(root) || is_one(message)
}

/// Type of the event "workflow task scheduled", as a number in the API. It is the last event before a
/// timeout if no worker took the task.
const TASK_SCHEDULED: i32 = 5;

/// What to do after a timeout. The arguments are those of [`of_timeout`].
pub(super) fn remedy_of_timeout(before: Option<i32>, queue: &str) -> String {
    match before {
        Some(TASK_SCHEDULED) => {
            format!("start a worker on queue {queue} and start the workflow again")
        }
        _ => "fix the cause and start the workflow again, or reset the workflow".to_owned(),
    }
}

/// Why a workflow timed out: the operation for which the workflow waited. `before` is the type of
/// the last event before the end, as a number in the API.
pub(super) fn of_timeout(before: Option<i32>, queue: &str, ran: Option<Duration>) -> String {
    let within =
        ran.map_or_else(String::new, |ran| format!(" within {}", human::interval(millis(ran))));
    match before {
        Some(TASK_SCHEDULED) => format!("no worker polled queue {queue}{within}"),
        Some(6) => format!("a worker took the workflow task and did not respond{within}"),
        Some(8 | 9) => format!("the workflow task failed repeatedly{within}"),
        Some(10 | 11) => format!("an activity did not end{within}"),
        Some(17) => format!("a timer did not fire{within}"),
        Some(29 | 31) => format!("a child workflow did not end{within}"),
        Some(_) | None => format!("the event that the workflow waited for did not arrive{within}"),
    }
}
