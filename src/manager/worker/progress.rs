//! The facts about a worker, and its entries in the timeline.

use super::WorkerTask;
use crate::facts::LeftWorker;
use crate::facts::timeline::{self, Episode, StateChange};
use crate::manager::report::WorkerReport;
use crate::protocol::Entry;
use crate::supervisor::{Live, Starting, State, Want};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

impl WorkerTask {
    /// Sends the facts to the manager.
    pub(super) fn publish(&mut self) {
        self.unit.keep(&mut self.kept, Instant::now());
        self.facts.trouble("files", self.kept.trouble());
        self.facts.trouble("log", self.unit.log.trouble());
        self.facts.want = self.unit.supervisor.want();
        self.facts.schedule = self.unit.supervisor.schedule().clone();
        self.facts.log_lines = self.unit.log.lines().iter().sum();
        let named: BTreeSet<String> = self.spec.task_queues.iter().cloned().collect();
        let polled = [&self.facts.queues, &self.queues].into_iter().find(|it| !it.is_empty());
        self.facts.own_queues = match named.is_empty() {
            true => polled.cloned().unwrap_or_default(),
            false => named,
        };
        let waits = self.wait.is_some() || self.reloads.is_preparing();
        self.facts.waits = waits.then(|| self.waits_for()).flatten();
        // Ignore an error: the manager has ended, and ends this task.
        let _ = self.manager.send(WorkerReport::Facts {
            facts: Arc::new(self.facts.clone()),
            wanted: self.wanted.unwrap_or(Want::Down),
            halted: self.halted,
        });
    }

    /// What a start or restart in progress waits for.
    fn waits_for(&self) -> Option<&'static str> {
        let server = self.server.borrow();
        match (server.is_ready, server.is_prepared) {
            (false, _) => Some("waiting for the server"),
            (true, false) => Some("waiting for the namespaces of the project"),
            (true, true) => self.newest_spec().before.as_ref().map(|_| "running `before`"),
        }
    }

    /// Handles a change of the state: writes an entry into the timeline, and updates the figures of
    /// a repair.
    pub(super) fn observe(&mut self, before: &State, after: &State, now: Instant) {
        let Some(change) = StateChange::between(before, after) else { return };
        self.facts.state_since = now;
        tracing::info!(
            worker = self.name,
            state = after.name(),
            generation = after.generation().map(|g| g.0),
            "the state of a worker changed"
        );
        match change {
            StateChange::Ready(starting, live) => self.record_ready(starting, live, now),
            StateChange::Failed(failure) => {
                let generation = before.generation().unwrap_or(self.facts.generation);
                let last_words = self.facts.last_words.clone();
                self.remember(timeline::failed(generation, &failure.reason, last_words));
            }
            StateChange::Stopping(stopping) => {
                let (cause, detail) = (stopping.cause, stopping.detail.clone());
                self.episode = Episode::begin(cause, detail, cause.is_automatic(), now);
            }
            StateChange::Requested(starting) => {
                self.episode = Episode::begin(starting.cause, starting.detail.clone(), false, now);
            }
            StateChange::Other => {}
        }
    }

    fn record_ready(&mut self, starting: &Starting, live: &Live, now: Instant) {
        let ready = self.episode.ready(starting, live.owner, now);
        if self.episode.is_repair()
            && let Some(last) = &mut self.facts.last_restart
        {
            let recovery = self.episode.elapsed(now);
            last.recovery = Some(recovery);
            last.downtime = Some(recovery);
        }
        self.remember(ready);
        self.unit.became_ready();
    }

    /// Sends an entry of the timeline to the manager.
    pub(super) fn remember(&self, entry: Entry) {
        let (worker, restarts) = (Some(self.name.clone()), self.facts.restarts.clone());
        let entry = Entry { worker, restarts, ..entry };
        let _ = self.manager.send(WorkerReport::Entry(Box::new(entry)));
    }

    /// The state for the next host.
    pub(super) fn leave(&self) -> LeftWorker {
        let now = Instant::now();
        let wanted = self.wanted.unwrap_or(Want::Down);
        LeftWorker::new(&self.facts, wanted, self.unit.supervisor.hand_over(now))
    }
}
