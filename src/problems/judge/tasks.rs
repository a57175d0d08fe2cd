//! Workflow tasks that fail again and again, or whose worker has ended.

use super::command::CommandPlace;
use super::problem::{SECOND, age, of_workflow, until};
use super::starter::{ended_since, ended_starter, named};
use crate::clock;
use crate::problems::causes::TaskCause;
use crate::problems::millis;
use crate::problems::sample::{Mismatch, NamespaceSample, OpenRun, PollerProcess, PollerSample};
use crate::protocol::{Problem, ProblemKind, Severity};
use crate::temporal::queues::QueueKind;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A workflow task whose first failure is younger than this may succeed at its second attempt, which
/// follows after 10 s.
const YOUNG_FAILURE: Duration = Duration::from_secs(12);

pub(super) fn stuck(
    run: &OpenRun,
    sample: &NamespaceSample,
    place: CommandPlace<'_>,
    now: SystemTime,
) -> Option<Problem> {
    let execution = &run.description.execution;
    let task = run.description.task;
    if let Some(problem) = orphaned_task(run, sample, place, now) {
        return Some(problem);
    }
    let attempt = task.map(|task| task.attempt);
    // A new event sets the attempt back to 1, and the mark stays until the task succeeds.
    let fails = execution.has_reported_problem || attempt.is_some_and(|attempt| attempt >= SECOND);
    if !fails {
        return unreplayable(run, sample, place, now);
    }
    let failure = run.events.as_ref().and_then(|events| events.task_failure.as_ref());
    let scheduled = task.and_then(|task| task.scheduled);
    let since = age(failure.and_then(|failure| failure.at).or(scheduled), now);
    let has_timed_out = run.events.as_ref().is_some_and(|events| events.has_task_timed_out);
    let unknown = if has_timed_out {
        "the workflow task timed out"
    } else {
        "the workflow task fails; the reason is not known yet"
    };
    let cause = failure.map(TaskCause::of);
    let text = |cause: &TaskCause| cause.text(&execution.task_queue, &execution.workflow_type);
    let hint = hint(cause.as_ref(), run, sample, now);
    Some(Problem {
        severity: if since < YOUNG_FAILURE { Severity::Amber } else { Severity::Red },
        since_ms: millis(since),
        cause: cause.as_ref().map_or_else(|| unknown.to_owned(), text),
        attempt: attempt.filter(|attempt| *attempt >= SECOND),
        as_of_ms: run.described.map(|at| millis(age(Some(at), now))),
        hint: Some(hint),
        ..of_workflow(ProblemKind::Stuck, execution, place)
    })
}

/// What the user can do about a workflow task that fails.
fn hint(
    cause: Option<&TaskCause>,
    run: &OpenRun,
    sample: &NamespaceSample,
    now: SystemTime,
) -> String {
    let execution = &run.description.execution;
    if let Some(worker) = untried_worker(run, sample, now) {
        return format!(
            "worker {worker}, after the last attempt; the next attempt can take up to 10 min: if this \
             worker has the fix, reset the workflow to its last good workflow task to continue now"
        );
    }
    match cause {
        Some(TaskCause::NonDeterminism(_)) => {
            hint_of_mismatch(later_worker(run, sample, now).as_deref())
        }
        Some(TaskCause::UnknownType) => format!(
            "register the type `{}` in the worker of the queue `{}` and restart the worker, or terminate \
             the workflow and start it with the right type or queue",
            execution.workflow_type, execution.task_queue
        ),
        Some(TaskCause::Exception(_) | TaskCause::Unexplained(_)) | None => {
            "fix the code and restart the worker; to continue without waiting for the next attempt, reset \
             the workflow to its last good workflow task"
                .to_owned()
        }
    }
}

/// What the user can do about code that does not match the history. `worker` is the worker since which it
/// does not, and its start.
fn hint_of_mismatch(worker: Option<&str>) -> String {
    let since = match worker {
        Some(worker) => {
            format!("since worker {worker}, the code does not match the history of this run")
        }
        None => "the code has changed since this run began, or it is not deterministic".to_owned(),
    };
    format!(
        "{since}: restore the old code, keep its path for old runs with a patch (versioning), or reset \
         the workflow to its last good workflow task"
    )
}

/// A workflow that waits, and will fail when it continues.
fn unreplayable(
    run: &OpenRun,
    sample: &NamespaceSample,
    place: CommandPlace<'_>,
    now: SystemTime,
) -> Option<Problem> {
    let Mismatch { message, since } = run.mismatch.as_ref()?;
    let execution = &run.description.execution;
    let cause = TaskCause::NonDeterminism(message.clone());
    let mut pollers = pollers(run, sample).filter(|it| it.process.started() == Some(*since));
    let worker = pollers.find_map(|it| started_at(&it.process, now));
    Some(Problem {
        severity: Severity::Red,
        since_ms: millis(age(Some(*since), now)),
        cause: cause.text(&execution.task_queue, &execution.workflow_type),
        hint: Some(hint_of_mismatch(worker.as_deref())),
        ..of_workflow(ProblemKind::Stuck, execution, place)
    })
}

/// The workers that poll the queue of a workflow, or polled it before.
fn pollers<'a>(
    run: &OpenRun,
    sample: &'a NamespaceSample,
) -> impl Iterator<Item = &'a PollerSample> + use<'a> {
    let queue = sample.queues.iter().find(|queue| {
        queue.kind == QueueKind::Workflow && queue.name == run.description.execution.task_queue
    });
    queue.into_iter().flat_map(|queue| &queue.pollers)
}

/// For example `pid 58 python w.py started at 14:02:10`.
fn started_at(process: &PollerProcess, now: SystemTime) -> Option<String> {
    Some(format!("{} started at {}", named(process)?, clock_time(process.started()?, now)))
}

/// A worker that started after the last attempt. It may have the fix.
fn untried_worker(run: &OpenRun, sample: &NamespaceSample, now: SystemTime) -> Option<String> {
    let attempt =
        run.attempt_since.filter(|_| run.description.task.is_some_and(|it| !it.is_started))?;
    let is_later = |it: &&PollerSample| {
        it.is_alive(now) && it.process.started().is_some_and(|started| started > attempt)
    };
    pollers(run, sample).filter(is_later).find_map(|it| started_at(&it.process, now))
}

/// The worker whose code differs from the code that wrote the history: its process started after the last
/// workflow task that succeeded. For example `pid 58 python w.py started at 14:02:10`.
fn later_worker(run: &OpenRun, sample: &NamespaceSample, now: SystemTime) -> Option<String> {
    let events = run.events.as_ref()?;
    let last_good = events.last_completed?;
    let failing = sample.starters.get(&events.task_failure.as_ref()?.worker);
    let pollers = pollers(run, sample);
    let polling: Vec<_> = pollers.filter(|it| it.is_alive(now)).map(|it| &it.process).collect();
    let is_later =
        |process: &PollerProcess| process.started().is_some_and(|began| began > last_good);
    let process = match failing {
        Some(process) if process.started().is_some() => Some(process).filter(|it| is_later(it)),
        // The worker that failed has ended. A worker that is older may have the right code.
        _ if polling.iter().all(|it| is_later(it)) => polling.first().copied(),
        _ => None,
    }?;
    started_at(process, now)
}

/// A time on the clock of this machine, with the date if it is not within the last day.
fn clock_time(at: SystemTime, now: SystemTime) -> String {
    let format = if age(Some(at), now) < DAY { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    let zoned = jiff::Timestamp::try_from(at).map(|it| it.to_zoned(clock::zone()));
    zoned.map_or_else(|_| "an unknown time".to_owned(), |it| it.strftime(format).to_string())
}

/// The open workflow task, if the process of the worker that started it has ended. The server gives the
/// task to another worker after its timeout, usually 10 s.
fn orphaned_task(
    run: &OpenRun,
    sample: &NamespaceSample,
    place: CommandPlace<'_>,
    now: SystemTime,
) -> Option<Problem> {
    run.description.task.filter(|task| task.is_started)?;
    let start = run.events.as_ref()?.task_start.as_ref()?;
    let cause = ended_starter(sample, &start.worker)?;
    let since = ended_since(sample, &start.worker);
    Some(Problem {
        severity: Severity::Amber,
        since_ms: millis(age(since, now)),
        cause: format!("workflow task {cause}"),
        next_try_ms: until(start.times_out, now),
        hint: Some("start a worker; it gets the task after its timeout".to_owned()),
        ..of_workflow(ProblemKind::Stuck, &run.description.execution, place)
    })
}
