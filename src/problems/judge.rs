//! Derives problems from samples. Pure: the same samples and time give the same problems.

mod calls;
mod closed;
mod command;
mod problem;
mod queues;
mod starter;
mod tasks;
pub(super) mod units;

use super::sample::NamespaceSample;
use crate::protocol::{Problem, ProjectWorker};
use calls::retrying;
use closed::ended;
use command::CommandPlace;
use queues::{Unserved, served_names, unserved, waits_for_workflow_worker};
use std::collections::BTreeSet;
use std::time::SystemTime;
use tasks::stuck;

/// Returns the problems of one namespace in any order: one problem for each workflow, activity or
/// queue. `units` are the workers that stigmer runs.
#[must_use]
pub fn judge(
    sample: &NamespaceSample,
    units: &[ProjectWorker],
    address: &str,
    now: SystemTime,
) -> Vec<Problem> {
    let place = CommandPlace { address, namespace: &sample.namespace };
    let unserved = unserved(sample, now);
    let served: BTreeSet<&str> = served_names(sample, now).collect();
    let mut problems: Vec<Problem> =
        unserved.values().map(|queue| queue.problem(&served, units, place, now)).collect();
    for run in &sample.open {
        let queue = unserved.get(run.description.execution.task_queue.as_str());
        let is_unserved = queue.is_some_and(Unserved::has_workflow_tasks);
        // The task of this workflow is one of the tasks in the problem of its queue.
        if !(is_unserved && waits_for_workflow_worker(run)) {
            problems.extend(stuck(run, sample, place, now));
        }
        problems.extend(retrying(run, sample, place, now));
    }
    problems.extend(ended(&sample.ended, place, now));
    problems
}
