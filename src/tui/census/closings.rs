//! How the recent workflows ended. An ended run never changes, so its last event is read once.

use crate::temporal::executions::{Execution, ExecutionStatus};
use crate::temporal::history::RunEvent;
use crate::workflow::closing::closing_note;
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of runs that are read per sample. One read takes 3 ms.
const READS: usize = 8;

/// The known ends of recent workflows.
#[derive(Debug)]
pub(super) struct Closings {
    /// By run ID. Empty texts, too.
    known: BTreeMap<String, String>,
    /// The user with the name of the machine.
    own: String,
}

impl Closings {
    pub(super) fn new() -> Self {
        let host = nix::unistd::gethostname().unwrap_or_default();
        let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
        let user = user.map(|user| user.name).unwrap_or_default();
        Self { known: BTreeMap::new(), own: format!("{user}@{}", host.to_string_lossy()) }
    }

    /// Returns workflow ID and run ID of the next runs to read, the newest end first. Forgets runs that are
    /// not in the list.
    pub(super) fn due(&mut self, recent: &[Execution]) -> Vec<(String, String)> {
        let listed: BTreeSet<&str> = recent.iter().map(|it| it.run_id.as_str()).collect();
        self.known.retain(|run_id, _| listed.contains(run_id.as_str()));
        let mut unread: Vec<&Execution> = recent
            .iter()
            .filter(|it| has_note(it.status) && !self.known.contains_key(&it.run_id))
            .collect();
        unread.sort_by_key(|it| std::cmp::Reverse(it.closed));
        let run = |it: &Execution| (it.workflow_id.clone(), it.run_id.clone());
        unread.into_iter().take(READS).map(run).collect()
    }

    /// Stores the end of a run by its last event. `None` if the run was deleted.
    pub(super) fn note(&mut self, run_id: String, last: Option<&RunEvent>) {
        let note = last.map(|last| closing_note(last, &self.own)).unwrap_or_default();
        self.known.insert(run_id, note);
    }

    /// Returns the texts by run ID.
    pub(super) fn known(&self) -> BTreeMap<String, String> {
        let has_text = |(_, note): &(&String, &String)| !note.is_empty();
        self.known.iter().filter(has_text).map(|(id, note)| (id.clone(), note.clone())).collect()
    }
}

/// Whether the last event of a run with this status says more than the status.
fn has_note(status: ExecutionStatus) -> bool {
    match status {
        ExecutionStatus::Completed | ExecutionStatus::Failed | ExecutionStatus::Terminated => true,
        ExecutionStatus::Running
        | ExecutionStatus::Paused
        | ExecutionStatus::Canceled
        | ExecutionStatus::ContinuedAsNew
        | ExecutionStatus::TimedOut
        | ExecutionStatus::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn ended(number: u64, status: ExecutionStatus) -> Execution {
        Execution {
            workflow_id: format!("w-{number}"),
            run_id: format!("r-{number}"),
            workflow_type: String::new(),
            task_queue: String::new(),
            status,
            started: None,
            closed: Some(UNIX_EPOCH + Duration::from_secs(number)),
            parent: None,
            has_reported_problem: false,
        }
    }

    #[test]
    fn each_end_is_read_once_and_the_newest_first() {
        let mut closings = Closings::new();
        let mut recent: Vec<Execution> =
            (0..10).map(|n| ended(n, ExecutionStatus::Completed)).collect();
        recent.push(ended(99, ExecutionStatus::Canceled));
        recent.push(ended(98, ExecutionStatus::Running));
        let ids = |due: &[(String, String)]| -> Vec<String> {
            due.iter().map(|(_, run_id)| run_id.clone()).collect()
        };
        let due = closings.due(&recent);
        assert_eq!(ids(&due), ["r-9", "r-8", "r-7", "r-6", "r-5", "r-4", "r-3", "r-2"]);
        for (_, run_id) in due {
            closings.note(run_id, None);
        }
        assert_eq!(ids(&closings.due(&recent)), ["r-1", "r-0"]);
        recent.retain(|it| it.run_id != "r-9");
        assert_eq!(ids(&closings.due(&recent)), ["r-1", "r-0"]);
        assert!(!closings.known.contains_key("r-9") && closings.known.contains_key("r-8"));
    }
}
