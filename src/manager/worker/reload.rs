//! Restarts a worker, for a command or after a change of its files or its description. `before` runs
//! first, and a new description is checked, while the running worker stays: a build that fails or a
//! mistake in `run` must not end a worker that works.

use super::preparation::{prepare, ready};
use super::requests::with_last_words;
use super::{Event, WorkerTask};
use crate::facts::{OUTDATED, UNSETTLED};
use crate::harmless;
use crate::manager::Outcome;
use crate::project::WorkerSpec;
use crate::protocol::{ApiError, line_with_cause};
use crate::supervisor::{Failure, Input, Starting, State, Want};
use crate::unit::Refused;
use crate::unit::tasks::{Task, spawn};
use crate::watch::{ChangedFiles, Patterns, REPORTED, WatchReport, follow};
use crate::worker;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;
use tokio::sync::oneshot;

/// Maximum number of repeats of `before` because of files that have changed meanwhile. A `before` that
/// itself writes watched files would otherwise repeat without end.
const MAX_REPEATS: u32 = 2;

/// The restarts of a worker that are not carried out yet, and the changes of its files.
#[derive(Debug, Default)]
pub(super) struct Reloads {
    watch: Option<Task>,
    /// The preparation of a restart of the running worker.
    preparing: Option<Preparing>,
    /// Number of the last preparation.
    runs: u64,
    /// Whether `before` has run for the next start.
    is_prepared: bool,
    /// The change while a launch is in progress.
    later: Option<String>,
}

/// A preparation (the run of `before`, if there is one, and the check of the program), and the restart
/// that follows if it succeeds.
#[derive(Debug)]
struct Preparing {
    number: u64,
    /// [`Input::Restart`] or [`Input::Reload`].
    restart: Input,
    /// The clients that wait for the restart.
    waiters: Vec<oneshot::Sender<Outcome>>,
    /// Whether `before` has begun. Until then, the run waits for the server.
    has_begun: Arc<AtomicBool>,
    /// The last change of watched files since `before` has begun.
    change: Option<String>,
    /// Number of runs directly before this one that a change has outdated.
    repeats: u32,
    /// Ends the run when it is dropped.
    _cancel: oneshot::Sender<()>,
}

impl Preparing {
    /// Notes a change of watched files, which a `before` that has begun may not have read.
    fn note(&mut self, change: String) {
        if self.has_begun.load(Ordering::Acquire) {
            self.change = Some(change);
        }
    }
}

impl Reloads {
    /// Whether the files of the worker are watched.
    pub(super) fn is_watching(&self) -> bool {
        self.watch.is_some()
    }

    /// Whether `before` has run for the launch that begins now.
    pub(super) fn begin_launch(&mut self) -> bool {
        self.later = None;
        std::mem::take(&mut self.is_prepared)
    }

    /// Notes a change while a launch is in progress, which may have begun before the change.
    pub(super) fn restart_later(&mut self, detail: String) {
        self.later = Some(detail);
    }

    /// Whether `before` runs for a restart of the running worker.
    pub(super) fn is_preparing(&self) -> bool {
        self.preparing.is_some()
    }

    /// Begins `before`, as if the server were ready.
    #[cfg(test)]
    pub(super) fn begin(&self) {
        self.preparing.iter().for_each(|it| it.has_begun.store(true, Ordering::Release));
    }

    /// Ends a run of `before`, because the host is leaving.
    pub(super) fn cancel(&mut self) {
        self.preparing = None;
    }
}

impl WorkerTask {
    /// Watches the files of the worker, as its newest description says. With `since`, files that were
    /// written after this time have changed, too.
    pub(super) fn watch_files(&mut self, since: Option<SystemTime>) {
        let spec = self.newest_spec();
        self.facts.trouble("watch", None);
        self.facts.trouble(UNSETTLED, None);
        self.reloads.watch = None;
        if spec.watch.is_empty() {
            return;
        }
        let root = self.facts.project.parent().unwrap_or(Path::new("/")).to_owned();
        let report = self.report.clone();
        self.reloads.watch = Some(Task::spawn(self.on_panic(), async move {
            let pass_on = |change| drop(report.send(Event::Files(change)));
            match Patterns::new(&root, &spec.watch) {
                Ok(patterns) => follow(patterns, since, pass_on).await,
                Err(error) => pass_on(WatchReport::Trouble(Some(error.to_string()))),
            }
        }));
    }

    /// Handles a report about the watched files.
    pub(super) fn files_changed(&mut self, report: WatchReport) {
        match report {
            WatchReport::Trouble(trouble) => self.facts.trouble("watch", trouble),
            WatchReport::Changed(changed) => {
                let detail = describe(&changed, self.facts.project.parent());
                tracing::info!(worker = self.name, detail, "watched files changed");
                self.changed(detail);
            }
        }
    }

    fn changed(&mut self, detail: String) {
        // The next host notices the change when it adopts the worker.
        if self.unit.supervisor.want() == Want::Down || self.release.is_some() {
            return;
        }
        let has_before = self.newest_spec().before.is_some();
        let is_launching = matches!(
            self.unit.supervisor.state(),
            State::Starting(Starting { launched: false, .. })
        );
        match &mut self.reloads.preparing {
            Some(preparing) if has_before => preparing.note(detail),
            None if has_before && is_launching => self.reloads.later = Some(detail),
            Some(_) | None => self.restart(Input::Reload { detail }),
        }
    }

    /// Restarts the worker. If its description is new or it has a `before`, the running worker stays until
    /// `before` has succeeded and the program was found.
    pub(super) fn restart(&mut self, restart: Input) {
        // The next start runs `before` again.
        self.reloads.is_prepared = false;
        let needs_preparation = self.next.is_some() || self.spec.before.is_some();
        if !self.runs() || !needs_preparation {
            return self.step(Some(restart));
        }
        // A run in progress ends: it may have an old command, old variables or old files.
        let (restart, waiters) = match self.reloads.preparing.take() {
            // The cause of both together is the command.
            Some(Preparing { restart: Input::Restart, waiters, .. }) => (Input::Restart, waiters),
            Some(Preparing { waiters, .. }) => (restart, waiters),
            None => (restart, Vec::new()),
        };
        self.begin_preparation(restart, waiters, 0);
    }

    /// Whether the worker has a process that is to run.
    fn runs(&self) -> bool {
        match self.unit.supervisor.state() {
            State::Ready(_) | State::Degraded(..) => true,
            State::Starting(starting) => starting.launched,
            State::Stopped { .. }
            | State::Stopping(_)
            | State::Backoff { .. }
            | State::Failed { .. } => false,
        }
    }

    /// Handles a change while a launch was in progress: its `before` may have read the old file.
    pub(super) fn changed_later(&mut self) {
        if let Some(detail) = self.reloads.later.take() {
            self.changed(detail);
        }
    }

    /// Prepares a restart, once the server is ready: runs `before`, and checks the program.
    fn begin_preparation(
        &mut self,
        restart: Input,
        waiters: Vec<oneshot::Sender<Outcome>>,
        repeats: u32,
    ) {
        let (cancel, mut cancelled) = oneshot::channel();
        self.reloads.runs += 1;
        let number = self.reloads.runs;
        let has_begun = Arc::new(AtomicBool::new(false));
        let begins = has_begun.clone();
        let change = None;
        let preparing =
            Preparing { number, restart, waiters, has_begun, change, repeats, _cancel: cancel };
        self.reloads.preparing = Some(preparing);
        let (launches, report) = (self.unit.launches(), self.report.clone());
        let (spec, files) = (self.newest_spec(), self.files.clone());
        let (mut server, base) = (self.server.clone(), self.base.subscribe());
        let generation = self.facts.generation;
        spawn(self.on_panic(), async move {
            let Some(access) = ready(&mut server, &mut cancelled).await else { return };
            // The environment of an adopted worker is read from its process meanwhile.
            let base = base.borrow().clone();
            begins.store(true, Ordering::Release);
            let mut result = Some(Ok(()));
            if spec.before.is_some() {
                let before =
                    prepare(&launches, &spec, &files, &access, &base, generation, &mut cancelled);
                result = before.await;
                if !spec.watch.is_empty() {
                    // The last files that `before` has written would otherwise restart the worker again.
                    tokio::time::sleep(REPORTED).await;
                }
            }
            if let Some(Ok(())) = result {
                // `before` may create the program.
                result = Some(worker::check_program(&spec, &access, &base).await);
            }
            let _ = report.send(Event::Prepared { number, result });
        });
    }

    /// Handles the end of `before` for a running worker.
    pub(super) fn prepared(&mut self, number: u64, result: Option<Result<(), Refused>>) {
        let Some(ended) = self.reloads.preparing.take_if(|it| it.number == number) else { return };
        if ended.change.is_some() && ended.repeats < MAX_REPEATS {
            return self.begin_preparation(ended.restart, ended.waiters, ended.repeats + 1);
        }
        self.facts.trouble(UNSETTLED, ended.change.as_deref().map(unsettled));
        match result {
            // The host is leaving.
            None => {}
            Some(Ok(())) => {
                self.facts.trouble(OUTDATED, None);
                self.reloads.is_prepared = true;
                self.waiters.extend(ended.waiters.into_iter().map(|reply| (Want::Up, reply)));
                self.step(Some(ended.restart));
            }
            Some(Err(refused)) => self.keep_running(ended.waiters, refused),
        }
    }

    /// Reports that `before` has failed or that the program cannot be used, so that no restart follows.
    fn keep_running(&mut self, waiters: Vec<oneshot::Sender<Outcome>>, refused: Refused) {
        const STAYS: &str = "so the running worker stays";
        let Refused { failure, last_words, .. } = refused;
        tracing::warn!(worker = self.name, %failure, "the running worker stays");
        let Failure { reason, hint, .. } = failure;
        for reply in waiters {
            let message = with_last_words(format!("{reason}, {STAYS}"), &last_words);
            // An error means that the client has disconnected.
            let _ = reply.send(Err(ApiError::new("failed", message, hint.clone())));
        }
        // The status and the problems show one line of the output.
        let why = match line_with_cause(&last_words) {
            Some(line) => format!("{reason}: {}", harmless::quote(line)),
            None => reason,
        };
        self.facts.trouble(OUTDATED, Some(format!("{why}, {STAYS}; {hint}")));
    }

    /// Ends a run of `before` whose worker does not run any more: each start runs `before` itself.
    /// Forgets that `before` has run, unless a restart is in progress.
    pub(super) fn keep_preparation(&mut self) {
        let state = self.unit.supervisor.state();
        let is_wanted = self.unit.supervisor.want() == Want::Up;
        self.reloads.is_prepared &= is_wanted && matches!(state, State::Stopping(_));
        // A start that is delayed or given up after a crash begins at once.
        let starts = is_wanted && matches!(state, State::Backoff { .. } | State::Failed { .. });
        if self.runs() {
            return;
        }
        let Some(Preparing { restart, waiters, .. }) = self.reloads.preparing.take() else {
            return;
        };
        self.waiters.extend(waiters.into_iter().map(|reply| (Want::Up, reply)));
        if starts {
            self.step(Some(restart));
        }
    }

    /// Replies to a client after the restart in preparation, or if `before` fails. Without such a restart,
    /// replies when the worker is as wanted.
    pub(super) fn await_restart(&mut self, goal: Want, reply: oneshot::Sender<Outcome>) {
        match &mut self.reloads.preparing {
            Some(preparing) => preparing.waiters.push(reply),
            None => self.waiters.push((goal, reply)),
        }
    }

    pub(super) fn newest_spec(&self) -> Arc<WorkerSpec> {
        self.next.as_ref().unwrap_or(&self.spec).clone()
    }
}

/// The trouble of watched files that change during each run of `before`.
fn unsettled(change: &str) -> String {
    format!(
        "watched files change during each run of `before` ({change}); exclude the files that `before` \
         writes from `watch`, or with .gitignore"
    )
}

/// Describes changed files, relative to the folder of the project.
fn describe(changed: &ChangedFiles, root: Option<&Path>) -> String {
    let ChangedFiles { first, count } = changed;
    let relative = root.and_then(|root| first.strip_prefix(root).ok()).unwrap_or(first);
    let name = match relative.as_os_str().is_empty() {
        true => "the folder of the project".to_owned(),
        false => relative.display().to_string(),
    };
    let more = count.saturating_sub(1);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    harmless::quote(&format!("{name}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_files_are_named_relative_to_the_project() {
        let text = |first: &str, count| {
            describe(&ChangedFiles { first: first.into(), count }, Some(Path::new("/shop")))
        };
        assert_eq!(text("/shop/src/a.py", 1), "src/a.py");
        assert_eq!(text("/shop/src/a.py", 4), "src/a.py and 3 more");
        assert_eq!(text("/shop", 1), "the folder of the project");
        assert_eq!(text("/else/a.py", 0), "/else/a.py");
    }
}
