//! What to request from the server, and when. Without IO and clock.
//!
//! One request at a time. The duration of all requests together is at most 4 % of the time, also when
//! the server is slow, except for the first 300 ms. At most [`DESCRIBES`]
//! workflows are described per minute: new ones at once, the others in turn.

use super::sample::{EndedRun, NamespaceSample, OpenRun, PollerSample, QueueSample};
use crate::temporal::executions::{
    Description, Execution, ExecutionPage, ExecutionStatus, NewestEvents, StatusCounts,
};
use crate::temporal::queues::{QueueKind, QueuePoller, QueueState};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The pause after a request, in multiples of its duration.
const REST: u32 = 24;
/// Duration of requests that need no pause, so that the first samples are there at once. Pauses that
/// are longer than necessary add to it again.
const CREDIT: Duration = Duration::from_millis(300);
/// The longest pause after a request.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// Descriptions of workflows per minute.
pub(super) const DESCRIBES: usize = 40;
/// Of these, descriptions of workflows that are known already.
const AGAIN: usize = 28;
/// The length of the window of [`DESCRIBES`].
const MINUTE: Duration = Duration::from_secs(60);
/// Time between two lists of the same kind, and between two counts.
const LIST_PERIOD: Duration = Duration::from_secs(2);
/// Time between two descriptions of a queue.
const QUEUE_PERIOD: Duration = Duration::from_secs(4);
/// The times after which a workflow is described again while its description does not change.
const AGAIN_AFTER: [u64; 6] = [1, 2, 4, 8, 15, 30];
/// A workflow in trouble is described again after this time at the latest.
const TROUBLED: Duration = Duration::from_secs(5);
/// Rows of a list.
pub(super) const PAGE: u16 = 50;
/// The maximum number of open workflows, and of ended ones, that are known.
const KNOWN: usize = 500;
/// A full list of ended workflows follows this number of incremental ones.
const FULL_EVERY: u32 = 15;
/// The maximum number of queues that are described.
const QUEUES: usize = 32;
/// Failures older than this are not shown.
pub const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SampleRequest {
    /// Numbers of workflows by status.
    Count,
    /// Open workflows whose workflow task fails.
    Reported,
    /// Open workflows. The bytes lead to the page.
    Open(Vec<u8>),
    /// Workflows that failed or timed out after this time.
    Ended(Option<SystemTime>),
    /// Workflows that ended last.
    Recent,
    /// Which of these workflow IDs has completed since.
    Completed(Vec<String>),
    /// One open workflow.
    Run(RunKey),
    /// Why the workflow task of this workflow fails, and when its failing activities began.
    Events(RunKey),
    /// Why this workflow failed or timed out.
    End(RunKey),
    /// A queue.
    Queue(String, QueueKind),
}

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunKey {
    /// ID of the workflow.
    pub workflow_id: String,
    /// ID of the run.
    pub run_id: String,
}

impl RunKey {
    fn of(execution: &Execution) -> Self {
        let Execution { workflow_id, run_id, .. } = execution;
        Self { workflow_id: workflow_id.clone(), run_id: run_id.clone() }
    }
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// To [`SampleRequest::Count`].
    Counts(StatusCounts),
    /// To [`SampleRequest::Reported`], [`SampleRequest::Open`], [`SampleRequest::Ended`], [`SampleRequest::Recent`] and
    /// [`SampleRequest::Completed`].
    Page(ExecutionPage),
    /// To [`SampleRequest::Run`]. `None`: there is no such workflow.
    Run(Option<Description>),
    /// To [`SampleRequest::Events`] and [`SampleRequest::End`].
    Events(Option<NewestEvents>),
    /// To [`SampleRequest::Queue`].
    Queue(QueueState),
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// Send this request.
    Send(SampleRequest),
    /// Wait until this time: the server gets a pause.
    Pause(Instant),
    /// Wait until this time: nothing is due.
    Idle(Instant),
}

/// An open workflow.
#[derive(Debug)]
struct KnownOpen {
    execution: Execution,
    description: Option<Description>,
    /// When it is described next.
    due: Instant,
    /// Number of descriptions in a row that changed nothing.
    unchanged: usize,
    events: EventsRead<NewestEvents>,
}

/// A value that is read once.
#[derive(Debug, PartialEq, Eq)]
enum EventsRead<T> {
    Unread,
    Read(Option<T>),
}

/// A workflow that failed or timed out.
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

/// A request that is repeated at a fixed pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum List {
    Reported,
    Ended,
    Open,
    Recent,
    Completed,
    Count,
}

impl List {
    /// In the order of their importance.
    const ALL: [Self; 6] =
        [Self::Reported, Self::Ended, Self::Open, Self::Recent, Self::Completed, Self::Count];
}

/// How much may be requested from a server. All its namespaces share one budget.
#[derive(Debug)]
pub struct Budget {
    /// The time at which the pauses after all requests so far end.
    paid: Instant,
    /// Earliest time of a request after a failed one.
    retry: Instant,
    /// Number of failed requests in a row.
    errors: u32,
    /// Times of the descriptions of workflows within the last minute.
    described: VecDeque<Instant>,
}

impl Budget {
    /// A budget of which nothing is spent.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { paid: now, retry: now, errors: 0, described: VecDeque::new() }
    }

    /// Takes note of a request that took this time.
    pub fn spend(&mut self, look: &SampleRequest, is_ok: bool, took: Duration, now: Instant) {
        if let SampleRequest::Run(_) = look {
            self.described.push_back(now);
        }
        self.errors = if is_ok { 0 } else { self.errors.saturating_add(1) };
        self.paid = self.paid.max(now) + (took * REST).min(LONGEST_REST);
        if let Some(more) = self.errors.checked_sub(1) {
            self.retry = now + LIST_PERIOD * 2_u32.pow(more.min(4));
        }
    }

    /// The time until which no request may be sent.
    fn pause(&self, now: Instant) -> Option<Instant> {
        let credit = CREDIT * REST;
        let paid = (now + credit < self.paid).then(|| self.paid - credit);
        paid.into_iter().chain((now < self.retry).then_some(self.retry)).max()
    }

    /// Number of descriptions within the last minute.
    fn spent(&mut self, now: Instant) -> usize {
        while self.described.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            self.described.pop_front();
        }
        self.described.len()
    }
}

/// The plan of one namespace, and what it has found.
#[derive(Debug)]
pub struct Plan {
    /// When each list is due.
    due: BTreeMap<List, Instant>,
    open: BTreeMap<RunKey, KnownOpen>,
    /// The place of the next page of open workflows after the first page. Empty: none.
    cursor: Vec<u8>,
    /// Whether the next list of open workflows is the first page.
    is_first_page_next: bool,
    ended: BTreeMap<RunKey, KnownEnded>,
    /// Number of incremental lists of ended workflows since the last full one.
    increments: u32,
    queues: BTreeMap<(String, QueueKind), KnownQueue>,
    /// Numbers of workflows by status.
    pub counts: Option<StatusCounts>,
    /// The workflows that ended last, newest first.
    pub recent: Vec<Execution>,
}

impl Plan {
    /// A plan that begins now.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            due: List::ALL.into_iter().map(|list| (list, now)).collect(),
            open: BTreeMap::new(),
            cursor: Vec::new(),
            is_first_page_next: true,
            ended: BTreeMap::new(),
            increments: 0,
            queues: BTreeMap::new(),
            counts: None,
            recent: Vec::new(),
        }
    }

    /// Returns what to do now.
    pub fn next(&self, budget: &mut Budget, now: Instant) -> NextStep {
        if let Some(until) = budget.pause(now) {
            return NextStep::Pause(until);
        }
        let spent = budget.spent(now);
        let look = self
            .due_list(now)
            .or_else(|| self.unread_end())
            .or_else(|| self.unread_events())
            .or_else(|| self.due_queue(now))
            .or_else(|| self.due_run(spent, now));
        look.map_or_else(|| NextStep::Idle(self.earliest(now)), NextStep::Send)
    }

    fn due_list(&self, now: Instant) -> Option<SampleRequest> {
        let is_due = |list: &List| self.due.get(list).is_some_and(|due| *due <= now);
        List::ALL.into_iter().filter(is_due).find_map(|list| match list {
            List::Reported => Some(SampleRequest::Reported),
            List::Ended => Some(SampleRequest::Ended(self.newest_end())),
            List::Open if self.is_first_page_next => Some(SampleRequest::Open(Vec::new())),
            List::Open => Some(SampleRequest::Open(self.cursor.clone())),
            List::Recent => Some(SampleRequest::Recent),
            List::Count => Some(SampleRequest::Count),
            List::Completed => {
                let ids: BTreeSet<&String> = self.ended.keys().map(|it| &it.workflow_id).collect();
                let ids: Vec<String> = ids.into_iter().take(PAGE.into()).cloned().collect();
                (!ids.is_empty()).then_some(SampleRequest::Completed(ids))
            }
        })
    }

    /// The newest known end, unless a full list is due.
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
        let unread = |run: &KnownOpen| run.is_in_trouble() && run.events == EventsRead::Unread;
        let (key, _) = self.open.iter().find(|(_, run)| unread(run))?;
        Some(SampleRequest::Events(key.clone()))
    }

    fn due_queue(&self, now: Instant) -> Option<SampleRequest> {
        let due = self.queues.iter().filter(|(_, queue)| queue.due <= now);
        let ((name, kind), _) = due.min_by_key(|(_, queue)| queue.due)?;
        Some(SampleRequest::Queue(name.clone(), *kind))
    }

    fn due_run(&self, spent: usize, now: Instant) -> Option<SampleRequest> {
        let may =
            |run: &KnownOpen| spent < if run.description.is_none() { DESCRIBES } else { AGAIN };
        let due = self.open.iter().filter(|(_, run)| run.due <= now && may(run));
        // New ones first, then those that wait longest.
        let (key, _) = due.min_by_key(|(_, run)| (run.description.is_some(), run.due))?;
        Some(SampleRequest::Run(key.clone()))
    }

    /// The time of the next due request.
    fn earliest(&self, now: Instant) -> Instant {
        let lists = self.due.values().copied();
        let queues = self.queues.values().map(|queue| queue.due);
        let runs = self.open.values().map(|run| run.due);
        let next = lists.chain(queues).chain(runs).filter(|due| *due > now).min();
        // A run that is due and exceeds the budget waits with the others.
        next.unwrap_or(now + LIST_PERIOD)
    }

    /// Takes the answer to a request. `None`: it failed.
    pub fn take(&mut self, look: SampleRequest, answer: Option<Answer>, now: Instant) {
        if let Some(list) = look.list() {
            self.due.insert(list, now + LIST_PERIOD);
        }
        let Some(answer) = answer else { return };
        match (look, answer) {
            (SampleRequest::Count, Answer::Counts(counts)) => self.counts = Some(counts),
            (SampleRequest::Reported, Answer::Page(page)) => self.reported(page, now),
            (SampleRequest::Open(place), Answer::Page(page)) => self.listed(&place, page, now),
            (SampleRequest::Ended(after), Answer::Page(page)) => self.have_ended(after, page),
            (SampleRequest::Recent, Answer::Page(page)) => {
                self.forget_completed(&page.executions);
                self.recent = page.executions;
            }
            (SampleRequest::Completed(_), Answer::Page(page)) => {
                self.forget_completed(&page.executions);
            }
            (SampleRequest::Run(key), Answer::Run(description)) => {
                self.is_described(&key, description, now);
            }
            (SampleRequest::Events(key), Answer::Events(events)) => {
                if let Some(run) = self.open.get_mut(&key) {
                    run.events = EventsRead::Read(events);
                }
            }
            (SampleRequest::End(key), Answer::Events(Some(events))) => {
                if let Some(run) = self.ended.get_mut(&key) {
                    run.events = Some(events);
                }
            }
            // The run was deleted.
            (SampleRequest::End(key), Answer::Events(None)) => _ = self.ended.remove(&key),
            (SampleRequest::Queue(name, kind), Answer::Queue(state)) => {
                if let Some(queue) = self.queues.get_mut(&(name, kind)) {
                    *queue = KnownQueue { state: Some(state), due: now + QUEUE_PERIOD };
                }
            }
            (look, _) => debug_assert!(false, "an answer to another request than {look:?}"),
        }
    }

    fn reported(&mut self, page: ExecutionPage, now: Instant) {
        let listed: BTreeSet<RunKey> = page.executions.iter().map(RunKey::of).collect();
        for (key, run) in &mut self.open {
            // The workflow task succeeded.
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
                Entry::Occupied(_) => {}
                Entry::Vacant(_) if is_full => {}
                Entry::Vacant(new) => _ = new.insert(KnownOpen::new(execution, now)),
            }
        }
        // After each first page, one more of the following pages.
        if place.is_empty() {
            self.is_first_page_next = page.next.is_empty();
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

    /// A failure is over when the same workflow ID completes later.
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

    /// Keeps the queues of open workflows and their activities, and those that a worker polled when
    /// they were described last: a description of any other queue could write rows.
    fn update_queues(&mut self, now: Instant) {
        let mut used: BTreeSet<(String, QueueKind)> = BTreeSet::new();
        for run in self.open.values() {
            used.insert((run.execution.task_queue.clone(), QueueKind::Workflow));
            let activities = run.description.iter().flat_map(|it| &it.activities);
            used.extend(activities.map(|it| (it.task_queue.clone(), QueueKind::Activity)));
        }
        used.retain(|(name, _)| !name.is_empty());
        let is_polled =
            |queue: &KnownQueue| queue.state.as_ref().is_some_and(|it| !it.pollers.is_empty());
        self.queues.retain(|key, queue| used.contains(key) || is_polled(queue));
        for key in used {
            if self.queues.len() < QUEUES {
                self.queues.entry(key).or_insert(KnownQueue { state: None, due: now });
            }
        }
    }

    /// The pollers of all queues.
    pub fn pollers(&self) -> impl Iterator<Item = &QueuePoller> {
        self.queues.values().filter_map(|queue| queue.state.as_ref()).flat_map(|it| &it.pollers)
    }

    /// Returns what is known. `poller` adds the process to a poller.
    pub fn sample(
        &self,
        namespace: &str,
        now: SystemTime,
        mut poller: impl FnMut(&QueuePoller) -> PollerSample,
    ) -> NamespaceSample {
        let open = self.open.values().filter_map(|run| {
            let events = match &run.events {
                EventsRead::Read(events) => events.clone(),
                EventsRead::Unread => None,
            };
            Some(OpenRun { description: run.description.clone()?, events })
        });
        let is_recent = |run: &&KnownEnded| {
            let age = run.execution.closed.and_then(|closed| now.duration_since(closed).ok());
            age.is_none_or(|age| age < FORGOTTEN)
        };
        let ended = self.ended.values().filter(is_recent).filter_map(|run| {
            Some(EndedRun { execution: run.execution.clone(), events: run.events.clone()? })
        });
        let queues = self.queues.iter().filter_map(|((name, kind), queue)| {
            let state = queue.state.clone()?;
            let pollers = state.pollers.iter().map(&mut poller).collect();
            Some(QueueSample { name: name.clone(), kind: *kind, state, pollers })
        });
        NamespaceSample {
            namespace: namespace.to_owned(),
            open: open.collect(),
            ended: ended.collect(),
            queues: queues.collect(),
        }
    }
}

impl SampleRequest {
    fn list(&self) -> Option<List> {
        match self {
            Self::Count => Some(List::Count),
            Self::Reported => Some(List::Reported),
            Self::Open(_) => Some(List::Open),
            Self::Ended(_) => Some(List::Ended),
            Self::Recent => Some(List::Recent),
            Self::Completed(_) => Some(List::Completed),
            Self::Run(_) | Self::Events(_) | Self::End(_) | Self::Queue(..) => None,
        }
    }
}

/// The query of a list. Failures before `earliest` are not listed.
#[must_use]
pub fn query(look: &SampleRequest, earliest: SystemTime) -> String {
    match look {
        // Terminated workflows keep the mark.
        SampleRequest::Reported => {
            "ExecutionStatus = 'Running' AND TemporalReportedProblems IS NOT NULL".to_owned()
        }
        SampleRequest::Open(_) => "ExecutionStatus = 'Running'".to_owned(),
        SampleRequest::Ended(after) => {
            // The newest known one is listed again, because several may end at the same time.
            let after = after.map_or(earliest, |after| after - Duration::from_millis(1));
            format!("ExecutionStatus IN ('Failed', 'TimedOut') AND CloseTime > '{}'", time(after))
        }
        SampleRequest::Recent => "ExecutionStatus != 'Running'".to_owned(),
        SampleRequest::Completed(ids) => {
            let ids: Vec<String> = ids.iter().map(|id| literal(id)).collect();
            format!("ExecutionStatus = 'Completed' AND WorkflowId IN ({})", ids.join(", "))
        }
        SampleRequest::Count
        | SampleRequest::Run(_)
        | SampleRequest::Events(_)
        | SampleRequest::End(_)
        | SampleRequest::Queue(..) => String::new(),
    }
}

fn time(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at)
        .map_or_else(|_| "1970-01-01T00:00:00Z".to_owned(), |it| it.to_string())
}

/// A text in a query.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

impl KnownOpen {
    fn new(execution: Execution, now: Instant) -> Self {
        Self { execution, description: None, due: now, unchanged: 0, events: EventsRead::Unread }
    }

    /// Whether its workflow task or an activity has failed, and is tried again.
    fn is_in_trouble(&self) -> bool {
        let Some(description) = &self.description else { return false };
        let mut calls = description.activities.iter().chain(&description.operations);
        description.task.is_some_and(|task| task.attempt > 1) || calls.any(|it| it.attempt > 1)
    }

    fn is_described(&mut self, description: Description, now: Instant) {
        let is_same = self.description.as_ref() == Some(&description);
        self.unchanged = if is_same { self.unchanged + 1 } else { 0 };
        let again = AGAIN_AFTER[self.unchanged.min(AGAIN_AFTER.len() - 1)];
        let mut wait = Duration::from_secs(again);
        let length = |it: &Option<Description>| it.as_ref().map(|it| it.history_length);
        let before = length(&self.description);
        self.execution.has_reported_problem |= description.execution.has_reported_problem;
        self.description = Some(description);
        if self.is_in_trouble() {
            wait = wait.min(TROUBLED);
        }
        if before != length(&self.description) {
            self.events = EventsRead::Unread;
        }
        self.due = now + wait;
    }
}
