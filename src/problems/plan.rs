//! Decides what to request from the server, and when. Does no IO and reads no clock.

mod answers;
mod replays;
mod samples;

use super::budget::Budget;
use super::known::KnownOpen;
use super::request::{DescribePurpose, RunKey, SampleRequest};
use crate::temporal::executions::{Execution, NewestEvents};
use crate::temporal::queues::{QueueKind, QueueState};
use crate::temporal::workers::WorkerHeartbeat;
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
/// Maximum number of workflows from the log that wait for a description.
const LOGGED: usize = 16;
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
    /// The workflows that the log of the server has named with a failure since their last description.
    logged: BTreeSet<RunKey>,
    /// The start of the newest worker of each queue of workflows: since then the code may be another.
    code: BTreeMap<String, SystemTime>,
    /// When the next check of a workflow against the code may be made.
    replay_due: Instant,
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
            logged: BTreeSet::new(),
            code: BTreeMap::new(),
            replay_due: now,
        }
    }

    /// Takes note that the log of the server names a failure of a workflow. This workflow is described
    /// next.
    pub fn is_logged(&mut self, key: RunKey) {
        if self.logged.len() < LOGGED {
            self.logged.insert(key);
        }
    }

    /// Returns what to do now. The kinds of requests take turns, so that a slow server gets all of
    /// them.
    pub fn next(&mut self, budget: &mut Budget, now: Instant) -> NextStep {
        if let Some(until) = budget.pause(now) {
            return NextStep::Pause(until);
        }
        if let Some(request) = self.logged_run(budget, now) {
            return NextStep::Send(request);
        }
        const KINDS: usize = 5;
        for kind in (0..KINDS).map(|step| (self.turn + step) % KINDS) {
            let request = match kind {
                0 => self.due_list(now),
                1 => self.unread_end().or_else(|| self.unread_events()),
                2 => self.due_queue(now),
                3 => self.due_replay(now),
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

    /// Returns a workflow that the log has named. Its events follow if its description shows a failure.
    fn logged_run(&self, budget: &mut Budget, now: Instant) -> Option<SampleRequest> {
        let key = self.logged.first().filter(|_| budget.may_describe_first(now))?;
        let is_new = self.open.get(key).is_none_or(|run| run.description.is_none());
        let purpose = if is_new { DescribePurpose::New } else { DescribePurpose::Again };
        Some(SampleRequest::Run { key: key.clone(), purpose })
    }

    /// Returns the next workflow to describe: first a new workflow that the server has marked as
    /// failing, then a new workflow with another queue than all others, then a new workflow that a
    /// second list still has: most workflows end before. Then the workflows whose problems are shown, then
    /// the others, each time the one that has been due for the longest time.
    fn due_run(&self, budget: &mut Budget, now: Instant) -> Option<SampleRequest> {
        let first = budget.may_describe_first(now);
        let [new, shown, again] =
            [DescribePurpose::New, DescribePurpose::Shown, DescribePurpose::Again]
                .map(|purpose| budget.may_describe(purpose, now));
        let queues: BTreeSet<&str> = self.queues.keys().map(|(name, _)| name.as_str()).collect();
        let newest = self.newest_in_trouble();
        // The rank, the purpose, and whether the budget allows the description.
        let rank = |key: &RunKey, run: &KnownOpen| match &run.description {
            None if run.execution.has_reported_problem => (0, DescribePurpose::New, first),
            None if !queues.contains(run.execution.task_queue.as_str()) => {
                (1, DescribePurpose::New, first)
            }
            None if run.lists >= 2 => (2, DescribePurpose::New, new),
            None => (3, DescribePurpose::New, new),
            Some(_) if newest.contains(key) => (4, DescribePurpose::Shown, shown),
            Some(_) if run.is_in_trouble() => (5, DescribePurpose::Again, again),
            Some(_) => (6, DescribePurpose::Again, again),
        };
        let due = self.open.iter().filter(|(_, run)| run.due <= now);
        let ranked = due.map(|(key, run)| (rank(key, run), run.due, key));
        let allowed = ranked.filter(|((_, _, is_allowed), ..)| *is_allowed);
        let ((_, purpose, _), _, key) = allowed.min_by_key(|((rank, ..), due, _)| (*rank, *due))?;
        Some(SampleRequest::Run { key: key.clone(), purpose })
    }

    /// The newest workflow of each type among those that fail. A row with several workflows shows the
    /// attempts of the newest one.
    fn newest_in_trouble(&self) -> BTreeSet<&RunKey> {
        let mut newest: BTreeMap<&str, (Option<SystemTime>, &RunKey)> = BTreeMap::new();
        for (key, run) in self.open.iter().filter(|(_, run)| run.is_in_trouble()) {
            let Execution { workflow_type, started, .. } = &run.execution;
            let known = newest.entry(workflow_type.as_str()).or_insert((*started, key));
            *known = (*known).max((*started, key));
        }
        newest.into_values().map(|(_, key)| key).collect()
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
}
