//! The facts about one worker of a project, and their conversion to the status.

use super::{Clock, RestartFacts, Troubles, millis, phrase, restarts, state_name};
use crate::process::identity::Identity;
use crate::protocol::{LastRestart, LogStatus, Outdated, ProjectWorker, State as StateName};
use crate::supervisor::{
    Cause, Checkpoint, Generation, Owner, Policy, Schedule, Starting, State, Supervisor, Want,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The key in [`WorkerFacts::troubles`] for watched files that change during each run of `before`.
pub(crate) const UNSETTLED: &str = "unsettled";

/// The key in [`WorkerFacts::troubles`] for a failed `before` or a missing program.
/// A worker that runs stays then.
pub(crate) const OUTDATED: &str = "before";

/// All that a host knows about a worker of a project.
#[derive(Debug, Clone)]
pub struct WorkerFacts {
    /// Name of the worker.
    pub name: String,
    /// Path of the project file.
    pub project: PathBuf,
    /// Path of the log file.
    pub log: PathBuf,
    /// The limits in force.
    pub policy: Policy,
    /// Whether the user wants the worker up or down.
    pub want: Want,
    /// The state of the supervisor.
    pub state: State,
    /// When the current state began.
    pub state_since: Instant,
    /// The automatic restarts that count towards the limit.
    pub schedule: Schedule,
    /// The command line of the latest start.
    pub command: String,
    /// Number of the latest start.
    pub generation: Generation,
    /// The process that stigmer spawned. `None` if no process runs.
    pub leader: Option<Identity>,
    /// When the process was started.
    pub since: Option<Instant>,
    /// The namespace in which the worker polls. `None` until this is known.
    pub namespace: Option<String>,
    /// The task queues that the worker polls.
    pub queues: BTreeSet<String>,
    /// The task queues that the worker is to poll according to its project file, or else those that it
    /// polled last.
    pub own_queues: BTreeSet<String>,
    /// Resident memory of all processes, in bytes.
    pub rss_bytes: Option<u64>,
    /// CPU usage in percent of one core.
    pub cpu_percent: Option<f64>,
    /// CPU time of all processes.
    pub cpu_time: Option<Duration>,
    /// Number of automatic restarts, by cause.
    pub restarts: BTreeMap<Cause, u64>,
    /// The latest automatic restart.
    pub last_restart: Option<RestartFacts>,
    /// A message that is shown in addition to the state. May be empty.
    pub note: String,
    /// What does not work: for each, a short key and a message.
    pub troubles: Troubles<&'static str>,
    /// What a start or a restart waits for. `None` if nothing holds it.
    pub waits: Option<&'static str>,
    /// Last log lines of the process that ended most recently. Empty after the next start begins.
    pub last_words: Vec<String>,
    /// Number of log lines that this host has read since it began to follow the log.
    pub log_lines: u64,
}

impl WorkerFacts {
    /// The facts of a worker without a process.
    #[must_use]
    pub fn new(
        name: &str,
        project: &Path,
        log: PathBuf,
        policy: Policy,
        schedule: Schedule,
        now: Instant,
    ) -> Self {
        Self {
            name: name.to_owned(),
            project: project.to_owned(),
            command: String::new(),
            log,
            policy,
            want: Want::Down,
            state: State::Stopped { note: None },
            state_since: now,
            schedule,
            generation: Generation::default(),
            leader: None,
            since: None,
            namespace: None,
            queues: BTreeSet::new(),
            own_queues: BTreeSet::new(),
            rss_bytes: None,
            cpu_percent: None,
            cpu_time: None,
            restarts: BTreeMap::new(),
            last_restart: None,
            note: String::new(),
            troubles: Troubles::default(),
            waits: None,
            last_words: Vec::new(),
            log_lines: 0,
        }
    }

    /// The name of the state in the status.
    #[must_use]
    pub fn state_name(&self) -> StateName {
        state_name(&self.state)
    }

    /// The message of the status: about the state, followed by the note and the troubles. May be
    /// empty.
    #[must_use]
    pub fn message(&self) -> String {
        let said = match (&self.state, self.waits) {
            (State::Starting(Starting { launched: false, .. }) | State::Ready(_), Some(waits)) => {
                waits.to_owned()
            }
            (State::Starting(Starting { owner: Owner::Adopted, .. }), _) => {
                "checking the worker that was found running".to_owned()
            }
            (state, _) => phrase::of_state(state, self.want),
        };
        phrase::joined(&said, &self.note, &self.troubles)
    }

    pub(crate) fn trouble(&mut self, with: &'static str, what: Option<String>) {
        self.troubles.set(with, what);
    }

    pub(crate) fn remember_restart(&mut self, restart: RestartFacts) {
        *self.restarts.entry(restart.cause).or_default() += 1;
        self.last_restart = Some(restart);
    }

    /// Removes what is known of a process that has ended.
    pub(crate) fn forget_process(&mut self) {
        self.leader = None;
        self.since = None;
        self.queues.clear();
        (self.rss_bytes, self.cpu_percent, self.cpu_time) = (None, None, None);
    }

    fn outdated(&self, age: impl Fn(Instant) -> u64) -> Option<Outdated> {
        let trouble = self.troubles.get(OUTDATED).filter(|_| self.leader.is_some())?;
        Some(Outdated { reason: trouble.message.clone(), since_ms: age(trouble.since) })
    }

    /// Creates the part of the status. Ages are relative to `now`.
    pub(super) fn status(&self, clock: &Clock, now: Instant) -> ProjectWorker {
        let age = |at: Instant| clock.age(at, now);
        ProjectWorker {
            name: self.name.clone(),
            project: self.project.parent().unwrap_or(&self.project).to_owned(),
            file: self.project.clone(),
            command: self.command.clone(),
            state: state_name(&self.state),
            intent: self.want,
            message: self.message(),
            hint: phrase::hint(&self.state),
            pid: self.leader.as_ref().map(|leader| leader.pid),
            generation: self.generation,
            adopted: self.state.owner() == Some(Owner::Adopted),
            restarts: restarts::status(
                &self.restarts,
                (&self.schedule, &self.policy, now),
                self.last_restart.as_ref(),
                age,
            ),
            namespace: self.namespace.clone(),
            task_queues: self.queues.iter().cloned().collect(),
            own_queues: self.own_queues.iter().cloned().collect(),
            outdated: self.outdated(age),
            rss_bytes: self.rss_bytes,
            cpu_percent: self.cpu_percent,
            uptime_ms: self.since.map(age),
            state_ms: age(self.state_since),
            next_start_ms: clock.next_start(&self.state, self.want, now),
            log: LogStatus { lines: self.log_lines, path: self.log.clone() },
            last_words: self.last_words.clone(),
        }
    }
}

/// The state of a worker that a host hands over to the next host. Ages are relative to the hand-over.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LeftWorker {
    /// Name of the worker.
    pub name: String,
    /// Whether the user wants the worker up.
    pub want: Want,
    supervisor: Checkpoint,
    restarts: BTreeMap<Cause, u64>,
    last_restart: Option<LastRestart>,
}

impl LeftWorker {
    pub(crate) fn new(facts: &WorkerFacts, want: Want, supervisor: Checkpoint) -> Self {
        let now = Instant::now();
        let age = |at| millis(now.saturating_duration_since(at));
        let last = facts.last_restart.as_ref().map(|last| last.status(age));
        let (name, restarts) = (facts.name.clone(), facts.restarts.clone());
        Self { name, want, supervisor, restarts, last_restart: last }
    }

    /// Continues from this state, which was left `gap` ago.
    pub(crate) fn restore(
        self,
        gap: Duration,
        supervisor: &mut Supervisor,
        facts: &mut WorkerFacts,
        now: Instant,
    ) {
        supervisor.resume(&self.supervisor, gap, now);
        facts.state = supervisor.state().clone();
        facts.restarts = self.restarts;
        let ago = |ms| now.checked_sub(gap + Duration::from_millis(ms)).unwrap_or(now);
        facts.last_restart = self.last_restart.map(|last| RestartFacts::recall(last, ago));
    }
}
