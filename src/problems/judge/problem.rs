//! The values that all problems of one kind have in common, and ages.

use super::command::{CommandPlace, command};
use crate::problems::millis;
use crate::problems::sample::STALE;
use crate::protocol::{Problem, ProblemKind};
use crate::temporal::executions::Execution;
use std::time::{Duration, SystemTime};

/// The attempt after the first failure of a workflow task, an activity or a Nexus operation.
pub(super) const SECOND: u32 = 2;

pub(super) fn of_workflow(
    kind: ProblemKind,
    execution: &Execution,
    place: CommandPlace<'_>,
) -> Problem {
    let Execution { workflow_id, run_id, workflow_type, task_queue, .. } = execution;
    let show = ["workflow", "show", "--workflow-id", workflow_id, "--run-id", run_id];
    let describe = ["workflow", "describe", "--workflow-id", workflow_id, "--run-id", run_id];
    // The history has no events for the failed attempts of an activity. `describe` shows them.
    let words = if kind == ProblemKind::Retrying { describe } else { show };
    Problem {
        workflow_type: Some(workflow_type.clone()),
        run_id: Some(run_id.clone()),
        queue: Some(task_queue.clone()),
        command: Some(command(place, &words)),
        ..blank(kind, workflow_id, place)
    }
}

pub(super) fn blank(kind: ProblemKind, subject: &str, place: CommandPlace<'_>) -> Problem {
    let namespace = Some(place.namespace.to_owned());
    Problem { namespace, ..Problem::new(kind, subject) }
}

pub(super) fn age(since: Option<SystemTime>, now: SystemTime) -> Duration {
    since.and_then(|since| now.duration_since(since).ok()).unwrap_or_default()
}

pub(super) fn interval(since: Option<SystemTime>, now: SystemTime) -> String {
    stigmer_ui::human::interval(millis(since.map_or(STALE, |since| age(Some(since), now))))
}

/// Milliseconds until this time.
pub(super) fn until(at: Option<SystemTime>, now: SystemTime) -> Option<u64> {
    at.map(|at| millis(at.duration_since(now).unwrap_or_default()))
}
