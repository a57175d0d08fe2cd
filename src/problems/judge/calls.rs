//! Activities and Nexus operations that are retried, whose worker has ended, or that a user paused
//! after a failure.

use super::command::{CommandPlace, command};
use super::problem::{SECOND, age, of_workflow, until};
use super::starter::{ended_since, ended_starter};
use crate::problems::causes::is_unknown_activity;
use crate::problems::millis;
use crate::problems::sample::{NamespaceSample, OpenRun};
use crate::protocol::{Problem, ProblemKind, Severity};
use crate::temporal::executions::PendingActivity;
use std::time::{Duration, SystemTime};

/// An activity that has failed for less than this time may succeed without an action of the user.
const YOUNG_RETRY: Duration = Duration::from_secs(300);

pub(super) fn retrying<'a>(
    run: &'a OpenRun,
    sample: &'a NamespaceSample,
    place: CommandPlace<'a>,
    now: SystemTime,
) -> impl Iterator<Item = Problem> + 'a {
    let description = &run.description;
    let calls = description.activities.iter().chain(&description.operations);
    calls.filter_map(move |call| {
        let orphaned = ended_starter(sample, &call.worker).filter(|_| call.is_started);
        let orphaned = orphaned.filter(|_| !call.is_paused);
        if call.attempt < SECOND && orphaned.is_none() {
            return None;
        }
        let events = run.events.iter().flat_map(|events| &events.activities);
        let first = events.filter(|(id, _)| *id == call.id).map(|(_, at)| *at).min();
        let since = age(first.or(call.scheduled), now);
        let last = call.last_failure.as_ref().map(|cause| cause.text.as_str());
        let (cause, remedy) = match last {
            Some(text) if is_unknown_activity(text) => unknown_activity(call),
            last => (
                last.unwrap_or("the last attempt of the activity failed").to_owned(),
                format!("fix the cause; Temporal retries the activity {}", call.type_name),
            ),
        };
        let problem = Problem {
            severity: if since < YOUNG_RETRY { Severity::Amber } else { Severity::Red },
            activity: Some(call.type_name.clone()),
            activity_id: Some(call.id.clone()).filter(|id| !id.is_empty()),
            since_ms: millis(since),
            cause,
            attempt: Some(call.attempt),
            max_attempts: call.max_attempts,
            as_of_ms: run.described.map(|at| millis(age(Some(at), now))),
            next_try_ms: until(call.next_attempt.filter(|_| !call.is_started), now),
            hint: Some(format!(
                "{remedy}; to wait no longer, use the action \"start the next attempt now\" of the dashboard"
            )),
            ..of_workflow(ProblemKind::Retrying, &description.execution, place)
        };
        if call.is_paused {
            return Some(paused(call, problem, place));
        }
        let Some(cause) = orphaned else { return Some(problem) };
        let is_last = call.max_attempts == Some(call.attempt);
        let next = if is_last { "it fails" } else { "Temporal tries it again" };
        Some(Problem {
            severity: Severity::Amber,
            since_ms: millis(age(ended_since(sample, &call.worker), now)),
            cause,
            next_try_ms: until(call.times_out.filter(|_| !is_last), now),
            hint: Some(format!(
                "after the timeout of the activity, {next}; a heartbeat timeout makes this faster"
            )),
            ..problem
        })
    })
}

/// The cause and the remedy if the worker of an activity does not know its type.
fn unknown_activity(
    PendingActivity { type_name, task_queue, .. }: &PendingActivity,
) -> (String, String) {
    (
        format!("no worker on queue {task_queue} knows the activity {type_name}"),
        format!(
            "register the activity `{type_name}` in the worker of the queue `{task_queue}` and restart the \
             worker; Temporal retries the activity"
        ),
    )
}

/// The problem of a paused activity. `retrying` is its problem without the pause.
fn paused(call: &PendingActivity, retrying: Problem, place: CommandPlace<'_>) -> Problem {
    let PendingActivity { id, type_name, attempt, .. } = call;
    let unpause = ["activity", "unpause", "--activity-id", id, "--workflow-id", &retrying.subject];
    Problem {
        severity: Severity::Amber,
        cause: format!("{type_name} paused after attempt {}: {}", attempt - 1, retrying.cause),
        // The cause has the attempt. There is no next one.
        attempt: None,
        max_attempts: None,
        next_try_ms: None,
        hint: Some(format!("unpause it: Temporal does not retry the activity {type_name} before")),
        command: Some(command(place, &unpause)),
        ..retrying
    }
}
