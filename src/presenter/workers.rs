//! Converts the workers that the host reports to rows.

use super::text::harmless_text;
use crate::paths;
use crate::protocol::{Worker, WorkerList, WorkerStatus};
use std::path::Path;
use std::time::Instant;
use stigmer_ui::model::{WorkerRow, WorkerState};

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

    /// Number of workers that poll. `None` if it is not known now.
    pub(super) fn connected(&self) -> Option<u64> {
        let (list, _) = self.latest.as_ref().filter(|_| self.is_current)?;
        let polling = list.workers.iter().filter(|it| it.state == WorkerStatus::Polling);
        list.unknown.is_none().then_some(polling.count() as u64)
    }

    /// The rows of the workers, in the order of the host. `None` if they are unknown.
    pub(super) fn rows(&self) -> Option<Vec<WorkerRow>> {
        let (list, at) = self.latest.as_ref()?;
        let age = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let rows: Vec<WorkerRow> = list.workers.iter().map(|worker| row(worker, age)).collect();
        list.as_of_ms.map(|_| rows)
    }
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
        name: worker.pid.map_or_else(|| identity.clone(), |pid| format!("pid {pid}")),
        id: identity,
        external: true,
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
        cause: text(&worker.cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{PolledQueue, SCHEMA};

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
        let rows = known(list(vec![worker()])).rows().unwrap();
        let since_ms = rows[0].since_ms;
        assert!(since_ms >= Some(60_000));
        let expected = WorkerRow {
            id: "58@box".to_owned(),
            state: WorkerState::Polling,
            name: "pid 58".to_owned(),
            external: true,
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
        let rows = known(list(vec![hostile])).rows().unwrap();
        let row = &rows[0];
        assert_eq!((row.name.as_str(), row.queues[0].as_str()), ("bad", "red"));
        assert_eq!((row.state, row.remote), (WorkerState::Ended, true));
        assert!(!row.cause.contains('\u{7}'));
    }

    #[test]
    fn number_of_workers_is_shown_only_while_it_is_current() {
        let ended = Worker { state: WorkerStatus::Ended, ..worker() };
        let mut known = known(list(vec![worker(), ended]));
        assert_eq!(known.connected(), Some(1));
        known.note(None);
        assert_eq!((known.connected(), known.rows().map(|rows| rows.len())), (None, Some(2)));
        let why = Some("no response".to_owned());
        known.note(Some(WorkerList { unknown: why.clone(), ..list(vec![worker()]) }));
        assert_eq!((known.connected(), known.rows().map(|rows| rows.len())), (None, Some(1)));
        known.note(Some(WorkerList { unknown: why, as_of_ms: None, ..list(vec![]) }));
        assert_eq!((known.connected(), known.rows()), (None, None));
        assert_eq!(KnownWorkers::default().rows(), None);
    }
}
