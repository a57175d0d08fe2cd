//! Checks in rounds whether a worker polls its task queues.

use super::readiness::{Processes, missing};
use super::{ServerAccess, environment};
use crate::paths::WorkerFiles;
use crate::process::clients::Clients;
use crate::process::identity::own_pid;
use crate::process::sweep::Instance;
use crate::process::threads::LOOKS;
use crate::process::usage::{self, CpuMeter, Usage};
use crate::process::{Pid, linux};
use crate::project::WorkerSpec;
use crate::supervisor::{Check, Generation, RestartHelps, Round};
use crate::temporal::health::Client;
use crate::temporal::polls::{self, PollTarget};
use crate::temporal::queues::QueueKind;
use crate::unit::probe::{self, Probe};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;

/// The shortest time from the start of one round to the start of the next, until a round has passed.
const SHORTEST_PERIOD: Duration = Duration::from_millis(25);
/// Share of the time since the last change that passes between two rounds. A worker that does not become
/// ready for long is checked less often.
const SHARE: u32 = 30;
/// Time from the start of one round to the start of the next, after a round has passed. The end of a
/// process is seen at once, so a round finds only workers that run and poll no more.
const PERIOD: Duration = Duration::from_secs(2);
/// Time limit for reading data of processes, which usually takes milliseconds.
const READ: Duration = Duration::from_secs(1);
/// Time limit of a request to the server.
const REQUEST: Duration = Duration::from_secs(1);
/// Number of rounds after which all processes of the worker are searched again. A new connection makes
/// this necessary at once.
const MEMBERS_EVERY: u64 = 30;
/// An SDK opens a lost connection again within a second.
const RECONNECTING: Duration = Duration::from_secs(2);
/// Time between two requests for the pollers of the queues of a worker that polls.
const POLLS_EVERY: Duration = Duration::from_secs(20);
/// The shortest time between two readings of the metrics while no poll was seen. They cost the server
/// 12 ms, and show a poll up to a second late.
const METRICS_EVERY: Duration = Duration::from_millis(250);
/// Number of requests for known queues after which new queues are searched.
const QUEUES_EVERY: u32 = 6;

const SERVER: Check = Check { name: "server", shows_end: false };
const PROCESS: Check = Check { name: "process", shows_end: false };
const POLLS: Check = Check { name: "polls", shows_end: false };

/// The findings of one round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    /// Memory and CPU time of all processes of the worker, and their CPU use in percent.
    pub usage: Option<(Usage, Option<f64>)>,
    /// The namespace in which the worker polls. `None` until this is known.
    pub namespace: Option<String>,
    /// The task queues that the worker polls.
    pub queues: BTreeSet<String>,
}

/// The worker to check.
#[derive(Debug)]
pub(crate) struct WorkerTarget {
    /// The processes of the worker.
    pub instance: Instance,
    /// Whether this host has started the worker. Such a worker needs time for its start.
    pub is_spawned: bool,
    /// What the worker is to do.
    pub spec: Arc<WorkerSpec>,
    /// The queues that the previous start of the worker polled.
    pub queues: BTreeSet<String>,
    /// The files of the worker.
    pub files: WorkerFiles,
    /// The server.
    pub server: watch::Receiver<ServerAccess>,
}

/// Checks the worker in rounds and passes each result to `send`; see [`probe::run`].
pub(crate) async fn run(target: WorkerTarget, send: impl Fn(Round, Report) -> bool) {
    probe::run(WorkerProber::new(target), PERIOD, send).await;
}

struct WorkerProber {
    target: WorkerTarget,
    machine: String,
    started: SystemTime,
    clients: Clients,
    members: Vec<Pid>,
    cpu: CpuMeter,
    rounds: u64,
    has_passed: bool,
    /// Whether a process of the worker is connected to the server.
    is_connected: bool,
    /// When [`Self::is_connected`] changed, or the start of the checks.
    changed: Instant,
    /// The start of the server to which [`Self::polled`] belongs.
    generation: Generation,
    polled: BTreeSet<PollTarget>,
    /// Whether a queue with an unknown name is polled, perhaps by the worker; see [`polls::PolledQueues`].
    may_poll_unnamed: bool,
    /// Whether the worker has polled its queues since the start of the server.
    polls: bool,
    requests: u32,
    /// When the server is asked next.
    due: Instant,
    /// When the metrics of the server are read next.
    metrics_due: Instant,
    /// The connection to the server while a poll is searched. Later each request has its own: an open
    /// connection costs the server memory.
    client: Option<Client>,
    /// The namespace of the worker, as long as the server is the same.
    namespace: Option<String>,
}

/// What one look at the processes has shown.
struct ProcessLook {
    clients: Clients,
    members: Vec<Pid>,
    /// A process that a signal has stopped.
    halted: Option<Pid>,
    usage: Usage,
}

impl WorkerProber {
    fn new(target: WorkerTarget) -> Self {
        let machine = nix::unistd::gethostname().unwrap_or_default();
        let leader = &target.instance.leader;
        let age = linux::age(leader.start_ticks).unwrap_or_default();
        let now = Instant::now();
        Self {
            machine: machine.to_string_lossy().into_owned(),
            started: SystemTime::now().checked_sub(age).unwrap_or_else(SystemTime::now),
            clients: Clients::default(),
            members: vec![leader.pid],
            cpu: CpuMeter::default(),
            rounds: 0,
            has_passed: false,
            is_connected: false,
            changed: now,
            generation: Generation::default(),
            polled: BTreeSet::new(),
            may_poll_unnamed: false,
            polls: false,
            requests: 0,
            due: now,
            metrics_due: now,
            client: None,
            namespace: None,
            target,
        }
    }

    async fn check(&mut self) -> (Round, Report) {
        self.rounds += 1;
        let server = self.target.server.borrow_and_update().clone();
        if self.generation != server.generation {
            self.generation = server.generation;
            self.namespace = None;
            self.clients = Clients::default();
            self.forget_polls();
        }
        let Some((halted, usage)) = self.look(&server).await else {
            return (Round::Void, self.report(None));
        };
        let percent = self.cpu.percent(usage.cpu, Instant::now());
        let round = self.judge(&server, halted).await;
        self.has_passed |= round == Round::Pass;
        (round, self.report(Some((usage, percent))))
    }

    fn report(&self, usage: Option<(Usage, Option<f64>)>) -> Report {
        let queues = self.polled.iter().map(|target| target.queue.clone()).collect();
        Report { usage, namespace: self.namespace.clone(), queues }
    }

    fn forget_polls(&mut self) {
        let now = Instant::now();
        (self.polls, self.due, self.metrics_due) = (false, now, now);
        self.polled.clear();
        self.may_poll_unnamed = false;
        self.client = None;
    }

    /// Looks at the processes of the worker and at their connections. `None` if the kernel does not
    /// show them now.
    async fn look(&mut self, server: &ServerAccess) -> Option<(Option<Pid>, Usage)> {
        let is_connected = self.is_connected;
        let is_lost = self.has_passed && !is_connected;
        let mut searches = is_lost || self.rounds % MEMBERS_EVERY == 1;
        let (instance, lock) = (self.target.instance.clone(), self.target.files.lock());
        let (mut members, port) = (self.members.clone(), server.port.filter(|_| server.is_ready));
        let mut clients = std::mem::take(&mut self.clients);
        let job = move || -> std::io::Result<ProcessLook> {
            let is_kept = is_connected && members.iter().any(|pid| clients.keeps_connection(*pid));
            let has_new = match port.filter(|_| !is_kept) {
                Some(port) => clients.refresh(port)?,
                None => false,
            };
            searches |= has_new;
            if searches {
                members = instance.members(&lock)?.iter().map(|member| member.pid).collect();
            }
            if has_new {
                // A process between its fork and its exec has copies of the connections of its parent,
                // which is this host if the process is to become another worker.
                clients.search_last(&[&[own_pid()], &members[..]].concat())?;
            }
            let (usage, halted) = usage::read_with_halted(&members);
            Ok(ProcessLook { clients, members, halted, usage })
        };
        let look = LOOKS.run(READ, job).await.ok()?.ok()?;
        (self.clients, self.members) = (look.clients, look.members);
        let is_connected = |pid: &Pid| self.clients.is_connected(*pid) != Some(false);
        // Connections to a server on another machine are not visible.
        let is_connected =
            server.is_ready && (server.port.is_none() || self.members.iter().any(is_connected));
        if is_connected != self.is_connected {
            (self.is_connected, self.changed) = (is_connected, Instant::now());
        }
        Some((look.halted, look.usage))
    }

    async fn judge(&mut self, server: &ServerAccess, halted: Option<Pid>) -> Round {
        if !server.is_ready {
            let detail = "the server is not ready".to_owned();
            return Round::Fail { check: SERVER, detail, restart_helps: RestartHelps::Waiting };
        }
        if let Some(pid) = halted {
            return self.fails(PROCESS, format!("a signal has stopped process {pid}"));
        }
        if !self.is_connected {
            // The connection may return in a moment.
            return match self.has_passed && self.changed.elapsed() < RECONNECTING {
                true => Round::Pass,
                false => self.fails(POLLS, "not connected to the server".to_owned()),
            };
        }
        if Instant::now() >= self.due {
            match self.request(server).await {
                Ok(polled) => self.polled = polled,
                // The server does not show the polls now. What is known stays.
                Err(_) if self.polls => {}
                Err(error) => return self.fails(POLLS, error),
            }
            let missing = self.missing(server);
            if self.polls && missing.is_some() {
                self.forget_polls();
            }
            self.polls = missing.is_none();
            if self.polls {
                self.client = None;
                self.due = Instant::now() + POLLS_EVERY;
            }
        }
        match self.missing(server).filter(|_| !self.polls) {
            Some(detail) => self.fails(POLLS, detail),
            None => Round::Pass,
        }
    }

    fn missing(&self, server: &ServerAccess) -> Option<String> {
        let wanted = &self.target.spec.task_queues;
        let is_unknown = server.metrics.is_none() || self.may_poll_unnamed;
        if wanted.is_empty() && self.polled.is_empty() && is_unknown {
            // Which queues exist is unknown, so the connection must do.
            return None;
        }
        missing(wanted, &self.polled.iter().map(|target| target.queue.clone()).collect())
    }

    /// Requests the pollers of the queues that the worker may poll. Returns the ones that it polls.
    async fn request(&mut self, server: &ServerAccess) -> Result<BTreeSet<PollTarget>, String> {
        if self.namespace.is_none() {
            self.namespace = Some(environment::namespace(&self.target.spec, server).await);
        }
        let namespace = self.namespace.clone().unwrap_or_default();
        let targets = self.targets(&namespace, server).await?;
        let client = match &self.client {
            Some(client) => client.clone(),
            None => Client::new(&server.address, REQUEST)?,
        };
        if !self.polls {
            self.client = Some(client.clone());
        }
        let (members, started) = (&self.members, self.started);
        let processes = Processes { machine: &self.machine, members, started };
        let mut polled: BTreeSet<PollTarget> = BTreeSet::new();
        for target in targets {
            // A worker that polls one kind of tasks polls the queue.
            if polled.iter().any(|it| it.queue == target.queue) {
                continue;
            }
            let queue = client.queue(&target.namespace, &target.queue, target.kind).await?;
            let now = SystemTime::now();
            if queue.pollers.iter().any(|poller| processes.include(poller, now)) {
                polled.insert(target);
            }
        }
        Ok(polled)
    }

    /// The queues to request. The project file names them, or the previous start polled them, or the
    /// metrics of the server show them.
    async fn targets(
        &mut self,
        namespace: &str,
        server: &ServerAccess,
    ) -> Result<BTreeSet<PollTarget>, String> {
        let wanted = &self.target.spec.task_queues;
        let is_named = !wanted.is_empty();
        if self.polls {
            self.requests = self.requests.wrapping_add(1);
        }
        let searches = !self.polls || self.requests.is_multiple_of(QUEUES_EVERY);
        if self.polls && (is_named || !searches) {
            return Ok(self.polled.clone());
        }
        let of_kind = |queue: &String, kind| PollTarget {
            namespace: namespace.to_owned(),
            queue: queue.clone(),
            kind,
        };
        let kinds = [QueueKind::Workflow, QueueKind::Activity];
        let both = |queue: &String| kinds.map(|kind| of_kind(queue, kind));
        if is_named {
            return Ok(wanted.iter().flat_map(both).collect());
        }
        let mut targets: BTreeSet<PollTarget> = self.polled.clone();
        if !self.polls {
            targets.extend(self.target.queues.iter().flat_map(both));
        }
        if let Some(address) = &server.metrics
            && Instant::now() >= self.metrics_due
        {
            let shown = polls::polled(address, REQUEST).await?;
            targets.extend(shown.named(namespace, &server.queues));
            self.may_poll_unnamed = shown.has_unnamed(namespace, &server.queues);
            self.metrics_due = Instant::now() + METRICS_EVERY.max(pace(self.changed.elapsed()));
        }
        Ok(targets)
    }

    fn fails(&self, check: Check, detail: String) -> Round {
        let restart_helps = match self.target.is_spawned && !self.has_passed {
            true => RestartHelps::NotYet,
            false => RestartHelps::Yes,
        };
        Round::Fail { check, detail, restart_helps }
    }
}

impl Probe for WorkerProber {
    type Report = Report;

    async fn round(&mut self) -> (Round, Report) {
        self.check().await
    }

    fn patience(&self) -> Duration {
        (READ + REQUEST) * 4
    }

    fn starting_period(&self) -> Duration {
        pace(self.changed.elapsed())
    }
}

/// Time from the start of one round to the start of the next, until a round has passed.
fn pace(since_change: Duration) -> Duration {
    (since_change / SHARE).clamp(SHORTEST_PERIOD, PERIOD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worker_that_does_not_become_ready_is_checked_less_often() {
        for (since_ms, pace_ms) in
            [(0, 25), (700, 25), (3_000, 100), (30_000, 1_000), (60_000, 2_000), (3_600_000, 2_000)]
        {
            assert_eq!(pace(Duration::from_millis(since_ms)), Duration::from_millis(pace_ms));
        }
    }
}
