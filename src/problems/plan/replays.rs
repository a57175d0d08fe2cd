//! Which workflows are checked against the code of workers that have started later.

use super::{Plan, RETRY};
use crate::problems::request::{RunKey, SampleRequest};
use crate::problems::sample::{PollerProcess, PollerSample};
use crate::temporal::queues::QueueKind;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Number of workflows of one type that are checked while all of them match the code. After the first
/// mismatch, all workflows of the type are checked.
const CHECKS: usize = 20;
/// Time until the next check after a check without a response.
const NO_RESPONSE: Duration = Duration::from_secs(5);

impl Plan {
    /// Takes note of the workers that poll now. `process` finds the process of a worker by its identity.
    pub fn update_code(&mut self, now: SystemTime, process: impl Fn(&str) -> PollerProcess) {
        let queues = self.queues.iter().filter(|((_, kind), _)| *kind == QueueKind::Workflow);
        let newest = queues.filter_map(|((name, _), queue)| {
            let pollers = queue.state.iter().flat_map(|state| &state.pollers);
            let alive = pollers.map(|it| PollerSample {
                identity: it.identity.clone(),
                last_poll: it.last_poll,
                has_shut_down: self.has_shut_down(&it.identity, name),
                process: process(&it.identity),
            });
            let alive = alive.filter(|poller| poller.is_alive(now));
            Some((name.clone(), alive.filter_map(|poller| poller.process.started()).max()?))
        });
        self.code = newest.collect();
    }

    /// Returns the next workflow to check: first of types with a mismatch, then of types with the fewest
    /// checks, each time the newest workflow.
    pub(super) fn due_replay(&self, now: Instant) -> Option<SampleRequest> {
        if self.replay_due > now || self.code.is_empty() {
            return None;
        }
        // For each queue and type: whether a workflow does not match, and the number of checks.
        let mut results: BTreeMap<(&str, &str), (bool, usize)> = BTreeMap::new();
        let mut unchecked = Vec::new();
        for (key, run) in &self.open {
            let queue = run.execution.task_queue.as_str();
            let Some(code) = self.code.get(queue) else { continue };
            let of = (queue, run.execution.workflow_type.as_str());
            if let Some(check) = run.replay.as_ref().filter(|check| check.code == *code) {
                let (has_mismatch, checks) = results.entry(of).or_default();
                *has_mismatch |= check.mismatch.is_some();
                *checks += 1;
            } else if run.is_unchecked(*code, now) {
                unchecked.push((of, run.execution.started, key, *code));
            }
        }
        let ranked = unchecked.into_iter().filter_map(|(of, started, key, code)| {
            let (has_mismatch, checks) = results.get(&of).copied().unwrap_or_default();
            let is_wanted = has_mismatch || checks < CHECKS;
            is_wanted.then_some((has_mismatch, Reverse(checks), started, key, code))
        });
        let (.., key, code) = ranked.max()?;
        Some(SampleRequest::Replay { key: key.clone(), code })
    }

    pub(super) fn replay_failed(&mut self, key: &RunKey, now: Instant) {
        self.replay_due = now + NO_RESPONSE;
        if let Some(run) = self.open.get_mut(key) {
            run.replay_due = now + RETRY;
        }
    }
}
