//! What is known about one open workflow, and when to describe it again.

use crate::temporal::executions::{Description, Execution, NewestEvents};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Seconds until a workflow is described again. The first value applies after a description that
/// has changed, the next values after each description that has not changed.
const AGAIN_AFTER: [u64; 6] = [1, 2, 4, 8, 15, 30];
/// Maximum time until a workflow is described again if its workflow task or an activity fails, the time of
/// its next change is unknown, and the server has not marked it.
const TROUBLED: Duration = Duration::from_secs(5);
/// Minimum and maximum time until a workflow is described again if the time of its next change is known. A
/// user may change the workflow before.
const KNOWN_CHANGE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Number of events of a history whose first workflow task has not ended: nothing is replayed.
const BEFORE_TASK: u64 = 3;
/// A worker fetches a task within this time. Then the description shows the new attempt.
const FETCH: Duration = Duration::from_millis(300);

/// An open workflow, with its latest description and events.
#[derive(Debug)]
pub(super) struct KnownOpen {
    pub(super) execution: Execution,
    pub(super) description: Option<Description>,
    /// When the description was read.
    pub(super) described: Option<SystemTime>,
    /// When the workflow is to be described next.
    pub(super) due: Instant,
    /// Number of descriptions in a row that were the same as the description before.
    pub(super) unchanged: usize,
    /// The newest events of the workflow, from the latest read.
    pub(super) events: Option<NewestEvents>,
    /// Whether `events` are those of the current history.
    pub(super) are_events_read: bool,
    /// Number of lists that had the workflow.
    pub(super) lists: u32,
    /// The last check whether the code matches the history.
    pub(super) replay: Option<Replay>,
    /// When such a check may be made.
    pub(super) replay_due: Instant,
    /// When the current attempt of the workflow task was first seen. `None` if it was seen in the first
    /// description: it may be older.
    pub(super) attempt_since: Option<SystemTime>,
}

/// The result of a check whether the code of the workers matches the history of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Replay {
    /// The start of the newest worker of the queue at the time of the check.
    pub(super) code: SystemTime,
    /// The message of the SDK if the code does not match. `None` if it matches.
    pub(super) mismatch: Option<String>,
}

impl KnownOpen {
    pub(super) fn new(execution: Execution, now: Instant) -> Self {
        Self {
            execution,
            description: None,
            described: None,
            due: now,
            unchanged: 0,
            events: None,
            are_events_read: false,
            lists: 1,
            replay: None,
            replay_due: now,
            attempt_since: None,
        }
    }

    /// Whether the workflow task, an activity or a Nexus operation of this workflow has failed and
    /// is tried again.
    pub(super) fn is_in_trouble(&self) -> bool {
        let Some(description) = &self.description else { return false };
        let mut calls = description.activities.iter().chain(&description.operations);
        self.execution.has_reported_problem
            || description.task.is_some_and(|task| task.attempt > 1)
            || calls.any(|it| it.attempt > 1)
    }

    /// Whether the workers of the queue, the newest of which started at `code`, have not shown yet that
    /// their code matches the history of this workflow. It waits for something, and its task does not
    /// fail: otherwise the next task shows it.
    pub(super) fn is_unchecked(&self, code: SystemTime, now: Instant) -> bool {
        let Some(description) = &self.description else { return false };
        let waits = description.task.is_none() && description.history_length > BEFORE_TASK;
        let is_older = self.execution.started.is_some_and(|started| started < code);
        let has_check = self.replay.as_ref().is_some_and(|check| check.code == code);
        let has_failed = self.execution.has_reported_problem;
        waits && is_older && !has_check && !has_failed && self.replay_due <= now
    }

    /// The message of the SDK if the code of the workers does not match the history.
    pub(super) fn mismatch(&self, code: SystemTime) -> Option<&str> {
        self.replay.as_ref().filter(|check| check.code == code)?.mismatch.as_deref()
    }

    /// The time of the next change, if all activities and operations of this workflow wait for their next
    /// attempts: no number of an attempt changes before.
    fn next_change(&self) -> Option<SystemTime> {
        let description = self.description.as_ref().filter(|it| it.task.is_none())?;
        let calls = description.activities.iter().chain(&description.operations);
        let nexts: Option<Vec<SystemTime>> =
            calls.map(|it| it.next_attempt.filter(|_| !it.is_started)).collect();
        nexts?.into_iter().min()
    }

    /// Whether the newest events say more than the description: a task that fails, or that a worker
    /// has had for longer than usual.
    pub(super) fn needs_events(&self) -> bool {
        let task = self.description.as_ref().and_then(|it| it.task);
        self.is_in_trouble() || self.unchanged > 0 && task.is_some_and(|task| task.is_started)
    }

    /// The identities of the workers that started an open task of this workflow, or that failed its
    /// workflow task.
    pub(super) fn starters(&self) -> impl Iterator<Item = &str> {
        let activities = self.description.iter().flat_map(|it| &it.activities);
        let activities = activities.filter(|it| it.is_started).map(|it| it.worker.as_str());
        let task = self.description.as_ref().and_then(|it| it.task).filter(|it| it.is_started);
        let start = self.events.as_ref().and_then(|events| events.task_start.as_ref());
        let start = task.and(start).map(|start| start.worker.as_str());
        let failure = self.events.as_ref().and_then(|events| events.task_failure.as_ref());
        let failure = failure.map(|failure| failure.worker.as_str());
        activities.chain(start).chain(failure).filter(|identity| !identity.is_empty())
    }

    /// Stores the newest events. Keeps an earlier failure of the workflow task as long as the task
    /// fails: later attempts write no event, and newer events may push the failure out of the page.
    pub(super) fn learn(&mut self, events: Option<NewestEvents>) {
        self.are_events_read = true;
        let Some(mut events) = events else { return };
        if let Some(before) = self.events.take() {
            events.task_failure = events.task_failure.or(before.task_failure);
            events.last_completed = events.last_completed.or(before.last_completed);
            events.activities.extend(before.activities);
            events.activities.sort();
            events.activities.dedup_by(|later, first| later.0 == first.0);
        }
        self.events = Some(events);
    }

    /// Stores a description that was read at `now`, which is `at` on the clock of the machine.
    pub(super) fn is_described(&mut self, description: Description, now: Instant, at: SystemTime) {
        let is_same = self.description.as_ref() == Some(&description);
        self.unchanged = if is_same { self.unchanged + 1 } else { 0 };
        let again = AGAIN_AFTER[self.unchanged.min(AGAIN_AFTER.len() - 1)];
        let mut wait = Duration::from_secs(again);
        let length = |it: &Option<Description>| it.as_ref().map(|it| it.history_length);
        let before = length(&self.description);
        if let Some(known) = &self.description {
            let attempt = |it: &Description| it.task.map(|task| task.attempt);
            if attempt(known) != attempt(&description) {
                self.attempt_since = Some(at);
            }
        }
        self.description = Some(description);
        self.described = Some(at);
        if self.is_in_trouble() {
            let (least, most) = KNOWN_CHANGE;
            let next = self.next_change().and_then(|next| next.duration_since(at).ok());
            wait = match next {
                Some(until) => (until + FETCH).clamp(least, most),
                // The list of marked workflows shows the end of this trouble.
                None if self.execution.has_reported_problem => wait,
                None => wait.min(TROUBLED),
            };
        }
        if !self.needs_events() {
            self.events = None;
            self.are_events_read = false;
        }
        if before != length(&self.description) {
            self.are_events_read = false;
            // The workflow has continued, or its task fails.
            self.replay = self.replay.take().filter(|check| check.mismatch.is_none());
        }
        self.due = now + wait;
    }
}
