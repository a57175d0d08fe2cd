//! Samples a server while clients request its problems or its workers.

use super::budget::Budget;
use super::group::group;
use super::millis;
use super::of_server::of_server;
use super::of_workers::of_workers;
use super::pollers::Pollers;
use super::sampling::{Sampled, SampledServer, Sampling};
use crate::facts::{Dismissals, Latest, LoggedRuns};
use crate::protocol::{FIRST_SAMPLES, Problem, ProblemList, SCHEMA, Snapshot, Worker, WorkerList};
use crate::temporal::polls::LoadedQueues;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// How long the watcher continues to sample after a request for problems, so that the next request
/// gets current samples.
const LINGER: Duration = Duration::from_secs(15);

/// Watches the problems and the workers of one server. Without a client that requests them, it sends no
/// request to the server.
#[derive(Debug, Clone)]
pub struct Watcher {
    snapshot: watch::Receiver<Latest>,
    /// When the sampling ends, unless a client requests problems again.
    until: Arc<watch::Sender<Instant>>,
    findings: watch::Receiver<Sampled>,
    dismissals: Dismissals,
    _task: Arc<AbortOnDropHandle<()>>,
}

impl Watcher {
    /// Starts the task that watches the server of these snapshots. `logged` has the workflows that the log of
    /// this server names with a failure, and the task queues that the server has loaded. The task ends when
    /// the last clone of the watcher is dropped.
    #[must_use]
    pub fn begin(
        snapshot: watch::Receiver<Latest>,
        logged: (LoggedRuns, LoadedQueues),
        dismissals: Dismissals,
    ) -> Self {
        let now = Instant::now();
        let until = Arc::new(watch::Sender::new(now));
        let (found, findings) = watch::channel(Sampled::nothing());
        let task = run(snapshot.clone(), until.subscribe(), logged, found);
        let task = Arc::new(AbortOnDropHandle::new(tokio::spawn(task)));
        Self { snapshot, until, findings, dismissals, _task: task }
    }

    /// Returns the problems of the server and its workflows. If the samples are not complete yet,
    /// waits up to 3 s for them.
    pub async fn problems(&self) -> ProblemList {
        self.sampled().await;
        self.list()
    }

    /// Dismisses the current problems with these IDs, or all of them. Returns the problems after
    /// that. If the samples are not complete yet, waits up to 3 s for them.
    pub async fn dismiss(&self, ids: Option<&[String]>) -> ProblemList {
        self.sampled().await;
        self.dismissals.add(&self.list().problems, ids);
        self.list()
    }

    /// Ends the latest dismissal that hides a problem. Returns the problems after that. If the
    /// samples are not complete yet, waits up to 3 s for them.
    pub async fn undo_dismissal(&self) -> ProblemList {
        self.sampled().await;
        self.dismissals.undo(&self.list().problems);
        self.list()
    }

    /// Returns the workers of the server. If the samples are not complete yet, waits up to 3 s for
    /// them.
    pub async fn workers(&self) -> WorkerList {
        self.sampled().await;
        let Latest { snapshot, .. } = self.snapshot.borrow().clone();
        let (found, unknown) = self.found(&snapshot);
        let age = millis(found.at.elapsed());
        let older = |worker: &Worker| Worker {
            since_ms: worker.since_ms.map(|since| since.saturating_add(age)),
            last_poll_ms: worker.last_poll_ms.map(|last| last.saturating_add(age)),
            ..worker.clone()
        };
        WorkerList {
            schema: SCHEMA,
            as_of_ms: found.as_of.map(|at| millis(at.elapsed())),
            unknown,
            workers: found.workers.iter().map(older).collect(),
        }
    }

    /// The latest problems, while the server is sampled and the samples are complete. Sends no
    /// request.
    #[must_use]
    pub fn current(&self) -> Option<Vec<Problem>> {
        let is_looking = *self.until.borrow() > Instant::now();
        let list = is_looking.then(|| self.list())?;
        list.unknown.is_none().then_some(list.problems)
    }

    /// Keeps the samples current for some time. Waits up to 3 s for complete samples.
    async fn sampled(&self) {
        self.until.send_replace(Instant::now() + LINGER);
        let mut findings = self.findings.clone();
        let current = SampledServer::of(&self.snapshot.borrow().snapshot);
        if current.is_some() {
            let is_fresh = |it: &Sampled| it.is_complete && it.target == current;
            let _ = tokio::time::timeout(FIRST_SAMPLES, findings.wait_for(is_fresh)).await;
        }
    }

    /// What the samples of the server in this snapshot show, and why they may be incomplete.
    fn found(&self, snapshot: &Snapshot) -> (Sampled, Option<String>) {
        let found = self.findings.borrow().clone();
        let Some(current) = SampledServer::of(snapshot) else {
            return (Sampled::nothing(), Some(format!("the server is {}", snapshot.status.state)));
        };
        let found = if found.target == Some(current) { found } else { Sampled::nothing() };
        let unknown = found.error.clone().or_else(|| {
            found.as_of.is_none().then(|| "the server has not responded yet".to_owned())
        });
        (found, unknown)
    }

    /// The problems that are known now, without a wait for further samples.
    fn list(&self) -> ProblemList {
        let Latest { snapshot, at } = self.snapshot.borrow().clone();
        let (found, unknown) = self.found(&snapshot);
        let age = millis(found.at.elapsed());
        let older = |problem: &Problem| Problem {
            since_ms: problem.since_ms.saturating_add(age),
            next_try_ms: problem.next_try_ms.map(|next| next.saturating_sub(age)),
            as_of_ms: problem.as_of_ms.map(|as_of| as_of.saturating_add(age)),
            ..problem.clone()
        };
        let snapshot_age = millis(at.elapsed());
        let mut problems = of_server(&snapshot, snapshot_age);
        problems.extend(of_workers(&snapshot, snapshot_age));
        problems.extend(found.problems.iter().map(older));
        let mut problems = group(problems);
        for problem in &mut problems {
            problem.id = problem.identity();
        }
        self.dismissals.mark(&mut problems, found.is_complete && unknown.is_none());
        ProblemList {
            schema: SCHEMA,
            as_of_ms: found.as_of.map(|at| millis(at.elapsed())),
            unknown,
            problems,
        }
    }
}

async fn run(
    mut snapshot: watch::Receiver<Latest>,
    mut until: watch::Receiver<Instant>,
    (runs, queues): (LoggedRuns, LoadedQueues),
    found: watch::Sender<Sampled>,
) {
    // The budget is older than each sampling: many short samplings must not send more requests than
    // a long one.
    let mut budget = Budget::new(Instant::now());
    // So do the processes of workers: the server names a dead worker for five minutes.
    let mut pollers = Pollers::new();
    loop {
        if until.wait_for(|until| *until > Instant::now()).await.is_err() {
            return;
        }
        let current = snapshot.borrow_and_update().snapshot.clone();
        let facts = snapshot.clone();
        let target = SampledServer::of(&current);
        let server = current.status.temporal.as_ref().and_then(|server| server.server_pid);
        let sampling = async {
            match &target {
                Some(target) => {
                    let known = (&mut budget, &mut pollers);
                    let logged = (runs.read(), queues.clone());
                    Sampling::begin(target, server, known, logged, facts.clone(), &found).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sampling => {}
            () = no_client_requests(&mut until) => {}
            ended = other_target(&mut snapshot, target.as_ref()) => if ended { return },
        }
        found.send_replace(Sampled::nothing());
    }
}

/// Waits until the time in `until` has passed, which means that no client requests problems any more.
async fn no_client_requests(until: &mut watch::Receiver<Instant>) {
    loop {
        let end = *until.borrow_and_update();
        if end <= Instant::now() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep_until(end) => {}
            changed = until.changed() => if changed.is_err() { return },
        }
    }
}

/// Waits until another server, or no server, is up. Returns true if the host has ended.
async fn other_target(
    snapshot: &mut watch::Receiver<Latest>,
    target: Option<&SampledServer>,
) -> bool {
    while snapshot.changed().await.is_ok() {
        if SampledServer::of(&snapshot.borrow_and_update().snapshot).as_ref() != target {
            return false;
        }
    }
    true
}
