//! Samples a server while clients request its problems.

use super::group::group;
use super::judge::judge;
use super::millis;
use super::of_server::of_server;
use super::plan::{Answer, Budget, FORGOTTEN, NextStep, PAGE, Plan, SampleRequest, query};
use super::pollers::Pollers;
use crate::facts::Latest;
use crate::protocol::{FIRST_SAMPLES, Problem, ProblemList, SCHEMA, Snapshot};
use crate::supervisor::Generation;
use crate::temporal::health::Client;
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
/// Time between two look-ups of the processes of workers.
const PROCESSES: Duration = Duration::from_secs(1);
/// Number of rows of the list of recent workflows.
const RECENT: u16 = 10;

/// Watches the problems of one server. Without a client that requests problems, it sends no request
/// to the server.
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
    at: Instant,
}

impl Sampled {
    /// The value while no server is sampled. The samples of an earlier time would be outdated.
    fn nothing() -> Self {
        Self { target: None, is_complete: false, problems: Arc::default(), at: Instant::now() }
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
        self.until.send_replace(Instant::now() + LINGER);
        let mut findings = self.findings.clone();
        let current = SampledServer::of(&self.snapshot.borrow().snapshot);
        if current.is_some() {
            let is_fresh = |it: &Sampled| it.is_complete && it.target == current;
            let _ = tokio::time::timeout(FIRST_SAMPLES, findings.wait_for(is_fresh)).await;
        }
        self.list()
    }

    /// The latest problems. `None` if no client has requested problems recently. Sends no request
    /// to the server.
    #[must_use]
    pub fn current(&self) -> Option<Vec<Problem>> {
        let is_looking = *self.until.borrow() > Instant::now();
        is_looking.then(|| self.list().problems)
    }

    /// The problems that are known now. Waits for nothing.
    fn list(&self) -> ProblemList {
        let found = self.findings.borrow().clone();
        let Latest { snapshot, at } = self.snapshot.borrow().clone();
        let current = SampledServer::of(&snapshot);
        let is_current = current.is_some() && found.target == current;
        let age = millis(found.at.elapsed());
        let older = |problem: &Problem| Problem {
            since_ms: problem.since_ms.saturating_add(age),
            next_try_ms: problem.next_try_ms.map(|next| next.saturating_sub(age)),
            ..problem.clone()
        };
        let mut problems = of_server(&snapshot, millis(at.elapsed()));
        if is_current {
            problems.extend(found.problems.iter().map(older));
        }
        ProblemList {
            schema: SCHEMA,
            as_of_ms: is_current.then_some(age),
            problems: group(problems),
        }
    }
}

async fn run(
    mut snapshot: watch::Receiver<Latest>,
    mut until: watch::Receiver<Instant>,
    found: watch::Sender<Sampled>,
) {
    loop {
        if until.wait_for(|until| *until > Instant::now()).await.is_err() {
            return;
        }
        let target = SampledServer::of(&snapshot.borrow_and_update().snapshot);
        let sampling = async {
            match &target {
                Some(target) => sample(target, &found).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sampling => {}
            () = nobody_looks(&mut until) => {}
            ended = other_target(&mut snapshot, target.as_ref()) => if ended { return },
        }
        found.send_replace(Sampled::nothing());
    }
}

/// Waits until the time in `until` has passed, so that no client needs samples.
async fn nobody_looks(until: &mut watch::Receiver<Instant>) {
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

/// Samples the namespaces of a server, one request at a time.
async fn sample(target: &SampledServer, found: &watch::Sender<Sampled>) {
    let Ok(client) = Client::new(&target.address, PATIENCE) else {
        return std::future::pending().await;
    };
    let begun = Instant::now();
    let mut budget = Budget::new(begun);
    let mut pollers = Pollers::new();
    let mut plans: Vec<(&str, Plan)> =
        target.namespaces.iter().map(|name| (name.as_str(), Plan::new(begun))).collect();
    let mut processes_due = begun;
    // Whether every due request was sent once.
    let mut is_complete = false;
    loop {
        let now = Instant::now();
        let is_due = now >= processes_due;
        if is_due {
            for (_, plan) in &plans {
                for poller in plan.pollers() {
                    pollers.look(poller).await;
                }
            }
            processes_due = Instant::now() + PROCESSES;
            publish(target, is_complete, &plans, &pollers, found);
        }
        match next(&mut plans, &mut budget, now) {
            (at, NextStep::Send(look)) => {
                let (name, plan) = &mut plans[at];
                let sent = Instant::now();
                let answer = send(&client, name, &look).await;
                let now = Instant::now();
                budget.spend(&look, answer.is_ok(), now - sent, now);
                if let Err(error) = &answer {
                    tracing::debug!(%error, ?look, namespace = name, "a request failed");
                }
                if let Ok(Answer::Queue(state)) = &answer {
                    for poller in &state.pollers {
                        pollers.look(poller).await;
                    }
                }
                plan.take(look, answer.ok(), now);
            }
            (_, NextStep::Pause(due)) => tokio::time::sleep_until(due.min(processes_due)).await,
            (_, NextStep::Idle(due)) => {
                if !is_complete {
                    is_complete = true;
                    publish(target, is_complete, &plans, &pollers, found);
                }
                tokio::time::sleep_until(due.min(processes_due)).await;
            }
        }
    }
}

/// The next step of all namespaces, with the index of its namespace. The namespaces take turns.
fn next(plans: &mut [(&str, Plan)], budget: &mut Budget, now: Instant) -> (usize, NextStep) {
    plans.rotate_left(usize::from(plans.len() > 1));
    let mut idle = now + PROCESSES;
    for (at, (_, plan)) in plans.iter().enumerate() {
        match plan.next(budget, now) {
            NextStep::Idle(until) => idle = idle.min(until),
            next @ (NextStep::Send(_) | NextStep::Pause(_)) => return (at, next),
        }
    }
    (0, NextStep::Idle(idle))
}

async fn send(client: &Client, namespace: &str, look: &SampleRequest) -> Result<Answer, String> {
    let list = async |rows| {
        let text = query(look, SystemTime::now() - FORGOTTEN);
        let place = if let SampleRequest::Open(place) = look { place.as_slice() } else { &[] };
        client.list(namespace, &text, rows, place).await.map(Answer::Page)
    };
    match look {
        SampleRequest::Count => client.count(namespace).await.map(Answer::Counts),
        SampleRequest::Recent => list(RECENT).await,
        SampleRequest::Reported
        | SampleRequest::Open(_)
        | SampleRequest::Ended(_)
        | SampleRequest::Completed(_) => list(PAGE).await,
        SampleRequest::Run(key) => {
            client.describe_run(namespace, &key.workflow_id, &key.run_id).await.map(Answer::Run)
        }
        SampleRequest::Events(key) | SampleRequest::End(key) => {
            let page = if matches!(look, SampleRequest::End(_)) { 2 } else { 20 };
            let events = client.newest_events(namespace, &key.workflow_id, &key.run_id, page);
            events.await.map(Answer::Events)
        }
        SampleRequest::Queue(name, kind) => {
            client.queue(namespace, name, *kind).await.map(Answer::Queue)
        }
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
    let problems = plans.iter().flat_map(|(name, plan)| {
        let sample = plan.sample(name, now, |poller| pollers.sample(poller));
        judge(&sample, &target.address, now)
    });
    found.send_replace(Sampled {
        target: Some(target.clone()),
        is_complete,
        problems: Arc::new(problems.collect()),
        at: Instant::now(),
    });
}
