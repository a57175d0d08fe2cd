//! Converts the workers that the host reports to rows.

use super::text::harmless_text;
use super::{Now, project_workers};
use crate::paths;
use crate::protocol::{ProjectWorker, Worker, WorkerList, WorkerStatus};
use std::path::Path;
use std::time::Instant;
use stigmer_ui::model::{UnitCommands, WorkerRow, WorkerState};

/// The latest workers that a host reported to this dashboard.
#[derive(Debug, Clone, Default)]
pub struct KnownWorkers {
    latest: Option<(WorkerList, Instant)>,
    /// Whether the latest request succeeded.
    is_current: bool,
}

impl KnownWorkers {
    /// Stores the response to a request. `None` if the request failed.
    pub fn note(&mut self, list: Option<WorkerList>) {
        self.is_current = list.is_some();
        self.latest = list.map(|list| (list, Instant::now())).or(self.latest.take());
    }

    /// Whether the list has all workers that poll now.
    fn is_complete(&self) -> bool {
        let latest = self.latest.as_ref().filter(|_| self.is_current);
        latest.is_some_and(|(list, _)| list.unknown.is_none() && list.as_of_ms.is_some())
    }

    /// The names with which the processes of the worker of a project poll.
    pub(super) fn identities(&self, unit: &str) -> Vec<String> {
        let workers = self.latest.iter().flat_map(|(list, _)| &list.workers);
        let own = workers.filter(|worker| worker.unit.as_deref() == Some(unit));
        own.map(|worker| harmless_text(&worker.identity)).collect()
    }

    /// The rows of the workers except those of `own`, in the order of the host. `None` if they are unknown.
    fn rows(&self, own: &[ProjectWorker]) -> Option<Vec<WorkerRow>> {
        let (list, at) = self.latest.as_ref()?;
        let age = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let is_own = |worker: &Worker| {
            worker.unit.as_ref().is_some_and(|unit| own.iter().any(|it| it.name == *unit))
        };
        let others = list.workers.iter().filter(|worker| !is_own(worker));
        let mut rows: Vec<WorkerRow> = others.map(|worker| row(worker, age)).collect();
        rows.sort_by_key(|row| row.external);
        list.as_of_ms.map(|_| rows)
    }
}

/// The rows of the workers of projects, then those of the other workers. `None` if both are unknown.
pub(super) fn all(now: Now<'_>) -> Option<Vec<WorkerRow>> {
    let own = project_workers::rows(now);
    let others = now.viewer.workers.rows(&now.status().workers);
    let is_known = others.is_some() || !own.is_empty();
    is_known.then(|| own.into_iter().chain(others.into_iter().flatten()).collect())
}

/// Number of workers that poll. `None` if it is not known now.
pub(super) fn connected(now: Now<'_>) -> Option<u64> {
    let polls = |row: &WorkerRow| {
        matches!(row.state, WorkerState::Running | WorkerState::Outdated | WorkerState::Polling)
    };
    let rows = all(now).filter(|_| now.viewer.workers.is_complete())?;
    Some(rows.into_iter().filter(polls).count() as u64)
}

/// Converts a worker that was reported `age` milliseconds ago.
fn row(worker: &Worker, age: u64) -> WorkerRow {
    let text = |text: &Option<String>| text.as_deref().map(harmless_text).unwrap_or_default();
    let identity = harmless_text(&worker.identity);
    let folder = worker.folder.as_deref().map(|folder| paths::shortened(Path::new(folder)));
    let queues = worker.queues.iter().map(|queue| harmless_text(&queue.name));
    let mut queues: Vec<String> = queues.collect();
    queues.dedup();
    WorkerRow {
        state: match worker.state {
            WorkerStatus::Polling => WorkerState::Polling,
            WorkerStatus::Ended => WorkerState::Ended,
        },
        name: match (&worker.unit, worker.pid) {
            (Some(unit), _) => harmless_text(unit),
            (None, Some(pid)) => format!("pid {pid}"),
            (None, None) => identity.clone(),
        },
        identities: vec![identity.clone()],
        id: identity,
        // A worker of a project stays one without a host that watches it.
        external: worker.unit.is_none(),
        remote: worker.is_remote,
        queues,
        command: text(&worker.command),
        folder: text(&folder),
        pid: worker.pid.and_then(|pid| u32::try_from(pid).ok()),
        #[expect(clippy::cast_possible_truncation, reason = "a percentage for the screen")]
        cpu_percent: worker.cpu_percent.map(|percent| percent as f32),
        rss_bytes: worker.rss_bytes,
        since_ms: worker.since_ms.map(|since| since.saturating_add(age)),
        restarts: None,
        generation: None,
        cause: text(&worker.cause),
        hint: String::new(),
        last_lines: Vec::new(),
        can: UnitCommands::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presenter::{Viewer, present};
    use crate::protocol::{PolledQueue, SCHEMA};
    use crate::session::{Link, View};
    use std::sync::Arc;
    use std::time::Duration;

    fn worker() -> Worker {
        let queue = |namespace: &str, name: &str| PolledQueue {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        Worker {
            identity: "58@box".to_owned(),
            state: WorkerStatus::Polling,
            cause: None,
            is_remote: false,
            pid: Some(58),
            command: Some("python w.py".to_owned()),
            folder: Some("/srv/orders".to_owned()),
            unit: None,
            cpu_percent: Some(1.5),
            rss_bytes: Some(9),
            sdk: None,
            queues: vec![queue("a", "orders"), queue("b", "orders"), queue("b", "x")],
            since_ms: Some(60_000),
            last_poll_ms: Some(1_000),
        }
    }

    fn list(workers: Vec<Worker>) -> WorkerList {
        WorkerList { schema: SCHEMA, as_of_ms: Some(1), unknown: None, workers }
    }

    fn known(list: WorkerList) -> KnownWorkers {
        let mut known = KnownWorkers::default();
        known.note(Some(list));
        known
    }

    #[test]
    fn process_of_this_machine_is_named_by_its_pid() {
        let rows = known(list(vec![worker()])).rows(&[]).unwrap();
        let since_ms = rows[0].since_ms;
        assert!(since_ms >= Some(60_000));
        let expected = WorkerRow {
            id: "58@box".to_owned(),
            state: WorkerState::Polling,
            name: "pid 58".to_owned(),
            external: true,
            identities: vec!["58@box".to_owned()],
            queues: vec!["orders".to_owned(), "x".to_owned()],
            command: "python w.py".to_owned(),
            folder: "/srv/orders".to_owned(),
            pid: Some(58),
            cpu_percent: Some(1.5),
            rss_bytes: Some(9),
            since_ms,
            ..WorkerRow::default()
        };
        assert_eq!(rows, [expected]);
    }

    #[test]
    fn worker_of_a_project_without_a_host_is_not_external() {
        let own = Worker { unit: Some("orders".to_owned()), ..worker() };
        let rows = known(list(vec![worker(), own])).rows(&[]).unwrap();
        let names: Vec<(&str, bool)> =
            rows.iter().map(|row| (row.name.as_str(), row.external)).collect();
        assert_eq!(names, [("orders", false), ("pid 58", true)]);
    }

    #[test]
    fn foreign_text_is_harmless() {
        let hostile = Worker {
            identity: "\u{1b}[2Jbad".to_owned(),
            state: WorkerStatus::Ended,
            is_remote: true,
            pid: None,
            command: None,
            folder: None,
            cause: Some("shut\u{7}down".to_owned()),
            queues: vec![PolledQueue {
                namespace: String::new(),
                name: "\u{1b}[31mred".to_owned(),
            }],
            ..worker()
        };
        let rows = known(list(vec![hostile])).rows(&[]).unwrap();
        let row = &rows[0];
        assert_eq!((row.name.as_str(), row.queues[0].as_str()), ("bad", "red"));
        assert_eq!((row.state, row.remote), (WorkerState::Ended, true));
        assert!(!row.cause.contains('\u{7}'));
    }

    /// The number of connected workers and the names of all, with these workers of projects.
    fn shown(known: &KnownWorkers, own: Vec<ProjectWorker>) -> (Option<u64>, Option<Vec<String>>) {
        let mut snapshot = crate::protocol::tests::running();
        snapshot.status.workers = own;
        let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Up };
        let model = present(&view, &Viewer { workers: known.clone(), ..Viewer::default() });
        let names = model.workers.map(|rows| rows.into_iter().map(|row| row.name).collect());
        (model.connected_workers, names)
    }

    #[test]
    fn number_of_workers_is_shown_only_while_it_is_current() {
        let ended = Worker { state: WorkerStatus::Ended, ..worker() };
        let mut known = known(list(vec![worker(), ended]));
        let count = |known: &KnownWorkers| {
            let (connected, names) = shown(known, Vec::new());
            (connected, names.map(|names| names.len()))
        };
        assert_eq!(count(&known), (Some(1), Some(2)));
        known.note(None);
        assert_eq!(count(&known), (None, Some(2)));
        let why = Some("no response".to_owned());
        known.note(Some(WorkerList { unknown: why.clone(), ..list(vec![worker()]) }));
        assert_eq!(count(&known), (None, Some(1)));
        known.note(Some(WorkerList { unknown: why, as_of_ms: None, ..list(vec![]) }));
        assert_eq!(count(&known), (None, None));
        assert_eq!(KnownWorkers::default().rows(&[]), None);
    }

    #[test]
    fn workers_of_projects_come_first_and_count_once() {
        let of = |unit: &str, pid| Worker {
            identity: format!("{pid}@box"),
            pid: Some(pid),
            unit: Some(unit.to_owned()),
            ..worker()
        };
        // The process that polls is a child of the process that stigmer spawned.
        let known = known(list(vec![of("orders", 58), of("elsewhere", 8), of("orders", 57)]));
        let own = crate::protocol::tests::worker("orders");
        let names = Some(vec!["orders".to_owned(), "elsewhere".to_owned()]);
        assert_eq!(shown(&known, vec![own.clone()]), (Some(2), names));
        assert_eq!(known.identities("orders"), ["58@box", "57@box"]);
        let names = Some(vec!["orders".to_owned()]);
        assert_eq!(shown(&KnownWorkers::default(), vec![own]), (None, names));
    }
}
