//! The namespaces that the projects need. They are made as the project files say at each start of the
//! server, before the workers start: a worker of a missing namespace exits at once.

use super::report::{NamespaceNeeds, PreparedNamespaces, ServerNeeds, WorkerReport};
use crate::facts::{PartTrouble, Troubles};
use crate::paths::shortened;
use crate::project::Project;
use crate::temporal::health::Client;
use crate::temporal::provision::{NamespaceChange, NamespaceSpec};
use crate::unit::tasks::Task;
use crate::worker::ServerAccess;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Time limit of one call.
const CALL: Duration = Duration::from_secs(5);
/// Time limit for the namespaces of one project.
const LIMIT: Duration = Duration::from_secs(30);
/// Pause before the preparation is repeated after errors. It doubles each time, up to the second one.
const RETRY: Duration = Duration::from_secs(5);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// The namespaces of all projects of a host.
#[derive(Debug)]
pub(super) struct Namespaces {
    needs: NamespaceNeeds,
    /// The latest result of a task.
    prepared: Option<PreparedNamespaces>,
    /// The errors of the latest results, by project.
    troubles: Troubles<PathBuf>,
    /// The task that prepares the namespaces, until there are no more errors.
    task: Option<(Arc<ServerNeeds>, Task)>,
    report: mpsc::UnboundedSender<WorkerReport>,
}

impl Namespaces {
    pub(super) fn new(report: mpsc::UnboundedSender<WorkerReport>) -> Self {
        let (needs, troubles) = (NamespaceNeeds::new(), Troubles::default());
        Self { needs, prepared: None, troubles, task: None, report }
    }

    /// Notes what a project needs now.
    pub(super) fn need(&mut self, project: &Project) {
        let server = &project.server;
        let spec = NamespaceSpec {
            names: server.options.namespace.clone().unwrap_or_default(),
            retention: server.retention,
            search_attributes: server.search_attributes.clone(),
        };
        match spec == NamespaceSpec::default() {
            true => _ = self.needs.remove(&project.file),
            false => _ = self.needs.insert(project.file.clone(), spec),
        }
    }

    /// Notes that a project needs nothing any more.
    pub(super) fn forget(&mut self, file: &Path) {
        self.needs.remove(file);
    }

    /// Whether the namespaces are prepared for the server that is ready now, or cannot be. Begins to
    /// prepare them if they are not. After errors, the workers need not wait: one of their namespaces may
    /// be usable. `usual` are the namespaces of the server, for projects that name none.
    pub(super) fn prepare(&mut self, server: &ServerAccess, usual: &[String]) -> bool {
        if self.needs.is_empty() {
            self.pause();
            return true;
        }
        let mut needs = self.needs.clone();
        for spec in needs.values_mut().filter(|spec| spec.names.is_empty()) {
            spec.names = usual.to_vec();
        }
        let target =
            ServerNeeds { generation: server.generation, address: server.address.clone(), needs };
        let known = self.prepared.as_ref().filter(|it| *it.target == target);
        let (is_known, is_done) = (known.is_some(), known.is_some_and(|it| it.errors.is_empty()));
        if is_done {
            return true;
        }
        if self.task.as_ref().is_none_or(|(current, _)| **current != target) {
            let target = Arc::new(target);
            let (panics, report) = (self.report.clone(), self.report.clone());
            let panicked = move || drop(panics.send(WorkerReport::Panicked));
            let request = target.clone();
            let task = Task::spawn(panicked, async move {
                let mut pause = RETRY;
                let mut last = BTreeMap::new();
                loop {
                    let errors = provision(&request).await;
                    for error in
                        errors.iter().filter(|(file, error)| last.get(*file) != Some(*error))
                    {
                        tracing::error!(error = error.1, "cannot make the namespaces of a project");
                    }
                    let is_done = errors.is_empty();
                    last.clone_from(&errors);
                    let prepared = PreparedNamespaces { target: request.clone(), errors };
                    let _ = report.send(WorkerReport::Prepared(Box::new(prepared)));
                    if is_done {
                        return;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY_MAX);
                }
            });
            self.task = Some((target, task));
        }
        is_known
    }

    /// Ends a preparation in progress: the server is not ready any more, or not managed.
    pub(super) fn pause(&mut self) {
        self.task = None;
    }

    /// Notes the result of a task.
    pub(super) fn receive(&mut self, prepared: PreparedNamespaces) {
        let is_done = prepared.errors.is_empty();
        if self.task.as_ref().is_some_and(|(target, _)| *target == prepared.target) {
            for file in prepared.target.needs.keys() {
                self.troubles.set(file.clone(), prepared.errors.get(file).cloned());
            }
            self.prepared = Some(prepared);
            self.task.take_if(|_| is_done);
        }
    }

    /// The errors of the last preparation, for the status.
    pub(super) fn trouble(&self) -> Option<String> {
        let errors: Vec<&str> = self.troubles().map(|it| it.message.as_str()).collect();
        (!errors.is_empty()).then(|| errors.join("; "))
    }

    /// The error of a project.
    pub(super) fn error_of(&self, project: &Path) -> Option<&str> {
        self.troubles().find(|it| it.part == project).map(|it| it.message.as_str())
    }

    /// The errors of the last preparation, newest first.
    pub(super) fn troubles(&self) -> impl Iterator<Item = &PartTrouble<PathBuf>> {
        // The project may not need the namespace any more.
        self.troubles.iter().filter(|it| self.needs.contains_key(&it.part))
    }
}

/// Makes the namespaces of all projects. Returns the errors of each project.
async fn provision(target: &ServerNeeds) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    for (file, spec) in &target.needs {
        let changed = |namespace: &str, change: NamespaceChange| {
            tracing::info!(namespace, ?change, "changed a namespace as the project file says");
        };
        let errors = match Client::new(&target.address, CALL) {
            Ok(client) => client.provision(spec, LIMIT, changed).await.err().unwrap_or_default(),
            Err(error) => {
                all.insert(file.clone(), error);
                continue;
            }
        };
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        if !errors.is_empty() {
            let text = format!("{}: {}", shortened(file), errors.join("; "));
            all.insert(file.clone(), text);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::Generation;

    #[tokio::test(start_paused = true)]
    async fn failed_preparation_is_repeated_and_does_not_hold_the_workers() {
        let (report, mut reports) = mpsc::unbounded_channel();
        let mut namespaces = Namespaces::new(report);
        let file = PathBuf::from("/shop/stigmer.toml");
        let spec = NamespaceSpec { names: vec!["orders".into()], ..NamespaceSpec::default() };
        namespaces.needs.insert(file.clone(), spec);
        // Nothing listens on this port.
        let server = ServerAccess {
            is_ready: true,
            generation: Generation(1),
            address: "127.0.0.1:1".into(),
            ..ServerAccess::default()
        };
        assert!(!namespaces.prepare(&server, &[]), "the workers wait for the first attempt");
        for attempt in 0..4 {
            let Some(WorkerReport::Prepared(prepared)) = reports.recv().await else { panic!() };
            assert!(prepared.errors[&file].contains("orders"), "{attempt}: {prepared:?}");
            namespaces.receive(*prepared);
            assert!(namespaces.prepare(&server, &[]), "{attempt}");
            assert!(namespaces.error_of(&file).is_some());
        }
        namespaces.pause();
        assert!(namespaces.prepare(&server, &[]), "the same server again");
        assert!(matches!(reports.recv().await, Some(WorkerReport::Prepared(_))));
        let next = ServerAccess { generation: Generation(2), ..server };
        assert!(!namespaces.prepare(&next, &[]), "the next start of the server");
    }
}
