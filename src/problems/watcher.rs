//! Samples a server while clients request its problems or its workers.

use super::budget::Budget;
use super::discovery::{Discovery, metrics_port};
use super::group::group;
use super::judge::judge;
use super::millis;
use super::of_server::of_server;
use super::plan::{FORGOTTEN, NextStep, PAGE, Plan};
use super::pollers::{Pollers, WorkerName};
use super::request::{Answer, RunKey, SampleRequest, query};
use super::sample::NamespaceSample;
use super::workers::workers;
use crate::facts::Latest;
use crate::process::Pid;
use crate::process::identity::own_pid;
use crate::process::threads::LOOKS;
use crate::protocol::{FIRST_SAMPLES, Problem, ProblemList, SCHEMA, Snapshot, Worker, WorkerList};
use crate::supervisor::Generation;
use crate::temporal::health::Client;
use crate::temporal::polls::polled;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// How long the watcher continues to sample after a request for problems, so that the next request
/// gets current samples.
const LINGER: Duration = Duration::from_secs(15);
/// Time limit of a request to the server.
const PATIENCE: Duration = Duration::from_secs(2);
/// Time between two look-ups of the processes of workers. The end of a worker is to be shown within 2 s
/// on a dashboard that requests the workers every second.
const PROCESSES: Duration = Duration::from_millis(500);
/// Number of the newest events that are read from the history of an open workflow, and from the
/// history of an ended workflow.
const EVENTS: (u16, u16) = (20, 10);

/// Watches the problems and the workers of one server. Without a client that requests them, it sends no
/// request to the server.
#[derive(Debug, Clone)]
pub struct Watcher {
    snapshot: watch::Receiver<Latest>,
    /// When the sampling ends, unless a client requests problems again.
    until: Arc<watch::Sender<Instant>>,
    findings: watch::Receiver<Sampled>,
    _task: Arc<AbortOnDropHandle<()>>,
}

/// The server that is sampled.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SampledServer {
    address: String,
    namespaces: Vec<String>,
    /// Number of the start of the server. A restart begins new samples, because a server with a
    /// database in memory loses all workflows at a restart.
    generation: Option<Generation>,
}

impl SampledServer {
    /// The server that the snapshot describes. `None` if that server is not up.
    fn of(snapshot: &Snapshot) -> Option<Self> {
        let status = &snapshot.status;
        let server = status.temporal.as_ref().filter(|_| status.state.is_up())?;
        Some(Self {
            address: server.address.clone(),
            namespaces: status.options.namespaces().to_vec(),
            generation: server.generation,
        })
    }
}

/// The problems that the latest samples show.
#[derive(Debug, Clone)]
struct Sampled {
    /// The sampled server. `None` if no server is sampled.
    target: Option<SampledServer>,
    /// Whether the samples are complete: each request that was due has been sent once.
    is_complete: bool,
    problems: Arc<Vec<Problem>>,
    workers: Arc<Vec<Worker>>,
    /// The time for which the ages in `problems` and `workers` are given.
    at: Instant,
    /// The time of the oldest list behind the problems. `None` until every list was answered.
    as_of: Option<Instant>,
    /// Why problems may be missing.
    error: Option<String>,
}

impl Sampled {
    /// The value while no server is sampled. The samples of an earlier time would be outdated.
    fn nothing() -> Self {
        Self {
            target: None,
            is_complete: false,
            problems: Arc::default(),
            workers: Arc::default(),
            at: Instant::now(),
            as_of: None,
            error: None,
        }
    }
}

impl Watcher {
    /// Starts the task that watches the server of these snapshots. The task ends when the last
    /// clone of the watcher is dropped.
    #[must_use]
    pub fn begin(snapshot: watch::Receiver<Latest>) -> Self {
        let now = Instant::now();
        let until = Arc::new(watch::Sender::new(now));
        let (found, findings) = watch::channel(Sampled::nothing());
        let task = run(snapshot.clone(), until.subscribe(), found);
        let task = Arc::new(AbortOnDropHandle::new(tokio::spawn(task)));
        Self { snapshot, until, findings, _task: task }
    }

    /// Returns the problems of the server and its workflows. If the samples are not complete yet,
    /// waits up to 3 s for them.
    pub async fn problems(&self) -> ProblemList {
        self.sampled().await;
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
            ..problem.clone()
        };
        let mut problems = of_server(&snapshot, millis(at.elapsed()));
        problems.extend(found.problems.iter().map(older));
        ProblemList {
            schema: SCHEMA,
            as_of_ms: found.as_of.map(|at| millis(at.elapsed())),
            unknown,
            problems: group(problems),
        }
    }
}

async fn run(
    mut snapshot: watch::Receiver<Latest>,
    mut until: watch::Receiver<Instant>,
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
        let target = SampledServer::of(&current);
        let server = current.status.temporal.as_ref().and_then(|server| server.server_pid);
        let sampling = async {
            match &target {
                Some(target) => sample(target, server, &mut budget, &mut pollers, &found).await,
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

/// Samples the namespaces of a server, one request at a time. `server` is its process, if known.
async fn sample(
    target: &SampledServer,
    server: Option<Pid>,
    budget: &mut Budget,
    pollers: &mut Pollers,
    found: &watch::Sender<Sampled>,
) {
    let Ok(client) = Client::new(&target.address, PATIENCE) else {
        return std::future::pending().await;
    };
    let begun = Instant::now();
    let port = target.address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let mut plans: Vec<(&str, Plan)> =
        target.namespaces.iter().map(|name| (name.as_str(), Plan::new(begun))).collect();
    let mut processes_due = begun;
    let mut discovery = Discovery::new(begun);
    let metrics = metrics_address(server).await;
    // Whether every due request was sent once.
    let mut is_complete = false;
    loop {
        let now = Instant::now();
        if now >= processes_due {
            pollers.look(port, worker_names(&plans)).await;
            processes_due = Instant::now() + PROCESSES;
            if let Some(metrics) = &metrics {
                let mut unnamed = pollers.unnamed();
                unnamed.retain(|pid| Some(*pid) != server && *pid != own_pid());
                if discovery.is_due(unnamed, now) && budget.pause(now).is_none() {
                    discover(metrics, &mut plans, budget).await;
                    discovery.sent(Instant::now());
                }
            }
            publish(target, is_complete, &plans, pollers, found);
        }
        match next(&mut plans, budget, now) {
            NextStep::Send(request) => {
                let (name, plan) = &mut plans[0];
                let sent = Instant::now();
                let answer = send(&client, name, &request).await;
                let now = Instant::now();
                let took = now - sent;
                budget.spend(&request, answer.is_ok(), took, now);
                if let Err(error) = &answer {
                    tracing::debug!(%error, ?request, namespace = name, "a request failed");
                }
                plan.take(request, answer, took, now);
                // The next namespace is first now.
                plans.rotate_left(1);
            }
            NextStep::Pause(due) => tokio::time::sleep_until(due.min(processes_due)).await,
            NextStep::Idle(due) => {
                if !is_complete && plans.iter().all(|(_, plan)| plan.as_of().is_some()) {
                    is_complete = true;
                    pollers.look(port, worker_names(&plans)).await;
                    publish(target, is_complete, &plans, pollers, found);
                }
                tokio::time::sleep_until(due.min(processes_due)).await;
            }
        }
    }
}

/// The address of the metrics of the server with this process.
async fn metrics_address(server: Option<Pid>) -> Option<String> {
    let server = server?;
    let port = LOOKS.run(PATIENCE, move || metrics_port(server)).await.ok()??;
    Some(format!("127.0.0.1:{port}"))
}

/// Adds the queues that are polled now to the plans.
async fn discover(metrics: &str, plans: &mut [(&str, Plan)], budget: &mut Budget) {
    let sent = Instant::now();
    let found = polled(metrics, PATIENCE).await;
    let now = Instant::now();
    budget.was_busy(now - sent, now);
    match found {
        Ok(targets) => {
            for (name, plan) in plans {
                let own = targets.iter().filter(|it| it.namespace == *name);
                plan.add_queues(own.map(|it| (it.queue.clone(), it.kind)), now);
            }
        }
        Err(error) => tracing::debug!(%error, "cannot find the queues that are polled"),
    }
}

/// The workers that the responses have named, each once, with its latest poll.
fn worker_names(plans: &[(&str, Plan)]) -> Vec<WorkerName> {
    let mut names: BTreeMap<String, WorkerName> = BTreeMap::new();
    for name in plans.iter().flat_map(|(_, plan)| plan.worker_names()) {
        let known = names.entry(name.identity.clone()).or_insert_with(|| name.clone());
        known.last_poll = known.last_poll.max(name.last_poll);
        known.place = known.place.take().or(name.place);
    }
    names.into_values().collect()
}

/// Returns the next step for all namespaces. A request belongs to the first plan in `plans`: this
/// function rotates `plans` so that the plan with the request is the first one.
fn next(plans: &mut [(&str, Plan)], budget: &mut Budget, now: Instant) -> NextStep {
    let mut idle = now + PROCESSES;
    for at in 0..plans.len() {
        match plans[at].1.next(budget, now) {
            NextStep::Idle(until) => idle = idle.min(until),
            NextStep::Pause(until) => return NextStep::Pause(until),
            NextStep::Send(request) => {
                plans.rotate_left(at);
                return NextStep::Send(request);
            }
        }
    }
    NextStep::Idle(idle)
}

async fn send(client: &Client, namespace: &str, request: &SampleRequest) -> Result<Answer, String> {
    let list = async |place: &[u8]| {
        let text = query(request, SystemTime::now() - FORGOTTEN);
        client.list(namespace, &text, PAGE, place).await.map(Answer::Page)
    };
    let events = async |key: &RunKey, page| {
        let RunKey { workflow_id, run_id } = key;
        client.newest_events(namespace, workflow_id, run_id, page).await.map(Answer::Events)
    };
    match request {
        SampleRequest::Open(place) => list(place).await,
        SampleRequest::Reported | SampleRequest::Ended(_) | SampleRequest::Completed(_) => {
            list(&[]).await
        }
        SampleRequest::Run { key: RunKey { workflow_id, run_id }, .. } => {
            client.describe_run(namespace, workflow_id, run_id).await.map(Answer::Run)
        }
        SampleRequest::Events(key) => events(key, EVENTS.0).await,
        SampleRequest::End(key) => events(key, EVENTS.1).await,
        SampleRequest::Queue(name, kind) => {
            client.queue(namespace, name, *kind).await.map(Answer::Queue)
        }
        SampleRequest::Workers => client.workers(namespace).await.map(Answer::Workers),
    }
}

fn publish(
    target: &SampledServer,
    is_complete: bool,
    plans: &[(&str, Plan)],
    pollers: &Pollers,
    found: &watch::Sender<Sampled>,
) {
    let now = SystemTime::now();
    let sample = |(name, plan): &(&str, Plan)| plan.sample(name, now, |it| pollers.process(it));
    let samples: Vec<NamespaceSample> = plans.iter().map(sample).collect();
    let problems = samples.iter().flat_map(|sample| judge(sample, &target.address, now));
    let mut errors = plans.iter().filter_map(|(name, plan)| Some((name, plan.error()?)));
    let as_of = plans.iter().map(|(_, plan)| plan.as_of()).collect::<Option<Vec<_>>>();
    found.send_replace(Sampled {
        target: Some(target.clone()),
        is_complete,
        problems: Arc::new(problems.collect()),
        workers: Arc::new(workers(&samples, |it| pollers.details(it), now)),
        at: Instant::now(),
        as_of: as_of.and_then(|times| times.into_iter().min()),
        error: errors.next().map(|(name, error)| format!("namespace {name}: {error}")),
    });
}
