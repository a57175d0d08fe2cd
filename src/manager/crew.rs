//! The workers of all projects of a host: which exist, and the order of their starts and stops.
//!
//! Each worker has a task of its own, see [`worker`](super::worker). The manager passes commands and
//! the state of the server to these tasks, and merges their facts into its own.

mod adoption;
mod outcomes;

use super::history::LeftWorkers;
use super::namespaces::Namespaces;
use super::project_watch::watch_project;
use super::report::{PreparedNamespaces, ProjectTrouble, WorkerReport};
use super::worker::{Assignment, WorkerCommand, WorkerHandle, begin};
use crate::facts::{Facts, LeftWorker, PartTrouble, Troubles, WorkerFacts, WorkerIntent};
use crate::paths::{Home, shortened};
use crate::process::environment::BaseEnvironment;
use crate::project::{Project, WorkerSpec};
use crate::protocol::{ApiError, Entry};
use crate::supervisor::{Cause, RestartHelps, State, Want};
use crate::temporal::polls::LoadedQueues;
use crate::unit::sweeps::Sweeps;
use crate::unit::tasks::Task;
use crate::worker::{ServerAccess, default_want};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// The workers of a host.
#[derive(Debug)]
pub(super) struct Crew {
    home: Home,
    sweeps: Sweeps,
    workers: BTreeMap<String, WorkerHandle>,
    /// Workers of earlier hosts that may run, because the search for them has failed, and why. Their
    /// tasks search again once a project has them, and each command for the server repeats the search.
    unsearched: BTreeMap<String, String>,
    /// Workers that are no longer part of a project. They are removed after their end.
    removed: BTreeSet<String>,
    projects: BTreeSet<PathBuf>,
    /// The tasks that watch the project files.
    watches: BTreeMap<PathBuf, Task>,
    /// The variables of the latest command that runs a project, for workers that it does not have yet.
    bases: BTreeMap<PathBuf, Arc<BaseEnvironment>>,
    /// Why project files cannot be used now.
    troubles: Troubles<PathBuf>,
    /// The project files that were deleted.
    deleted: BTreeSet<PathBuf>,
    namespaces: Namespaces,
    /// Clients that wait for the workers of a project, until the namespaces are prepared.
    awaited: Vec<(PathBuf, oneshot::Sender<Result<(), ApiError>>)>,
    is_prepared: bool,
    server: watch::Sender<ServerAccess>,
    /// What the previous host has left for workers that this host has not met yet.
    left: BTreeMap<String, LeftWorker>,
    gap: Duration,
    past: Arc<VecDeque<Arc<Entry>>>,
    intent: WorkerIntent,
    report: mpsc::UnboundedSender<WorkerReport>,
    reports: mpsc::UnboundedReceiver<WorkerReport>,
}

impl Crew {
    /// Creates the value without a worker.
    pub(super) fn new(home: Home, sweeps: Sweeps, intent: WorkerIntent, left: LeftWorkers) -> Self {
        let LeftWorkers { workers: left, gap, past } = left;
        let (report, reports) = mpsc::unbounded_channel();
        Self {
            home,
            sweeps,
            workers: BTreeMap::new(),
            unsearched: BTreeMap::new(),
            removed: BTreeSet::new(),
            projects: BTreeSet::new(),
            watches: BTreeMap::new(),
            bases: BTreeMap::new(),
            troubles: Troubles::default(),
            deleted: BTreeSet::new(),
            namespaces: Namespaces::new(report.clone()),
            awaited: Vec::new(),
            is_prepared: false,
            server: watch::Sender::default(),
            left: left.into_iter().map(|left| (left.name.clone(), left)).collect(),
            gap,
            past,
            intent,
            report,
            reports,
        }
    }

    /// Notes that a project belongs to this host, and watches its file.
    fn watch(&mut self, file: &Path) {
        self.projects.insert(file.to_owned());
        let report = &self.report;
        self.watches.entry(file.to_owned()).or_insert_with(|| watch_project(file, report));
    }

    /// Notes why a project file cannot be used, or that it can be used again.
    pub(super) fn trouble_of_project(&mut self, file: &Path, trouble: Option<ProjectTrouble>) {
        match trouble {
            Some(ProjectTrouble::Deleted) => self.deleted.insert(file.to_owned()),
            Some(ProjectTrouble::Unusable(_)) | None => self.deleted.remove(file),
        };
        let message = trouble.map(|trouble| trouble.message(file));
        if let Some(trouble) = &message {
            tracing::warn!(trouble, "cannot use a project file");
        }
        self.troubles.set(file.to_owned(), message);
    }

    /// Why project files cannot be used, for the status. The newest trouble is the first one.
    pub(super) fn project_trouble(&self) -> Option<String> {
        let troubles: Vec<&str> = self.troubles.messages().collect();
        (!troubles.is_empty()).then(|| troubles.join(" · "))
    }

    /// What does not work of the project files, newest first.
    pub(super) fn broken_projects(&self) -> Vec<PartTrouble<PathBuf>> {
        let mut all: Vec<_> =
            self.troubles.iter().chain(self.namespaces.troubles()).cloned().collect();
        all.sort_by_key(|trouble| Reverse(trouble.since));
        all
    }

    /// Forgets the projects whose files were deleted. Their workers are removed after their end.
    fn forget_deleted(&mut self) {
        for file in std::mem::take(&mut self.deleted) {
            let own = self.workers.iter().filter(|(_, worker)| worker.project == file);
            self.removed.extend(own.map(|(name, _)| name.clone()));
            self.projects.remove(&file);
            self.watches.remove(&file);
            self.bases.remove(&file);
            self.namespaces.forget(&file);
            self.troubles.set(file, None);
        }
    }

    /// Why namespaces are not as a project needs them, for the status.
    pub(super) fn namespace_trouble(&self) -> Option<String> {
        self.namespaces.trouble()
    }

    /// Notes the end of the preparation of the namespaces.
    pub(super) fn prepared(&mut self, prepared: PreparedNamespaces) {
        self.namespaces.receive(prepared);
    }

    /// Makes the workers of a project as its file says: adds new ones, restarts changed ones, and
    /// stops those that the file does not have any more. `base` are the variables of the command that
    /// runs the project, for workers that do not run.
    ///
    /// # Errors
    /// If a name belongs to another project. Nothing is changed then.
    pub(super) fn apply(
        &mut self,
        project: &Project,
        base: Option<Arc<BaseEnvironment>>,
    ) -> Result<(), ApiError> {
        for spec in &project.workers {
            let taken = self.workers.iter().find(|(name, it)| {
                name.eq_ignore_ascii_case(&spec.name) && it.project != project.file
            });
            if let Some((name, other)) = taken {
                let hint = if self.deleted.contains(&other.project) {
                    "that project was deleted or moved; forget it with `stigmer local stop`, then try again"
                } else {
                    "choose another name, or another home with --home"
                };
                return Err(ApiError::new(
                    "taken",
                    format!(
                        "{} has a worker `{}`, but {} has a worker `{name}` that runs in the same home",
                        shortened(&project.file),
                        spec.name,
                        shortened(&other.project)
                    ),
                    hint,
                ));
            }
        }
        self.watch(&project.file);
        self.trouble_of_project(&project.file, None);
        self.namespaces.need(project);
        if let Some(base) = base {
            self.of(&project.file).for_each(|worker| worker.offer(base.clone()));
            self.bases.insert(project.file.clone(), base);
        }
        for spec in &project.workers {
            let is_removed = self.removed.remove(&spec.name);
            match self.workers.get_mut(&spec.name) {
                Some(known) => {
                    if *known.spec != *spec {
                        known.update(Arc::new(spec.clone()), project.file.clone());
                    }
                    if is_removed {
                        known.resume();
                    }
                }
                None => self.add(&project.file, Arc::new(spec.clone())),
            }
        }
        for (name, worker) in &mut self.workers {
            let is_in_file = project.workers.iter().any(|spec| spec.name == *name);
            if worker.project == project.file && !is_in_file && self.removed.insert(name.clone()) {
                worker.halt(Cause::Operator);
            }
        }
        Ok(())
    }

    fn add(&mut self, project: &Path, spec: Arc<WorkerSpec>) {
        let name = spec.name.clone();
        self.unsearched.remove(&name);
        let left = self.left.remove(&name).map(|left| (left, self.gap));
        let wanted = self.intent.intents.get(&name).copied();
        let assignment = Assignment {
            home: self.home.clone(),
            project: project.to_owned(),
            spec,
            left,
            past: self.past.clone(),
            wanted,
            base: self.bases.get(project).cloned(),
            sweeps: self.sweeps.clone(),
            server: self.server.subscribe(),
        };
        self.workers.insert(name, begin(assignment, self.report.clone()));
    }

    /// Waits for the next report of a worker.
    pub(super) async fn next(&mut self) -> Option<WorkerReport> {
        self.reports.recv().await
    }

    /// Stores the facts of a worker. Returns the facts for the status, or `None` if the worker is
    /// removed.
    pub(super) fn receive(
        &mut self,
        facts: Arc<WorkerFacts>,
        wanted: Want,
        halted: Option<u64>,
    ) -> Option<Arc<WorkerFacts>> {
        let worker = self.workers.get_mut(&facts.name)?;
        (worker.facts, worker.wanted, worker.halted) = (facts.clone(), wanted, halted);
        let is_stopped = matches!(facts.state, State::Stopped { .. });
        if worker.is_at_rest() && is_stopped && self.removed.remove(&facts.name) {
            self.workers.remove(&facts.name);
            return None;
        }
        Some(facts)
    }

    /// Informs the workers about the server. They start once its namespaces are prepared. `namespaces` are those of the server. The namespaces of a server that someone else
    /// started are not changed.
    pub(super) fn server_is(
        &mut self,
        access: ServerAccess,
        namespaces: &[String],
        is_managed: bool,
    ) {
        let is_prepared = match (access.is_ready, is_managed) {
            (true, true) => self.namespaces.prepare(&access, namespaces),
            (true, false) | (false, _) => {
                self.namespaces.pause();
                access.is_ready
            }
        };
        self.is_prepared = is_prepared;
        let access = ServerAccess { is_prepared, ..access };
        self.server.send_if_modified(|known| {
            let is_new = *known != access;
            *known = access;
            is_new
        });
    }

    /// Stops all workers, because the server is to be stopped.
    pub(super) fn halt(&mut self, cause: Cause) {
        self.forget_deleted();
        self.workers.values_mut().for_each(|worker| worker.halt(cause));
    }

    /// Starts the workers again that [`Self::halt`] has stopped, and those that have failed.
    pub(super) fn resume(&self) {
        self.kept().for_each(WorkerHandle::resume);
    }

    /// Ends the grace period of a stop in progress.
    pub(super) fn end_grace(&self) {
        self.workers.values().for_each(WorkerHandle::end_grace);
    }

    /// Whether all workers have ended after [`Self::halt`], or do not end at all.
    pub(super) fn is_at_rest(&self) -> bool {
        self.workers.values().all(WorkerHandle::is_at_rest)
    }

    /// What the next host must know if this host dies.
    pub(super) fn intent(&self) -> WorkerIntent {
        let is_default = |worker: &WorkerHandle| worker.wanted == default_want(&worker.spec);
        let other = self.workers.iter().filter(|(_, worker)| !is_default(worker));
        let intents = other.map(|(name, worker)| (name.clone(), worker.wanted)).collect();
        WorkerIntent { projects: self.projects.clone(), intents }
    }

    /// Starts the workers of a project that start with the server, if they do not run.
    pub(super) fn start(&self, project: &Path) {
        for worker in self.of(project).filter(|worker| worker.spec.start) {
            let (reply, _) = oneshot::channel();
            worker.command(WorkerCommand::Start, None, reply);
        }
    }

    /// The workers that are part of a project.
    fn kept(&self) -> impl Iterator<Item = &WorkerHandle> {
        let kept = self.workers.iter().filter(|(name, _)| !self.removed.contains(*name));
        kept.map(|(_, worker)| worker)
    }

    fn of(&self, project: &Path) -> impl Iterator<Item = &WorkerHandle> {
        self.kept().filter(move |worker| worker.project == project)
    }

    /// Whether a worker has a process, or may have one.
    pub(super) fn may_run(&self) -> bool {
        !self.unsearched.is_empty()
            || self.workers.values().any(|it| !matches!(it.facts.state, State::Stopped { .. }))
    }

    /// Ends the tasks, and leaves the processes running. Returns the state for the next host.
    pub(super) async fn release(&self) -> Vec<LeftWorker> {
        let released = self.workers.values().map(WorkerHandle::release);
        futures_util::future::join_all(released).await.into_iter().flatten().collect()
    }
}

/// What the workers need to know of the server.
pub(super) fn access(facts: &Facts, queues: &LoadedQueues) -> ServerAccess {
    let settings = &facts.settings;
    let address = settings.server_address();
    let is_ready = match &facts.state {
        State::Ready(_) => true,
        // Such a server works, and no restart follows.
        State::Degraded(_, degradation) => degradation.restart_helps == RestartHelps::No,
        State::Stopped { .. }
        | State::Starting(_)
        | State::Stopping(_)
        | State::Backoff { .. }
        | State::Failed { .. } => false,
    };
    let metrics = facts.server.as_ref().and_then(|server| server.metrics_port);
    ServerAccess {
        is_ready,
        is_prepared: false,
        generation: facts.server.as_ref().map_or_else(Default::default, |it| it.generation),
        port: ServerAccess::local_port(&address),
        address,
        namespace: settings.namespaces.first().cloned().unwrap_or_default(),
        metrics: metrics.map(|port| format!("127.0.0.1:{port}")),
        queues: queues.clone(),
    }
}
