//! Derives the problems of the workers of projects from a snapshot of their host.

use super::judge::units::{logs_command, start_hint};
use super::of_server::{RECENT, restart_cause};
use crate::protocol::{Problem, ProblemKind, ProjectWorker, Severity, Snapshot, State};

/// Returns the problems of the workers of projects. `age_ms` is the age of the snapshot.
#[must_use]
pub fn of_workers(snapshot: &Snapshot, age_ms: u64) -> Vec<Problem> {
    let workers = snapshot.status.workers.iter();
    let problems = workers.filter_map(|worker| {
        let problem = gave_up(worker).or_else(|| outdated(worker)).or_else(|| waits(worker));
        problem.or_else(|| restarted(worker))
    });
    let older =
        |problem: Problem| Problem { since_ms: problem.since_ms.saturating_add(age_ms), ..problem };
    problems.map(older).collect()
}

/// stigmer does not restart the worker any more.
fn gave_up(worker: &ProjectWorker) -> Option<Problem> {
    let name = &worker.name;
    (worker.state == State::Failed).then(|| Problem {
        since_ms: worker.state_ms,
        cause: worker.cause(),
        hint: worker.hint.clone().or_else(|| Some(start_hint(name))),
        command: Some(logs_command(name)),
        queue: worker.own_queues.first().cloned(),
        ..Problem::new(ProblemKind::Worker, name)
    })
}

/// The worker is older than its files.
fn outdated(worker: &ProjectWorker) -> Option<Problem> {
    let (name, outdated) = (&worker.name, worker.outdated.as_ref()?);
    Some(Problem {
        since_ms: outdated.since_ms,
        cause: outdated.reason.lines().next().unwrap_or_default().to_owned(),
        hint: Some(format!("repair the cause, then run `stigmer local restart {name}`")),
        command: Some(logs_command(name)),
        queue: worker.task_queues.first().cloned(),
        ..Problem::new(ProblemKind::Outdated, name)
    })
}

/// The worker has ended more than once, and its next start is scheduled.
fn waits(worker: &ProjectWorker) -> Option<Problem> {
    let name = &worker.name;
    (worker.state == State::Backoff).then(|| Problem {
        severity: Severity::Amber,
        since_ms: worker.state_ms,
        cause: worker.cause(),
        next_try_ms: worker.next_start_ms,
        hint: Some("stigmer starts the worker again; its log shows why it ends".to_owned()),
        command: Some(logs_command(name)),
        queue: worker.own_queues.first().cloned(),
        ..Problem::new(ProblemKind::Backoff, name)
    })
}

fn restarted(worker: &ProjectWorker) -> Option<Problem> {
    let last = worker.restarts.last.as_ref().filter(|_| worker.state.is_up())?;
    let is_recent = u128::from(last.ago_ms) < RECENT.as_millis();
    is_recent.then(|| Problem {
        severity: Severity::Notice,
        since_ms: last.ago_ms,
        cause: restart_cause(last),
        hint: Some("nothing to do; the timeline shows why the worker ended".to_owned()),
        command: Some(logs_command(&worker.name)),
        ..Problem::new(ProblemKind::Restarted, &worker.name)
    })
}
