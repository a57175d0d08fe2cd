//! Carries out the commands of the operator, and sends their outcomes to the clients.

use super::report::{ProjectChange, ProjectTrouble};
use super::{Command, Facts, Intent, Manager, Outcome, WorkerCommand};
use crate::facts::WorkerFacts;
use crate::process::environment::BaseEnvironment;
use crate::project::Project;
use crate::protocol::ApiError;
use crate::supervisor::{Cause, Input, State, Want};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A command whose client waits for the outcome.
#[derive(Debug)]
pub(super) struct Waiter {
    goal: Want,
    reply: oneshot::Sender<Outcome>,
}

/// A stop of the server that follows after the end of the workers.
#[derive(Debug)]
pub(super) struct PendingStop {
    cause: Cause,
    is_grace_over: bool,
}

impl Manager {
    /// The intent: whether the server is to run.
    pub(super) fn want(&self) -> Want {
        match self.stopping {
            Some(_) => Want::Down,
            None => self.unit.supervisor.want(),
        }
    }

    /// Stops the workers, and then the server.
    pub(super) fn stop_all(&mut self, cause: Cause) {
        self.crew.halt(cause);
        self.stopping = Some(PendingStop { cause, is_grace_over: false });
        self.proceed_with_stop();
    }

    /// Stops the server if it is to be stopped and all workers have ended.
    pub(super) fn proceed_with_stop(&mut self) {
        if let Some(PendingStop { cause, is_grace_over }) =
            self.stopping.take_if(|_| self.crew.is_at_rest())
        {
            self.step(Some(Input::Stop { cause }));
            if is_grace_over {
                self.step(Some(Input::EndGrace));
            }
        }
    }

    /// Ends the grace period of a stop in progress.
    pub(super) fn end_grace(&mut self) {
        if let Some(stopping) = &mut self.stopping {
            stopping.is_grace_over = true;
        }
        if self.want() == Want::Down {
            self.crew.end_grace();
        }
        self.step(Some(Input::EndGrace));
    }

    /// Runs the workers of a project. `starts` is whether those that have stopped or failed are
    /// started again. `base` are the variables of the command that runs the project.
    pub(super) fn run_project(
        &mut self,
        project: &Project,
        starts: bool,
        base: Option<Arc<BaseEnvironment>>,
    ) -> Outcome {
        self.crew.apply(project, base)?;
        if self.want() == Want::Down && !self.unit.supervisor.is_fresh() {
            // The workers start with the server.
            self.crew.halt(Cause::Operator);
        } else if starts {
            self.crew.start(&project.file);
        }
        Ok(())
    }

    /// Follows a change of a project file. A file that cannot be used changes nothing: the last usable
    /// content stays in force.
    pub(super) fn project_changed(&mut self, change: ProjectChange) {
        let trouble = match change.project {
            Ok(project) => self
                .run_project(&project, false, None)
                .err()
                .map(|error| ProjectTrouble::Unusable(error.to_string())),
            Err(trouble) => Some(trouble),
        };
        self.crew.trouble_of_project(&change.file, trouble);
    }

    pub(super) fn command_worker(
        &self,
        name: &str,
        command: WorkerCommand,
        base: Option<Arc<BaseEnvironment>>,
        reply: oneshot::Sender<Outcome>,
    ) {
        let needs_server = match command {
            WorkerCommand::Start | WorkerCommand::Restart => true,
            WorkerCommand::Stop => false,
        };
        if needs_server && self.want() == Want::Down {
            let message = "the server is stopped, and a worker cannot run without it".to_owned();
            let hint = "start the server with `stigmer local`";
            return drop(reply.send(Err(ApiError::new("stopped", message, hint))));
        }
        self.crew.command(name, command, base, reply);
    }

    /// Stores the facts of a worker.
    pub(super) fn worker_changed(
        &mut self,
        facts: Arc<WorkerFacts>,
        wanted: Want,
        halted: Option<u64>,
    ) {
        let name = facts.name.clone();
        match self.crew.receive(facts, wanted, halted) {
            Some(facts) => self.facts.workers.insert(name, facts),
            None => self.facts.workers.remove(&name),
        };
    }

    /// Carries out a command. If the host could not adopt a server of an earlier host, the first
    /// command repeats the search for that server. Later commands do not, because their launches
    /// and stops search too. The search for workers that were not found is repeated each time.
    pub(super) async fn carry_out(&mut self, command: Command, reply: oneshot::Sender<Outcome>) {
        if self.unadopted.is_some() && self.unit.supervisor.is_fresh() {
            self.adopt().await;
        }
        self.crew.adopt_unsearched().await;
        self.command(command, reply);
    }

    /// Stops the server, because another process has written the intent "down" into the home.
    pub(super) async fn follow(&mut self, down: &Intent) {
        if self.want() == Want::Up && !self.intent.is_last(down) {
            tracing::info!("another command has stopped the server meanwhile");
            let (reply, _) = oneshot::channel();
            self.carry_out(Command::Stop(Cause::Operator), reply).await;
        }
    }

    fn command(&mut self, command: Command, reply: oneshot::Sender<Outcome>) {
        tracing::info!(?command, state = %self.facts.state_name(), "received a command");
        let goal = match &command {
            Command::Start | Command::AwaitStart | Command::Restart(_) => Want::Up,
            Command::Stop(_) => Want::Down,
        };
        let external = !self.facts.is_managed();
        let is_replaced = match &command {
            Command::Start | Command::AwaitStart => None,
            Command::Stop(_) => Some(false),
            Command::Restart(_) => Some(true),
        };
        let input = match command {
            Command::Start => Input::Start,
            Command::AwaitStart => return self.waiters.push(Waiter { goal, reply }),
            Command::Stop(Cause::Operator) if external => {
                return drop(reply.send(Err(self.facts.refusal("stop"))));
            }
            Command::Stop(cause) => Input::Stop { cause },
            Command::Restart(_) if external && self.want() == Want::Up => {
                return drop(reply.send(Err(self.facts.refusal("restart"))));
            }
            Command::Restart(settings) => {
                if let Some(settings) = settings {
                    self.unit.supervisor.set_next_policy(settings.policy.clone());
                    self.next = Some(settings);
                }
                Input::Restart
            }
        };
        if goal == Want::Down {
            self.facts.note.clear();
        }
        if let (Some(unadopted), Some(is_replaced)) = (&mut self.unadopted, is_replaced) {
            unadopted.is_replaced = is_replaced;
        }
        self.intent.is_made = true;
        match input {
            Input::Stop { cause } => self.stop_all(cause),
            input => {
                self.stopping = None;
                self.crew.resume();
                self.step(Some(input));
            }
        }
        self.waiters.push(Waiter { goal, reply });
    }

    /// Sends the outcome to each client whose command is done.
    pub(super) fn answer_waiters(&mut self) {
        let want = self.want();
        let state = self.unit.supervisor.state();
        let facts = &self.facts;
        let mut kept = Vec::new();
        // A client that has disconnected needs no outcome.
        self.waiters.retain(|waiter| !waiter.reply.is_closed());
        for waiter in self.waiters.drain(..) {
            let outcome = match (waiter.goal, &self.stopping) {
                (Want::Down, Some(_)) => None,
                (Want::Down, None) => outcome(waiter.goal, want, state, facts)
                    .map(|outcome| outcome.and(self.crew.unstopped().map_or(Ok(()), Err))),
                (Want::Up, _) => outcome(waiter.goal, want, state, facts),
            };
            match outcome {
                Some(outcome) => {
                    // Ignore an error: it means that the client has disconnected.
                    let _ = waiter.reply.send(outcome);
                }
                None => kept.push(waiter),
            }
        }
        self.waiters = kept;
    }
}

/// The outcome of a command. `goal` is the intent that the command has set, and `want` is the
/// current intent, which a later command may have changed. `None` while the outcome is not known.
fn outcome(goal: Want, want: Want, state: &State, facts: &Facts) -> Option<Outcome> {
    let error =
        |code: &str, message: String, hint: &str| Some(Err(ApiError::new(code, message, hint)));
    match (goal, state) {
        (Want::Up, State::Ready(_) | State::Degraded(..)) if want == Want::Up => Some(Ok(())),
        (Want::Up, State::Failed { failure, .. }) => {
            let mut message = failure.reason.clone();
            if !facts.last_words.is_empty() {
                message.push_str("\nlast log lines of the server:\n  ");
                message.push_str(&facts.last_words.join("\n  "));
                message.push('\n');
            }
            error("failed", message, &failure.hint)
        }
        (Want::Up, State::Stopped { note }) => error(
            "stopped",
            format!(
                "the server was not started: {}",
                match note {
                    Some(_) => facts.message(),
                    None => "another command stopped the server".to_owned(),
                }
            ),
            match facts.settings.address {
                Some(_) => {
                    "start the server at that address, name another address, or leave out \
                     --address to run your own server"
                }
                None => "run `stigmer local` to start the server",
            },
        ),
        (Want::Down, State::Stopped { .. }) => Some(Ok(())),
        (Want::Down, _) if want == Want::Down && !facts.is_managed() => Some(Ok(())),
        (Want::Down, _) if want == Want::Up => error(
            "superseded",
            "another command started the server again".into(),
            "run `stigmer local stop` again",
        ),
        (Want::Down, State::Failed { failure, left, .. }) => {
            let code = left.map_or(ApiError::UNPROVEN, |_| "failed");
            error(code, failure.reason.clone(), &failure.hint)
        }
        (Want::Up | Want::Down, _) => None,
    }
}
