//! What the answers to requests change in a plan.

use super::{
    KNOWN, KnownEnded, KnownQueue, LIST_PERIOD, LIST_REST, List, Plan, QUEUE_PERIOD, QUEUES, RETRY,
};
use crate::problems::known::{KnownOpen, Replay};
use crate::problems::request::{Answer, RunKey, SampleRequest};
use crate::temporal::executions::{
    Description, Execution, ExecutionPage, ExecutionStatus, NewestEvents,
};
use crate::temporal::queues::QueueKind;
use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

impl Plan {
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
                self.logged.remove(&key);
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
            SampleRequest::Replay { key, .. } => self.replay_failed(&key, now),
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
            (SampleRequest::Run { key, .. }, Answer::Run(description, at)) => {
                self.logged.remove(&key);
                self.is_described(key, description, now, at);
            }
            (SampleRequest::Events(key), Answer::Events(events)) => {
                if let Some(run) = self.open.get_mut(&key) {
                    run.learn(events);
                }
            }
            (SampleRequest::Replay { key, code }, Answer::Replay(mismatch)) => {
                if let Some(run) = self.open.get_mut(&key) {
                    run.replay = Some(Replay { code, mismatch });
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

    fn is_described(
        &mut self,
        key: RunKey,
        description: Option<Description>,
        now: Instant,
        at: SystemTime,
    ) {
        let open = description.filter(|it| it.execution.status.is_open());
        let Some(description) = open else {
            if self.open.remove(&key).is_some() {
                self.due.insert(List::Ended, now);
            }
            return;
        };
        // The log may name a workflow before a list does.
        let run = self.open.entry(key);
        let run = run.or_insert_with(|| KnownOpen::new(description.execution.clone(), now));
        run.is_described(description, now, at);
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
}

impl SampleRequest {
    fn list(&self) -> Option<List> {
        match self {
            Self::Reported => Some(List::Reported),
            Self::Open(_) => Some(List::Open),
            Self::Ended(_) => Some(List::Ended),
            Self::Workers => Some(List::Workers),
            Self::Completed(_) => Some(List::Completed),
            Self::Run { .. }
            | Self::Events(_)
            | Self::Replay { .. }
            | Self::End(_)
            | Self::Queue(..) => None,
        }
    }
}
