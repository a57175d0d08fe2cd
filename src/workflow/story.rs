//! Why a run failed or does not progress, and what it waits for.

use super::frames::StackFrames;
use super::items::{HistoryItem, HistoryItems};
use crate::temporal::executions::{Description, ExecutionStatus, PendingActivity};
use crate::temporal::failure::FailureLink;
use crate::temporal::history::{Subject, SubjectPhase};
use std::time::{Duration, SystemTime};
use stigmer_ui::human;

/// Maximum number of things that are listed as pending.
const PENDING: usize = 100;
/// Time for which a task normally waits for a worker.
const USUAL_WAIT: Duration = Duration::from_secs(1);

/// Why an open run does not progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Its workflow task fails.
    Stuck,
    /// One of its activities fails and is tried again.
    Retrying,
}

/// One failure of a chain, for a reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RunCause {
    pub(crate) text: String,
    /// Innermost place in the user's code. Empty if unknown.
    pub(crate) place: String,
    /// Message and stack trace, if they say more than the text.
    pub(crate) lines: Vec<String>,
}

/// Something that an open run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingItem {
    pub(crate) name: String,
    pub(crate) text: String,
    /// Whether an attempt failed.
    pub(crate) has_failed: bool,
}

/// Returns why an open run does not progress. `None` if nothing fails.
pub(crate) fn obstacle(description: &Description) -> Option<Obstacle> {
    if !description.execution.status.is_open() {
        return None;
    }
    if description.task.is_some_and(|task| task.attempt > 1) {
        return Some(Obstacle::Stuck);
    }
    failing(description).map(|_| Obstacle::Retrying)
}

/// The pending activity or operation that failed most often.
fn failing(description: &Description) -> Option<&PendingActivity> {
    let pending = description.activities.iter().chain(&description.operations);
    let failing = pending.filter(|it| it.attempt > 1 && !it.failures.is_empty());
    failing.max_by_key(|it| it.attempt)
}

/// Returns the chain of causes, the innermost one first. Empty if nothing has failed.
pub(crate) fn causes(description: &Description, items: &HistoryItems) -> Vec<RunCause> {
    let failures = |item: &HistoryItem| chain(&item.facts.failures, &item.facts.reason);
    match obstacle(description) {
        Some(Obstacle::Stuck) => {
            let mut tasks = items.iter().rev().map(|(_, item)| item);
            let failed = tasks.find(|item| {
                item.subject == Subject::WorkflowTask && item.phase == SubjectPhase::Failed
            });
            return failed.map(failures).unwrap_or_default();
        }
        Some(Obstacle::Retrying) => {
            return failing(description).map(|it| chain(&it.failures, "")).unwrap_or_default();
        }
        None if description.execution.status.is_open() => return Vec::new(),
        None => {}
    }
    let mut newest = items.iter().rev().map(|(_, item)| item);
    let end = newest.find(|item| item.subject == Subject::Run && item.phase.is_over());
    let name = &description.execution.workflow_type;
    let only = |text: String| vec![RunCause { text, ..RunCause::default() }];
    match (description.execution.status, end) {
        (ExecutionStatus::Failed, Some(end)) => {
            let mut causes = failures(end);
            causes.extend(only(format!("workflow {name} failed")));
            causes
        }
        (ExecutionStatus::TimedOut, _) => {
            let waited = items.iter().map(|(_, item)| item).find(|item| {
                item.begun.is_some() && !item.phase.is_over() && item.subject != Subject::Run
            });
            let waited = waited.map(|item| format!("; it waited for {}", title(item)));
            only(format!("the workflow timed out{}", waited.unwrap_or_default()))
        }
        (ExecutionStatus::Terminated, Some(end)) => only(requested("terminated", end)),
        (ExecutionStatus::Canceled, _) => {
            let mut ends = items.iter().rev().map(|(_, item)| item);
            let request = ends.find(|item| {
                item.subject == Subject::Run && item.phase == SubjectPhase::CancelRequested
            });
            request.map(|item| only(requested("canceled", item))).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// `terminated by IDENTITY: REASON`.
fn requested(what: &str, item: &HistoryItem) -> String {
    let by = if item.facts.identity.is_empty() { "" } else { " by " };
    let colon = if item.facts.reason.is_empty() { "" } else { ": " };
    format!("{what}{by}{}{colon}{}", item.facts.identity, item.facts.reason)
}

/// What an item of the history is about: `activity call_bank`.
pub(crate) fn title(item: &HistoryItem) -> String {
    let noun = match item.subject {
        Subject::Run => "workflow",
        Subject::WorkflowTask => return "a worker".to_owned(),
        Subject::Activity => "activity",
        Subject::Timer => return "a timer".to_owned(),
        Subject::Child => "child workflow",
        Subject::Signal | Subject::ExternalSignal => "signal",
        Subject::Update => "update",
        Subject::Operation => "operation",
        Subject::ExternalCancel => "a request to cancel",
        Subject::Marker | Subject::Other => "",
    };
    format!("{noun} {}", item.facts.name)
}

/// Converts failures to causes. `prefix` is the kind of the innermost failure.
pub(crate) fn chain(failures: &[FailureLink], prefix: &str) -> Vec<RunCause> {
    let mut causes: Vec<RunCause> = failures.iter().rev().map(RunCause::of).collect();
    if let Some(first) = causes.first_mut()
        && !prefix.is_empty()
    {
        first.text = format!("{prefix}: {}", first.text);
    }
    causes
}

impl RunCause {
    fn of(link: &FailureLink) -> Self {
        let frames = StackFrames::of(&link.stack);
        let message = link.message.lines().map(str::to_owned);
        let lines = message.chain(frames.lines).collect();
        Self { text: link.text.clone(), place: frames.place, lines }
    }
}

/// Returns what an open run waits for: what fails first, then the others.
pub(crate) fn pending(
    description: &Description,
    items: &HistoryItems,
    now: SystemTime,
) -> Vec<PendingItem> {
    if !description.execution.status.is_open() {
        return Vec::new();
    }
    let queue = &description.execution.task_queue;
    let mut pending: Vec<PendingItem> = description
        .task
        .into_iter()
        .filter_map(|task| {
            let text = match (task.attempt, task.is_started) {
                (1, true) => return None,
                (1, false) => {
                    let waits = since(task.scheduled, now).filter(|it| *it > USUAL_WAIT)?;
                    format!("waits for a worker on queue {queue} for {}", age(waits))
                }
                (attempt, is_started) => {
                    let failed =
                        human::counted(u64::from(attempt.saturating_sub(1)), "time", "times");
                    let next = task.scheduled.and_then(|at| at.duration_since(now).ok());
                    let state = match next {
                        // An SDK reports only the first failure. The later attempts time out.
                        _ if is_started => {
                            "runs, or the worker did not report its failure".to_owned()
                        }
                        Some(next) if !next.is_zero() => format!("in {}", remaining(next)),
                        _ => format!("waits for a worker on queue {queue}"),
                    };
                    format!("failed {failed}, attempt {attempt} {state}")
                }
            };
            let name = "workflow task".to_owned();
            Some(PendingItem { name, text, has_failed: task.attempt > 1 })
        })
        .collect();
    let mut activities: Vec<&PendingActivity> =
        description.activities.iter().chain(&description.operations).take(PENDING).collect();
    activities.sort_by_key(|it| std::cmp::Reverse(it.attempt));
    pending.extend(activities.into_iter().map(|it| PendingItem {
        name: it.type_name.clone(),
        text: attempt(it, now),
        has_failed: it.attempt > 1,
    }));
    let open = items.iter().map(|(_, item)| item).filter(|item| !item.phase.is_over());
    pending.extend(open.filter_map(|item| waits(item, now)).take(PENDING));
    if pending.is_empty() && needs_a_message(description, items) {
        let text = "waits for a signal or an update: no timer, activity or child is open";
        let name = "workflow".to_owned();
        pending.push(PendingItem { name, text: text.to_owned(), has_failed: false });
    }
    pending
}

/// Whether only a signal, an update or a cancellation can continue a run: its code has run, nothing that it started is
/// open, and the whole history is known.
fn needs_a_message(description: &Description, items: &HistoryItems) -> bool {
    let Description { activities, operations, children, task, .. } = description;
    let has_nothing_open =
        task.is_none() && activities.is_empty() && operations.is_empty() && children.is_empty();
    let is_of_code = |item: &HistoryItem| {
        matches!(
            item.subject,
            Subject::Activity
                | Subject::Timer
                | Subject::Child
                | Subject::Operation
                | Subject::ExternalSignal
                | Subject::ExternalCancel
        )
    };
    let known = || items.iter().map(|(_, item)| item);
    let has_run = known()
        .any(|item| item.subject == Subject::WorkflowTask && item.phase == SubjectPhase::Completed);
    description.execution.status == ExecutionStatus::Running
        && has_nothing_open
        && items.count() >= description.history_length
        && has_run
        && !known().any(|item| is_of_code(item) && !item.phase.is_over())
}

/// Returns what an open timer or child waits for.
fn waits(item: &HistoryItem, now: SystemTime) -> Option<PendingItem> {
    let begun = item.begun?;
    let (name, text) = match item.subject {
        Subject::Timer => {
            let end = begun.checked_add(item.facts.wait?)?;
            let rest = end.duration_since(now).unwrap_or_default();
            ("timer".to_owned(), format!("fires in {}", remaining(rest)))
        }
        Subject::Child => {
            let runs = age(since(Some(begun), now)?);
            (title(item), format!("{} runs for {runs}", item.facts.key))
        }
        _ => return None,
    };
    Some(PendingItem { name, text, has_failed: false })
}

/// `attempt 8 of 50, next try in 13 s`.
fn attempt(activity: &PendingActivity, now: SystemTime) -> String {
    let PendingActivity { attempt, max_attempts, task_queue, .. } = activity;
    let attempt = match max_attempts {
        Some(most) => format!("attempt {attempt} of {most}"),
        None => format!("attempt {attempt}"),
    };
    let on_queue = match task_queue.as_str() {
        "" => String::new(),
        queue => format!(" on queue {queue}"),
    };
    let next = activity.next_attempt.and_then(|next| next.duration_since(now).ok());
    match next {
        _ if activity.is_paused => format!("{attempt}, paused"),
        _ if activity.is_started => match since(activity.last_started, now) {
            Some(runs) => format!("{attempt} runs for {}", age(runs)),
            None => format!("{attempt} runs"),
        },
        Some(next) if activity.attempt > 1 => format!("{attempt}, next try in {}", remaining(next)),
        _ => match since(activity.scheduled, now) {
            Some(waits) => format!("{attempt} waits for a worker{on_queue} for {}", age(waits)),
            None => format!("{attempt} waits for a worker{on_queue}"),
        },
    }
}

fn since(time: Option<SystemTime>, now: SystemTime) -> Option<Duration> {
    time.map(|time| now.duration_since(time).unwrap_or_default())
}

/// A duration, at least 1 s, so that the text seldom changes.
fn age(duration: Duration) -> String {
    human::age(at_least_1_s(duration))
}

/// A time until an event, at least 1 s.
fn remaining(duration: Duration) -> String {
    human::remaining(at_least_1_s(duration))
}

fn at_least_1_s(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1_000)
}

#[cfg(test)]
mod tests;
