//! What the manager requests from the task of a worker, and what the task reports.

use super::WorkerTask;
use crate::facts::{LeftWorker, WorkerFacts};
use crate::manager::Outcome;
use crate::process::environment::BaseEnvironment;
use crate::project::WorkerSpec;
use crate::protocol::ApiError;
use crate::supervisor::{Cause, Input, Owner, Starting, State, Want};
use crate::unit::tasks::Task;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// A command of the operator for a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerCommand {
    /// Start the worker.
    Start,
    /// Stop the worker.
    Stop,
    /// Stop the worker and start it again. If `before` fails or the program is missing, a worker that
    /// runs stays.
    Restart,
}

/// A request to the task of a worker.
#[derive(Debug)]
pub(super) enum WorkerRequest {
    Command {
        command: WorkerCommand,
        /// The variables of the command, if a shell has sent it.
        base: Option<Arc<BaseEnvironment>>,
        reply: oneshot::Sender<Outcome>,
    },
    /// Use the variables of this command from the next start on, unless the worker runs.
    Environment(Arc<BaseEnvironment>),
    /// Reply when the worker is ready or has failed. Start nothing.
    Await(oneshot::Sender<Outcome>),
    /// Replace the description of the worker: at its next start, or now if the worker runs.
    Update { spec: Arc<WorkerSpec>, project: PathBuf },
    /// Stop the worker, because the server is to be stopped.
    Halt { cause: Cause, number: u64 },
    /// The server is to run again.
    Resume,
    /// Do not wait for the rest of the grace period of a stop.
    EndGrace,
    /// End the task, and leave the process running.
    Release(oneshot::Sender<LeftWorker>),
}

/// The handle of the task of a worker. Dropping it ends the task, and leaves the process running.
#[derive(Debug)]
pub(in crate::manager) struct WorkerHandle {
    requests: mpsc::UnboundedSender<WorkerRequest>,
    _task: Task,
    /// The description of the worker.
    pub spec: Arc<WorkerSpec>,
    /// Path of the project file.
    pub project: PathBuf,
    /// The latest facts.
    pub facts: Arc<WorkerFacts>,
    /// Whether the user wants the worker up, apart from a stop of the server.
    pub wanted: Want,
    /// Number of the last halt, a stop because the server is to be stopped.
    halts: u64,
    /// The last halt that the task has handled. `None` while the server is to run. A report may be older
    /// than the last halt.
    pub halted: Option<u64>,
}

impl WorkerHandle {
    pub(super) fn new(
        requests: mpsc::UnboundedSender<WorkerRequest>,
        task: Task,
        spec: Arc<WorkerSpec>,
        project: PathBuf,
        facts: Arc<WorkerFacts>,
    ) -> Self {
        let wanted = crate::worker::default_want(&spec);
        Self { requests, _task: task, spec, project, facts, wanted, halts: 0, halted: None }
    }

    fn send(&self, request: WorkerRequest) {
        // An error means that the task has panicked, which ends the manager.
        let _ = self.requests.send(request);
    }

    pub fn command(
        &self,
        command: WorkerCommand,
        base: Option<Arc<BaseEnvironment>>,
        reply: oneshot::Sender<Outcome>,
    ) {
        self.send(WorkerRequest::Command { command, base, reply });
    }

    pub fn offer(&self, base: Arc<BaseEnvironment>) {
        self.send(WorkerRequest::Environment(base));
    }

    /// Returns the outcome of the start in progress.
    pub fn outcome(&self) -> oneshot::Receiver<Outcome> {
        let (reply, outcome) = oneshot::channel();
        self.send(WorkerRequest::Await(reply));
        outcome
    }

    pub fn update(&mut self, spec: Arc<WorkerSpec>, project: PathBuf) {
        (self.spec, self.project) = (spec.clone(), project.clone());
        self.send(WorkerRequest::Update { spec, project });
    }

    /// Stops the worker, because the server is to be stopped.
    pub fn halt(&mut self, cause: Cause) {
        self.halts += 1;
        self.send(WorkerRequest::Halt { cause, number: self.halts });
    }

    pub fn resume(&self) {
        self.send(WorkerRequest::Resume);
    }

    pub fn end_grace(&self) {
        self.send(WorkerRequest::EndGrace);
    }

    /// Whether no process runs and none is started: the task has handled the last [`Self::halt`].
    pub fn is_at_rest(&self) -> bool {
        let rests = matches!(self.facts.state, State::Stopped { .. } | State::Failed { .. });
        self.halted == Some(self.halts) && rests
    }

    /// Ends the task after a launch in progress. `None` if the task has panicked.
    pub async fn release(&self) -> Option<LeftWorker> {
        let (reply, left) = oneshot::channel();
        self.send(WorkerRequest::Release(reply));
        left.await.ok()
    }
}

impl WorkerTask {
    pub(super) fn handle(&mut self, request: WorkerRequest) {
        match request {
            WorkerRequest::Command { command, base, reply } => {
                match (base, command) {
                    (Some(base), WorkerCommand::Restart) => _ = self.base.send_replace(base),
                    (Some(base), WorkerCommand::Start) => self.offer(base),
                    (Some(_), WorkerCommand::Stop) | (None, _) => {}
                }
                self.command(command, reply);
            }
            WorkerRequest::Environment(base) => self.offer(base),
            WorkerRequest::Await(reply) => {
                self.await_restart(self.unit.supervisor.want(), reply);
            }
            WorkerRequest::Update { spec, project } => {
                self.facts.project = project;
                self.unit.supervisor.set_next_policy(crate::worker::policy(&spec));
                self.next = Some(spec);
                self.watch_files(None);
                let file = self.facts.project.file_name().unwrap_or_default();
                let detail = file.to_string_lossy().into_owned();
                match self.unit.supervisor.state() {
                    // The launch in progress runs the previous description.
                    State::Starting(Starting { launched: false, .. }) => {
                        self.reloads.restart_later(detail);
                    }
                    State::Starting(_)
                    | State::Stopped { .. }
                    | State::Ready(_)
                    | State::Degraded(..)
                    | State::Stopping(_)
                    | State::Backoff { .. }
                    | State::Failed { .. } => self.restart(Input::Reload { detail }),
                }
            }
            WorkerRequest::Halt { cause, number } => {
                self.halted = Some(number);
                self.step(Some(Input::Stop { cause }));
            }
            WorkerRequest::Resume => {
                self.halted = None;
                if self.wanted == Some(Want::Up) {
                    self.step(Some(Input::Start));
                }
            }
            WorkerRequest::EndGrace => self.step(Some(Input::EndGrace)),
            WorkerRequest::Release(reply) => {
                self.wait = None;
                self.reloads.cancel();
                self.release = Some(reply);
            }
        }
    }

    /// Uses these variables from the next start on. A worker that runs keeps those that it has: the
    /// command does not start it.
    fn offer(&self, base: Arc<BaseEnvironment>) {
        let runs = match self.unit.supervisor.state() {
            State::Ready(_) | State::Degraded(..) => true,
            State::Starting(starting) => starting.launched || starting.owner != Owner::Spawned,
            State::Stopping(_) => self.unit.supervisor.want() == Want::Up,
            State::Stopped { .. } | State::Backoff { .. } | State::Failed { .. } => false,
        };
        if !runs {
            self.base.send_replace(base);
        }
    }

    fn command(&mut self, command: WorkerCommand, reply: oneshot::Sender<Outcome>) {
        let state = self.unit.supervisor.state().name();
        tracing::info!(worker = self.name, ?command, state, "received a command");
        let wanted = match command {
            WorkerCommand::Start | WorkerCommand::Restart => Want::Up,
            WorkerCommand::Stop => Want::Down,
        };
        self.wanted = Some(wanted);
        match command {
            WorkerCommand::Start => self.step(Some(Input::Start)),
            WorkerCommand::Stop => self.step(Some(Input::Stop { cause: Cause::Operator })),
            WorkerCommand::Restart => {
                self.restart(Input::Restart);
                return self.await_restart(wanted, reply);
            }
        }
        self.waiters.push((wanted, reply));
    }

    pub(super) fn answer_waiters(&mut self) {
        let (want, state) = (self.unit.supervisor.want(), self.unit.supervisor.state().clone());
        let mut waiters = std::mem::take(&mut self.waiters);
        // A client that has disconnected needs no outcome. A start may wait for hours.
        waiters.retain(|(_, reply)| !reply.is_closed());
        for (goal, reply) in waiters {
            match self.outcome(goal, want, &state) {
                Some(outcome) => _ = reply.send(outcome),
                None => self.waiters.push((goal, reply)),
            }
        }
    }

    /// The outcome of a command. `goal` is what the command wants, and `want` the current intent,
    /// which a later command may have changed. `None` while the outcome is not known.
    fn outcome(&self, goal: Want, want: Want, state: &State) -> Option<Outcome> {
        let name = &self.name;
        let error = |code: &str, message: String, hint: &str| {
            Some(Err(ApiError::new(code, message, hint.to_owned())))
        };
        match (goal, state) {
            (Want::Up, State::Ready(_)) if want == Want::Up => Some(Ok(())),
            (_, State::Failed { failure, .. }) => {
                let mut message = failure.reason.clone();
                if !message.contains(&format!("worker `{name}`")) {
                    message = format!("worker `{name}`: {message}");
                }
                error("failed", with_last_words(message, &self.facts.last_words), &failure.hint)
            }
            (Want::Up, State::Stopped { .. }) => error(
                "stopped",
                format!("worker `{name}` was not started: another command stopped it"),
                "start the worker again",
            ),
            (Want::Down, State::Stopped { .. }) => Some(Ok(())),
            (Want::Down, _) if want == Want::Up => error(
                "superseded",
                format!("another command started worker `{name}` again"),
                "stop the worker again",
            ),
            (Want::Up | Want::Down, _) => None,
        }
    }
}

/// Appends the last log lines of a worker, if there are any, to the message of a failure.
pub(super) fn with_last_words(message: String, lines: &[String]) -> String {
    match lines {
        [] => message,
        lines => format!("{message}\nlast log lines of the worker:\n  {}\n", lines.join("\n  ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;
    use crate::supervisor::{Generation, Supervisor};
    use crate::worker::{kind, policy};
    use std::path::Path;
    use std::time::Instant;

    #[tokio::test]
    async fn report_about_an_earlier_halt_does_not_show_that_the_worker_rests() {
        let (file, text) = (Path::new("/shop/stigmer.toml"), "[worker.orders]\nrun = \"true\"");
        let spec = Project::parse(file, text, |_| Ok(true)).unwrap().workers.remove(0);
        let (policy, now) = (policy(&spec), Instant::now());
        let last = Generation::default();
        let supervisor = Supervisor::new(kind("orders"), policy.clone(), last, 0, now);
        let schedule = supervisor.schedule().clone();
        let facts = WorkerFacts::new("orders", file, "/log".into(), policy, schedule, now);
        let (requests, mut incoming) = mpsc::unbounded_channel();
        let task = Task::spawn(|| (), std::future::pending());
        let mut worker =
            WorkerHandle::new(requests, task, Arc::new(spec), file.to_owned(), Arc::new(facts));
        assert!(!worker.is_at_rest());
        worker.halt(Cause::Operator);
        worker.resume();
        worker.halt(Cause::Operator);
        let numbers: Vec<u64> = std::iter::from_fn(|| incoming.try_recv().ok())
            .filter_map(|request| match request {
                WorkerRequest::Halt { number, .. } => Some(number),
                _ => None,
            })
            .collect();
        // The worker had stopped before it was resumed.
        worker.halted = Some(numbers[0]);
        assert!(!worker.is_at_rest());
        worker.halted = Some(numbers[1]);
        assert!(worker.is_at_rest());
    }
}
