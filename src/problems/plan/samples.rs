//! The sample that a plan has from the answers so far.

use super::{FORGOTTEN, KnownEnded, List, Plan};
use crate::problems::known::KnownOpen;
use crate::problems::pollers::WorkerName;
use crate::problems::sample::{
    EndedRun, Mismatch, NamespaceSample, OpenRun, PollerProcess, PollerSample, QueueSample,
    WorkerSample,
};
use crate::temporal::workers::WorkerHeartbeat;
use std::time::SystemTime;
use tokio::time::Instant;

impl Plan {
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

    /// The identities of the workers that poll a known queue, each once or more.
    pub fn polling(&self) -> impl Iterator<Item = &str> {
        let states = self.queues.values().filter_map(|queue| queue.state.as_ref());
        states.flat_map(|state| &state.pollers).map(|poller| poller.identity.as_str())
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
            let code = self.code.get(&run.execution.task_queue);
            let mismatch = code.and_then(|since| {
                let message = run.mismatch(*since)?.to_owned();
                Some(Mismatch { message, since: *since })
            });
            let (events, attempt_since) = (run.events.clone(), run.attempt_since);
            Some(OpenRun { description, described: run.described, events, mismatch, attempt_since })
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
    pub(super) fn has_shut_down(&self, identity: &str, queue: &str) -> bool {
        let mut reports =
            self.workers.iter().filter(|it| it.identity == identity && it.task_queue == queue);
        let is_running = |it: &WorkerHeartbeat| it.is_running;
        reports.next().is_some_and(|first| !is_running(first)) && !reports.any(is_running)
    }
}
