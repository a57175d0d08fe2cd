//! Decides which task queues a worker polls, from the pollers that the server reports.

use crate::process::Pid;
use crate::temporal::queues::{QueuePoller, place};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

/// An idle worker polls once a minute. A poller that is older than this time polls no more.
const STALE: Duration = Duration::from_secs(90);

/// The processes of a worker.
#[derive(Debug, Clone)]
pub(super) struct Processes<'a> {
    /// Name of this machine.
    pub machine: &'a str,
    /// The processes.
    pub members: &'a [Pid],
    /// When the first of them was started.
    pub started: SystemTime,
}

impl Processes<'_> {
    /// Whether a poller is one of these processes. A poller with a name of its own, or in a
    /// container, counts if it has polled since the start of the worker.
    pub(super) fn include(&self, poller: &QueuePoller, now: SystemTime) -> bool {
        let Some(polled) = poller.last_poll else { return false };
        if now.duration_since(polled).is_ok_and(|age| age > STALE) {
            return false;
        }
        match place(&poller.identity) {
            Some((machine, pid)) if machine == self.machine => self.members.contains(&pid),
            Some(_) | None => polled >= self.started,
        }
    }
}

/// What a worker does not poll although it should. `None` if it polls all of `wanted`, or any queue
/// if `wanted` is empty.
pub(super) fn missing(wanted: &[String], polled: &BTreeSet<String>) -> Option<String> {
    if wanted.is_empty() {
        return polled.is_empty().then(|| "connected, but polls no task queue".to_owned());
    }
    let missing = wanted.iter().filter(|queue| !polled.contains(*queue));
    let missing: Vec<String> = missing.map(|queue| format!("`{queue}`")).collect();
    (!missing.is_empty()).then(|| format!("does not poll {}", missing.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poller_is_a_worker_by_its_pid_or_by_a_name_that_no_other_process_has() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let at = |age: u64| now.checked_sub(Duration::from_secs(age));
        let processes = Processes { machine: "box", members: &[7, 8], started: at(30).unwrap() };
        for (identity, last_poll, is_member) in [
            ("7@box", at(1), true),
            ("8@box@orders", at(60), true),
            ("9@box", at(1), false),
            ("7@box", at(91), false),
            ("7@box", None, false),
            ("1@container", at(1), true),
            ("1@container", at(31), false),
            ("orders-worker", at(1), true),
            ("orders-worker", at(31), false),
        ] {
            let poller = QueuePoller { identity: identity.to_owned(), last_poll };
            assert_eq!(processes.include(&poller, now), is_member, "{identity} {last_poll:?}");
        }
    }

    #[test]
    fn worker_polls_all_wanted_queues_or_any() {
        let polled: BTreeSet<String> = ["a", "b"].map(str::to_owned).into();
        let wanted = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        assert_eq!(missing(&[], &polled), None);
        assert_eq!(missing(&wanted(&["b"]), &polled), None);
        let two = missing(&wanted(&["b", "c", "d"]), &polled);
        assert_eq!(two.as_deref(), Some("does not poll `c`, `d`"));
        let none = missing(&[], &BTreeSet::new());
        assert_eq!(none.as_deref(), Some("connected, but polls no task queue"));
    }
}
