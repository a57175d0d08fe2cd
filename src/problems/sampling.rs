//! Samples one server: sends the requests of the plans, and looks at the processes of workers meanwhile.

use super::budget::Budget;
use super::discovery::{Discovery, metrics_port};
use super::judge::judge;
use super::plan::{FORGOTTEN, NextStep, PAGE, Plan};
use super::pollers::{Pollers, WorkerName};
use super::request::{Answer, RunKey, SampleRequest, queries};
use super::sample::NamespaceSample;
use super::workers::workers;
use crate::facts::{Latest, LoggedRun, LoggedRunReader};
use crate::process::Pid;
use crate::process::identity::own_pid;
use crate::process::threads::LOOKS;
use crate::protocol::{Problem, Snapshot, Worker};
use crate::supervisor::Generation;
use crate::temporal::actions::RunRef;
use crate::temporal::executions::ExecutionPage;
use crate::temporal::health::Client;
use crate::temporal::polls::{LoadedQueues, polled};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Time limit of a request to the server.
const PATIENCE: Duration = Duration::from_secs(2);
/// Time between two look-ups of the processes of workers. The end of a worker is to be shown within 2 s
/// on a dashboard that requests the workers every second.
const PROCESSES: Duration = Duration::from_millis(500);
/// Number of the newest events that are read from the history of an open workflow, and from the
/// history of an ended workflow.
const EVENTS: (u16, u16) = (20, 10);

/// The server that is sampled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SampledServer {
    address: String,
    namespaces: Vec<String>,
    /// Number of the start of the server. A restart begins new samples, because a server with a
    /// database in memory loses all workflows at a restart.
    generation: Option<Generation>,
}

impl SampledServer {
    /// The server that the snapshot describes. `None` if that server is not up.
    pub(super) fn of(snapshot: &Snapshot) -> Option<Self> {
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
pub(super) struct Sampled {
    /// The sampled server. `None` if no server is sampled.
    pub(super) target: Option<SampledServer>,
    /// Whether the samples are complete: each request that was due has been sent once.
    pub(super) is_complete: bool,
    pub(super) problems: Arc<Vec<Problem>>,
    pub(super) workers: Arc<Vec<Worker>>,
    /// The time for which the ages in `problems` and `workers` are given.
    pub(super) at: Instant,
    /// The time of the oldest list behind the problems. `None` until every list was answered.
    pub(super) as_of: Option<Instant>,
    /// Why problems may be missing.
    pub(super) error: Option<String>,
}

impl Sampled {
    /// The value while no server is sampled. The samples of an earlier time would be outdated.
    pub(super) fn nothing() -> Self {
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

/// A server that is sampled, and the samples so far.
pub(super) struct Sampling<'a> {
    target: &'a SampledServer,
    client: Client,
    /// The process of the server.
    server: Option<Pid>,
    /// The address of the metrics of the server.
    metrics: Option<String>,
    budget: &'a mut Budget,
    pollers: &'a mut Pollers,
    /// The plan of each namespace. The first plan is the next one to send a request.
    plans: Vec<(&'a str, Plan)>,
    discovery: Discovery,
    /// The workflows that the log of the server names with a failure.
    logged: LoggedRunReader,
    queues: LoadedQueues,
    /// When the processes of workers are looked up next.
    processes_due: Instant,
    /// Whether every due request was sent once.
    is_complete: bool,
    /// The state of the host, which has the workers that stigmer runs.
    snapshot: watch::Receiver<Latest>,
    found: &'a watch::Sender<Sampled>,
}

impl<'a> Sampling<'a> {
    /// Samples the namespaces of a server, one request at a time, until the future is dropped. `server`
    /// is its process, if known.
    pub(super) async fn begin(
        target: &'a SampledServer,
        server: Option<Pid>,
        (budget, pollers): (&'a mut Budget, &'a mut Pollers),
        (logged, queues): (LoggedRunReader, LoadedQueues),
        snapshot: watch::Receiver<Latest>,
        found: &'a watch::Sender<Sampled>,
    ) {
        let Ok(client) = Client::new(&target.address, PATIENCE) else {
            return std::future::pending().await;
        };
        let now = Instant::now();
        let plan = |name: &'a String| (name.as_str(), Plan::new(now));
        let sampling = Self {
            target,
            client,
            server,
            metrics: metrics_address(server).await,
            budget,
            pollers,
            plans: target.namespaces.iter().map(plan).collect(),
            discovery: Discovery::new(now),
            logged,
            queues,
            processes_due: now,
            is_complete: false,
            snapshot,
            found,
        };
        sampling.run().await;
    }

    async fn run(mut self) {
        loop {
            let now = Instant::now();
            if now >= self.processes_due {
                self.look().await;
            }
            if self.is_discovery_due(now) {
                self.discover().await;
            }
            match next(&mut self.plans, self.budget, now) {
                NextStep::Send(request) => self.request(request).await,
                NextStep::Pause(due) => self.rest(due).await,
                NextStep::Idle(due) => {
                    let is_answered = |(_, plan): &(&str, Plan)| plan.as_of().is_some();
                    if !self.is_complete && self.plans.iter().all(is_answered) {
                        self.is_complete = true;
                        self.look().await;
                    }
                    self.rest(due).await;
                }
            }
        }
    }

    /// Waits until this time, until the processes are to be looked up, or until the log names a workflow.
    async fn rest(&mut self, due: Instant) {
        tokio::select! {
            () = sleep_until(due.min(self.processes_due)) => {}
            LoggedRun { workflow_id, run_id } = self.logged.next() => {
                // The line names the namespace only by its ID.
                for (_, plan) in &mut self.plans {
                    let (workflow_id, run_id) = (workflow_id.clone(), run_id.clone());
                    plan.is_logged(RunKey { workflow_id, run_id });
                }
            }
        }
    }

    /// Looks up the processes of the workers, and publishes the samples.
    async fn look(&mut self) {
        let port = self.target.address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        self.pollers.look(port, worker_names(&self.plans)).await;
        let (now, pollers) = (SystemTime::now(), &*self.pollers);
        for (_, plan) in &mut self.plans {
            plan.update_code(now, |identity| pollers.process(identity));
        }
        self.processes_due = Instant::now() + PROCESSES;
        self.publish();
    }

    /// Waits for a response of the server. A slow server delays no look at the processes.
    async fn response<T>(&mut self, pending: impl Future<Output = T>) -> T {
        tokio::pin!(pending);
        loop {
            tokio::select! {
                response = &mut pending => return response,
                () = sleep_until(self.processes_due) => self.look().await,
            }
        }
    }

    /// Sends a request of the first plan. The plan of the next namespace is the first one then.
    async fn request(&mut self, request: SampleRequest) {
        let (name, client) = (self.plans[0].0, self.client.clone());
        let sent = Instant::now();
        let answer = self.response(send(&client, name, &request)).await;
        let now = Instant::now();
        let took = now - sent;
        self.budget.spend(&request, answer.is_ok(), took, now);
        if let Err(error) = &answer {
            tracing::debug!(%error, ?request, namespace = name, "a request failed");
        }
        self.plans[0].1.take(request, answer, took, now);
        self.plans.rotate_left(1);
    }

    /// Publishes what the samples show.
    fn publish(&self) {
        let (now, plans, pollers) = (SystemTime::now(), &self.plans, &*self.pollers);
        let snapshot = self.snapshot.borrow().snapshot.clone();
        let units = &snapshot.status.workers;
        let sample = |(name, plan): &(&str, Plan)| plan.sample(name, now, |it| pollers.process(it));
        let samples: Vec<NamespaceSample> = plans.iter().map(sample).collect();
        let address = &self.target.address;
        let problems = samples.iter().flat_map(|sample| judge(sample, units, address, now));
        let mut errors = plans.iter().filter_map(|(name, plan)| Some((name, plan.error()?)));
        let as_of = plans.iter().map(|(_, plan)| plan.as_of()).collect::<Option<Vec<_>>>();
        self.found.send_replace(Sampled {
            target: Some(self.target.clone()),
            is_complete: self.is_complete,
            problems: Arc::new(problems.collect()),
            workers: Arc::new(workers(&samples, |it| pollers.details(it), now)),
            at: Instant::now(),
            as_of: as_of.and_then(|times| times.into_iter().min()),
            error: errors.next().map(|(name, error)| format!("namespace {name}: {error}")),
        });
    }

    fn is_discovery_due(&mut self, now: Instant) -> bool {
        let polling = self.plans.iter().flat_map(|(_, plan)| plan.polling());
        let mut others = self.pollers.others(polling);
        others.retain(|pid| Some(*pid) != self.server && *pid != own_pid());
        self.metrics.is_some()
            && self.discovery.is_due(others, now)
            && self.budget.pause(now).is_none()
    }

    /// Adds the queues that are polled now to the plans.
    async fn discover(&mut self) {
        let Some(metrics) = self.metrics.clone() else { return };
        let sent = Instant::now();
        let found = self.response(polled(&metrics, PATIENCE)).await;
        let now = Instant::now();
        self.budget.was_busy(now - sent, now);
        self.discovery.sent(now);
        match found {
            Ok(shown) => {
                for (name, plan) in &mut self.plans {
                    let queues = shown.named(name, &self.queues).into_iter();
                    plan.add_queues(queues.map(|it| (it.queue, it.kind)), now);
                }
            }
            Err(error) => tracing::debug!(%error, "cannot find the queues that are polled"),
        }
    }
}

/// The address of the metrics of the server with this process.
async fn metrics_address(server: Option<Pid>) -> Option<String> {
    let server = server?;
    let port = LOOKS.run(PATIENCE, move || metrics_port(server)).await.ok()??;
    Some(format!("127.0.0.1:{port}"))
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
        let mut found = ExecutionPage::default();
        for query in queries(request, SystemTime::now() - FORGOTTEN) {
            let page = client.list(namespace, &query, PAGE, place).await?;
            found.executions.extend(page.executions);
            found.next = page.next;
        }
        Ok(Answer::Page(found))
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
            let description = client.describe_run(namespace, workflow_id, run_id).await;
            description.map(|it| Answer::Run(it, SystemTime::now()))
        }
        SampleRequest::Events(key) => events(key, EVENTS.0).await,
        SampleRequest::End(key) => events(key, EVENTS.1).await,
        SampleRequest::Replay { key: RunKey { workflow_id, run_id }, .. } => {
            let (namespace, workflow_id, run_id) =
                (namespace.to_owned(), workflow_id.clone(), run_id.clone());
            let run = RunRef { namespace, workflow_id, run_id };
            client.mismatch(&run).await.map(Answer::Replay)
        }
        SampleRequest::Queue(name, kind) => {
            client.queue(namespace, name, *kind).await.map(Answer::Queue)
        }
        SampleRequest::Workers => client.workers(namespace).await.map(Answer::Workers),
    }
}
