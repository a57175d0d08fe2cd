//! The task of one worker of a project. It owns the unit of the worker as the manager owns the unit
//! of the server: it performs the effects of the supervisor, and keeps the facts about the worker up
//! to date. It sends the facts and the entries of the timeline to the manager.
//!
//! A launch waits until the server is ready. So a worker that ends while the server is away does not
//! use up its restarts.

mod adoption;
mod generation;
mod launch;
mod preparation;
mod progress;
mod reload;
mod requests;
#[cfg(test)]
mod tests;

pub use requests::WorkerCommand;
pub(super) use requests::WorkerHandle;

use super::Outcome;
use super::report::WorkerReport;
use crate::facts::timeline::{self, Episode};
use crate::facts::{LeftWorker, RestartFacts, WorkerFacts};
use crate::paths::{Home, WorkerFiles};
use crate::process::environment::BaseEnvironment;
use crate::process::record::Record;
use crate::process::watch::Watched;
use crate::process::{lock, look};
use crate::project::WorkerSpec;
use crate::protocol::Entry;
use crate::supervisor::{
    Cause, Effect, Generation, Input, Round, Starting, State, Supervisor, Want,
};
use crate::unit::exit::Ended;
use crate::unit::files::Files;
use crate::unit::log_reader::LogReader;
use crate::unit::sweeps::Sweeps;
use crate::unit::tasks::Task;
use crate::unit::{Refused, Transition, Unit};
use crate::watch::WatchReport;
use crate::worker::prober::Report;
use crate::worker::{self, LOG_WORDS, LaunchedWorker, ServerAccess, WorkerLogFormat};
use reload::Reloads;
use requests::WorkerRequest;
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// A report from a task that the worker's task has started.
#[derive(Debug)]
enum Event {
    Launched {
        generation: Generation,
        result: Result<LaunchedWorker, Refused>,
    },
    Probed {
        generation: Generation,
        round: Round,
        report: Box<Report>,
    },
    Ended {
        generation: Generation,
        ended: Box<Ended>,
    },
    Searched {
        generation: Generation,
        result: Result<Option<(Box<Record>, Watched)>, Refused>,
    },
    /// The variables of the command that has started an adopted worker. `None` if unknown.
    Environment {
        generation: Generation,
        base: Option<Box<BaseEnvironment>>,
        /// The variables in use when the adoption requested these.
        unlearned: Arc<BaseEnvironment>,
    },
    /// A report about the watched files.
    Files(WatchReport),
    /// The end of `before` for a running worker.
    Prepared {
        number: u64,
        result: Option<Result<(), Refused>>,
    },
}

/// What the manager passes to the task of a worker.
#[derive(Debug)]
pub(super) struct Assignment {
    /// The home.
    pub home: Home,
    /// Path of the project file.
    pub project: PathBuf,
    /// The worker.
    pub spec: Arc<WorkerSpec>,
    /// The state that the previous host has left, and the time since it was left.
    pub left: Option<(LeftWorker, Duration)>,
    /// The timeline of earlier hosts.
    pub past: Arc<VecDeque<Arc<Entry>>>,
    /// Whether the user wants the worker up. `None` if unknown: then a running worker is wanted.
    pub wanted: Option<Want>,
    /// The variables of the latest command that runs the project. `None` for those of this host.
    pub base: Option<Arc<BaseEnvironment>>,
    /// The permissions for process operations.
    pub sweeps: Sweeps,
    /// The server.
    pub server: watch::Receiver<ServerAccess>,
}

/// The task of one worker.
#[derive(Debug)]
struct WorkerTask {
    name: String,
    unit: Unit,
    facts: WorkerFacts,
    files: WorkerFiles,
    kept: Files,
    spec: Arc<WorkerSpec>,
    /// The description of the worker for the next start, if the project file has changed.
    next: Option<Arc<WorkerSpec>>,
    server: watch::Receiver<ServerAccess>,
    sweeps: Sweeps,
    /// Whether the user wants the worker up, apart from a stop of the server. `None` until the
    /// search for a running process has ended, if nothing else says it.
    wanted: Option<Want>,
    /// The variables of the command that has started the worker, for each further start.
    base: watch::Sender<Arc<BaseEnvironment>>,
    /// The number of the halt in force: the worker is stopped because the server is stopped.
    halted: Option<u64>,
    reloads: Reloads,
    /// Cancels a launch that waits for the server, or for the end of `before`.
    wait: Option<oneshot::Sender<()>>,
    /// The queues that the last start polled.
    queues: BTreeSet<String>,
    /// Whether it is unknown if a process of an earlier host runs.
    unadopted: bool,
    /// The earlier starts whose end is in the timeline.
    past_ends: BTreeSet<Generation>,
    episode: Episode,
    waiters: Vec<(Want, oneshot::Sender<Outcome>)>,
    release: Option<oneshot::Sender<LeftWorker>>,
    requests: mpsc::UnboundedReceiver<WorkerRequest>,
    report: mpsc::UnboundedSender<Event>,
    events: mpsc::UnboundedReceiver<Event>,
    manager: mpsc::UnboundedSender<WorkerReport>,
}

/// Starts the task of a worker. The task ends when the returned handle is dropped. `panicked` is
/// called if the task or a task that it has started panics.
pub(super) fn begin(
    assignment: Assignment,
    manager: mpsc::UnboundedSender<WorkerReport>,
) -> WorkerHandle {
    let (requests, incoming) = mpsc::unbounded_channel();
    let (spec, project) = (assignment.spec.clone(), assignment.project.clone());
    let worker = WorkerTask::new(assignment, incoming, manager.clone());
    let facts = Arc::new(worker.facts.clone());
    let panicked = move || drop(manager.send(WorkerReport::Panicked));
    let task = Task::spawn(panicked, worker.run());
    WorkerHandle::new(requests, task, spec, project, facts)
}

impl WorkerTask {
    fn new(
        assignment: Assignment,
        requests: mpsc::UnboundedReceiver<WorkerRequest>,
        manager: mpsc::UnboundedSender<WorkerReport>,
    ) -> Self {
        let Assignment { home, project, spec, left, past, wanted, base, sweeps, server } =
            assignment;
        let now = Instant::now();
        let files = home.worker(&spec.name);
        let is_own = |it: &&Entry| it.worker.as_ref() == Some(&spec.name);
        let own: Vec<&Entry> = past.iter().map(AsRef::as_ref).filter(is_own).collect();
        let last = last_generation(&home, &files).unwrap_or_else(|error| {
            tracing::warn!(
                worker = spec.name, %error,
                "cannot read the number of the last start of the worker"
            );
            own.iter().map(|entry| entry.generation).max().unwrap_or_default()
        });
        let policy = worker::policy(&spec);
        let seed = jiff::Timestamp::now().as_nanosecond() as u64;
        let kind = worker::kind(&spec.name);
        let mut supervisor = Supervisor::new(kind, policy.clone(), last, seed, now);
        let schedule = supervisor.schedule().clone();
        let mut facts = WorkerFacts::new(&spec.name, &project, files.log(), policy, schedule, now);
        facts.generation = last;
        facts.command = spec.command();
        let left_want = left.as_ref().map(|(left, _)| left.want);
        match left {
            Some((left, gap)) => left.restore(gap, &mut supervisor, &mut facts, now),
            None => facts.recall(&own, now),
        }
        let past_ends = timeline::ended(own);
        let log = LogReader::start(
            files.log(),
            spec.limits.log_max,
            LOG_WORDS,
            WorkerLogFormat::default(),
        );
        let unit = Unit::new(supervisor, log, sweeps.clone(), files.lock());
        let (report, events) = mpsc::unbounded_channel();
        Self {
            name: spec.name.clone(),
            unit,
            facts,
            kept: Files::of(files.folder().to_owned()),
            files,
            spec,
            next: None,
            server,
            sweeps,
            wanted: left_want.or(wanted),
            base: watch::Sender::new(base.unwrap_or_else(|| Arc::new(BaseEnvironment::own()))),
            halted: None,
            reloads: Reloads::default(),
            wait: None,
            queues: BTreeSet::new(),
            unadopted: false,
            past_ends,
            episode: Episode::begin(Cause::Operator, String::new(), false, now),
            waiters: Vec::new(),
            release: None,
            requests,
            report,
            events,
            manager,
        }
    }

    async fn run(mut self) {
        // First, because an adoption may launch the worker, with a `before` of its own.
        self.end_before().await;
        self.adopt().await;
        if !self.reloads.is_watching() {
            self.watch_files(None);
        }
        if *self.wanted.get_or_insert(worker::default_want(&self.spec)) == Want::Up
            && matches!(self.unit.supervisor.state(), State::Stopped { .. })
        {
            self.step(Some(Input::Start));
        }
        self.publish();
        loop {
            let due = self.unit.supervisor.poll_timeout();
            let timer = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            let files_due = self.kept.due();
            let files = async {
                match files_due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(request) => self.handle(request),
                    None => return,
                },
                Some(event) = self.events.recv() => self.receive(event),
                () = timer => self.step(None),
                () = files => {}
            }
            self.publish();
            self.answer_waiters();
            if let Some(reply) = self.release.take_if(|_| !self.unit.is_launching()) {
                let _ = reply.send(self.leave());
                return;
            }
        }
    }

    /// Returns a callback that a task calls if it panics. The callback ends the manager.
    fn on_panic(&self) -> impl FnOnce() + Send + use<> {
        let manager = self.manager.clone();
        move || drop(manager.send(WorkerReport::Panicked))
    }

    fn receive(&mut self, event: Event) {
        match event {
            Event::Launched { generation, result } => {
                self.launched(generation, result);
                self.changed_later();
            }
            Event::Environment { generation, base, unlearned } => {
                self.learned(generation, base, &unlearned);
            }
            Event::Files(report) => self.files_changed(report),
            Event::Prepared { number, result } => self.prepared(number, result),
            Event::Probed { generation, round, report } => self.probed(generation, round, *report),
            Event::Ended { generation, ended } => self.ended(generation, &ended),
            Event::Searched { generation, result } => self.searched(generation, result),
        }
    }

    /// Passes an input to the supervisor, and performs the resulting effects. `None` means that a
    /// timeout of the supervisor is over.
    fn step(&mut self, input: Option<Input>) {
        let now = Instant::now();
        let Transition { before, after, effects } = self.unit.step(input, now);
        self.observe(&before, &after, now);
        self.facts.state = after;
        for effect in effects {
            self.perform(effect, now);
        }
        if !matches!(self.facts.state, State::Starting(Starting { launched: false, .. })) {
            // A stop has replaced the start that waits for the server.
            self.wait = None;
        }
        self.keep_preparation();
    }

    fn perform(&mut self, effect: Effect, now: Instant) {
        match effect {
            Effect::Launch { generation, cause, detail, automatic } => {
                self.facts.generation = generation;
                self.facts.last_words.clear();
                self.facts.note.clear();
                if let Some(spec) = self.next.take() {
                    self.unit.log.set_max(spec.limits.log_max);
                    self.facts.policy = worker::policy(&spec);
                    self.facts.command = spec.command();
                    self.spec = spec;
                }
                if automatic {
                    self.facts.remember_restart(RestartFacts::begin(cause, &self.episode));
                }
                self.episode.launching(now);
                self.launch(generation, cause, detail);
            }
            Effect::Search { generation } => self.search(generation),
            Effect::Terminate { generation, signal } => self.unit.terminate(generation, signal),
            Effect::Kill { generation } => self.unit.kill(generation),
            // No one else starts a worker under its name.
            Effect::Unwatch { .. } => {}
        }
    }
}

/// The number of the last start of a worker: the highest one in its lock file and its record.
fn last_generation(home: &Home, files: &WorkerFiles) -> io::Result<Generation> {
    let files = files.clone();
    look::promptly(home.root(), move |_| {
        let locked = Generation(lock::read_number(&files.lock())?);
        let recorded = Record::read(&files.record())?;
        Ok(recorded.map_or(locked, |record| record.generation.max(locked)))
    })
}
