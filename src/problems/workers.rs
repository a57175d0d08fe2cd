//! Derives the list of workers from samples. Pure: the same samples and time give the same workers.

use super::millis;
use super::pollers::ProcessDetails;
use super::sample::{NamespaceSample, PollerProcess, PollerSample, STALE, WorkerSample};
use crate::protocol::{PolledQueue, Worker, WorkerStatus};
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;
use stigmer_ui::human;

/// What the samples show of the worker with one identity.
struct SeenWorker<'a> {
    process: &'a PollerProcess,
    /// The queues that the worker polls.
    polled: BTreeSet<PolledQueue>,
    /// The queues that the worker polled before.
    left: BTreeSet<PolledQueue>,
    has_shut_down: bool,
    last_poll: Option<SystemTime>,
    started: Option<SystemTime>,
    sdk: Option<&'a str>,
}

/// Returns the workers of all namespaces, one for each identity: those that poll first. `details`
/// knows the process of a worker on this machine.
#[must_use]
pub fn workers(
    samples: &[NamespaceSample],
    details: impl Fn(&str) -> ProcessDetails,
    now: SystemTime,
) -> Vec<Worker> {
    let mut seen: BTreeMap<&str, SeenWorker<'_>> = BTreeMap::new();
    for sample in samples {
        for queue in &sample.queues {
            for poller in &queue.pollers {
                note(&mut seen, poller, &sample.namespace, &queue.name, now);
            }
        }
        for WorkerSample { heartbeat, poller } in &sample.workers {
            let worker = note(&mut seen, poller, &sample.namespace, &heartbeat.task_queue, now);
            worker.started = earliest(worker.started, heartbeat.started);
            worker.sdk = Some(heartbeat.sdk.as_str()).filter(|sdk| !sdk.is_empty());
        }
    }
    let mut workers: Vec<Worker> = seen
        .into_iter()
        .map(|(identity, seen)| seen.describe(identity, &details(identity), now))
        .collect();
    let order = |it: &Worker| (it.state, it.queues.clone(), it.identity.clone());
    workers.sort_by_cached_key(order);
    workers
}

/// Adds a poller of a queue to the worker with its identity.
fn note<'a, 's>(
    seen: &'s mut BTreeMap<&'a str, SeenWorker<'a>>,
    poller: &'a PollerSample,
    namespace: &str,
    queue: &str,
    now: SystemTime,
) -> &'s mut SeenWorker<'a> {
    let worker = seen.entry(&poller.identity).or_insert_with(|| SeenWorker {
        process: &poller.process,
        polled: BTreeSet::new(),
        left: BTreeSet::new(),
        has_shut_down: false,
        last_poll: None,
        started: None,
        sdk: None,
    });
    let queue = PolledQueue { namespace: namespace.to_owned(), name: queue.to_owned() };
    let queues = if poller.is_alive(now) { &mut worker.polled } else { &mut worker.left };
    queues.insert(queue);
    worker.has_shut_down |= poller.has_shut_down;
    worker.last_poll = worker.last_poll.max(poller.last_poll);
    worker
}

impl SeenWorker<'_> {
    fn describe(self, identity: &str, details: &ProcessDetails, now: SystemTime) -> Worker {
        let age = |at: Option<SystemTime>| now.duration_since(at?).ok();
        let is_polling = !self.polled.is_empty();
        let (started, silent) = (age(self.started), age(self.last_poll));
        let (since, cause) = match self.process {
            _ if is_polling => (details.age.or(started), None),
            // The end of a process that was never seen is unknown. It is later than its last poll.
            PollerProcess::Ended { since, .. } => (age(*since).or(silent), None),
            PollerProcess::Disconnected { since, .. } => {
                (age(Some(*since)), Some("not connected; its process runs".to_owned()))
            }
            _ if self.has_shut_down => (silent, Some("shut down".to_owned())),
            PollerProcess::Runs { .. } | PollerProcess::Remote | PollerProcess::Unknown => {
                let silence = human::interval(millis(silent.unwrap_or(STALE)));
                (silent, Some(format!("has not polled for {silence}")))
            }
        };
        let command = self.process.command();
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Worker {
            identity: identity.to_owned(),
            state: if is_polling { WorkerStatus::Polling } else { WorkerStatus::Ended },
            cause,
            is_remote: *self.process == PollerProcess::Remote,
            pid: self.process.pid(),
            command: text(command),
            folder: text(&details.folder),
            unit: details.unit.clone(),
            cpu_percent: details.cpu_percent,
            rss_bytes: details.rss_bytes,
            sdk: self.sdk.map(str::to_owned),
            queues: if is_polling { self.polled } else { self.left }.into_iter().collect(),
            since_ms: since.map(millis),
            last_poll_ms: silent.map(millis),
        }
    }
}

fn earliest(a: Option<SystemTime>, b: Option<SystemTime>) -> Option<SystemTime> {
    a.into_iter().chain(b).min()
}
