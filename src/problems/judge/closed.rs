//! Workflows that failed or timed out.

use super::command::CommandPlace;
use super::problem::{age, of_workflow};
use crate::problems::sample::EndedRun;
use crate::problems::{causes, millis};
use crate::protocol::{Problem, ProblemKind, Severity};
use crate::temporal::executions::{Execution, ExecutionStatus};
use std::time::SystemTime;

/// Failed and timed out workflows, without those that failed because their child failed: the problem of
/// the child has the cause.
pub(super) fn ended(runs: &[EndedRun], place: CommandPlace<'_>, now: SystemTime) -> Vec<Problem> {
    runs.iter()
        .filter(|run| !is_consequence(run, runs))
        .filter_map(|run| {
            let Execution { started, closed, task_queue, status, .. } = &run.execution;
            let ran = closed.and_then(|closed| closed.duration_since((*started)?).ok());
            let (kind, cause, hint) = match status {
                ExecutionStatus::Failed => (
                    ProblemKind::Failed,
                    run.events.failure.as_ref().map_or_else(String::new, |it| it.text.clone()),
                    "fix the cause and start the workflow again, or reset the workflow".to_owned(),
                ),
                ExecutionStatus::TimedOut => (
                    ProblemKind::TimedOut,
                    causes::of_timeout(run.events.before_end, task_queue, ran),
                    causes::remedy_of_timeout(run.events.before_end, task_queue),
                ),
                ExecutionStatus::Running
                | ExecutionStatus::Completed
                | ExecutionStatus::Canceled
                | ExecutionStatus::Terminated
                | ExecutionStatus::ContinuedAsNew
                | ExecutionStatus::Paused
                | ExecutionStatus::Unknown => return None,
            };
            Some(Problem {
                severity: Severity::Red,
                since_ms: millis(age(*closed, now)),
                cause,
                hint: Some(hint),
                ..of_workflow(kind, &run.execution, place)
            })
        })
        .collect()
}

/// Whether a workflow failed because of a child that is in the list, too.
fn is_consequence(run: &EndedRun, runs: &[EndedRun]) -> bool {
    let is_parent =
        |child: &EndedRun| child.execution.parent.as_deref() == Some(&run.execution.workflow_id);
    run.events.failure.as_ref().is_some_and(|cause| cause.is_of_child) && runs.iter().any(is_parent)
}
