//! Converts the workers of projects to rows.

use super::text::harmless_text;
use super::{Now, Unwatched};
use crate::harmless::quote;
use crate::paths;
use crate::protocol::{ProjectWorker, State};
use crate::session::Link;
use crate::supervisor::Want;
use stigmer_ui::model::{UnitCommands, WorkerRow, WorkerState};

/// The rows of the workers of projects, in the order of the host.
pub(super) fn rows(now: Now<'_>) -> Vec<WorkerRow> {
    let is_over = now.viewer.unwatched == Some(Unwatched::Stopped);
    let workers = now.status().workers.iter().filter(|_| !is_over);
    workers.map(|worker| row(worker, now)).collect()
}

fn row(worker: &ProjectWorker, now: Now<'_>) -> WorkerRow {
    let is_connected = *now.link == Link::Up;
    // Without a host, the workers are as they were last, but nobody measures them.
    let is_watched = !now.is_unwatched();
    let queues = match worker.task_queues.as_slice() {
        [] => &worker.own_queues,
        _ => &worker.task_queues,
    };
    WorkerRow {
        // The identities of pollers have other forms.
        id: format!("project worker {}", worker.name),
        state: state(worker),
        name: harmless_text(&worker.name),
        external: false,
        identities: now.viewer.workers.identities(&worker.name),
        remote: false,
        queues: queues.iter().map(|queue| harmless_text(queue)).collect(),
        command: harmless_text(&worker.command),
        folder: paths::shortened(&worker.project),
        pid: worker.pid.and_then(|pid| u32::try_from(pid).ok()),
        #[expect(clippy::cast_possible_truncation, reason = "a percentage for the screen")]
        cpu_percent: worker.cpu_percent.filter(|_| is_watched).map(|percent| percent as f32),
        rss_bytes: worker.rss_bytes.filter(|_| is_watched),
        since_ms: Some(now.age(worker.since_ms())),
        restarts: Some(worker.restarts.total),
        generation: Some(worker.generation.0),
        cause: quote(&worker.cause()),
        hint: worker.advice().as_deref().map(harmless_text).unwrap_or_default(),
        last_lines: worker.last_words.iter().map(|line| harmless_text(line)).collect(),
        can: if is_connected { commands(worker) } else { UnitCommands::default() },
    }
}

fn state(worker: &ProjectWorker) -> WorkerState {
    match worker.state {
        State::Stopped => WorkerState::Stopped,
        State::Starting => WorkerState::Starting,
        State::Ready if worker.outdated.is_some() => WorkerState::Outdated,
        State::Ready => WorkerState::Running,
        State::Degraded => WorkerState::Degraded,
        State::Stopping => WorkerState::Stopping,
        State::Backoff => WorkerState::Backoff,
        State::Failed => WorkerState::GaveUp,
    }
}

/// The commands that the operator can use now.
fn commands(worker: &ProjectWorker) -> UnitCommands {
    let (runs, waits) = match worker.state {
        State::Starting | State::Ready | State::Degraded => (true, false),
        State::Backoff => (true, true),
        State::Stopped | State::Failed => (false, true),
        State::Stopping => (false, false),
    };
    UnitCommands { start: waits, stop: runs && worker.intent == Want::Up, restart: runs }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presenter::{Viewer, present};
    use crate::protocol::{Outdated, tests};
    use crate::session::View;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn workers_stay_listed_without_a_host_and_nobody_measures_them() {
        let mut snapshot = tests::running();
        snapshot.status.workers = vec![tests::worker("orders")];
        let age = Duration::from_secs(1);
        let view = View { snapshot: Arc::new(snapshot), age, link: Link::Gone };
        let viewer = Viewer { unwatched: Some(Unwatched::Unknown), ..Viewer::default() };
        let row = present(&view, &viewer).workers.unwrap().remove(0);
        assert_eq!((row.name.as_str(), row.state), ("orders", WorkerState::Running));
        assert_eq!((row.cpu_percent, row.rss_bytes), (None, None));
        assert_eq!(row.can, UnitCommands::default());
    }

    #[test]
    fn worker_that_is_older_than_its_files_is_outdated_with_a_hint() {
        let outdated = Some(Outdated { reason: "`before` failed".to_owned(), since_ms: 1 });
        let row = shown(ProjectWorker { outdated, ..tests::worker("orders") }, Link::Up);
        assert_eq!(row.state, WorkerState::Outdated);
        assert!(row.hint.contains("stigmer local restart orders"), "{}", row.hint);
    }

    #[test]
    fn worker_that_does_not_poll_has_the_queues_of_its_file() {
        let own_queues = vec!["parcels".to_owned()];
        let stopped = ProjectWorker {
            state: State::Stopped,
            task_queues: Vec::new(),
            own_queues,
            ..tests::worker("orders")
        };
        assert_eq!(shown(stopped, Link::Up).queues, ["parcels"]);
    }

    fn shown(worker: ProjectWorker, link: Link) -> WorkerRow {
        let mut snapshot = tests::running();
        snapshot.status.workers = vec![worker];
        let view = View { snapshot: Arc::new(snapshot), age: Duration::from_secs(1), link };
        let mut rows = present(&view, &Viewer::default()).workers.unwrap();
        assert_eq!(rows.len(), 1);
        rows.remove(0)
    }

    #[test]
    fn worker_of_a_project_is_a_row_with_its_process_and_its_restarts() {
        // The server was restarted 2 ms ago, and the worker polls again.
        let (uptime_ms, state_ms) = (Some(60_000), 2);
        let worker = ProjectWorker { uptime_ms, state_ms, ..tests::worker("orders") };
        let degraded = ProjectWorker { state: State::Degraded, ..worker.clone() };
        assert_eq!(shown(degraded, Link::Up).since_ms, Some(1_002));
        let row = shown(worker.clone(), Link::Up);
        assert_eq!((row.name.as_str(), row.external), ("orders", false));
        assert_eq!(row.state, WorkerState::Running);
        assert_eq!(row.since_ms, Some(61_000), "older by the age of the snapshot");
        assert_eq!(row.restarts, Some(worker.restarts.total));
        assert_eq!(row.pid.map(i64::from), worker.pid.map(i64::from));
        let hostile = ProjectWorker {
            message: "\u{1b}[2Jx".to_owned(),
            last_words: vec!["\u{1b}[31mred".to_owned()],
            ..worker
        };
        let row = shown(hostile, Link::Up);
        assert!(!row.cause.contains('\u{1b}') && row.last_lines == ["red"], "{row:?}");
    }

    #[test]
    fn commands_fit_the_state_of_the_worker() {
        let can = |state, link| shown(ProjectWorker { state, ..tests::worker("a") }, link).can;
        let expected = |start, stop, restart| UnitCommands { start, stop, restart };
        for (state, commands) in [
            (State::Stopped, expected(true, false, false)),
            (State::Starting, expected(false, true, true)),
            (State::Ready, expected(false, true, true)),
            (State::Degraded, expected(false, true, true)),
            (State::Stopping, expected(false, false, false)),
            (State::Backoff, expected(true, true, true)),
            (State::Failed, expected(true, false, false)),
        ] {
            assert_eq!(can(state, Link::Up), commands, "{state}");
            assert_eq!(can(state, Link::Gone), UnitCommands::default(), "{state}");
        }
    }
}
