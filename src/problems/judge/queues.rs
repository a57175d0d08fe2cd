//! Queues that have tasks and no worker, and the workflows that wait there.

use super::command::{CommandPlace, command};
use super::problem::{age, blank, interval};
use super::starter::named;
use super::units::Absence;
use crate::problems::millis;
use crate::problems::sample::{NamespaceSample, OpenRun, PollerProcess, PollerSample, QueueSample};
use crate::protocol::{OTHERS, Problem, ProblemKind, ProjectWorker, Severity, WorkflowRef};
use crate::spelling::nearest;
use crate::temporal::executions::{Execution, PendingActivity};
use crate::temporal::queues::QueueKind;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

/// If a queue has had no worker for less than this time, its worker may be restarting.
const YOUNG_QUEUE: Duration = Duration::from_secs(30);

/// A queue that has tasks and no worker for them.
pub(super) struct Unserved<'a> {
    name: &'a str,
    /// The tasks that wait, by their kind. Not empty.
    waiting: BTreeMap<QueueKind, WaitingTasks<'a>>,
    /// The workflows that wait for a child workflow whose tasks wait in the queue, or for a child that
    /// waits for such a child.
    parents: Vec<&'a OpenRun>,
    /// Whether a worker polls the queue for tasks of another kind.
    is_partly_served: bool,
}

/// Why tasks wait in a queue, and what the user can do.
struct Explanation {
    cause: String,
    /// The cause, for a workflow that waits.
    workflow_cause: String,
    hint: String,
    /// A command that shows more than the description of the queue. `None` if there is none.
    command: Option<String>,
}

/// Tasks of one kind that wait in one queue.
#[derive(Default)]
struct WaitingTasks<'a> {
    tasks: u64,
    /// When the oldest task began to wait.
    since: Option<SystemTime>,
    /// The workflows that have these tasks. The server may count more tasks, of workflows without a
    /// description.
    runs: Vec<&'a OpenRun>,
    /// The worker that polled for these tasks most recently.
    last_poller: Option<&'a PollerSample>,
}

/// The queues that have tasks and no worker, by their names. The number of tasks that the server reports
/// may be 5 s old, so the tasks are also counted from the descriptions of the workflows.
pub(super) fn unserved(sample: &NamespaceSample, now: SystemTime) -> BTreeMap<&str, Unserved<'_>> {
    let mut described = described(sample, now);
    let mut unserved: BTreeMap<&str, Unserved<'_>> = BTreeMap::new();
    for queue in sample.queues.iter().filter(|queue| !queue.is_served(now)) {
        let QueueSample { name, kind, state, .. } = queue;
        let mut waiting = described.remove(&(name.as_str(), *kind)).unwrap_or_default();
        let oldest = now.checked_sub(state.oldest).filter(|_| state.waiting > 0);
        waiting.since = waiting.since.into_iter().chain(oldest).min();
        waiting.tasks = waiting.tasks.max(state.waiting);
        waiting.last_poller = queue.last_poller();
        if waiting.tasks > 0 {
            let it = unserved.entry(name).or_insert_with(|| Unserved {
                name,
                waiting: BTreeMap::new(),
                parents: Vec::new(),
                is_partly_served: served_names(sample, now).any(|served| served == name),
            });
            it.waiting.insert(*kind, waiting);
        }
    }
    for queue in unserved.values_mut() {
        queue.parents =
            parents(sample, queue.waiting.values().flat_map(|it| it.runs.iter().copied()));
    }
    unserved
}

/// The workflow ID of a run.
fn id(run: &OpenRun) -> &str {
    &run.description.execution.workflow_id
}

/// The workflows that wait for these child workflows, with their own parents.
fn parents<'a>(
    sample: &'a NamespaceSample,
    children: impl Iterator<Item = &'a OpenRun>,
) -> Vec<&'a OpenRun> {
    let mut waiting: BTreeSet<&str> = children.map(id).collect();
    let mut parents = Vec::new();
    loop {
        let is_next = |run: &&OpenRun| {
            let mut children = run.description.children.iter();
            !waiting.contains(id(run)) && children.any(|child| waiting.contains(child.as_str()))
        };
        let Some(parent) = sample.open.iter().find(is_next) else { return parents };
        waiting.insert(id(parent));
        parents.push(parent);
    }
}

/// The tasks that wait for a worker according to the descriptions of their workflows, by queue and kind.
fn described(
    sample: &NamespaceSample,
    now: SystemTime,
) -> BTreeMap<(&str, QueueKind), WaitingTasks<'_>> {
    let mut all: BTreeMap<(&str, QueueKind), WaitingTasks<'_>> = BTreeMap::new();
    for run in &sample.open {
        let description = &run.description;
        let task = description.task.filter(|_| waits_for_workflow_worker(run));
        let task = task.map(|task| {
            (description.execution.task_queue.as_str(), QueueKind::Workflow, task.scheduled)
        });
        let activities = description.activities.iter().filter(|it| waits_for_worker(it, now));
        let activities =
            activities.map(|it| (it.task_queue.as_str(), QueueKind::Activity, it.scheduled));
        for (queue, kind, scheduled) in task.into_iter().chain(activities) {
            let it = all.entry((queue, kind)).or_default();
            it.tasks += 1;
            it.since = it.since.into_iter().chain(scheduled).min();
            it.runs.push(run);
        }
    }
    all
}

/// The names of the queues that a worker polls for at least one kind of tasks.
pub(super) fn served_names(
    sample: &NamespaceSample,
    now: SystemTime,
) -> impl Iterator<Item = &str> {
    let served = sample.queues.iter().filter(move |queue| queue.is_served(now));
    served.map(|queue| queue.name.as_str())
}

/// Whether the workflow task waits for a worker. False if the code of the workflow fails. A second
/// attempt without a failure follows an attempt whose worker ended.
pub(super) fn waits_for_workflow_worker(run: &OpenRun) -> bool {
    let has_failed = run.description.execution.has_reported_problem
        || run.events.as_ref().is_some_and(|events| events.task_failure.is_some());
    run.description.task.is_some_and(|it| !it.is_started && (it.attempt == 1 || !has_failed))
}

/// Whether an activity waits for a worker. False if the activity waits for the time of its next attempt.
fn waits_for_worker(activity: &PendingActivity, now: SystemTime) -> bool {
    let is_due = activity.attempt == 1 || activity.next_attempt.is_none_or(|next| next <= now);
    is_due && !activity.is_started && !activity.is_paused
}

impl Unserved<'_> {
    /// Whether the workflow tasks of this queue wait for a worker.
    pub(super) fn has_workflow_tasks(&self) -> bool {
        self.waiting.contains_key(&QueueKind::Workflow)
    }

    /// The problem of this queue. `served` has the names of the queues that a worker polls, `units` are
    /// the workers that stigmer runs.
    pub(super) fn problem(
        &self,
        served: &BTreeSet<&str>,
        units: &[ProjectWorker],
        place: CommandPlace<'_>,
        now: SystemTime,
    ) -> Problem {
        let name = self.name;
        let since = age(self.waiting.values().filter_map(|it| it.since).min(), now);
        let Explanation { cause, workflow_cause, hint, command: more } =
            self.explain(served, units, place.namespace, now);
        let describe = || command(place, &["task-queue", "describe", "--task-queue", name]);
        Problem {
            severity: if since < YOUNG_QUEUE { Severity::Amber } else { Severity::Red },
            count: self.waiting.values().map(|it| it.tasks).sum(),
            others: self.workflows(),
            since_ms: millis(since),
            cause: format!("{}; {cause}", self.tasks()),
            workflow_cause: Some(format!("queue {name}: {workflow_cause}")),
            queue: Some(name.to_owned()),
            hint: Some(hint),
            command: Some(more.unwrap_or_else(describe)),
            ..blank(ProblemKind::NoWorker, name, place)
        }
    }

    /// Explains why the tasks wait: first by the worker that stigmer runs for this queue, then by a
    /// mistyped name.
    fn explain(
        &self,
        served: &BTreeSet<&str>,
        units: &[ProjectWorker],
        namespace: &str,
        now: SystemTime,
    ) -> Explanation {
        let name = self.name;
        let absence = Absence::of(namespace, name, units).filter(|_| !self.is_partly_served);
        if let Some(Absence { reason, hint, command }) = absence {
            return Explanation { cause: reason.clone(), workflow_cause: reason, hint, command };
        }
        // A queue that a worker has polled has no wrong name.
        let others = served.iter().copied().filter(|other| *other != name);
        let similar = nearest(name, others).filter(|_| self.last_poller().is_none());
        if let Some(similar) = similar {
            let question = format!("did you mean {similar}?");
            return Explanation {
                workflow_cause: format!("{}; {question}", self.reason()),
                cause: question,
                hint: format!(
                    "a worker polls `{similar}`: start the workflow there, because it cannot change its \
                     queue, and terminate this one; or start a worker that polls `{name}`"
                ),
                command: None,
            };
        }
        let hint = match self.is_partly_served {
            true => format!("start a worker that runs {} of the queue `{name}`", self.kinds()),
            false => format!("start a worker that polls the queue `{name}`"),
        };
        let (cause, workflow_cause) = (self.worker(now), self.reason());
        Explanation { cause, workflow_cause, hint, command: None }
    }

    /// The workflows whose tasks wait in the queue, and their parents, the newest first.
    fn workflows(&self) -> Vec<WorkflowRef> {
        let runs = self.waiting.values().flat_map(|it| &it.runs).chain(&self.parents);
        let executions = runs.map(|run| &run.description.execution);
        // A workflow may wait for a workflow task and for an activity.
        let unique: BTreeMap<&str, _> = executions.map(|it| (it.run_id.as_str(), it)).collect();
        let mut sorted: Vec<_> = unique.into_values().collect();
        sorted.sort_by_key(|it| (Reverse(it.started), it.workflow_id.as_str()));
        let workflow = |it: &&Execution| WorkflowRef {
            workflow_id: it.workflow_id.clone(),
            run_id: it.run_id.clone(),
            workflow_type: Some(it.workflow_type.clone()),
            attempt: None,
            since_ms: None,
        };
        sorted.iter().take(OTHERS).map(workflow).collect()
    }

    /// The numbers of the waiting tasks, for example `1 workflow task and 2 activities wait`.
    fn tasks(&self) -> String {
        let number = |(kind, waiting): (&QueueKind, &WaitingTasks<'_>)| match (waiting.tasks, kind)
        {
            (1, QueueKind::Workflow) => "1 workflow task".to_owned(),
            (n, QueueKind::Workflow) => format!("{n} workflow tasks"),
            (1, QueueKind::Activity) => "1 activity".to_owned(),
            (n, QueueKind::Activity) => format!("{n} activities"),
        };
        let numbers: Vec<String> = self.waiting.iter().map(number).collect();
        let total: u64 = self.waiting.values().map(|it| it.tasks).sum();
        format!("{} {}", numbers.join(" and "), if total == 1 { "waits" } else { "wait" })
    }

    /// The kinds of the waiting tasks.
    fn kinds(&self) -> &'static str {
        if self.has_workflow_tasks() { "workflows" } else { "activities" }
    }

    /// Why the tasks wait.
    fn reason(&self) -> String {
        if self.is_partly_served {
            format!("its workers run no {}", self.kinds())
        } else {
            "nobody polls it".to_owned()
        }
    }

    /// The worker that polled the queue most recently.
    fn last_poller(&self) -> Option<&PollerSample> {
        let pollers = self.waiting.values().filter_map(|it| it.last_poller);
        pollers.max_by_key(|poller| poller.last_poll)
    }

    /// The last worker of the queue, or why there is none.
    fn worker(&self, now: SystemTime) -> String {
        match self.last_poller() {
            Some(last) => format!("last worker: {}", last_worker(last, now)),
            None if self.is_partly_served => self.reason(),
            None => "no worker polls this queue".to_owned(),
        }
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
