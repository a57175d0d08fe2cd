//! Restarts a worker after a change of its files. `before` runs first, while the running worker stays:
//! a build that fails must not end a worker that works.

use super::{Event, WorkerTask};
use crate::paths::WorkerFiles;
use crate::process::environment::BaseEnvironment;
use crate::project::WorkerSpec;
use crate::supervisor::{Generation, Input, Starting, State, Want};
use crate::unit::Refused;
use crate::unit::launch::CLEARING;
use crate::unit::sweeps::{Launches, Unswept};
use crate::unit::tasks::{Task, spawn};
use crate::watch::{ChangedFiles, Patterns, WatchReport, follow};
use crate::worker::{self, ServerAccess};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::oneshot;

/// The changes of the files of a worker, and what follows from them.
#[derive(Debug, Default)]
pub(super) struct Reloads {
    watch: Option<Task>,
    /// The run of `before` for a running worker.
    preparing: Option<Preparing>,
    /// Number of the last such run.
    runs: u64,
    /// Whether `before` has run for the next start.
    is_prepared: bool,
    /// The change while a launch is in progress.
    later: Option<String>,
}

#[derive(Debug)]
struct Preparing {
    number: u64,
    /// The change, for people.
    detail: String,
    /// Whether files have changed since the run began.
    is_outdated: bool,
    /// Ends the run when it is dropped.
    _cancel: oneshot::Sender<()>,
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

    /// Ends a run of `before`, because its worker has ended or is to end.
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
        if self.newest_spec().before.is_none() {
            return self.step(Some(Input::Reload { detail }));
        }
        match self.unit.supervisor.state() {
            State::Starting(Starting { launched: false, .. }) => self.reloads.later = Some(detail),
            State::Starting(_) | State::Ready(_) | State::Degraded(..) => {
                match &mut self.reloads.preparing {
                    Some(preparing) => preparing.is_outdated = true,
                    None => self.begin_before(detail),
                }
            }
            // The next start runs `before` again.
            State::Stopping(_) => self.reloads.is_prepared = false,
            State::Backoff { .. } | State::Failed { .. } => {
                self.step(Some(Input::Reload { detail }));
            }
            State::Stopped { .. } => {}
        }
    }

    /// Handles a change while a launch was in progress: its `before` may have read the old file.
    pub(super) fn changed_later(&mut self) {
        if let Some(detail) = self.reloads.later.take() {
            self.changed(detail);
        }
    }

    fn begin_before(&mut self, detail: String) {
        let (cancel, mut cancelled) = oneshot::channel();
        self.reloads.runs += 1;
        let number = self.reloads.runs;
        let preparing = Preparing { number, detail, is_outdated: false, _cancel: cancel };
        self.reloads.preparing = Some(preparing);
        let (launches, report) = (self.unit.launches(), self.report.clone());
        let (spec, files) = (self.newest_spec(), self.files.clone());
        let (server, base) = (self.server.borrow().clone(), self.base.borrow().clone());
        let generation = self.facts.generation;
        spawn(self.on_panic(), async move {
            let before =
                prepare(&launches, &spec, &files, &server, &base, generation, &mut cancelled);
            let result = before.await;
            let _ = report.send(Event::Prepared { number, result });
        });
    }

    /// Handles the end of `before` for a running worker.
    pub(super) fn prepared(&mut self, number: u64, result: Option<Result<(), Refused>>) {
        let Some(ended) = self.reloads.preparing.take_if(|it| it.number == number) else { return };
        if ended.is_outdated {
            return self.begin_before(ended.detail);
        }
        match result {
            // The host is leaving.
            None => {}
            Some(Ok(())) => {
                self.facts.trouble("before", None);
                self.reloads.is_prepared = true;
                self.step(Some(Input::Reload { detail: ended.detail }));
                self.reloads.is_prepared &=
                    matches!(self.unit.supervisor.state(), State::Stopping(_));
            }
            Some(Err(refused)) => {
                let failure = refused.failure;
                tracing::warn!(worker = self.name, %failure, "the running worker stays");
                let (reason, hint) = (failure.reason, failure.hint);
                self.facts.trouble(
                    "before",
                    Some(format!("{reason}, so the running worker stays; {hint}")),
                );
            }
        }
    }

    fn newest_spec(&self) -> Arc<WorkerSpec> {
        self.next.as_ref().unwrap_or(&self.spec).clone()
    }
}

/// Runs `before` with a permission of the unit. `None` if the run was cancelled, or if the host is
/// leaving.
pub(super) async fn prepare(
    launches: &Launches,
    spec: &Arc<WorkerSpec>,
    files: &WorkerFiles,
    server: &ServerAccess,
    base: &Arc<BaseEnvironment>,
    generation: Generation,
    cancelled: &mut oneshot::Receiver<()>,
) -> Option<Result<(), Refused>> {
    // A cancelled run for an earlier change may still end.
    let permit = match launches.begin_within(CLEARING).await {
        Ok(permit) => permit,
        Err(Unswept::Leaving) => return None,
        Err(error) => return Some(Err(worker::not_begun(&spec.name, &error))),
    };
    // A dropped sender cancels too.
    let cancelled = async move { drop(cancelled.await) };
    match worker::run_before(spec, files, server, base, generation, &permit, cancelled).await {
        Ok(true) => Some(Ok(())),
        Ok(false) => None,
        Err(refused) => Some(Err(refused)),
    }
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
    crate::harmless::quote(&format!("{name}{more}"))
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
