//! What is known about one open workflow, and when to describe it again.

use crate::temporal::executions::{Description, Execution, NewestEvents};
use std::time::Duration;
use tokio::time::Instant;

/// Seconds until a workflow is described again. The first value applies after a description that
/// has changed, the next values after each description that has not changed.
const AGAIN_AFTER: [u64; 6] = [1, 2, 4, 8, 15, 30];
/// Maximum time until a workflow is described again if its workflow task or an activity fails.
const TROUBLED: Duration = Duration::from_secs(5);

/// An open workflow, with its latest description and events.
#[derive(Debug)]
pub(super) struct KnownOpen {
    pub(super) execution: Execution,
    pub(super) description: Option<Description>,
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
}

impl KnownOpen {
    pub(super) fn new(execution: Execution, now: Instant) -> Self {
        Self {
            execution,
            description: None,
            due: now,
            unchanged: 0,
            events: None,
            are_events_read: false,
            lists: 1,
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

    /// Whether the newest events say more than the description: a task that fails, or that a worker
    /// has had for longer than usual.
    pub(super) fn needs_events(&self) -> bool {
        let task = self.description.as_ref().and_then(|it| it.task);
        self.is_in_trouble() || self.unchanged > 0 && task.is_some_and(|task| task.is_started)
    }

    /// The identities of the workers that started an open task of this workflow.
    pub(super) fn starters(&self) -> impl Iterator<Item = &str> {
        let activities = self.description.iter().flat_map(|it| &it.activities);
        let activities = activities.filter(|it| it.is_started).map(|it| it.worker.as_str());
        let task = self.description.as_ref().and_then(|it| it.task).filter(|it| it.is_started);
        let start = self.events.as_ref().and_then(|events| events.task_start.as_ref());
        let start = task.and(start).map(|start| start.worker.as_str());
        activities.chain(start).filter(|identity| !identity.is_empty())
    }

    /// Stores the newest events. Keeps an earlier failure of the workflow task as long as the task
    /// fails: later attempts write no event, and newer events may push the failure out of the page.
    pub(super) fn learn(&mut self, events: Option<NewestEvents>) {
        self.are_events_read = true;
        let Some(mut events) = events else { return };
        if let Some(before) = self.events.take() {
            events.task_failure = events.task_failure.or(before.task_failure);
            events.activities.extend(before.activities);
            events.activities.sort();
            events.activities.dedup_by(|later, first| later.0 == first.0);
        }
        self.events = Some(events);
    }

    pub(super) fn is_described(&mut self, description: Description, now: Instant) {
        let is_same = self.description.as_ref() == Some(&description);
        self.unchanged = if is_same { self.unchanged + 1 } else { 0 };
        let again = AGAIN_AFTER[self.unchanged.min(AGAIN_AFTER.len() - 1)];
        let mut wait = Duration::from_secs(again);
        let length = |it: &Option<Description>| it.as_ref().map(|it| it.history_length);
        let before = length(&self.description);
        self.description = Some(description);
        if self.is_in_trouble() {
            wait = wait.min(TROUBLED);
        }
        if !self.needs_events() {
            self.events = None;
            self.are_events_read = false;
        }
        if before != length(&self.description) {
            self.are_events_read = false;
        }
        self.due = now + wait;
    }
}
