//! Creates the text of a cause from the error that an SDK reports, in one short line.

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

/// Why a workflow task fails, in one line.
pub(super) fn of_task(failure: &TaskFailure, queue: &str, workflow_type: &str) -> String {
    let Some(root) = failure.failure.as_ref().map(|cause| cause.text.as_str()) else {
        return format!("the workflow task fails (reason {})", failure.reason);
    };
    if is_unknown_type(root) {
        return format!("no worker on queue {queue} knows the type {workflow_type}");
    }
    if failure.is_non_determinism() || root.contains("Nondeterminism error") {
        return non_determinism(root);
    }
    root.to_owned()
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

/// Shortens the message of a non-determinism error. For example, `[TMPRL1100] Nondeterminism error:
/// Timer machine does not handle this event: HistoryEvent(id: 5, ActivityTaskScheduled)` becomes
/// `non-determinism: Timer machine does not handle event 5, ActivityTaskScheduled`.
fn non_determinism(root: &str) -> String {
    let rest = root.split_once("Nondeterminism error: ").map_or(root, |(_, rest)| rest);
    let rest = rest.strip_prefix("[TMPRL1100] ").unwrap_or(rest);
    let plain = match rest.split_once("HistoryEvent(id: ") {
        Some((before, event)) => {
            let ends = ["this event: ", "event "];
            let before = ends.iter().find_map(|end| before.strip_suffix(end)).unwrap_or(before);
            let (event, after) = event.split_once(')').unwrap_or((event, ""));
            format!("{before}event {event}{after}")
        }
        None => rest.to_owned(),
    };
    format!("non-determinism: {plain}")
}

/// Why a workflow timed out: the operation for which the workflow waited. `before` is the type of
/// the last event before the end, as a number in the API.
pub(super) fn of_timeout(before: Option<i32>, queue: &str, ran: Option<Duration>) -> String {
    let within =
        ran.map_or_else(String::new, |ran| format!(" within {}", human::interval(millis(ran))));
    match before {
        // Workflow task scheduled, and no worker took it.
        Some(5) => format!("no worker polled queue {queue}{within}"),
        Some(6) => format!("a worker took the workflow task and did not respond{within}"),
        Some(8 | 9) => format!("the workflow task failed repeatedly{within}"),
        Some(10 | 11) => format!("an activity did not end{within}"),
        Some(17) => format!("a timer did not fire{within}"),
        Some(29 | 31) => format!("a child workflow did not end{within}"),
        Some(_) | None => format!("the event that the workflow waited for did not arrive{within}"),
    }
}
