//! Acts: one task that owns the supervisor, the Temporal process, its timers
//! and its probes.
//!
//! Everything that takes time (clearing, spawning, waiting for an exit, a round
//! of probes) runs in a task of its own and reports back with its generation;
//! the loop itself never waits for anything but the next event.

mod aftermath;
pub mod facts;
mod handle;
mod launch;
mod log_reader;
mod prober;
mod timeline;

pub use facts::Facts;
pub use handle::{Command, HandOver, Handle, Outcome};

use crate::config::{Database, Settings};
use crate::process::identity::Signal;
use crate::process::ports;
use crate::process::record::Record;
use crate::process::sweep::Subject;
use crate::process::watch::Watched;
use crate::protocol::{ApiError, Mode};
use crate::supervisor::{
    Cause, Effect, Failure, Found, Generation, Input, Owner, State, Supervisor, Want,
};
use crate::temporal::last_words::{self, StartFailure};
use crate::temporal::logline::LineParser;
use crate::temporal::{database, locate, version};
use aftermath::{Ended, Instance};
use facts::{RestartFacts, ServerFacts};
use handle::Request;
use launch::{Launched, Order, Refused};
use log_reader::{LogReader, Words};
use prober::{Report, Target};
use std::sync::Arc;
use std::time::{Duration, Instant};
use timeline::Episode;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

/// Something has happened in a task of ours.
#[derive(Debug)]
enum Event {
    Launched { generation: Generation, result: Result<Launched, Refused> },
    Probed { generation: Generation, report: Box<Report> },
    Ended { generation: Generation, ended: Box<Ended> },
    Version { generation: Generation, version: Option<String>, note: Option<String> },
}

/// A task that ends with the generation it serves.
#[derive(Debug)]
struct Task(AbortHandle);

impl Task {
    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(future).abort_handle())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What exists of the current generation.
#[derive(Debug)]
struct Running {
    generation: Generation,
    subject: Option<Subject>,
    asked: watch::Sender<bool>,
    _watch: Option<Task>,
    _probes: Task,
    ever_ready: bool,
}

/// A command whose outcome somebody waits for.
#[derive(Debug)]
struct Waiter {
    goal: Want,
    reply: oneshot::Sender<Outcome>,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Manager {
    supervisor: Supervisor,
    facts: Facts,
    published: watch::Sender<Arc<Facts>>,
    requests: mpsc::Receiver<Request>,
    events: mpsc::UnboundedReceiver<Event>,
    report: mpsc::UnboundedSender<Event>,
    log: LogReader,
    running: Option<Running>,
    waiters: Vec<Waiter>,
    /// A launch is under way, and may have spawned what is not recorded yet.
    launching: bool,
    /// Somebody waits to be handed over to.
    release: Option<oneshot::Sender<HandOver>>,
    episode: Episode,
}

impl Manager {
    /// Makes a manager for a home whose host lock is held. Nothing runs yet.
    #[must_use]
    pub fn new(settings: Settings, mode: Mode, before: Option<HandOver>) -> (Self, Handle) {
        let now = Instant::now();
        let last = last_generation(&settings);
        let seed = jiff::Timestamp::now().as_nanosecond() as u64;
        let mut supervisor = Supervisor::new(settings.policy.clone(), last, seed, now);
        let log = LogReader::start(settings.home.temporal_log(), settings.log_max);
        let settings = Arc::new(settings);
        let mut facts = Facts::new(settings, mode, supervisor.schedule().clone(), now);
        facts.generation = last;
        if let Some(before) = before {
            let schedule = crate::supervisor::Schedule::from_ages(&before.schedule, seed, now);
            supervisor.resume(schedule);
            facts.restarts = before.restarts;
            facts.last_restart = before.last_restart.map(|last| RestartFacts {
                cause: last.cause,
                detail: last.detail,
                at: now.checked_sub(Duration::from_millis(last.ago_ms)).unwrap_or(now),
                recovery: last.recovery_ms.map(Duration::from_millis),
            });
            facts.timeline = before.timeline.into_iter().map(Arc::new).collect();
        }
        let (published, watch) = watch::channel(Arc::new(facts.clone()));
        let (requests, incoming) = mpsc::channel(32);
        let (report, events) = mpsc::unbounded_channel();
        let manager = Self {
            supervisor,
            facts,
            published,
            requests: incoming,
            events,
            report,
            log,
            running: None,
            waiters: Vec::new(),
            launching: false,
            release: None,
            episode: Episode::begin(Cause::Operator, String::new(), false, now),
        };
        (manager, Handle { requests, facts: watch })
    }

    /// Adopts what runs, then serves until every handle is gone or it is released.
    pub async fn run(mut self) {
        self.adopt();
        self.publish();
        loop {
            let due = self.supervisor.poll_timeout();
            let timer = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(Request::Command { command, reply }) => self.command(command, reply),
                    Some(Request::Release { reply }) => self.release = Some(reply),
                    None => return,
                },
                Some(event) = self.events.recv() => self.event(event),
                () = timer => self.step(None),
            }
            self.answer_waiters();
            self.publish();
            if let Some(reply) = self.release.take_if(|_| !self.launching) {
                let _ = reply.send(self.hand_over());
                return;
            }
        }
    }

    fn publish(&mut self) {
        self.facts.want = self.supervisor.want();
        self.facts.schedule = self.supervisor.schedule().clone();
        self.facts.log_lines = self.log.lines();
        self.published.send_replace(Arc::new(self.facts.clone()));
    }

    /// A verified Temporal of this home without host is watched again.
    fn adopt(&mut self) {
        let settings = self.facts.settings.clone();
        let home = &settings.home;
        if settings.address.is_some() {
            return;
        }
        let Some(record) = Record::read(&home.record()) else { return };
        let Some(proven) = record.leader.prove() else { return };
        if !record.leader.is_alive() {
            return;
        }
        let generation = record.generation;
        let watched = match Watched::new(proven) {
            Ok(watched) => watched,
            Err(error) => {
                tracing::error!(%error, "cannot watch the running Temporal");
                return;
            }
        };
        tracing::info!(%generation, pid = record.leader.pid, "found running, adopting");
        let version = version::remembered(&home.version_cache(), &record.executable);
        self.episode =
            Episode::begin(Cause::Operator, "found running".into(), false, Instant::now());
        self.take_over(generation, record.subject(), watched, Owner::Adopted, version, &record);
        self.step(Some(Input::Found { generation, found: Found::Ours }));
    }

    fn command(&mut self, command: Command, reply: oneshot::Sender<Outcome>) {
        tracing::info!(?command, state = %self.facts.state_name(), "operator");
        let goal = match &command {
            Command::Start | Command::Restart(_) => Want::Up,
            Command::Stop(_) => Want::Down,
        };
        let external = !self.facts.is_managed();
        let input = match command {
            Command::Start => Input::Start,
            Command::Stop(cause) => Input::Stop { cause },
            Command::Restart(settings) => {
                if external {
                    let _ = reply.send(Err(ApiError::new(
                        "external",
                        "cannot restart Temporal: it was started elsewhere",
                        "restart it where it was started",
                    )));
                    return;
                }
                if let Some(settings) = settings {
                    self.supervisor.set_policy(settings.policy.clone());
                    self.facts.settings = Arc::new(*settings);
                }
                Input::Restart
            }
        };
        self.facts.note.clear();
        self.step(Some(input));
        self.waiters.push(Waiter { goal, reply });
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Launched { generation, result } => self.launched(generation, result),
            Event::Probed { generation, report } => self.probed(generation, *report),
            Event::Ended { generation, ended } => self.ended(generation, *ended),
            Event::Version { generation, version, note } => {
                if let Some(server) = &mut self.facts.server
                    && server.generation == generation
                {
                    server.version = version.or(server.version.take());
                }
                if let Some(note) = note {
                    self.facts.note = note;
                }
            }
        }
    }

    fn launched(&mut self, generation: Generation, result: Result<Launched, Refused>) {
        self.launching = false;
        match result {
            Ok(Launched::Ours(started)) => {
                for note in &started.notes {
                    tracing::warn!("{note}");
                }
                self.facts.note = started.notes.join("; ");
                self.episode.passed("cleaned", started.cleaned);
                self.episode.passed("spawned", started.spawned);
                let subject = started.leader.subject.clone();
                tracing::info!(%generation, pid = subject.leader.pid, "spawned");
                self.take_over(
                    generation,
                    subject,
                    started.leader.watched,
                    Owner::Spawned,
                    started.version,
                    &started.record,
                );
                self.step(Some(Input::Launched { generation }));
            }
            Ok(Launched::External(occupant)) => {
                let settings = self.facts.settings.clone();
                let probes = Task::spawn(prober::run(
                    Target { generation, subject: None, adopted: true, settings: settings.clone() },
                    self.report.clone(),
                ));
                self.running = Some(Running {
                    generation,
                    subject: None,
                    asked: watch::channel(false).0,
                    _watch: None,
                    _probes: probes,
                    ever_ready: false,
                });
                self.facts.server = Some(ServerFacts {
                    generation,
                    owner: Owner::External,
                    leader: None,
                    server: occupant.pid,
                    version: None,
                    ui_url: settings.ui_url().filter(|_| {
                        settings.ui_port.is_some_and(|port| !ports::listeners(port).is_empty())
                    }),
                });
                self.ask_external_version(generation, &settings);
                self.step(Some(Input::Found { generation, found: Found::External }));
            }
            Err(refused) => {
                tracing::error!(%generation, failure = %refused.failure, "not launched");
                self.step(Some(Input::LaunchRefused {
                    generation,
                    failure: refused.failure,
                    curable: refused.curable,
                }));
            }
        }
    }

    /// Watches and probes a process of ours.
    fn take_over(
        &mut self,
        generation: Generation,
        subject: Subject,
        watched: Watched,
        owner: Owner,
        version: Option<String>,
        record: &Record,
    ) {
        let settings = self.facts.settings.clone();
        let (asked, asked_too) = watch::channel(false);
        let instance = Instance {
            subject: subject.clone(),
            watched,
            lock: settings.home.temporal_lock(),
            ports: std::iter::once(record.port).chain(record.ui_port).collect(),
            asked: asked_too,
        };
        let (log, report) = (self.log.clone(), self.report.clone());
        let watch = Task::spawn(async move {
            let ended = Box::new(aftermath::watch(instance, log).await);
            let _ = report.send(Event::Ended { generation, ended });
        });
        let target = Target {
            generation,
            subject: Some(subject.clone()),
            adopted: owner == Owner::Adopted,
            settings: settings.clone(),
        };
        let probes = Task::spawn(prober::run(target, self.report.clone()));
        self.facts.generation = generation;
        self.facts.server = Some(ServerFacts {
            generation,
            owner,
            leader: Some(subject.leader.clone()),
            server: None,
            version,
            ui_url: settings.ui_url(),
        });
        self.running = Some(Running {
            generation,
            subject: Some(subject),
            asked,
            _watch: Some(watch),
            _probes: probes,
            ever_ready: false,
        });
    }

    fn probed(&mut self, generation: Generation, report: Report) {
        if self.running.as_ref().map(|running| running.generation) != Some(generation) {
            return;
        }
        let now = Instant::now();
        let starting = matches!(self.supervisor.state(), State::Starting(_));
        let was_ready = matches!(self.supervisor.state(), State::Ready(_) | State::Degraded(..));
        for (layer, verdict) in self.facts.layers.iter_mut().zip(&report.layers) {
            let Some(verdict) = verdict else { continue };
            if layer.ok != verdict.ok {
                layer.since = now;
            }
            layer.ok = verdict.ok;
            layer.latency = (verdict.ok == Some(true)).then_some(verdict.latency);
            layer.detail.clone_from(&verdict.detail);
        }
        let passed = report.round == crate::supervisor::Round::Pass;
        if let Some(failed) = report
            .layers
            .iter()
            .position(|verdict| verdict.as_ref().is_some_and(|verdict| verdict.ok == Some(false)))
        {
            // What lies above a failed layer was not reached, and its old verdict is worth nothing.
            for layer in &mut self.facts.layers[failed + 1..] {
                if layer.ok.is_some() {
                    layer.since = now;
                }
                layer.ok = None;
                layer.latency = None;
                "not reached".clone_into(&mut layer.detail);
            }
        }
        self.episode.layers(&report.layers, now);
        let is_void = report.round == crate::supervisor::Round::Void;
        // On its way down its silence is no failure.
        if was_ready && !is_void {
            self.facts.failures = if passed { 0 } else { self.facts.failures + 1 };
            let grpc = report.layers[3]
                .as_ref()
                .filter(|verdict| verdict.ok == Some(true))
                .map(|verdict| facts::micros(verdict.latency));
            self.facts.remember_probe(grpc);
        } else if starting && passed {
            self.facts.failures = 0;
        }
        if let Some((usage, cpu)) = report.usage {
            self.facts.remember_usage(usage.rss_bytes, cpu);
        }
        if report.database_bytes.is_some() {
            self.facts.database_bytes = report.database_bytes;
        }
        if let Some(server) = &mut self.facts.server {
            server.server = report.server.or(server.server);
        }
        self.step(Some(Input::Probed { generation, round: report.round }));
    }

    fn ended(&mut self, generation: Generation, ended: Ended) {
        let Some(running) = self.running.take_if(|running| running.generation == generation) else {
            return;
        };
        tracing::info!(%generation, exit = %ended.exit, cleaned = ?ended.cleaned, "ended");
        let settings = self.facts.settings.clone();
        let record = settings.home.record();
        match &ended.leftover {
            None => {
                let _ = std::fs::remove_file(&record);
            }
            Some(leftover) => tracing::warn!("{leftover}"),
        }
        let fatal = (!running.ever_ready).then(|| fatal(&ended, &settings)).flatten();
        let unasked = !matches!(self.supervisor.state(), State::Stopping(_));
        self.facts.last_words = words_of(&ended.words);
        let uptime = self
            .facts
            .server
            .as_ref()
            .and_then(|server| server.leader.as_ref())
            .and_then(|leader| crate::process::linux::age(leader.start_ticks));
        let (cause, detail) = match self.supervisor.state() {
            State::Stopping(stopping) => (stopping.cause, stopping.detail.clone()),
            State::Stopped { .. }
            | State::Starting(_)
            | State::Ready(_)
            | State::Degraded(..)
            | State::Backoff { .. }
            | State::Failed { .. } => (ended.exit.cause(), ended.exit.to_string()),
        };
        let last_words =
            if cause == Cause::Operator { Vec::new() } else { self.facts.last_words.clone() };
        self.facts.remember_entry(timeline::ended(generation, cause, detail, uptime, last_words));
        if unasked {
            self.episode = Episode::begin(cause, ended.exit.to_string(), true, ended.at);
        }
        self.episode.passed("cleaned", ended.cleaned);
        self.facts.forget_server(Instant::now());
        if let Some(leftover) = ended.leftover {
            self.facts.note = leftover;
        }
        self.step(Some(Input::Exited { generation, exit: ended.exit, fatal }));
    }

    /// Lets the supervisor decide, and does what it decided. `None`: time has come.
    fn step(&mut self, input: Option<Input>) {
        let now = Instant::now();
        let before = self.supervisor.state().clone();
        let effects = match input {
            Some(input) => self.supervisor.handle(input, now),
            None => self.supervisor.handle_timeout(now),
        };
        let after = self.supervisor.state().clone();
        self.observe(&before, &after, now);
        self.facts.state = after;
        for effect in effects {
            self.perform(effect, now);
        }
    }

    /// Writes the timeline from what changed.
    fn observe(&mut self, before: &State, after: &State, now: Instant) {
        if std::mem::discriminant(before) == std::mem::discriminant(after)
            && before.generation() == after.generation()
        {
            return;
        }
        self.facts.state_since = now;
        tracing::info!(state = after.name(), generation = after.generation().map(|g| g.0), "state");
        match (before, after) {
            (State::Starting(starting), State::Ready(live)) => {
                let ready = self.episode.ready(starting, live.owner, now);
                if self.episode.is_repair()
                    && let Some(last) = &mut self.facts.last_restart
                {
                    last.recovery = Some(self.episode.elapsed(now));
                }
                self.facts.remember_entry(ready);
                self.became_ready(live.generation, live.owner);
            }
            (_, State::Failed { failure, .. }) => {
                let generation = before.generation().unwrap_or(self.facts.generation);
                self.facts.remember_entry(timeline::failed(
                    generation,
                    &failure.reason,
                    self.facts.last_words.clone(),
                ));
            }
            (
                State::Ready(_) | State::Degraded(..) | State::Starting(_),
                State::Stopping(stopping),
            ) => {
                // Where it hangs, the repair begins with the verdict.
                let automatic = !matches!(stopping.cause, Cause::Operator | Cause::Shutdown);
                let seen = match before {
                    State::Degraded(_, trouble) => {
                        Some(now.saturating_duration_since(trouble.since))
                    }
                    State::Stopped { .. }
                    | State::Starting(_)
                    | State::Ready(_)
                    | State::Stopping(_)
                    | State::Backoff { .. }
                    | State::Failed { .. } => None,
                };
                self.episode =
                    Episode::begin(stopping.cause, stopping.detail.clone(), automatic, now);
                if let Some(seen) = seen {
                    self.episode.seen(seen);
                }
            }
            (
                State::Stopped { .. } | State::Failed { .. } | State::Backoff { .. },
                State::Starting(starting),
            ) if starting.cause == Cause::Operator && starting.owner == Owner::Spawned => {
                self.episode = Episode::begin(Cause::Operator, String::new(), false, now);
            }
            (State::Stopped { .. }, _)
            | (State::Starting(_), _)
            | (State::Ready(_), _)
            | (State::Degraded(..), _)
            | (State::Stopping(_), _)
            | (State::Backoff { .. }, _)
            | (State::Failed { .. }, _) => {}
        }
    }

    fn perform(&mut self, effect: Effect, now: Instant) {
        match effect {
            Effect::Launch { generation, cause, detail, automatic } => {
                self.facts.generation = generation;
                if automatic {
                    self.facts.remember_restart(RestartFacts {
                        cause,
                        detail: detail.clone(),
                        at: self.episode.begun(),
                        recovery: None,
                    });
                }
                self.episode.launching(now);
                self.launching = true;
                let settings = self.facts.settings.clone();
                let report = self.report.clone();
                // Not aborted with anything: a spawn that nobody watches would be an orphan.
                tokio::spawn(async move {
                    let order = Order { generation, cause, detail, settings };
                    let result = launch::launch(order).await;
                    let _ = report.send(Event::Launched { generation, result });
                });
            }
            Effect::Terminate { generation } => {
                self.signal(generation, true, &[Signal::Term, Signal::Cont]);
            }
            Effect::Kill { generation } => self.signal(generation, false, &[Signal::Kill]),
            Effect::Unwatch { generation } => {
                self.running.take_if(|running| running.generation == generation);
                self.facts.forget_server(now);
            }
        }
    }

    fn signal(&self, generation: Generation, asked: bool, signals: &'static [Signal]) {
        let Some(running) = &self.running else { return };
        let (true, Some(subject)) = (running.generation == generation, &running.subject) else {
            return;
        };
        if asked {
            running.asked.send_replace(true);
        }
        let subject = subject.clone();
        let lock = self.facts.settings.home.temporal_lock();
        tokio::task::spawn_blocking(move || {
            let members = subject.signal(&lock, signals);
            tracing::info!(%generation, members, ?signals, "signalled");
        });
    }

    fn became_ready(&mut self, generation: Generation, owner: Owner) {
        if let Some(running) = &mut self.running {
            running.ever_ready = true;
        }
        if owner == Owner::External {
            return;
        }
        let settings = self.facts.settings.clone();
        let known = self.facts.server.as_ref().and_then(|server| server.version.clone());
        // Here and now: a crash in the next moment must not find the database unmarked.
        if let Some(note) = mark_complete(&settings, known.as_deref()) {
            self.facts.note = note;
        }
        if known.is_none() {
            let report = self.report.clone();
            let marker = self
                .running
                .as_ref()
                .and_then(|running| running.subject.as_ref())
                .map(|subject| subject.marker.clone());
            tokio::task::spawn_blocking(move || {
                let version = ask_version(&settings, marker.as_deref());
                let note = mark_complete(&settings, version.as_deref());
                let _ = report.send(Event::Version { generation, version, note });
            });
        }
    }

    fn ask_external_version(&self, generation: Generation, settings: &Settings) {
        let address = settings.server_address();
        let report = self.report.clone();
        tokio::spawn(async move {
            let Ok(client) = crate::temporal::health::Client::new(&address, Duration::from_secs(2))
            else {
                return;
            };
            if let Ok(info) = client.info().await {
                let version = Some(format!("server {}", info.server_version));
                let _ = report.send(Event::Version { generation, version, note: None });
            }
        });
    }

    fn answer_waiters(&mut self) {
        let want = self.supervisor.want();
        let state = self.supervisor.state();
        let facts = &self.facts;
        let mut kept = Vec::new();
        for waiter in self.waiters.drain(..) {
            match outcome(waiter.goal, want, state, facts) {
                Some(outcome) => {
                    // Whoever asked may be gone.
                    let _ = waiter.reply.send(outcome);
                }
                None => kept.push(waiter),
            }
        }
        self.waiters = kept;
    }

    fn hand_over(&mut self) -> HandOver {
        let now = Instant::now();
        let status = self.facts.status(now);
        let generation = self.facts.generation;
        self.facts.remember_entry(timeline::handed_over(generation));
        HandOver {
            schedule: self.supervisor.hand_over(now),
            restarts: self.facts.restarts.clone(),
            last_restart: status.restarts.last,
            timeline: self.facts.timeline.iter().map(|e| (**e).clone()).collect(),
            options: self.facts.settings.options.clone(),
        }
    }
}

/// Whether what was asked for has come about, or no longer will.
fn outcome(goal: Want, want: Want, state: &State, facts: &Facts) -> Option<Outcome> {
    let error =
        |code: &str, message: String, hint: &str| Some(Err(ApiError::new(code, message, hint)));
    match (goal, state) {
        (Want::Up, State::Ready(_) | State::Degraded(..)) if want == Want::Up => Some(Ok(())),
        (Want::Up, State::Failed { failure, .. }) => {
            let mut message = failure.reason.clone();
            if !facts.last_words.is_empty() {
                message.push_str("\nTemporal's last words:\n  ");
                message.push_str(&facts.last_words.join("\n  "));
                message.push('\n');
            }
            error("failed", message, &failure.cure)
        }
        (Want::Up, State::Stopped { note }) => error(
            "stopped",
            format!(
                "Temporal was not started: {}",
                note.as_deref().unwrap_or("it was stopped by another command")
            ),
            "`stigmer local` starts it",
        ),
        (Want::Down, State::Stopped { .. }) => Some(Ok(())),
        (Want::Down, _) if want == Want::Up => {
            error("superseded", "it was started again by another command".into(), "stop it again")
        }
        (Want::Down, State::Failed { failure, left: Some(_) }) => {
            error("failed", failure.reason.clone(), &failure.cure)
        }
        (Want::Up | Want::Down, _) => None,
    }
}

/// What no restart cures, from the last words of a server that never became ready.
fn fatal(ended: &Ended, settings: &Settings) -> Option<Failure> {
    let code = match ended.exit {
        crate::supervisor::Exit::Code(code) => Some(code),
        crate::supervisor::Exit::Signal(..) | crate::supervisor::Exit::Unknown => None,
    };
    let database = settings
        .database
        .file()
        .map(|path| path.display().to_string())
        .unwrap_or_else(|| "in memory".into());
    match last_words::classify_exit(code, ended.words.cause.as_deref()) {
        StartFailure::DatabaseUnusable { detail } => Some(Failure::new(
            format!("Temporal cannot use the database {database}: {detail}"),
            "mend the file or its folder, or name another database with --db FILE",
        )),
        // One that a start of ours began is set aside by the next start.
        StartFailure::PartialSchema => match &settings.database {
            Database::File(path) if !database::is_replaceable(path) => Some(Failure::new(
                format!(
                    "the database {database} is incomplete or another program's: {}",
                    ended.words.cause.as_deref().unwrap_or("tables are missing")
                ),
                "move it away, or name another database with --db FILE",
            )),
            Database::File(_) | Database::Memory => None,
        },
        StartFailure::UnknownFlag { detail } => Some(Failure::new(
            format!("Temporal does not accept its arguments: {detail}"),
            "mend what follows `--`, or use another CLI with --temporal-bin FILE",
        )),
        // The launch looks at the ports again and names who is there.
        StartFailure::PortTaken { .. }
        | StartFailure::LostPortRace { .. }
        | StartFailure::Other => None,
    }
}

/// The words that say why: the cause alone where there is one, else the end of the log.
fn words_of(words: &Words) -> Vec<String> {
    const SHOWN: usize = 8;
    match (&words.cause, words.dump.is_empty()) {
        (Some(_), false) => words.dump.iter().take(SHOWN).cloned().collect(),
        (Some(cause), true) => vec![cause.clone()],
        (None, _) => {
            let zone = jiff::tz::TimeZone::system();
            let mut parser = LineParser::new(zone.clone());
            let first = words.last.len().saturating_sub(SHOWN);
            words.last[first..]
                .iter()
                .map(|line| parser.parse(line.as_bytes()).render_plain(&zone))
                .collect()
        }
    }
}

/// Asks the CLI for its version, and remembers it.
fn ask_version(settings: &Settings, marker: Option<&str>) -> Option<String> {
    let home = &settings.home;
    let located = locate::locate(
        settings.temporal_bin.as_deref(),
        &home.temporal_bin(),
        std::env::var_os("PATH").as_deref(),
    )
    .ok()?;
    version::ask(&home.version_cache(), &located.path, marker)
}

/// Notes beside the database that a server became ready on it, and says so where
/// it was another version before.
fn mark_complete(settings: &Settings, version: Option<&str>) -> Option<String> {
    database::mark_complete(settings.database.file()?, version)
        .inspect_err(|error| tracing::warn!(%error, "the database's state is not recorded"))
        .ok()?
}

fn last_generation(settings: &Settings) -> Generation {
    let home = &settings.home;
    let locked = crate::process::lock::read(&home.temporal_lock()).trim().parse().unwrap_or(0);
    let recorded = Record::read(&home.record()).map_or(0, |record| record.generation.0);
    Generation(locked.max(recorded))
}
