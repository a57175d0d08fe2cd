//! A unit: one supervised process tree of any program. There are two kinds: the Temporal server,
//! and the workers of a project.
//!
//! This module knows nothing about Temporal, the options or the facts. The caller decides which
//! program to run, which files and locks belong to the unit, which checks the unit must pass, what
//! the lines of its log mean, and what the messages call the unit.

pub(crate) mod exit;
pub(crate) mod files;
pub(crate) mod init;
pub(crate) mod launch;
pub(crate) mod log_reader;
pub(crate) mod mark;
pub(crate) mod probe;
mod refused;
pub(crate) mod sweeps;
pub(crate) mod tasks;
#[cfg(test)]
mod tests;
pub(crate) mod words;

pub(crate) use refused::Refused;

use crate::process::identity::Signal;
use crate::process::sweep::Instance;
use crate::process::usage;
use crate::process::watch::Watched;
use crate::supervisor::{Cause, Effect, Exit, Generation, Input, State, StopSignal, Supervisor};
use exit::{Ended, ExitTarget};
use files::Files;
use log_reader::LogReader;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use sweeps::{Launches, Permit, Sweeps, Unswept};
use tasks::{Task, spawn};
use tokio::sync::watch;

/// One unit: its supervisor, its log, and its current process tree.
///
/// The owner of the unit gives inputs to the supervisor, which returns effects. The owner performs
/// each effect with a method of the unit, and receives the results of the tasks that the method
/// starts.
#[derive(Debug)]
pub(crate) struct Unit {
    /// Decides what the unit does next: start, stop, restart or wait.
    pub supervisor: Supervisor,
    /// Reads the log that the processes of the unit write.
    pub log: LogReader,
    sweeps: Sweeps,
    launches: Launches,
    /// The lock file that the processes of the unit keep locked.
    lock_file: PathBuf,
    supervision: Option<Supervision>,
    is_launching: bool,
}

/// The supervision of one generation, which is one start of the unit. The tasks of the supervision
/// end when this value is dropped.
#[derive(Debug)]
pub(crate) struct Supervision {
    generation: Generation,
    /// The processes of this generation. `None` if someone else started them.
    pub instance: Option<Instance>,
    stop_requested: watch::Sender<bool>,
    _exit: Option<Task>,
    _probes: Task,
    /// Whether this generation was ready at any time. The task that waits for the exit shares this
    /// value, because that task reports it.
    ever_ready: Arc<AtomicBool>,
    /// How many processes of the machine the kernel had killed for lack of memory, as read in a
    /// passed round of checks. About one round in ten reads the number.
    pub oom_kills: Option<u64>,
    passed: Option<Instant>,
}

impl Supervision {
    /// Whether this generation was ready at any time.
    pub(crate) fn is_ever_ready(&self) -> bool {
        self.ever_ready.load(Ordering::Relaxed)
    }
}

/// What an input has changed in the supervisor of a unit.
#[derive(Debug)]
pub(crate) struct Transition {
    pub(crate) before: State,
    pub(crate) after: State,
    /// What the owner of the unit must do now.
    pub(crate) effects: Vec<Effect>,
}

impl Unit {
    /// Passes an input to the supervisor. `None` means that a timeout of the supervisor is over.
    pub(crate) fn step(&mut self, input: Option<Input>, now: Instant) -> Transition {
        let before = self.supervisor.state().clone();
        let effects = match input {
            Some(input) => self.supervisor.handle(input, now),
            None => self.supervisor.handle_timeout(now),
        };
        Transition { before, after: self.supervisor.state().clone(), effects }
    }

    /// Creates a unit without a process.
    pub(crate) fn new(
        supervisor: Supervisor,
        log: LogReader,
        sweeps: Sweeps,
        lock_file: PathBuf,
    ) -> Self {
        Self {
            supervisor,
            log,
            launches: Launches::new(sweeps.clone()),
            sweeps,
            lock_file,
            supervision: None,
            is_launching: false,
        }
    }

    /// Whether a launch is in progress. The launch may have spawned a process that is not in any
    /// record yet.
    pub(crate) fn is_launching(&self) -> bool {
        self.is_launching
    }

    /// Whether the unit supervises this generation now. A result of any other generation is
    /// outdated.
    pub(crate) fn supervises(&self, generation: Generation) -> bool {
        self.supervision.as_ref().is_some_and(|it| it.generation == generation)
    }

    /// Checks the files of the unit if a check is due and the home is in place, and the log file of the
    /// running process.
    pub(crate) fn keep(&mut self, files: &mut Files, now: Instant) {
        files.receive();
        if files.is_due(now)
            && self.sweeps.is_in_place()
            && files.look(now)
            && let Some(instance) = self.supervision.as_ref().and_then(|it| it.instance.as_ref())
        {
            self.log.inspect(&instance.leader);
        }
    }

    /// The process tree that the unit supervises now.
    pub(crate) fn instance(&self) -> Option<&Instance> {
        self.supervision.as_ref()?.instance.as_ref()
    }

    /// When the last passed round of checks of the current generation ended.
    pub(crate) fn passed(&self) -> Option<Instant> {
        self.supervision.as_ref()?.passed
    }

    /// Returns the source of permissions to launch this unit. An operation that must not run during
    /// a launch needs such a permission too.
    pub(crate) fn launches(&self) -> Launches {
        self.launches.clone()
    }

    /// Launches a generation after the end of `wait`. Calls `start` with the result of `wait`, and
    /// with the permission to launch, or with the reason why there is no permission. Does not call
    /// `start` if the host is leaving, which means that it prepares its exit. The owner must call
    /// [`Self::launched`] after the launch.
    pub(crate) fn launch<W: Send, F: Future<Output = ()> + Send + 'static>(
        &mut self,
        panicked: impl FnOnce() + Send + 'static,
        wait: impl Future<Output = W> + Send + 'static,
        start: impl FnOnce(W, Result<Permit, Unswept>) -> F + Send + 'static,
    ) {
        self.is_launching = true;
        let (log, launches) = (self.log.clone(), self.launches.clone());
        // This task is never aborted, because a process that it has spawned must be supervised.
        spawn(panicked, async move {
            let waited = wait.await;
            log.catch_up().await;
            match launches.begin().await {
                Err(Unswept::Leaving) => {}
                permit => start(waited, permit).await,
            }
        });
    }

    /// Notes that the launch has ended.
    pub(crate) fn launched(&mut self) {
        self.is_launching = false;
    }

    /// Begins the supervision of a process tree. `probes` is the task that checks the tree.
    ///
    /// Calls `ended` after the leader, which is the spawned process, has exited and no other
    /// process of the tree is left. The second argument of `ended` is whether this generation was
    /// ready at any time.
    pub(crate) fn supervise<F: Future<Output = ()> + Send>(
        &mut self,
        generation: Generation,
        instance: Instance,
        watched: Watched,
        probes: Task,
        panicked: impl FnOnce() + Send + 'static,
        ended: impl FnOnce(Ended, bool) -> F + Send + 'static,
    ) {
        let (stop_requested, stop_requests) = watch::channel(false);
        let ever_ready = Arc::new(AtomicBool::new(false));
        let target = ExitTarget {
            instance: instance.clone(),
            watched,
            lock: self.lock_file.clone(),
            asked: stop_requests,
            sweeps: self.sweeps.clone(),
        };
        let (log, was_ready) = (self.log.clone(), ever_ready.clone());
        let exit = Task::spawn(panicked, async move {
            let how = exit::watch(target, log).await;
            ended(how, was_ready.load(Ordering::Relaxed)).await;
        });
        self.log.follow();
        self.supervision = Some(Supervision {
            generation,
            instance: Some(instance),
            stop_requested,
            _exit: Some(exit),
            _probes: probes,
            ever_ready,
            oom_kills: usage::oom_kills(),
            passed: None,
        });
    }

    /// Begins to check a process tree that someone else started. The unit sends no signal to the
    /// processes of that tree and does not watch their exit.
    pub(crate) fn check(&mut self, generation: Generation, probes: Task) {
        self.supervision = Some(Supervision {
            generation,
            instance: None,
            stop_requested: watch::channel(false).0,
            _exit: None,
            _probes: probes,
            ever_ready: Arc::default(),
            oom_kills: None,
            passed: None,
        });
    }

    /// Notes that a round of checks of the current generation has passed at `now`. `oom_kills` is
    /// how many processes of the machine the kernel had killed for lack of memory by then, or
    /// `None` if this round did not read that number.
    pub(crate) fn round_passed(&mut self, oom_kills: Option<u64>, now: Instant) {
        if let Some(supervision) = &mut self.supervision {
            supervision.oom_kills = oom_kills.or(supervision.oom_kills);
            supervision.passed = Some(now);
        }
    }

    /// Notes that the current generation has become ready.
    pub(crate) fn became_ready(&self) {
        if let Some(supervision) = &self.supervision {
            supervision.ever_ready.store(true, Ordering::Relaxed);
        }
    }

    /// Sends a signal that requests the end of the processes of this generation, and gives the
    /// processes time to exit. Does nothing if the unit does not supervise the generation.
    pub(crate) fn terminate(&self, generation: Generation, signal: StopSignal) {
        self.log.stopping();
        if let Some(supervision) = self.owned(generation) {
            supervision.stop_requested.send_replace(true);
        }
        self.signal(generation, Signal::of_stop(signal));
    }

    /// Sends SIGKILL to the processes of this generation. Does nothing if the unit does not
    /// supervise the generation.
    pub(crate) fn kill(&self, generation: Generation) {
        self.signal(generation, &[Signal::Kill]);
    }

    /// The supervision of this generation. `None` if someone else started its processes.
    fn owned(&self, generation: Generation) -> Option<&Supervision> {
        let current = self.supervision.as_ref().filter(|it| it.generation == generation);
        current.filter(|it| it.instance.is_some())
    }

    fn signal(&self, generation: Generation, signals: &'static [Signal]) {
        let owned = self.owned(generation);
        let Some(instance) = owned.and_then(|owned| owned.instance.clone()) else { return };
        let (sweeps, lock_of, lock_file) =
            (self.sweeps.clone(), self.sweeps.clone(), self.lock_file.clone());
        tokio::spawn(async move {
            let sweep = move || match instance.signal(&lock_of.lock_file(&lock_file), signals) {
                Ok(members) => {
                    tracing::info!(%generation, members, ?signals, "sent the signals");
                }
                Err(error) => tracing::error!(
                    %generation,
                    ?signals,
                    %error,
                    "cannot send the signals to the processes of this generation"
                ),
            };
            if let Err(error) = sweeps.run(sweep).await {
                tracing::error!(
                    %generation,
                    ?signals,
                    %error,
                    "cannot send the signals to the processes of this generation"
                );
            }
        });
    }

    /// Why a process that has exited has ended: the stop in progress, or else the exit itself.
    pub(crate) fn cause_of_end(&self, exit: &Exit) -> (Cause, String) {
        match self.supervisor.state() {
            State::Stopping(stopping) => (stopping.cause, stopping.detail.clone()),
            State::Stopped { .. }
            | State::Starting(_)
            | State::Ready(_)
            | State::Degraded(..)
            | State::Backoff { .. }
            | State::Failed { .. } => (exit.cause(), exit.to_string()),
        }
    }

    /// Ends the supervision of this generation and returns it. Sends no signal.
    pub(crate) fn unwatch(&mut self, generation: Generation) -> Option<Supervision> {
        self.supervision.take_if(|it| it.generation == generation)
    }
}
