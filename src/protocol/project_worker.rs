//! Workers of a project file, which stigmer starts and supervises. In contrast, [`super::Worker`] is
//! any worker that polls the server.

use super::{LogStatus, RestartStatus, State, with_exit_code};
use crate::supervisor::{Generation, Want};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A worker of a project file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectWorker {
    /// Name of the worker, unique within the home.
    pub name: String,
    /// Folder of the project.
    pub project: PathBuf,
    /// Path of the project file.
    pub file: PathBuf,
    /// The command line that runs the worker. Empty if unknown.
    #[serde(default)]
    pub command: String,
    /// State of the worker. It is ready while it polls its task queues.
    pub state: State,
    /// Whether the user wants the worker up or down.
    pub intent: Want,
    /// A message about the state. May be empty.
    pub message: String,
    /// In the state failed: what the user can do.
    pub hint: Option<String>,
    /// Id of the process that stigmer spawned. `None` if no process runs.
    pub pid: Option<i32>,
    /// Number of this or the last start of the worker, from 1. 0 if the worker was never started.
    pub generation: Generation,
    /// Whether an earlier host of this home started the process, and this host took it over.
    pub adopted: bool,
    /// Counts of automatic restarts.
    pub restarts: RestartStatus,
    /// The namespace in which the worker polls. `None` until this is known.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The task queues that the worker polls.
    pub task_queues: Vec<String>,
    /// The task queues that the worker is to poll according to its project file, or else those that it
    /// polled last.
    #[serde(default)]
    pub own_queues: Vec<String>,
    /// Set if the running worker is older than its files or its description.
    #[serde(default)]
    pub outdated: Option<Outdated>,
    /// Resident memory of all processes of the worker, in bytes.
    pub rss_bytes: Option<u64>,
    /// CPU time of all processes of the worker, in percent of one core.
    pub cpu_percent: Option<f64>,
    /// Time since the start of the process, in milliseconds.
    pub uptime_ms: Option<u64>,
    /// Time since the state began, in milliseconds.
    pub state_ms: u64,
    /// In the states backoff and failed: time until the next start, in milliseconds. `None` if no
    /// start is scheduled.
    pub next_start_ms: Option<u64>,
    /// The log of the worker.
    pub log: LogStatus,
    /// Last log lines of the process that ended most recently. Empty after the next start begins.
    pub last_words: Vec<String>,
}

/// A worker runs that is older than its files or its description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outdated {
    /// Why no newer one was started.
    pub reason: String,
    /// Time since the first failure, in milliseconds.
    pub since_ms: u64,
}

/// The cause of a restart of a worker that was not ready in time, in a message.
const LATE: &str = "start_timeout";

impl ProjectWorker {
    /// What the user can do about the state. `None` if nothing is to be done.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        let restart =
            || format!("repair the cause, then run `stigmer local restart {}`", self.name);
        self.hint.clone().or_else(|| self.outdated.as_ref().map(|_| restart()))
    }

    /// Whether the worker starts again because it was not ready in time.
    #[must_use]
    pub fn is_late(&self) -> bool {
        let restart = self.message.strip_prefix("restart after ");
        self.state == State::Starting && restart.is_some_and(|why| why.starts_with(LATE))
    }

    /// Returns the message. In the states failed and backoff, the end of the last process comes first, with the log
    /// line that probably names its cause ([`line_with_cause`]). The reason of a ready worker that is older
    /// than its files is [`Self::why_outdated`].
    #[must_use]
    pub fn cause(&self) -> String {
        let said = self.message.lines().next().unwrap_or_default();
        let (gave_up, end) = match self.state {
            State::Failed => said.split_once("; last cause: ").unwrap_or((said, "")),
            State::Backoff => match said.strip_prefix("restart after ") {
                Some(end) => ("", end),
                None => return said.to_owned(),
            },
            State::Starting => match said.strip_prefix("restart after ") {
                Some(end) if end.starts_with(LATE) => ("", end),
                Some(_) | None => return said.to_owned(),
            },
            State::Ready => {
                let known = self.outdated.as_ref().and_then(|it| it.reason.lines().next());
                let (known, why) = (known.unwrap_or_default(), self.why_outdated());
                return why.map_or_else(|| said.to_owned(), |why| said.replacen(known, &why, 1));
            }
            State::Stopped | State::Degraded | State::Stopping => return said.to_owned(),
        };
        // What a worker has printed is not why it was not ready in time.
        if let Some(late) = end.strip_prefix(LATE) {
            let late = late.trim_start_matches([',', ':', ' ']).replace(": polls: ", ": ");
            return if gave_up.is_empty() { late } else { format!("{late} · {gave_up}") };
        }
        let end = ["crash, ", "crash: "].iter().find_map(|it| end.strip_prefix(it)).unwrap_or(end);
        let end = with_exit_code(end);
        let why = [end.as_str(), line_with_cause(&self.last_words).unwrap_or_default()];
        let why: Vec<&str> = why.into_iter().filter(|part| !part.is_empty()).collect();
        match why.as_slice() {
            [] => said.to_owned(),
            why if gave_up.is_empty() => why.join(": "),
            why => format!("{} · {gave_up}", why.join(": ")),
        }
    }

    /// Returns why the worker is older than its files or its description, without the name of the worker:
    /// the reason is shown next to the name, and a narrow screen shows only its beginning. `None` if the
    /// worker is not older.
    #[must_use]
    pub fn why_outdated(&self) -> Option<String> {
        let reason = self.outdated.as_ref()?.reason.lines().next().unwrap_or_default();
        let named = format!("worker `{}`", self.name);
        let reason = reason.strip_prefix(&format!("cannot start {named}: ")).unwrap_or(reason);
        Some(reason.replacen(&format!(" of {named}"), "", 1))
    }

    /// The time that the screen and `status` show: since the start of the process of a ready worker, or
    /// since any other state began. A restart of the server makes a worker ready again, but its process
    /// is older.
    #[must_use]
    pub fn since_ms(&self) -> u64 {
        match self.state {
            State::Ready => self.uptime_ms.unwrap_or(self.state_ms),
            State::Stopped
            | State::Starting
            | State::Degraded
            | State::Stopping
            | State::Backoff
            | State::Failed => self.state_ms,
        }
    }

    /// Advances all ages by `ms` milliseconds.
    pub(super) fn grow_older(&mut self, ms: u64) {
        let Self { restarts, uptime_ms, state_ms, next_start_ms, outdated, .. } = self;
        let last = restarts.last.iter_mut().map(|last| &mut last.ago_ms);
        let outdated = outdated.iter_mut().map(|it| &mut it.since_ms);
        for age in uptime_ms.iter_mut().chain(last).chain(outdated).chain([state_ms]) {
            *age = age.saturating_add(ms);
        }
        if let Some(left) = next_start_ms {
            *left = left.saturating_sub(ms);
        }
    }

    /// The values that change in almost every round of checks.
    pub(super) fn usage(&self) -> WorkerUsage {
        WorkerUsage {
            name: self.name.clone(),
            rss_bytes: self.rss_bytes,
            cpu_percent: self.cpu_percent,
            log_lines: self.log.lines,
        }
    }
}

/// Resource usage of all processes of a worker of a project, and the size of its log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerUsage {
    /// Name of the worker.
    pub name: String,
    /// Resident memory in bytes.
    pub rss_bytes: Option<u64>,
    /// CPU usage in percent of one core.
    pub cpu_percent: Option<f64>,
    /// Number of log lines that the host has read.
    pub log_lines: u64,
}

impl WorkerUsage {
    /// Replaces these values of the worker.
    pub(super) fn apply(&self, worker: &mut ProjectWorker) {
        worker.rss_bytes = self.rss_bytes;
        worker.cpu_percent = self.cpu_percent;
        worker.log.lines = self.log_lines;
    }
}

/// Returns the line of an output that probably names its cause: the last one with an error, or else the
/// last one.
#[must_use]
pub fn line_with_cause(output: &[String]) -> Option<&str> {
    let lines = output.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
    let has_error = |line: &&str| line.contains("Error") || line.contains("error:");
    lines.clone().rfind(has_error).or_else(|| lines.clone().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cause_of_a_worker_that_is_late_is_the_failed_check() {
        let late = |state, message: &str| ProjectWorker {
            state,
            message: message.to_owned(),
            last_words: vec!["INFO worker started".to_owned()],
            ..super::super::tests::worker("emails")
        };
        let check = "not ready after 10s: polls: does not poll `ordres`";
        let cause = "not ready after 10s: does not poll `ordres`";
        for (state, message, expected, is_late) in [
            (
                State::Failed,
                format!(
                    "gave up after 2 automatic restarts in a row; last cause: start_timeout, {check}"
                ),
                format!("{cause} · gave up after 2 automatic restarts in a row"),
                false,
            ),
            (
                State::Backoff,
                format!("restart after start_timeout: {check}"),
                cause.to_owned(),
                false,
            ),
            (
                State::Starting,
                format!("restart after start_timeout: {check}"),
                cause.to_owned(),
                true,
            ),
            (
                State::Starting,
                "restart after changed: a.py".to_owned(),
                "restart after changed: a.py".to_owned(),
                false,
            ),
        ] {
            let worker = late(state, &message);
            assert_eq!((worker.cause(), worker.is_late()), (expected, is_late), "{state}");
        }
    }

    #[test]
    fn cause_of_an_outdated_worker_begins_with_what_is_wrong() {
        for (reason, expected) in [
            (
                "`before` of worker `emails` failed with exit 1: no module, so the running worker stays",
                "`before` failed with exit 1: no module, so the running worker stays",
            ),
            (
                "cannot start worker `emails`: there is no program `nod` on PATH\nmore",
                "there is no program `nod` on PATH",
            ),
            ("`before` of worker `other` failed", "`before` of worker `other` failed"),
        ] {
            let outdated = Some(Outdated { reason: reason.to_owned(), since_ms: 1 });
            let worker = super::super::tests::worker("emails");
            let message = format!("running `before`; {reason}");
            let worker = ProjectWorker { outdated, message, ..worker };
            assert_eq!(worker.why_outdated().as_deref(), Some(expected));
            assert_eq!(worker.cause(), format!("running `before`; {expected}"));
        }
    }

    #[test]
    fn cause_of_a_failed_worker_has_the_line_with_the_error() {
        let cause = |state, lines: &[&str]| {
            let last_words = lines.iter().map(|line| (*line).to_owned()).collect();
            let message =
                "gave up after 5 automatic restarts in 60 s; last cause: crash, exit 1".to_owned();
            let worker = super::super::tests::worker("emails");
            ProjectWorker { state, message, last_words, ..worker }.cause()
        };
        let python =
            ["Traceback:", "  import smtp", "ModuleNotFoundError: No module named 'smtp'", ""];
        assert_eq!(
            cause(State::Failed, &python),
            "exit code 1: ModuleNotFoundError: No module named 'smtp' · gave up after 5 automatic restarts in 60 s"
        );
        let node = ["Error: Cannot find module './x'", "    at require", "", "Node.js v22.1.0"];
        assert_eq!(
            cause(State::Failed, &node),
            "exit code 1: Error: Cannot find module './x' · gave up after 5 automatic restarts in 60 s"
        );
        assert!(cause(State::Failed, &["bye"]).starts_with("exit code 1: bye · gave up"));
        assert!(cause(State::Failed, &[]).starts_with("exit code 1 · gave up"));
        let restarts = |message: &str| {
            let last_words = python.iter().map(|line| (*line).to_owned()).collect();
            let (message, worker) = (message.to_owned(), super::super::tests::worker("emails"));
            ProjectWorker { state: State::Backoff, message, last_words, ..worker }.cause()
        };
        assert_eq!(
            restarts("restart after crash: exit 1"),
            "exit code 1: ModuleNotFoundError: No module named 'smtp'"
        );
        assert_eq!(restarts("waits for the server"), "waits for the server");
    }
}
