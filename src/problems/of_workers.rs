//! Derives the problems of projects and their workers from a snapshot of their host.

use super::judge::units::{logs_command, start_hint};
use super::of_server::{RECENT, restart_cause};
use crate::protocol::{
    BrokenProject, Problem, ProblemKind, ProjectWorker, Severity, Snapshot, State,
};
use std::path::Path;

/// The beginning of the detail of the check that a worker polls its queues.
const NO_POLL: &str = "does not poll";

/// Returns the problems of projects and their workers. `age_ms` is the age of the snapshot.
#[must_use]
pub fn of_workers(snapshot: &Snapshot, age_ms: u64) -> Vec<Problem> {
    let projects = snapshot.status.broken_projects.iter().map(broken);
    let workers = snapshot.status.workers.iter();
    let problems = workers.filter_map(|worker| {
        let problem = gave_up(worker).or_else(|| outdated(worker)).or_else(|| waits(worker));
        problem.or_else(|| restarted(worker))
    });
    let older =
        |problem: Problem| Problem { since_ms: problem.since_ms.saturating_add(age_ms), ..problem };
    projects.chain(problems).map(older).collect()
}

/// The project file cannot be used, or its namespaces cannot be made.
fn broken(project: &BrokenProject) -> Problem {
    let BrokenProject { file, reason, since_ms } = project;
    let name = file.file_name().unwrap_or_default().display().to_string();
    let folder = file.parent().and_then(Path::file_name).unwrap_or_default().display();
    Problem {
        since_ms: *since_ms,
        cause: without_path(reason, &name),
        hint: Some("correct the project file; stigmer reads it again at once".to_owned())
            .filter(|_| !reason.contains("deleted")),
        ..Problem::new(ProblemKind::Project, &format!("{folder}/{name}"))
    }
}

/// The reason without the path of the file at its beginning, and before each mistake: a path leaves no room
/// for the mistake on a screen.
fn without_path(reason: &str, name: &str) -> String {
    let split = reason.split_once(name).filter(|(before, _)| !before.contains(' '));
    let Some((folder, after)) = split else { return reason.to_owned() };
    match after.starts_with(':') {
        true => reason.replace(&format!("{folder}{name}:"), "line "),
        false => after.trim_start().to_owned(),
    }
}

/// stigmer does not restart the worker any more.
fn gave_up(worker: &ProjectWorker) -> Option<Problem> {
    let (name, cause) = (&worker.name, worker.cause());
    (worker.state == State::Failed).then(|| Problem {
        since_ms: worker.state_ms,
        cause: cause.clone(),
        hint: Some(match cause.contains(NO_POLL) {
            true => format!(
                "the worker may poll another queue: compare `task-queues` in the project file with its \
                 code, then start it with `stigmer local start {name}`"
            ),
            false => worker.hint.clone().unwrap_or_else(|| start_hint(name)),
        }),
        command: Some(logs_command(name)),
        queue: worker.own_queues.first().cloned(),
        ..Problem::new(ProblemKind::Worker, name)
    })
}

/// The worker is older than its files or its description.
fn outdated(worker: &ProjectWorker) -> Option<Problem> {
    let (name, outdated) = (&worker.name, worker.outdated.as_ref()?);
    Some(Problem {
        since_ms: outdated.since_ms,
        cause: worker.why_outdated().unwrap_or_default(),
        hint: worker.advice(),
        command: Some(logs_command(name)),
        queue: worker.task_queues.first().cloned(),
        ..Problem::new(ProblemKind::Outdated, name)
    })
}

/// The worker has ended more than once or was not ready in time, and its next start is scheduled or in
/// progress.
fn waits(worker: &ProjectWorker) -> Option<Problem> {
    let name = &worker.name;
    (worker.state == State::Backoff || worker.is_late()).then(|| Problem {
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
