//! Derives the problems of the server itself from a snapshot of its host.

use crate::protocol::{
    Detached, LastRestart, NoRestart, Problem, ProblemKind, Severity, Snapshot, State, Status,
    with_exit_code,
};
use crate::supervisor::Cause;
use std::time::Duration;
use stigmer_ui::human;

/// How long an automatic restart is shown as a notice.
pub(super) const RECENT: Duration = Duration::from_secs(15 * 60);

/// Returns the problems of the server. `age_ms` is the age of the snapshot.
#[must_use]
pub fn of_server(snapshot: &Snapshot, age_ms: u64) -> Vec<Problem> {
    let status = &snapshot.status;
    let found = [failed(snapshot), waits(snapshot), detached(status), degraded(snapshot)];
    let mut problems: Vec<Problem> = found.into_iter().flatten().chain(restarted(status)).collect();
    for problem in &mut problems {
        problem.since_ms = problem.since_ms.saturating_add(age_ms);
    }
    problems
}

fn failed(snapshot: &Snapshot) -> Option<Problem> {
    let status = &snapshot.status;
    (status.state == State::Failed).then(|| Problem {
        since_ms: snapshot.state_ms,
        cause: first_line(&status.message),
        hint: snapshot
            .hint
            .clone()
            .or_else(|| Some("start the server with `stigmer local`".to_owned())),
        command: Some("stigmer local logs -n 50".to_owned()),
        ..blank(ProblemKind::Server, Severity::Red)
    })
}

/// The server has exited, and the next start is scheduled.
fn waits(snapshot: &Snapshot) -> Option<Problem> {
    let status = &snapshot.status;
    (status.state == State::Backoff).then(|| Problem {
        since_ms: snapshot.state_ms,
        cause: first_line(&status.message),
        next_try_ms: snapshot.next_start_ms,
        hint: Some(
            "stigmer starts the server again; the timeline has its last log lines".to_owned(),
        ),
        command: Some("stigmer local events -n 5".to_owned()),
        ..blank(ProblemKind::Server, Severity::Amber)
    })
}

/// The server runs and a check fails.
fn degraded(snapshot: &Snapshot) -> Option<Problem> {
    let status = &snapshot.status;
    let is_detached = database_state(status).is_some();
    let (severity, hint) = match status.health.no_restart {
        Some(NoRestart::DataLoss) => (
            Severity::Red,
            "save what you need, then restart the server: a restart loses its workflows",
        ),
        Some(NoRestart::NoHelp) => {
            (Severity::Red, "a restart does not help; repair what the failed check names")
        }
        None => (Severity::Amber, "stigmer restarts the server if the check continues to fail"),
    };
    (status.state == State::Degraded && !is_detached).then(|| Problem {
        since_ms: snapshot.state_ms,
        cause: first_line(&status.message),
        hint: snapshot.hint.clone().or_else(|| Some(hint.to_owned())),
        command: Some("stigmer local status".to_owned()),
        ..blank(ProblemKind::Server, severity)
    })
}

fn database_state(status: &Status) -> Option<Detached> {
    status.temporal.as_ref()?.database.as_ref()?.detached
}

fn detached(status: &Status) -> Option<Problem> {
    let detached = database_state(status).filter(|_| status.state.is_up())?;
    let layer = status.health.layers.iter().find(|layer| layer.ok == Some(false));
    Some(Problem {
        since_ms: layer.and_then(|layer| layer.since_ms).unwrap_or_default(),
        cause: format!("the database file was {detached}; a stop or a restart loses all workflows"),
        hint: Some("save what you need from the running server before it ends".to_owned()),
        command: Some("stigmer local status".to_owned()),
        ..blank(ProblemKind::Data, Severity::Red)
    })
}

fn restarted(status: &Status) -> Option<Problem> {
    let last = status.restarts.last.as_ref().filter(|_| status.state.is_up())?;
    let is_recent = u128::from(last.ago_ms) < RECENT.as_millis();
    is_recent.then(|| Problem {
        since_ms: last.ago_ms,
        cause: restart_cause(last),
        hint: Some("nothing to do; the timeline shows why the server ended".to_owned()),
        command: Some("stigmer local events".to_owned()),
        ..blank(ProblemKind::Restarted, Severity::Notice)
    })
}

/// The cause of a restart in one line, for example `killed by signal 9 (SIGKILL); down for 200 ms`.
pub(super) fn restart_cause(last: &LastRestart) -> String {
    let detail = first_line(&last.detail);
    let why = match last.cause {
        Cause::Crash if detail.starts_with("signal ") => format!("killed by {detail}"),
        Cause::Crash | Cause::Exited => with_exit_code(&detail),
        Cause::Unresponsive => format!("no response: {detail}"),
        Cause::StartTimeout => format!("not ready in time: {detail}"),
        Cause::SpawnFailed => format!("not started: {detail}"),
        Cause::Operator | Cause::Shutdown | Cause::Changed => detail,
    };
    match last.downtime_ms.or(last.recovery_ms) {
        Some(down) => format!("{why}; down for {}", human::duration(down)),
        None => why,
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn blank(kind: ProblemKind, severity: Severity) -> Problem {
    Problem { severity, ..Problem::new(kind, "server") }
}
