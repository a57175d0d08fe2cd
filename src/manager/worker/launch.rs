//! Launches of a worker, and the search for its processes.

use super::preparation::{prepare, ready};
use super::{Event, WorkerTask};
use crate::facts::OUTDATED;
use crate::process::environment::BaseEnvironment;
use crate::process::watch::Watched;
use crate::supervisor::{Cause, Generation};
use crate::unit::Refused;
use crate::unit::launch::CLEARING;
use crate::unit::sweeps::{Permit, Unswept};
use crate::unit::tasks::spawn;
use crate::worker::{self, ServerAccess, WorkerLaunch};
use std::sync::Arc;
use tokio::sync::oneshot;

/// What a launch has waited for: the server, and the variables of the command for this start.
type LaunchInputs = (ServerAccess, Arc<BaseEnvironment>);

impl WorkerTask {
    /// Launches the worker once the server is ready and `before` has ended.
    pub(super) fn launch(&mut self, generation: Generation, cause: Cause, detail: String) {
        let (cancel, mut cancelled) = oneshot::channel();
        self.wait = Some(cancel);
        self.facts.trouble(OUTDATED, None);
        let is_prepared = self.reloads.begin_launch() || self.spec.before.is_none();
        let (mut server, launches) = (self.server.clone(), self.unit.launches());
        let (prepared, written, base) =
            (self.spec.clone(), self.files.clone(), self.base.subscribe());
        let wait = async move {
            let access = ready(&mut server, &mut cancelled).await?;
            // A command may replace the environment while the launch waits.
            let base = base.borrow().clone();
            if is_prepared {
                return Some(Ok((access, base)));
            }
            let before =
                prepare(&launches, &prepared, &written, &access, &base, generation, &mut cancelled);
            if let Err(refused) = before.await? {
                return Some(Err(refused));
            }
            // The server may have restarted meanwhile.
            ready(&mut server, &mut cancelled).await.map(|access| Ok((access, base)))
        };
        let (report, spec) = (self.report.clone(), self.spec.clone());
        let (files, project) = (self.files.clone(), self.facts.project.clone());
        let (name, unadopted) = (self.name.clone(), self.unadopted);
        let start = async move |ready: Option<Result<LaunchInputs, Refused>>,
                                permit: Result<Permit, Unswept>| {
            let result = match (ready, permit) {
                // A stop has replaced this start, or this host is leaving.
                (None, _) => Err(worker::not_begun(&name, &Unswept::Leaving)),
                (Some(_), Err(error)) => Err(worker::not_begun(&name, &error)),
                (Some(Err(refused)), Ok(_)) => Err(refused),
                (Some(Ok((server, base))), Ok(permit)) => {
                    let request = WorkerLaunch {
                        generation,
                        cause,
                        detail,
                        files,
                        project,
                        spec,
                        server,
                        base,
                        unadopted,
                    };
                    worker::launch(request, &permit).await
                }
            };
            let _ = report.send(Event::Launched { generation, result });
        };
        self.unit.launch(self.on_panic(), wait, start);
    }

    /// Searches for processes that this host does not watch, and ends the remains of a worker whose
    /// spawned process has ended.
    pub(super) fn search(&mut self, generation: Generation) {
        let (launches, report) = (self.unit.launches(), self.report.clone());
        let (name, files) = (self.name.clone(), self.files.clone());
        spawn(self.on_panic(), async move {
            // A cancelled run of `before` may still end.
            let permit = match launches.begin_within(CLEARING).await {
                Ok(permit) => permit,
                Err(Unswept::Leaving) => return,
                Err(error) => {
                    let result = Err(worker::not_begun(&name, &error));
                    let _ = report.send(Event::Searched { generation, result });
                    return;
                }
            };
            let (under, worker) = (permit.clone(), name.clone());
            let found = permit.run(move || worker::clear(&worker, &files, true, &under)).await;
            let found = found.map_err(|error| worker::not_begun(&name, &error.into())).flatten();
            let result = found.map(|record| {
                record.and_then(|record| {
                    let proven = record.leader.prove().ok()??;
                    Some((record, Watched::new(proven).ok()?))
                })
            });
            let _ = report.send(Event::Searched { generation, result });
        });
    }
}
