//! Commands for workers, and their outcomes.

use super::Crew;
use crate::manager::worker::{WorkerCommand, WorkerHandle};
use crate::process::environment::BaseEnvironment;
use crate::protocol::ApiError;
use crate::supervisor::{State, Want};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::oneshot;

impl Crew {
    /// Passes a command to a worker, or to all. The outcome of a command for all is the first error.
    pub(in crate::manager) fn command(
        &self,
        name: &str,
        command: WorkerCommand,
        base: Option<Arc<BaseEnvironment>>,
        reply: oneshot::Sender<Result<(), ApiError>>,
    ) {
        if name == "all" {
            let meant = self.kept().filter(|worker| match command {
                WorkerCommand::Start | WorkerCommand::Stop => true,
                // A worker with `start = false` that does not run starts only on request.
                WorkerCommand::Restart => worker.wanted == Want::Up || worker.spec.start,
            });
            let outcomes = meant.map(|worker| {
                let (reply, outcome) = oneshot::channel();
                worker.command(command, base.clone(), reply);
                outcome
            });
            return answer(outcomes.collect(), reply);
        }
        match self.workers.get(name) {
            Some(worker) => worker.command(command, base, reply),
            None => drop(reply.send(Err(self.unknown(name)))),
        }
    }

    fn unknown(&self, name: &str) -> ApiError {
        let shown = crate::harmless::quote(name);
        let names: Vec<&str> = self.workers.keys().map(String::as_str).collect();
        let hint = match crate::spelling::nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => {
                "run `stigmer local` in the folder of a project with workers".to_owned()
            }
            None => format!("the workers are {}", names.join(", ")),
        };
        ApiError::new(ApiError::UNKNOWN_WORKER, format!("there is no worker `{shown}`"), hint)
    }

    /// Replies when the namespaces are prepared and all workers of a project that are to run are ready,
    /// or with the first error.
    pub(in crate::manager) fn outcome(
        &mut self,
        project: PathBuf,
        reply: oneshot::Sender<Result<(), ApiError>>,
    ) {
        self.awaited.push((project, reply));
    }

    /// Replies to the clients that wait for the namespaces. `is_failed` is whether the server has
    /// failed, so that nothing follows.
    pub(in crate::manager) fn answer_awaited(&mut self, is_failed: bool) {
        // A client that has disconnected needs no outcome.
        self.awaited.retain(|(_, reply)| !reply.is_closed());
        if !self.is_prepared && !is_failed {
            return;
        }
        for (project, reply) in std::mem::take(&mut self.awaited) {
            let wanted = self.of(&project).filter(|worker| worker.spec.start);
            let mut outcomes: Vec<_> = wanted.map(WorkerHandle::outcome).collect();
            if let Some(error) = self.namespaces.error_of(&project) {
                let (failed, outcome) = oneshot::channel();
                let _ = failed.send(Err(ApiError::new("namespaces", error, "")));
                outcomes.push(outcome);
            }
            answer(outcomes, reply);
        }
    }

    /// The workers that may have a process although they were to stop, for the outcome of a stop.
    pub(in crate::manager) fn unstopped(&self) -> Option<ApiError> {
        let mut failed = self.workers.values().filter_map(|worker| match &worker.facts.state {
            State::Failed { failure, left: Some(_), .. } => Some((worker, failure)),
            State::Failed { failure, .. } if worker.facts.want == Want::Down => {
                Some((worker, failure))
            }
            _ => None,
        });
        let Some((worker, failure)) = failed.next() else {
            // The caller searches without a host, and may see more than the host.
            let hint = "run `stigmer local status`, and end the process or repair the file";
            return self.search_trouble().map(|why| ApiError::new(ApiError::UNPROVEN, why, hint));
        };
        Some(ApiError::new(
            "failed",
            format!(
                "cannot verify that worker `{}` has stopped: {}",
                worker.facts.name, failure.reason
            ),
            &failure.hint,
        ))
    }
}

/// Replies when all outcomes are known, with the first error.
fn answer(
    outcomes: Vec<oneshot::Receiver<Result<(), ApiError>>>,
    reply: oneshot::Sender<Result<(), ApiError>>,
) {
    tokio::spawn(async move {
        let all = futures_util::future::join_all(outcomes).await;
        // A task that has ended without an outcome belongs to a removed worker or to a host that
        // ends.
        let known = all.into_iter().flatten();
        let _ = reply.send(known.collect());
    });
}
