//! Decides what to request from the server, and when. Does no IO and reads no clock.

use super::budget::Budget;
use super::known::KnownOpen;
use super::pollers::WorkerName;
use super::request::{Answer, RunKey, SampleRequest};
use super::sample::{
    EndedRun, NamespaceSample, OpenRun, PollerProcess, PollerSample, QueueSample, WorkerSample,
};
use crate::temporal::executions::{
    Description, Execution, ExecutionPage, ExecutionStatus, NewestEvents,
};
use crate::temporal::queues::{QueueKind, QueueState};
use crate::temporal::workers::WorkerHeartbeat;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Time between two lists of the same kind.
const LIST_PERIOD: Duration = Duration::from_secs(2);
/// Minimum time between two requests for the same list, as a multiple of the duration of such a
/// request. A slow list thus leaves time for other requests.
const LIST_REST: u32 = 100;
/// Time between two descriptions of a queue.
const QUEUE_PERIOD: Duration = Duration::from_secs(4);
/// Time until a single workflow or queue is requested again after a failed request.
const RETRY: Duration = Duration::from_secs(30);
/// Rows of a list.
pub(super) const PAGE: u16 = 50;
/// Maximum number of open workflows that are stored, and of ended ones.
const KNOWN: usize = 500;
/// Number of requests for newly ended workflows after which all ended workflows are requested
/// again.
const FULL_EVERY: u32 = 15;
/// Maximum number of queues that are described.
const QUEUES: usize = 32;
/// Failures older than this are not shown.
pub const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);

/// The next step of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// Send this request.
    Send(SampleRequest),
    /// Wait until this time: the budget requires a pause after the last request.
    Pause(Instant),
    /// Wait until this time: no request is due earlier.
    Idle(Instant),
}

/// A workflow that failed or timed out, and its last events.
#[derive(Debug)]
struct KnownEnded {
    execution: Execution,
    events: Option<NewestEvents>,
}

#[derive(Debug)]
struct KnownQueue {
    state: Option<QueueState>,
    due: Instant,
}

/// A request that is repeated every [`LIST_PERIOD`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum List {
    Reported,
    Ended,
    Open,
    Workers,
    Completed,
}

impl List {
    /// In the order of their importance.
    const ALL: [Self; 5] =
        [Self::Reported, Self::Ended, Self::Open, Self::Workers, Self::Completed];
    /// Without these, a problem may be missing.
    const REQUIRED: [Self; 3] = [Self::Reported, Self::Ended, Self::Open];
}

/// The requests to one namespace that are due, and the answers so far.
#[derive(Debug)]
pub struct Plan {
    /// When each list request is due.
    due: BTreeMap<List, Instant>,
    /// When each list was answered last.
    answered: BTreeMap<List, Instant>,
    /// The lists whose last requests failed: how many in a row, and the last error.
    failed: BTreeMap<List, (u32, String)>,
    /// The kind of request that is sent next, if such a request is due.
    turn: usize,
    open: BTreeMap<RunKey, KnownOpen>,
    /// The token of the next page of open workflows, after the first page. Empty if there is no
    /// next page.
    cursor: Vec<u8>,
    /// Whether the next request for open workflows is for the first page.
    is_first_page_next: bool,
    /// Number of lists of the first page.
    first_pages: u32,
    ended: BTreeMap<RunKey, KnownEnded>,
    /// Number of requests for newly ended workflows since the last request for all ended workflows.
    increments: u32,
    /// The last workflow ID of the last request for completed workflows. The next request begins after
    /// this ID.
    asked: String,
    queues: BTreeMap<(String, QueueKind), KnownQueue>,
    workers: Vec<WorkerHeartbeat>,
}

impl Plan {
    /// Creates a plan in which all list requests are due now.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            due: List::ALL.into_iter().map(|list| (list, now)).collect(),
            answered: BTreeMap::new(),
            failed: BTreeMap::new(),
            turn: 0,
            open: BTreeMap::new(),
            cursor: Vec::new(),
            is_first_page_next: true,
            first_pages: 0,
            ended: BTreeMap::new(),
            increments: 0,
            asked: String::new(),
            queues: BTreeMap::new(),
            workers: Vec::new(),
        }
    }

    /// Returns what to do now. The kinds of requests take turns, so that a slow server gets all of
    /// them.
    pub fn next(&mut self, budget: &mut Budget, now: Instant) -> NextStep {
        if let Some(until) = budget.pause(now) {
            return NextStep::Pause(until);
        }
        const KINDS: usize = 4;
        for kind in (0..KINDS).map(|step| (self.turn + step) % KINDS) {
            let request = match kind {
                0 => self.due_list(now),
                1 => self.unread_end().or_else(|| self.unread_events()),
                2 => self.due_queue(now),
                _ => self.due_run(budget, now),
            };
            if let Some(request) = request {
                self.turn = kind + 1;
                return NextStep::Send(request);
            }
        }
        NextStep::Idle(self.earliest(now))
    }

    fn due_list(&self, now: Instant) -> Option<SampleRequest> {
        let is_due = |list: &List| self.due.get(list).is_some_and(|due| *due <= now);
        List::ALL.into_iter().filter(is_due).find_map(|list| match list {
            List::Reported => Some(SampleRequest::Reported),
            List::Ended => Some(SampleRequest::Ended(self.newest_end())),
            List::Open if self.is_first_page_next => Some(SampleRequest::Open(Vec::new())),
            List::Open => Some(SampleRequest::Open(self.cursor.clone())),
            List::Workers => Some(SampleRequest::Workers),
            List::Completed => {
                let ids = self.next_ended();
                (!ids.is_empty()).then_some(SampleRequest::Completed(ids))
            }
        })
    }

    /// The next workflow IDs of ended workflows, in turn.
    fn next_ended(&self) -> Vec<String> {
        let ids: BTreeSet<&String> = self.ended.keys().map(|it| &it.workflow_id).collect();
        let (before, after): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| **id <= self.asked);
        after.into_iter().chain(before).take(PAGE.into()).cloned().collect()
    }

    /// The time of the newest known end of a workflow. `None` if all ended workflows are to be
    /// requested.
    fn newest_end(&self) -> Option<SystemTime> {
        let is_full = self.increments >= FULL_EVERY;
        self.ended.values().filter_map(|run| run.execution.closed).max().filter(|_| !is_full)
    }

    fn unread_end(&self) -> Option<SampleRequest> {
        let unread = self.ended.iter().filter(|(_, run)| run.events.is_none());
        unread
            .max_by_key(|(_, run)| run.execution.closed)
            .map(|(key, _)| SampleRequest::End(key.clone()))
    }

    fn unread_events(&self) -> Option<SampleRequest> {
        let unread = |run: &KnownOpen| run.needs_events() && !run.are_events_read;
        let (key, _) = self.open.iter().find(|(_, run)| unread(run))?;
        Some(SampleRequest::Events(key.clone()))
    }

    fn due_queue(&self, now: Instant) -> Option<SampleRequest> {
        let due = self.queues.iter().filter(|(_, queue)| queue.due <= now);
        let ((name, kind), _) = due.min_by_key(|(_, queue)| queue.due)?;
        Some(SampleRequest::Queue(name.clone(), *kind))
    }

    /// Returns the next workflow to describe: first a new workflow that the server has marked as
    /// failing, then a new workflow with another queue than all others, then a new workflow that a
    /// second list still has: most workflows end before. Then the workflow that has been due for the
    /// longest time.
    fn due_run(&self, budget: &mut Budget, now: Instant) -> Option<SampleRequest> {
        let (new, again) = (budget.may_describe(false, now), budget.may_describe(true, now));
        let first = budget.may_describe_first(now);
        let queues: BTreeSet<&str> = self.queues.keys().map(|(name, _)| name.as_str()).collect();
        let rank = |run: &KnownOpen| match &run.description {
            None if run.execution.has_reported_problem => 0,
            None if !queues.contains(run.execution.task_queue.as_str()) => 1,
            None if run.lists >= 2 => 2,
            None => 3,
            Some(_) => 4,
        };
        let may = |rank| match rank {
            0 | 1 => first,
            2 | 3 => new,
            _ => again,
        };
        let due = self.open.iter().filter(|(_, run)| run.due <= now && may(rank(run)));
        let (key, run) = due.min_by_key(|(_, run)| (rank(run), run.due))?;
        Some(SampleRequest::Run { key: key.clone(), again: run.description.is_some() })
    }

    /// When the next request is due.
    fn earliest(&self, now: Instant) -> Instant {
        let lists = self.due.values().copied();
        let queues = self.queues.values().map(|queue| queue.due);
        let runs = self.open.values().map(|run| run.due);
        let next = lists.chain(queues).chain(runs).filter(|due| *due > now).min();
        // A workflow that is due but exceeds the budget waits until the next request.
        next.unwrap_or(now + LIST_PERIOD)
    }

    /// Handles the answer to a request. `took` is the duration of the request.
    pub fn take(
        &mut self,
        request: SampleRequest,
        answer: Result<Answer, String>,
        took: Duration,
        now: Instant,
    ) {
        match answer {
            Ok(answer) => {
                if let Some(list) = request.list() {
                    self.due.insert(list, now + LIST_PERIOD.max(took * LIST_REST));
                    self.answered.insert(list, now);
                    self.failed.remove(&list);
                }
                self.learn(request, answer, now);
            }
            Err(error) => self.failed(request, error, now),
        }
    }

    /// Schedules a failed request again. Other requests are not delayed.
    fn failed(&mut self, request: SampleRequest, error: String, now: Instant) {
        if let Some(list) = request.list() {
            let (count, last) = self.failed.entry(list).or_default();
            self.due.insert(list, now + LIST_PERIOD * 2_u32.pow((*count).min(5)));
            (*count, *last) = (count.saturating_add(1), error);
        }
        match request {
            SampleRequest::Open(_) => {
                self.cursor.clear();
                self.is_first_page_next = true;
            }
            SampleRequest::Run { key, .. } => {
                if let Some(run) = self.open.get_mut(&key) {
                    run.due = now + RETRY;
                }
            }
            // The problem is shown without the events, and the next change of the history reads them.
            SampleRequest::Events(key) => {
                if let Some(run) = self.open.get_mut(&key) {
                    run.are_events_read = true;
                }
            }
            SampleRequest::End(key) => {
                if let Some(run) = self.ended.get_mut(&key) {
                    run.events = Some(NewestEvents::default());
                }
            }
            SampleRequest::Queue(name, kind) => {
                if let Some(queue) = self.queues.get_mut(&(name, kind)) {
                    queue.due = now + RETRY;
                }
            }
            SampleRequest::Reported
            | SampleRequest::Ended(_)
            | SampleRequest::Workers
            | SampleRequest::Completed(_) => {}
        }
    }

    fn learn(&mut self, request: SampleRequest, answer: Answer, now: Instant) {
        match (request, answer) {
            (SampleRequest::Reported, Answer::Page(page)) => self.reported(page, now),
            (SampleRequest::Open(place), Answer::Page(page)) => self.listed(&place, page, now),
            (SampleRequest::Ended(after), Answer::Page(page)) => self.have_ended(after, page),
            (SampleRequest::Completed(ids), Answer::Page(page)) => {
                self.asked = ids.into_iter().next_back().unwrap_or_default();
                self.forget_completed(&page.executions);
            }
            (SampleRequest::Workers, Answer::Workers(workers)) => {
                self.workers = workers;
                self.update_queues(now);
            }
            (SampleRequest::Run { key, .. }, Answer::Run(description)) => {
                self.is_described(&key, description, now);
            }
            (SampleRequest::Events(key), Answer::Events(events)) => {
                if let Some(run) = self.open.get_mut(&key) {
                    run.learn(events);
                }
            }
            (SampleRequest::End(key), Answer::Events(Some(events))) => {
                if let Some(run) = self.ended.get_mut(&key) {
                    run.events = Some(events);
                }
            }
            // The workflow was deleted.
            (SampleRequest::End(key), Answer::Events(None)) => _ = self.ended.remove(&key),
            (SampleRequest::Queue(name, kind), Answer::Queue(state)) => {
                if let Some(queue) = self.queues.get_mut(&(name, kind)) {
                    *queue = KnownQueue { state: Some(state), due: now + QUEUE_PERIOD };
                }
            }
            (request, _) => debug_assert!(false, "an answer to another request than {request:?}"),
        }
    }

    /// When the oldest list in the sample was read. `None` until each required list was read once.
    #[must_use]
    pub fn as_of(&self) -> Option<Instant> {
        let times = List::REQUIRED.iter().map(|list| self.answered.get(list).copied());
        times.collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    /// Why problems may be missing: the error of a list that fails.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        let mut errors = List::REQUIRED.iter().filter_map(|list| self.failed.get(list));
        errors.next().map(|(_, error)| error.as_str())
    }

    fn reported(&mut self, page: ExecutionPage, now: Instant) {
        let listed: BTreeSet<RunKey> = page.executions.iter().map(RunKey::of).collect();
        for (key, run) in &mut self.open {
            // The workflow task has succeeded since the last list.
            if run.execution.has_reported_problem && !listed.contains(key) {
                run.execution.has_reported_problem = false;
                run.due = now;
            }
        }
        for execution in page.executions {
            let key = RunKey::of(&execution);
            let run =
                self.open.entry(key).or_insert_with(|| KnownOpen::new(execution.clone(), now));
            if !run.execution.has_reported_problem {
                run.execution.has_reported_problem = true;
                run.due = now;
            }
        }
    }

    fn listed(&mut self, place: &[u8], page: ExecutionPage, now: Instant) {
        if place.is_empty() && page.next.is_empty() {
            let listed: BTreeSet<RunKey> = page.executions.iter().map(RunKey::of).collect();
            self.open.retain(|key, _| listed.contains(key));
        }
        for execution in page.executions {
            let is_full = self.open.len() >= KNOWN;
            match self.open.entry(RunKey::of(&execution)) {
                Entry::Occupied(mut run) => run.get_mut().lists += 1,
                Entry::Vacant(_) if is_full => {}
                Entry::Vacant(new) => _ = new.insert(KnownOpen::new(execution, now)),
            }
        }
        // After two requests for the first page, there is one for the next of the following pages.
        if place.is_empty() {
            self.first_pages += 1;
            self.is_first_page_next = page.next.is_empty() || !self.first_pages.is_multiple_of(2);
            if self.cursor.is_empty() {
                self.cursor = page.next;
            }
        } else {
            self.is_first_page_next = true;
            self.cursor = page.next;
        }
        self.update_queues(now);
    }

    fn have_ended(&mut self, after: Option<SystemTime>, page: ExecutionPage) {
        if after.is_none() {
            self.increments = 0;
            let listed: BTreeSet<RunKey> = page.executions.iter().map(RunKey::of).collect();
            self.ended.retain(|key, _| listed.contains(key));
        } else {
            self.increments += 1;
        }
        for execution in page.executions {
            let key = RunKey::of(&execution);
            self.open.remove(&key);
            self.ended.entry(key).or_insert(KnownEnded { execution, events: None });
        }
        while self.ended.len() > KNOWN {
            let oldest = self.ended.iter().min_by_key(|(_, run)| run.execution.closed);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            self.ended.remove(&oldest);
        }
    }

    /// Removes failures of workflows whose workflow ID has completed in a later run.
    fn forget_completed(&mut self, executions: &[Execution]) {
        for done in executions.iter().filter(|it| it.status == ExecutionStatus::Completed) {
            self.ended.retain(|key, run| {
                key.workflow_id != done.workflow_id || run.execution.closed > done.closed
            });
        }
    }

    fn is_described(&mut self, key: &RunKey, description: Option<Description>, now: Instant) {
        let open = description.filter(|it| it.execution.status.is_open());
        let Some(description) = open else {
            self.open.remove(key);
            self.due.insert(List::Ended, now);
            return;
        };
        if let Some(run) = self.open.get_mut(key) {
            run.is_described(description, now);
        }
        self.update_queues(now);
    }

    /// Keeps the queues of open workflows, of their activities and of workers, and the queues that had
    /// a worker at their last description. All other queues are removed, because the description of such a
    /// queue could write rows into the database.
    fn update_queues(&mut self, now: Instant) {
        let mut used: BTreeSet<(String, QueueKind)> = BTreeSet::new();
        for description in self.open.values().filter_map(|run| run.description.as_ref()) {
            // A workflow with a delayed start has not used its queue yet.
            if description.task.is_some() || description.history_length > 2 {
                used.insert((description.execution.task_queue.clone(), QueueKind::Workflow));
            }
            let activities = &description.activities;
            used.extend(activities.iter().map(|it| (it.task_queue.clone(), QueueKind::Activity)));
        }
        // A worker that polls a queue has created it.
        for worker in self.workers.iter().filter(|worker| worker.is_running) {
            used.extend(worker.kinds.iter().map(|kind| (worker.task_queue.clone(), *kind)));
        }
        used.retain(|(name, _)| !name.is_empty());
        let may_be_polled =
            |queue: &KnownQueue| queue.state.as_ref().is_none_or(|it| !it.pollers.is_empty());
        self.queues.retain(|key, queue| used.contains(key) || may_be_polled(queue));
        self.add_queues(used, now);
    }

    /// Adds queues that exist.
    pub fn add_queues(
        &mut self,
        queues: impl IntoIterator<Item = (String, QueueKind)>,
        now: Instant,
    ) {
        for key in queues {
            if self.queues.len() < QUEUES {
                self.queues.entry(key).or_insert(KnownQueue { state: None, due: now });
            }
        }
    }

    /// The workers that poll, have reported, or have started an open task, each once or more.
    pub fn worker_names(&self) -> impl Iterator<Item = WorkerName> {
        let pollers = self.queues.values().filter_map(|queue| queue.state.as_ref());
        let pollers = pollers.flat_map(|state| &state.pollers).map(|poller| WorkerName {
            identity: poller.identity.clone(),
            last_poll: poller.last_poll,
            place: None,
        });
        let reported = self.workers.iter().map(|worker| WorkerName {
            identity: worker.identity.clone(),
            last_poll: worker.at,
            place: worker.pid.map(|pid| (worker.host.clone(), pid)),
        });
        let starters = self.open.values().flat_map(KnownOpen::starters).map(|identity| {
            WorkerName { identity: identity.to_owned(), last_poll: None, place: None }
        });
        pollers.chain(reported).chain(starters)
    }

    /// Returns a sample of the answers so far. `process` finds the process of a worker by its identity.
    pub fn sample(
        &self,
        namespace: &str,
        now: SystemTime,
        process: impl Fn(&str) -> PollerProcess,
    ) -> NamespaceSample {
        let open = self.open.values().filter_map(|run| {
            let mut description = run.description.clone()?;
            description.execution.has_reported_problem = run.execution.has_reported_problem;
            Some(OpenRun { description, events: run.events.clone() })
        });
        let is_recent = |run: &&KnownEnded| {
            let age = run.execution.closed.and_then(|closed| now.duration_since(closed).ok());
            age.is_none_or(|age| age < FORGOTTEN)
        };
        let ended = self.ended.values().filter(is_recent).filter_map(|run| {
            Some(EndedRun { execution: run.execution.clone(), events: run.events.clone()? })
        });
        let poller = |identity: &str, last_poll, queue: &str| PollerSample {
            identity: identity.to_owned(),
            last_poll,
            has_shut_down: self.has_shut_down(identity, queue),
            process: process(identity),
        };
        let queues = self.queues.iter().filter_map(|((name, kind), queue)| {
            let state = queue.state.clone()?;
            let pollers = state.pollers.iter();
            let pollers = pollers.map(|it| poller(&it.identity, it.last_poll, name)).collect();
            Some(QueueSample { name: name.clone(), kind: *kind, state, pollers })
        });
        let workers = self.workers.iter().map(|worker| WorkerSample {
            heartbeat: worker.clone(),
            poller: poller(&worker.identity, worker.at, &worker.task_queue),
        });
        let starters = self.open.values().flat_map(KnownOpen::starters);
        NamespaceSample {
            namespace: namespace.to_owned(),
            open: open.collect(),
            ended: ended.collect(),
            queues: queues.collect(),
            workers: workers.collect(),
            starters: starters.map(|name| (name.to_owned(), process(name))).collect(),
        }
    }

    /// Whether the workers with this identity and queue have reported their end.
    fn has_shut_down(&self, identity: &str, queue: &str) -> bool {
        let mut reports =
            self.workers.iter().filter(|it| it.identity == identity && it.task_queue == queue);
        let is_running = |it: &WorkerHeartbeat| it.is_running;
        reports.next().is_some_and(|first| !is_running(first)) && !reports.any(is_running)
    }
}

impl SampleRequest {
    fn list(&self) -> Option<List> {
        match self {
            Self::Reported => Some(List::Reported),
            Self::Open(_) => Some(List::Open),
            Self::Ended(_) => Some(List::Ended),
            Self::Workers => Some(List::Workers),
            Self::Completed(_) => Some(List::Completed),
            Self::Run { .. } | Self::Events(_) | Self::End(_) | Self::Queue(..) => None,
        }
    }
}
