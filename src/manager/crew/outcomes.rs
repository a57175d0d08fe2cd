//! Commands for workers, and their outcomes.

use super::Crew;
use crate::manager::Outcome;
use crate::manager::handle::gone;
use crate::manager::worker::{WorkerCommand, WorkerHandle};
use crate::process::environment::BaseEnvironment;
use crate::protocol::ApiError;
use crate::supervisor::{State, Want};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Maximum number of errors whose texts are in one error.
const SHOWN: usize = 5;

impl Crew {
    /// Passes a command to a worker, or to all.
    pub(in crate::manager) fn command(
        &self,
        name: &str,
        command: WorkerCommand,
        base: Option<Arc<BaseEnvironment>>,
        reply: oneshot::Sender<Outcome>,
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
            return answer(None, outcomes.collect(), reply);
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
    /// or with all errors.
    pub(in crate::manager) fn outcome(
        &mut self,
        project: PathBuf,
        reply: oneshot::Sender<Outcome>,
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
            let outcomes = wanted.map(WorkerHandle::outcome).collect();
            let error = self.namespaces.error_of(&project);
            answer(error.map(|error| ApiError::new("namespaces", error, "")), outcomes, reply);
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

/// Replies when all outcomes are known, with `error` and all other errors.
fn answer(
    error: Option<ApiError>,
    outcomes: Vec<oneshot::Receiver<Outcome>>,
    reply: oneshot::Sender<Outcome>,
) {
    tokio::spawn(async move {
        let all = futures_util::future::join_all(outcomes).await;
        // A task that has ended without an outcome belongs to a host that ends. The task of a removed
        // worker replies first.
        let all = all.into_iter().map(|outcome| outcome.unwrap_or_else(|_| Err(gone())));
        let errors = all.filter_map(Result::err);
        let _ = reply.send(combined(error.into_iter().chain(errors).collect()));
    });
}

/// The outcome of several commands: their only error, or one error with the texts of the first ones. A
/// host that ends has no outcome of all: the client sends the commands to the next host.
fn combined(errors: Vec<ApiError>) -> Outcome {
    if let Some(gone) = errors.iter().find(|error| error.code == ApiError::GONE) {
        return Err(gone.clone());
    }
    let [first, _, ..] = errors.as_slice() else {
        return errors.into_iter().next().map_or(Ok(()), Err);
    };
    let mut lines: Vec<String> = errors.iter().take(SHOWN).map(ToString::to_string).collect();
    if let Some(more) = errors.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(format!("and {more} more; `stigmer local status` shows all"));
    }
    Err(ApiError::new(&first.code, lines.join("\n"), ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn outcomes_that_a_host_leaves_open_are_gone_for_the_next_host() {
        let failed = ApiError::new("failed", "worker `a`: crash", "");
        for (known, expected) in [
            (vec![], Err(gone())),
            (vec![Ok(())], Err(gone())),
            (vec![Err(failed.clone()), Ok(())], Err(gone())),
        ] {
            let (left, open) = oneshot::channel();
            let known = known.into_iter().map(|outcome| {
                let (reply, known) = oneshot::channel();
                reply.send(outcome).unwrap();
                known
            });
            let (reply, outcome) = oneshot::channel();
            answer(None, known.chain([open]).collect(), reply);
            drop(left);
            assert_eq!(outcome.await.unwrap(), expected);
        }
    }

    #[test]
    fn error_of_several_workers_has_the_reason_and_the_hint_of_each() {
        let error = |name: &str| ApiError::new("failed", format!("worker `{name}`: crash"), "see");
        let logged = ApiError::new("failed", "worker `b`: crash\nlast log lines:\n  x\n", "see");
        assert_eq!(combined(vec![]), Ok(()));
        assert_eq!(combined(vec![error("a")]), Err(error("a")));
        let both = combined(vec![error("a"), logged, error("c")]).unwrap_err().to_string();
        let expected = "worker `a`: crash; see\nworker `b`: crash\nlast log lines:\n  x\n\
                        What to do: see\nworker `c`: crash; see";
        assert_eq!(both, expected);
        let many = (0..SHOWN + 3).map(|n| error(&n.to_string())).collect();
        let many = combined(many).unwrap_err().to_string();
        assert_eq!(many.lines().count(), SHOWN + 1);
        assert!(many.ends_with("and 3 more; `stigmer local status` shows all"), "{many}");
    }
}
