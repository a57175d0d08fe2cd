//! Carries out the commands of the operator, and sends their outcomes to the clients.

use super::{Command, Facts, Intent, Manager, Outcome};
use crate::protocol::ApiError;
use crate::supervisor::{Cause, Input, State, Want};
use tokio::sync::oneshot;

/// A command whose client waits for the outcome.
#[derive(Debug)]
pub(super) struct Waiter {
    goal: Want,
    reply: oneshot::Sender<Outcome>,
}

impl Manager {
    /// Carries out a command. If the host could not adopt a server of an earlier host, the first
    /// command repeats the search for that server. Later commands do not, because their launches
    /// and stops search too.
    pub(super) async fn carry_out(&mut self, command: Command, reply: oneshot::Sender<Outcome>) {
        if self.unadopted.is_some() && self.unit.supervisor.is_fresh() {
            self.adopt().await;
        }
        self.command(command, reply);
    }

    /// Stops the server, because another process has written the intent "down" into the home.
    pub(super) async fn follow(&mut self, down: &Intent) {
        if self.unit.supervisor.want() == Want::Up && !self.intent.is_last(down) {
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
            Command::Restart(_) if external && self.unit.supervisor.want() == Want::Up => {
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
        self.step(Some(input));
        self.waiters.push(Waiter { goal, reply });
    }

    /// Sends the outcome to each client whose command is done.
    pub(super) fn answer_waiters(&mut self) {
        let want = self.unit.supervisor.want();
        let state = self.unit.supervisor.state();
        let facts = &self.facts;
        let mut kept = Vec::new();
        for waiter in self.waiters.drain(..) {
            match outcome(waiter.goal, want, state, facts) {
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
