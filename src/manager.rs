//! The manager: the task of a host that acts on the server. It owns the server process (through its
//! [`Unit`]), performs the effects that the supervisor requests, and keeps the facts for the
//! status. Slow work runs in other tasks, which send reports to the manager. Each report contains
//! the generation: the number of the start of the server that the report is about.

mod adoption;
mod commands;
mod crew;
mod generation;
mod handle;
mod history;
mod intent;
mod namespaces;
mod project_watch;
mod report;
#[cfg(test)]
mod tests;
mod transitions;
mod upkeep;
mod versions;
mod worker;

pub use handle::{Command, Handle};
use history::Predecessor;
pub use history::gave_up;
pub use worker::WorkerCommand;

use crate::config::Settings;
use crate::facts::chronicle::Chronicle;
use crate::facts::timeline::{self, Episode};
use crate::facts::{
    Broadcast, Facts, HandOver, Intent, LoggedRuns, RestartFacts, SERVER_KIND, UNADOPTED,
};
use crate::paths::files::Unreadable;
use crate::process::threads::{LOOKS, REPAIRS};
use crate::protocol::{ApiError, Mode};
use crate::server::aftermath::Aftermath;
use crate::server::launch::{self, LaunchRequest, Launched, Searched};
use crate::server::log_format::ServerLog;
use crate::server::prober;
use crate::supervisor::{Effect, Generation, Input, Round, State, Supervisor, Want};
use crate::temporal::polls::LoadedQueues;
use crate::unit::exit::Ended;
use crate::unit::files::Files;
use crate::unit::init::Init;
use crate::unit::log_reader::LogReader;
use crate::unit::sweeps::{Permit, Sweeps, Unswept};
use crate::unit::tasks::spawn;
use crate::unit::{Refused, Transition, Unit};
use adoption::{Adoptable, Unadopted};
use commands::{PendingStop, Waiter};
use crew::Crew;
use handle::Request;
use report::WorkerReport;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// The outcome of a command. An error describes what failed, on which object, why, and what to do
/// next.
pub type Outcome = Result<(), ApiError>;

/// A report from a task that the manager has started.
#[derive(Debug)]
enum Event {
    Launched {
        generation: Generation,
        result: Result<Launched, Refused>,
    },
    Probed {
        generation: Generation,
        round: Round,
        report: Box<prober::Report>,
    },
    Ended {
        generation: Generation,
        end: Box<End>,
    },
    Version {
        generation: Generation,
        version: Option<String>,
    },
    ServerVersion {
        generation: Generation,
        version: String,
    },
    Noted {
        generation: Generation,
        note: String,
    },
    Searched {
        generation: Generation,
        result: Searched,
    },
    /// The task queues that the log of an adopted server names.
    Queues {
        generation: Generation,
        queues: LoadedQueues,
    },
    /// The result of another search for the server of an earlier host.
    Looked(io::Result<Adoptable>),
    /// A task has panicked, so its report will never arrive.
    Panicked,
}

/// The end of one run of the server.
#[derive(Debug)]
struct End {
    ended: Ended,
    aftermath: Aftermath,
    /// Time from the exit of the server until all its processes had ended and its ports, lock and
    /// disks had been examined.
    cleaned: Duration,
}

type Report = mpsc::UnboundedSender<Event>;

/// Acts on the server: owns its processes and log (the unit), and performs the effects that the
/// supervisor requests.
#[derive(Debug)]
pub struct Manager {
    unit: Unit,
    facts: Facts,
    published: watch::Sender<Arc<Facts>>,
    broadcast: Broadcast,
    requests: mpsc::Receiver<Request>,
    events: mpsc::UnboundedReceiver<Event>,
    report: Report,
    sweeps: Sweeps,
    waiters: Vec<Waiter>,
    /// The channel for the response to a hand-over request. `None` if no such request is waiting.
    release: Option<oneshot::Sender<HandOver>>,
    /// Set while this host does not know whether a server of an earlier host still runs. Such a
    /// server must not be ended as a leftover of an earlier generation.
    unadopted: Option<Unadopted>,
    /// The options for the next start, if a restart with new options was requested.
    next: Option<Box<Settings>>,
    /// The intent of the previous host: whether the server was to run. `None` if unknown.
    resumed: Option<Want>,
    /// Whether the previous host has left a server that is to run. Its projects continue too.
    loads_projects: bool,
    intent: intent::Decision,
    episode: Episode,
    /// Time at which the server stopped working unexpectedly. `None` while no downtime is measured.
    down_since: Option<Instant>,
    chronicle: Chronicle,
    files: Files,
    init: Init,
    /// The workers of the projects.
    crew: Crew,
    /// The stop of the server that follows after the end of the workers.
    stopping: Option<PendingStop>,
    /// The task queues that the server has loaded.
    queues: LoadedQueues,
}

impl Manager {
    /// Creates a manager, and reads the state that the previous host has handed over. Starts no
    /// server. This process must hold the host lock of the home.
    ///
    /// # Errors
    /// If a file of an earlier host cannot be read. The file is kept, so that a later attempt can
    /// read it.
    pub fn new(
        settings: Settings,
        mode: Mode,
        sweeps: Sweeps,
    ) -> Result<(Self, Handle), Unreadable> {
        let now = Instant::now();
        let home = settings.home.clone();
        let before = Predecessor::read(&home)?;
        let (last, resumed) = (before.last, before.want);
        let workers = Intent::workers(&home);
        let crew = Crew::new(home.clone(), sweeps.clone(), workers, before.workers());
        let seed = jiff::Timestamp::now().as_nanosecond() as u64;
        let mut supervisor = Supervisor::new(SERVER_KIND, settings.policy.clone(), last, seed, now);
        let path = settings.home.temporal_log();
        let (logged_runs, queues) = (LoggedRuns::default(), LoadedQueues::default());
        let format = ServerLog::new(logged_runs.clone(), queues.clone());
        let log = LogReader::start(path, settings.log_max, upkeep::LOG_WORDS, format);
        let settings = Arc::new(settings);
        let mut facts = Facts::new(settings, mode, supervisor.schedule().clone(), now);
        facts.generation = last;
        // Set the intent before the first event: without it, a command that connects early would
        // see a host with a stopped server.
        facts.want = resumed.unwrap_or(match mode {
            Mode::Background => Want::Up,
            Mode::Tui | Mode::Headless | Mode::Other => Want::Down,
        });
        before.restore(&mut supervisor, &mut facts, now);
        let episode = history::first_episode(supervisor.state(), now);
        let (published, watch) = watch::channel(Arc::new(facts.clone()));
        let broadcast = Broadcast::new(&facts, now);
        let source = broadcast.source();
        let (requests, incoming) = mpsc::channel(32);
        let (report, events) = mpsc::unbounded_channel();
        let unit = Unit::new(supervisor, log, sweeps.clone(), home.temporal_lock());
        let mut manager = Self {
            unit,
            facts,
            published,
            broadcast,
            requests: incoming,
            events,
            report,
            sweeps,
            chronicle: Chronicle::open(&home.events()),
            waiters: Vec::new(),
            release: None,
            unadopted: None,
            next: None,
            resumed,
            loads_projects: resumed == Some(Want::Up),
            intent: intent::Decision::default(),
            episode,
            down_since: None,
            files: Files::of(home.root().to_owned()),
            init: Init::default(),
            crew,
            stopping: None,
            queues: queues.clone(),
        };
        manager.keep_logs();
        Ok((manager, Handle { requests, facts: watch, source, logged_runs, queues }))
    }

    /// Records in the timeline that this host replaces a dead host. Sets the intent "up", because
    /// the server was to run under the dead host. `host` describes the dead host. Must be called
    /// before [`Self::run`].
    pub fn succeed(&mut self, host: String, since_death: Duration) {
        tracing::warn!(%host, ?since_death, "the previous host died: this host takes over");
        self.resumed = Some(Want::Up);
        self.loads_projects = true;
        self.remember(timeline::host_died(self.facts.generation, host, Some(since_death)));
    }

    /// Records in the timeline that the previous host was killed and that no watchdog replaced it, and
    /// continues its projects. `host` describes the dead host. Must be called before [`Self::run`].
    pub fn mourn(&mut self, host: String) {
        tracing::warn!(%host, "the previous host was killed, and no watchdog replaced that host");
        self.loads_projects = true;
        self.remember(timeline::host_died(self.facts.generation, host, None));
    }

    /// Whether an earlier host has left its intent (whether the server is to run) for this manager.
    #[must_use]
    pub fn resumes(&self) -> bool {
        self.resumed.is_some()
    }

    /// Adopts a running server, then handles requests and events. Returns when all handles are
    /// dropped, after a hand-over, or after a panic in a task.
    pub async fn run(mut self) {
        let sweeps = self.sweeps.clone();
        self.files.keep("supervisor.lock", move || sweeps.keep_lock());
        self.adopt().await;
        self.adopt_workers().await;
        self.resume_intent();
        if self.facts.host.mode == Mode::Background && !self.resumes() {
            let (reply, _) = oneshot::channel();
            self.carry_out(Command::Start, reply).await;
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
            let wakes = self.wakes();
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(Request::Command { command, reply }) => self.carry_out(command, reply).await,
                    Some(Request::EndGrace) => {
                        tracing::info!("a second request ends the grace period: killing the server");
                        self.end_grace();
                    }
                    Some(Request::Follow(down)) => self.follow(&down).await,
                    Some(Request::CheckFiles) => self.files.hurry(),
                    Some(Request::Project { project, base, reply }) => {
                        let _ = reply.send(self.run_project(&project, true, base));
                    }
                    Some(Request::AwaitWorkers { project, reply }) => {
                        self.crew.outcome(project, reply);
                    }
                    Some(Request::Worker { name, command, base, reply }) => {
                        self.command_worker(&name, command, base, reply);
                    }
                    Some(Request::Trouble { with, what }) => self.facts.trouble(with, what),
                    // All earlier requests are handled and their effects are published by now, so
                    // respond at once.
                    Some(Request::Settle { reply }) => drop(reply.send(())),
                    Some(Request::Release { reply }) => self.release = Some(reply),
                    None => return,
                },
                Some(event) = self.events.recv() => match event {
                    Event::Launched { generation, result } => self.launched(generation, result),
                    Event::Probed { generation, round, report } => {
                        self.probed(generation, round, &report);
                    },
                    Event::Ended { generation, end } => self.ended(generation, *end),
                    Event::Version { generation, version } => self.version(generation, version),
                    Event::ServerVersion { generation, version } => {
                        self.server_version(generation, version);
                    }
                    Event::Queues { generation, queues } => self.queues_read(generation, &queues),
                    Event::Noted { generation, note } => self.noted(generation, note),
                    Event::Searched { generation, result } => self.searched(generation, result),
                    Event::Looked(found) => self.looked(found),
                    // The report of the task is lost, so this manager no longer knows the state of
                    // the server. End: the next host examines the server again.
                    Event::Panicked => return,
                },
                Some(report) = self.crew.next() => match report {
                    WorkerReport::Facts { facts, wanted, halted } => {
                        self.worker_changed(facts, wanted, halted);
                    }
                    WorkerReport::Entry(entry) => self.remember(*entry),
                    WorkerReport::Prepared(prepared) => self.crew.prepared(*prepared),
                    WorkerReport::Project(change) => self.project_changed(*change),
                    WorkerReport::Panicked => return,
                },
                () = timer => self.step(None),
                () = tokio::time::sleep_until(wakes.into()) => {}
            }
            self.look_again();
            self.proceed_with_stop();
            // Publish the facts before the responses. After a response, a client must not read
            // older facts.
            self.publish();
            self.answer_waiters();
            let is_failed = matches!(self.facts.state, State::Failed { .. });
            self.crew.answer_awaited(is_failed);
            if let Some(reply) = self.release.take_if(|_| !self.unit.is_launching()) {
                let hand_over = self.hand_over().await;
                let _ = reply.send(hand_over);
                return;
            }
        }
    }

    /// Returns a callback that a task calls if it panics. The callback ends the manager.
    fn on_panic(&self) -> impl FnOnce() + Send + use<> {
        let report = self.report.clone();
        move || {
            // Ignore an error: it means that the manager has ended already.
            let _ = report.send(Event::Panicked);
        }
    }

    /// The time at which the loop must wake up even without an event: to publish facts, to check
    /// files, or to search for a server.
    fn wakes(&self) -> Instant {
        let looks = [self.files.due(), self.look_due()];
        looks.into_iter().flatten().fold(self.broadcast.due(), Instant::min)
    }

    fn publish(&mut self) {
        self.keep_intent();
        self.keep_files();
        self.init.reap(Instant::now());
        self.facts.want = self.want();
        let namespaces = self.facts.settings.namespaces.clone();
        let is_managed = self.facts.is_managed();
        self.crew.server_is(crew::access(&self.facts, &self.queues), &namespaces, is_managed);
        self.facts.trouble("namespaces", self.crew.namespace_trouble());
        self.facts.trouble("project", self.crew.project_trouble());
        self.facts.broken_projects = self.crew.broken_projects();
        self.facts.trouble("workers", self.crew.search_trouble());
        self.facts.schedule = self.unit.supervisor.schedule().clone();
        self.facts.log_lines = self.unit.log.lines();
        self.facts.trouble("log", self.unit.log.trouble());
        self.facts.trouble(UNADOPTED, self.unadopted.as_ref().map(Unadopted::trouble));
        let blocked = LOOKS.blocked() + REPAIRS.blocked();
        self.facts.trouble("threads", (blocked > 0).then(|| {
            format!(
                "{blocked} threads are blocked in the kernel, because a file system or a process \
                 does not respond; run `ps -eo pid,stat,wchan` to find that process"
            )
        }));
        self.published.send_replace(Arc::new(self.facts.clone()));
        self.broadcast.publish(&self.facts, Instant::now());
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
    }

    fn perform(&mut self, effect: Effect, now: Instant) {
        match effect {
            Effect::Launch { generation, cause, detail, automatic } => {
                self.facts.generation = generation;
                self.facts.last_words.clear();
                self.facts.note.clear();
                if let Some(settings) = self.next.take() {
                    self.unit.log.set_max(settings.log_max);
                    self.facts.settings = Arc::new(*settings);
                }
                if automatic {
                    self.facts.remember_restart(RestartFacts::begin(cause, &self.episode));
                }
                self.episode.launching(now);
                let settings = self.facts.settings.clone();
                let report = self.report.clone();
                let unadopted = self.unadopted.is_some();
                let start = async move |(), permit: Result<Permit, Unswept>| {
                    let request = LaunchRequest { generation, cause, detail, settings, unadopted };
                    let result = match permit {
                        Ok(permit) => launch::launch(request, &permit).await,
                        Err(error) => Err(launch::not_begun(&error)),
                    };
                    let _ = report.send(Event::Launched { generation, result });
                };
                self.unit.launch(self.on_panic(), async {}, start);
            }
            Effect::Search { generation } => self.search(generation),
            Effect::Terminate { generation, signal } => self.unit.terminate(generation, signal),
            Effect::Kill { generation } => self.unit.kill(generation),
            Effect::Unwatch { generation } => {
                self.unit.unwatch(generation);
                self.facts.forget_server(now);
            }
        }
    }

    async fn hand_over(&mut self) -> HandOver {
        let workers = self.crew.release().await;
        let now = Instant::now();
        let generation = self.facts.generation;
        self.remember(timeline::handed_over(generation));
        let supervisor = self.unit.supervisor.hand_over(now);
        HandOver::new(&self.facts, supervisor, workers, now)
    }
}
