//! The worker that started a task, if its process has ended.

use crate::problems::sample::{NamespaceSample, PollerProcess};
use std::time::SystemTime;

/// Names a process of this machine, for example as `pid 4712 python billing.py`.
pub(super) fn named(process: &PollerProcess) -> Option<String> {
    let pid = process.pid()?;
    Some(format!("pid {pid} {}", process.command()).trim_end().to_owned())
}

/// Describes the process of the worker that started a task, if this process has ended.
pub(super) fn ended_starter(sample: &NamespaceSample, identity: &str) -> Option<String> {
    let process = sample.starters.get(identity)?;
    let has_ended = matches!(process, PollerProcess::Ended { .. });
    has_ended
        .then(|| named(process))?
        .map(|name| format!("started by {name}, which has ended; the server waits for its timeout"))
}

/// When the process of the worker ended. `None` if this is unknown.
pub(super) fn ended_since(sample: &NamespaceSample, identity: &str) -> Option<SystemTime> {
    match sample.starters.get(identity)? {
        PollerProcess::Ended { since, .. } => *since,
        PollerProcess::Runs { .. }
        | PollerProcess::Disconnected { .. }
        | PollerProcess::Remote
        | PollerProcess::Unknown => None,
    }
}
