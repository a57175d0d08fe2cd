//! Decides what to request from the server, and when. Does no IO and reads no clock.
//!
//! Only one request is in progress at a time. Requests take at most 4 % of the time in total, also
//! if the server is slow. The first 300 ms of requests are exempt from this limit. At most
//! [`DESCRIBES`] workflows are described per minute: new workflows at once, the others in turn.

use super::sample::{EndedRun, NamespaceSample, OpenRun, PollerSample, QueueSample};
use crate::temporal::executions::{
    Description, Execution, ExecutionPage, ExecutionStatus, NewestEvents, StatusCounts,
};
use crate::temporal::queues::{QueueKind, QueuePoller, QueueState};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The pause after a request, as a multiple of the duration of the request.
const REST: u32 = 24;
/// Total duration of requests that may be sent without pauses, so that the first samples are
/// available at once. Time without requests restores this credit.
const CREDIT: Duration = Duration::from_millis(300);
/// Maximum pause after a request.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// Maximum number of descriptions of workflows per minute.
pub(super) const DESCRIBES: usize = 40;
/// Number of descriptions per minute after which no workflow is described again. The rest of
/// [`DESCRIBES`] is for workflows without a description.
const AGAIN: usize = 28;
/// The time in which at most [`DESCRIBES`] workflows are described.
const MINUTE: Duration = Duration::from_secs(60);
/// Time between two list requests of the same kind, and between two counts.
const LIST_PERIOD: Duration = Duration::from_secs(2);
/// Time between two descriptions of a queue.
const QUEUE_PERIOD: Duration = Duration::from_secs(4);
/// Seconds until a workflow is described again. The first value applies after a description that
/// has changed, the next values after each description that has not changed.
const AGAIN_AFTER: [u64; 6] = [1, 2, 4, 8, 15, 30];
/// Maximum time until a workflow is described again if its workflow task or an activity fails.
const TROUBLED: Duration = Duration::from_secs(5);
/// Maximum number of rows of a list.
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

/// A request to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SampleRequest {
    /// The numbers of workflows by status.
    Count,
    /// The open workflows whose workflow task fails.
    Reported,
    /// One page of the open workflows. The bytes are the token of the page, empty for the first
    /// page.
    Open(Vec<u8>),
    /// The workflows that failed or timed out, only those after this time if it is set.
    Ended(Option<SystemTime>),
    /// The workflows that ended most recently.
    Recent,
    /// The completed workflows with these workflow IDs, which failed earlier.
    Completed(Vec<String>),
    /// The description of one open workflow.
    Run(RunKey),
    /// Why the workflow task of this workflow fails, and when its failing activities began.
    Events(RunKey),
    /// Why this workflow failed or timed out.
    End(RunKey),
    /// The description of a queue.
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

/// The response to a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The response to [`SampleRequest::Count`].
    Counts(StatusCounts),
    /// The response to [`SampleRequest::Reported`], [`SampleRequest::Open`],
    /// [`SampleRequest::Ended`], [`SampleRequest::Recent`] and [`SampleRequest::Completed`].
    Page(ExecutionPage),
    /// The response to [`SampleRequest::Run`]. `None` if there is no such workflow.
    Run(Option<Description>),
    /// The response to [`SampleRequest::Events`] and [`SampleRequest::End`]. `None` if there is no
    /// such workflow.
    Events(Option<NewestEvents>),
    /// The response to [`SampleRequest::Queue`].
    Queue(QueueState),
}

/// The next step of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// Send this request.
    Send(SampleRequest),
    /// Wait until this time, because the server gets a pause.
    Pause(Instant),
    /// Wait until this time, because no request is due.
    Idle(Instant),
}

/// An open workflow, with its latest description and events.
#[derive(Debug)]
struct KnownOpen {
    execution: Execution,
    description: Option<Description>,
    /// When the workflow is to be described next.
    due: Instant,
    /// Number of descriptions in a row that were the same as the description before.
    unchanged: usize,
    events: EventsRead<NewestEvents>,
}

/// The result of a request for events. The request is sent once for each length of the history.
#[derive(Debug, PartialEq, Eq)]
enum EventsRead<T> {
    Unread,
    Read(Option<T>),
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
    Recent,
    Completed,
    Count,
}

impl List {
    /// All kinds, the most important first.
    const ALL: [Self; 6] =
        [Self::Reported, Self::Ended, Self::Open, Self::Recent, Self::Completed, Self::Count];
}

/// The limit of requests to a server. All namespaces of the server share one budget.
#[derive(Debug)]
pub struct Budget {
    /// When the pauses for all requests so far end.
    paid: Instant,
    /// The earliest time for a request after a failed request.
    retry: Instant,
    /// Number of failed requests in a row.
    errors: u32,
    /// Times of the descriptions of workflows within the last minute.
    described: VecDeque<Instant>,
}

impl Budget {
    /// Creates a budget from which nothing is spent.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { paid: now, retry: now, errors: 0, described: VecDeque::new() }
    }

    /// Counts a request that took the time `took` and ended at `now`.
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

    /// The time before which no request may be sent. `None` if a request may be sent now.
    fn pause(&self, now: Instant) -> Option<Instant> {
        let credit = CREDIT * REST;
        let paid = (now + credit < self.paid).then(|| self.paid - credit);
        paid.into_iter().chain((now < self.retry).then_some(self.retry)).max()
    }

    /// Number of descriptions of workflows within the last minute.
    fn spent(&mut self, now: Instant) -> usize {
        while self.described.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            self.described.pop_front();
        }
        self.described.len()
    }
}

/// The requests to one namespace that are due, and the answers so far.
#[derive(Debug)]
pub struct Plan {
    /// When each list request is due.
    due: BTreeMap<List, Instant>,
    open: BTreeMap<RunKey, KnownOpen>,
    /// The token of the next page of open workflows, after the first page. Empty if there is no
    /// next page.
    cursor: Vec<u8>,
    /// Whether the next request for open workflows is for the first page.
    is_first_page_next: bool,
    ended: BTreeMap<RunKey, KnownEnded>,
    /// Number of requests for newly ended workflows since the last request for all ended workflows.
    increments: u32,
    queues: BTreeMap<(String, QueueKind), KnownQueue>,
    /// The numbers of workflows by status.
    pub counts: Option<StatusCounts>,
    /// The workflows that ended most recently, newest first.
    pub recent: Vec<Execution>,
}

impl Plan {
    /// Creates a plan in which all list requests are due now.
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

    /// Returns the next step at `now`.
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
        // Workflows without a description come first, then those that wait longest.
        let (key, _) = due.min_by_key(|(_, run)| (run.description.is_some(), run.due))?;
        Some(SampleRequest::Run(key.clone()))
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

    /// Stores the answer to a request. `answer` is `None` if the request failed.
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
            // The workflow was deleted.
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
                Entry::Occupied(_) => {}
                Entry::Vacant(_) if is_full => {}
                Entry::Vacant(new) => _ = new.insert(KnownOpen::new(execution, now)),
            }
        }
        // Requests for the first page alternate with requests for the following pages, one page
        // each time.
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

    /// Keeps the queues of open workflows and their activities, and the queues that had a worker at
    /// their last description. All other queues are removed, because the description of such a
    /// queue could write rows into the database.
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

    /// Returns a sample of the answers so far. `poller` finds the process of a poller.
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

/// The query of a list request. Failures before `earliest` are not listed. Empty for other
/// requests.
#[must_use]
pub fn query(look: &SampleRequest, earliest: SystemTime) -> String {
    match look {
        // Only running workflows: a terminated workflow keeps the search attribute.
        SampleRequest::Reported => {
            "ExecutionStatus = 'Running' AND TemporalReportedProblems IS NOT NULL".to_owned()
        }
        SampleRequest::Open(_) => "ExecutionStatus = 'Running'".to_owned(),
        SampleRequest::Ended(after) => {
            // One millisecond less, because several workflows may end at the same time. So the list
            // contains the newest known workflow again.
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

/// A string literal in a query.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

impl KnownOpen {
    fn new(execution: Execution, now: Instant) -> Self {
        Self { execution, description: None, due: now, unchanged: 0, events: EventsRead::Unread }
    }

    /// Whether the workflow task, an activity or a Nexus operation of this workflow has failed and
    /// is tried again.
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
