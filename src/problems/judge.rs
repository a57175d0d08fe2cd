//! Derives problems from samples. Pure: the same samples and time give the same problems.

use super::causes;
use super::millis;
use super::sample::{
    EndedRun, NamespaceSample, OpenRun, PollerProcess, PollerSample, QueueSample, STALE,
};
use crate::protocol::{Problem, ProblemKind, Severity};
use crate::temporal::executions::{Execution, ExecutionStatus, PendingActivity};
use crate::temporal::queues::QueueKind;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

/// An activity that has failed for less than this time may succeed without an action of the user.
const YOUNG_RETRY: Duration = Duration::from_secs(300);
/// If a queue has had no worker for less than this time, its worker may be restarting.
const YOUNG_QUEUE: Duration = Duration::from_secs(30);
/// A workflow task whose first failure is younger than this may succeed at its second attempt, which
/// follows after 10 s.
const YOUNG_FAILURE: Duration = Duration::from_secs(12);
/// The attempt after the first failure of a workflow task.
const SECOND: u32 = 2;

/// The server and the namespace for the commands that a problem suggests.
#[derive(Debug, Clone, Copy)]
pub struct CommandPlace<'a> {
    /// `HOST:PORT` of the server.
    pub address: &'a str,
    /// Name of the namespace.
    pub namespace: &'a str,
}

/// Returns the problems of one namespace in any order: one problem for each workflow, activity or
/// queue.
#[must_use]
pub fn judge(sample: &NamespaceSample, address: &str, now: SystemTime) -> Vec<Problem> {
    let place = CommandPlace { address, namespace: &sample.namespace };
    let unserved = unserved(sample, now);
    let names: BTreeSet<&str> = sample
        .queues
        .iter()
        .filter(|queue| queue.is_served(now))
        .map(|queue| queue.name.as_str())
        .collect();
    let mut problems: Vec<Problem> =
        unserved.values().map(|queue| no_worker(queue, &names, place, now)).collect();
    for run in &sample.open {
        let queue = (run.description.execution.task_queue.as_str(), QueueKind::Workflow);
        // The task of this workflow is one of the tasks in the problem of its queue.
        if !(waits_for_workflow_worker(run) && unserved.contains_key(&queue)) {
            problems.extend(stuck(run, sample, place, now));
        }
        problems.extend(retrying(run, sample, place, now));
    }
    problems.extend(ended(&sample.ended, place, now));
    problems
}

/// A queue that has tasks and no worker.
struct Unserved<'a> {
    sample: &'a QueueSample,
    /// Number of waiting tasks.
    waiting: u64,
    /// When the oldest task began to wait.
    since: Option<SystemTime>,
}

/// The queues that have tasks and no worker. The number of tasks that the server reports may be 5 s
/// old, so the tasks are also counted from the descriptions of the workflows.
fn unserved(
    sample: &NamespaceSample,
    now: SystemTime,
) -> BTreeMap<(&str, QueueKind), Unserved<'_>> {
    let mut work: HashMap<(&str, QueueKind), (u64, Option<SystemTime>)> = HashMap::new();
    let mut add = |queue, kind, since: Option<SystemTime>| {
        let (count, oldest) = work.entry((queue, kind)).or_default();
        *count += 1;
        *oldest = oldest.map_or(since, |oldest| Some(since.map_or(oldest, |it| it.min(oldest))));
    };
    for run in &sample.open {
        let description = &run.description;
        if let Some(task) = description.task.filter(|_| waits_for_workflow_worker(run)) {
            add(&description.execution.task_queue, QueueKind::Workflow, task.scheduled);
        }
        for activity in description.activities.iter().filter(|it| waits_for_worker(it)) {
            add(&activity.task_queue, QueueKind::Activity, activity.scheduled);
        }
    }
    let mut unserved = BTreeMap::new();
    for queue in sample.queues.iter().filter(|queue| !queue.is_served(now)) {
        let (known, since) =
            work.get(&(queue.name.as_str(), queue.kind)).copied().unwrap_or_default();
        let counted_since = now.checked_sub(queue.state.oldest).filter(|_| queue.state.waiting > 0);
        let since = match (since, counted_since) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let waiting = known.max(queue.state.waiting);
        if waiting > 0 {
            let unserved_queue = Unserved { sample: queue, waiting, since };
            unserved.insert((queue.name.as_str(), queue.kind), unserved_queue);
        }
    }
    unserved
}

/// Whether the workflow task waits for a worker. False if the code of the workflow fails. A second
/// attempt without a failure follows an attempt whose worker ended.
fn waits_for_workflow_worker(run: &OpenRun) -> bool {
    let has_failed = run.description.execution.has_reported_problem
        || run.events.as_ref().is_some_and(|events| events.task_failure.is_some());
    run.description.task.is_some_and(|it| !it.is_started && (it.attempt == 1 || !has_failed))
}

/// Whether an activity waits for a worker. False if the activity waits for its next attempt.
fn waits_for_worker(activity: &PendingActivity) -> bool {
    !activity.is_started && !activity.is_paused && activity.attempt == 1
}

fn no_worker(
    queue: &Unserved<'_>,
    served: &BTreeSet<&str>,
    place: CommandPlace<'_>,
    now: SystemTime,
) -> Problem {
    let Unserved { sample, waiting, since } = queue;
    let since = since.map_or(Duration::ZERO, |since| age(Some(since), now));
    let tasks = match (waiting, sample.kind) {
        (1, QueueKind::Workflow) => "1 workflow task waits".to_owned(),
        (n, QueueKind::Workflow) => format!("{n} workflow tasks wait"),
        (1, QueueKind::Activity) => "1 activity waits".to_owned(),
        (n, QueueKind::Activity) => format!("{n} activities wait"),
    };
    let last = sample.last_poller().map(|poller| last_worker(poller, now));
    let cause = match last {
        Some(last) => format!("{tasks}; last worker: {last}"),
        None => format!("{tasks}; no worker has polled this queue"),
    };
    let near = near_miss(&sample.name, served);
    let hint = near.map_or_else(
        || format!("start a worker that polls the queue `{}`", sample.name),
        |near| format!("did you mean `{near}`? A worker polls this queue"),
    );
    Problem {
        severity: if since < YOUNG_QUEUE { Severity::Amber } else { Severity::Red },
        count: *waiting,
        since_ms: millis(since),
        cause,
        queue: Some(sample.name.clone()),
        hint: Some(hint),
        command: Some(command(place, &["task-queue", "describe", "--task-queue", &sample.name])),
        ..blank(ProblemKind::NoWorker, &sample.name, place)
    }
}

/// Describes the last worker of a queue, for example as `pid 4712 python billing.py, ended`.
fn last_worker(poller: &PollerSample, now: SystemTime) -> String {
    let silence = || format!("has not polled for {}", interval(poller.last_poll, now));
    let name = named(&poller.process).unwrap_or_else(|| poller.identity.clone());
    let state = match &poller.process {
        PollerProcess::Ended { .. } => "ended".to_owned(),
        _ if poller.has_shut_down => "shut down".to_owned(),
        PollerProcess::Disconnected { .. } => "not connected".to_owned(),
        PollerProcess::Runs { .. } | PollerProcess::Remote | PollerProcess::Unknown => silence(),
    };
    format!("{name}, {state}")
}

/// Names a process of this machine, for example as `pid 4712 python billing.py`.
fn named(process: &PollerProcess) -> Option<String> {
    let pid = process.pid()?;
    Some(format!("pid {pid} {}", process.command()).trim_end().to_owned())
}

/// Describes the process of the worker that started a task, if this process has ended.
fn ended_starter(sample: &NamespaceSample, identity: &str) -> Option<String> {
    let process = sample.starters.get(identity)?;
    let has_ended = matches!(process, PollerProcess::Ended { .. });
    has_ended.then(|| named(process))?.map(|name| format!("started by {name}, which has ended"))
}

/// The queue in `served` whose name is most similar to `name`, with at most two edits: a character
/// that is inserted, deleted or replaced, or two that are swapped. The user may have meant this queue.
fn near_miss<'a>(name: &str, served: &BTreeSet<&'a str>) -> Option<&'a str> {
    let lower = |text: &str| text.to_lowercase().chars().take(100).collect::<String>();
    let edits = |other: &str| strsim::osa_distance(&lower(name), &lower(other));
    served
        .iter()
        .copied()
        .filter(|other| *other != name)
        .map(|other| (edits(other), other))
        .filter(|(edits, other)| *edits <= 2 && *edits * 3 <= other.chars().count())
        .min()
        .map(|(_, other)| other)
}

fn stuck(
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
        return None;
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
    let cause = failure.map_or_else(
        || unknown.to_owned(),
        |failure| causes::of_task(failure, &execution.task_queue, &execution.workflow_type),
    );
    let hint = "fix the code and restart the worker; to continue without waiting for the next attempt, \
                reset the workflow to its last workflow task";
    Some(Problem {
        severity: if since < YOUNG_FAILURE { Severity::Amber } else { Severity::Red },
        since_ms: millis(since),
        cause,
        attempt: attempt.filter(|attempt| *attempt >= SECOND),
        hint: Some(hint.to_owned()),
        ..of_workflow(ProblemKind::Stuck, execution, place)
    })
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

fn retrying<'a>(
    run: &'a OpenRun,
    sample: &'a NamespaceSample,
    place: CommandPlace<'a>,
    now: SystemTime,
) -> impl Iterator<Item = Problem> + 'a {
    let description = &run.description;
    let calls = description.activities.iter().chain(&description.operations);
    calls.filter(|call| !call.is_paused).filter_map(move |call| {
        let orphaned = ended_starter(sample, &call.worker).filter(|_| call.is_started);
        if call.attempt < SECOND && orphaned.is_none() {
            return None;
        }
        let events = run.events.iter().flat_map(|events| &events.activities);
        let first = events.filter(|(id, _)| *id == call.id).map(|(_, at)| *at).min();
        let since = age(first.or(call.scheduled), now);
        let last = call.last_failure.as_ref().map(|cause| cause.text.as_str());
        let problem = Problem {
            severity: if since < YOUNG_RETRY { Severity::Amber } else { Severity::Red },
            activity: Some(call.type_name.clone()),
            activity_id: Some(call.id.clone()).filter(|id| !id.is_empty()),
            since_ms: millis(since),
            cause: last.unwrap_or("the last attempt of the activity failed").to_owned(),
            attempt: Some(call.attempt),
            max_attempts: call.max_attempts,
            next_try_ms: until(call.next_attempt.filter(|_| !call.is_started), now),
            hint: Some(format!("fix the cause; Temporal retries the activity {}", call.type_name)),
            ..of_workflow(ProblemKind::Retrying, &description.execution, place)
        };
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

/// When the process of the worker ended. `None` if this is unknown.
fn ended_since(sample: &NamespaceSample, identity: &str) -> Option<SystemTime> {
    match sample.starters.get(identity)? {
        PollerProcess::Ended { since, .. } => *since,
        PollerProcess::Runs { .. }
        | PollerProcess::Disconnected { .. }
        | PollerProcess::Remote
        | PollerProcess::Unknown => None,
    }
}

/// Milliseconds until this time.
fn until(at: Option<SystemTime>, now: SystemTime) -> Option<u64> {
    at.map(|at| millis(at.duration_since(now).unwrap_or_default()))
}

/// Failed and timed out workflows, without those that failed because their child failed: the problem of
/// the child has the cause.
fn ended(runs: &[EndedRun], place: CommandPlace<'_>, now: SystemTime) -> Vec<Problem> {
    runs.iter()
        .filter(|run| !is_consequence(run, runs))
        .filter_map(|run| {
            let Execution { started, closed, task_queue, status, .. } = &run.execution;
            let ran = closed.and_then(|closed| closed.duration_since((*started)?).ok());
            let (kind, cause, hint) = match status {
                ExecutionStatus::Failed => (
                    ProblemKind::Failed,
                    run.events.failure.as_ref().map_or_else(String::new, |it| it.text.clone()),
                    "fix the cause and start the workflow again, or reset the workflow",
                ),
                ExecutionStatus::TimedOut => (
                    ProblemKind::TimedOut,
                    causes::of_timeout(run.events.before_end, task_queue, ran),
                    "fix the cause and start the workflow again, or reset the workflow",
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
                hint: Some(hint.to_owned()),
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

fn of_workflow(kind: ProblemKind, execution: &Execution, place: CommandPlace<'_>) -> Problem {
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

fn blank(kind: ProblemKind, subject: &str, place: CommandPlace<'_>) -> Problem {
    let namespace = Some(place.namespace.to_owned());
    Problem { namespace, ..Problem::new(kind, subject) }
}

/// A command of the Temporal CLI, quoted for a shell. The command names the server and the
/// namespace only if they are not the defaults of the CLI.
fn command(place: CommandPlace<'_>, words: &[&str]) -> String {
    let mut all = vec!["temporal"];
    all.extend(words);
    if place.namespace != "default" {
        all.extend(["--namespace", place.namespace]);
    }
    if !matches!(place.address, "127.0.0.1:7233" | "localhost:7233") {
        all.extend(["--address", place.address]);
    }
    all.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// Quotes a word for a POSIX shell, if necessary.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn age(since: Option<SystemTime>, now: SystemTime) -> Duration {
    since.and_then(|since| now.duration_since(since).ok()).unwrap_or_default()
}

fn interval(since: Option<SystemTime>, now: SystemTime) -> String {
    stigmer_ui::human::interval(millis(since.map_or(STALE, |since| age(Some(since), now))))
}
