//! The way out with the screen still there: what has to be done first is seen, and what is typed
//! meanwhile is not left to the shell.

use super::dashboard::{Dashboard, FRAME};
use super::events::Events;
use super::input;
use super::terminal::{self, Screen};
use crate::hosting::Host;
use crate::hosting::background;
use crate::manager::Command;
use crate::paths::Home;
use crate::presenter::Leaving;
use crate::protocol::State;
use crate::supervisor::{Cause, Want};
use stigmer_ui::Input;

/// What becomes of a stop that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopping {
    /// It is waited for.
    Here,
    /// A background host goes on with it. Not after a panic of the manager, which hands nothing
    /// over: the next host would not know that it is to be stopped.
    Background,
}

impl Dashboard {
    /// Stops Temporal where it is asked to, and leaves the rest to a background host. Returns what
    /// there is to say in the shell.
    pub(super) async fn farewell(
        &mut self,
        screen: &mut Screen,
        events: &mut Events,
        host: Host,
        stops: bool,
    ) -> Option<String> {
        let mut events = Some(events);
        let mut stopping = Stopping::Background;
        let mut not_stopped = None;
        if stops {
            let handle = host.handle().clone();
            let stop = handle.command(Command::Stop(Cause::Shutdown));
            let outcome = self.until(screen, &mut events, Leaving::Stop, stop).await;
            if let Some(outcome) = outcome {
                stopping = Stopping::Here;
                not_stopped = outcome.err().map(|error| format!("not stopped: {error}"));
            }
        }
        let shown = if wants_up(&host).await || stopping == Stopping::Background {
            Leaving::HandOver
        } else {
            Leaving::End
        };
        let home = self.home.clone();
        let left = self.until(screen, &mut events, shown, leave(&home, host, stopping)).await;
        left.flatten().or(not_stopped)
    }

    /// Shows how it goes until it is done. None: the operator does not wait for it.
    async fn until<T>(
        &mut self,
        screen: &mut Screen,
        events: &mut Option<&mut Events>,
        leaving: Leaving,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        self.viewer.leaving = Some(leaving);
        self.model = None;
        tokio::pin!(work);
        loop {
            if terminal::has_panicked() {
                // The terminal is the shell's again, and so is what is typed.
                if let Some(events) = events.take() {
                    events.pause();
                }
            }
            // One that is gone stops nothing of this.
            let _ = self.draw(screen);
            let event = async {
                match events {
                    Some(events) => events.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                event = event => match event {
                    Some(Ok(event)) => {
                        let input = input::map(&event);
                        if input == Some(Input::Resize) {
                            screen.resized();
                        }
                        // There is nothing else to decide any more.
                        if input.is_some_and(|input| self.handle(input).is_some()) {
                            return None;
                        }
                    }
                    Some(Err(_)) | None => *events = None,
                },
                Ok(batch) = self.log_file.next() => self.log.push(&batch),
                Ok(batch) = self.own_file.next() => self.own.push(&batch),
                () = tokio::time::sleep(FRAME) => {}
            }
        }
    }
}

/// Leaves Temporal to a background host, and says so, where it is to run.
pub(super) async fn leave(home: &Home, host: Host, stopping: Stopping) -> Option<String> {
    if wants_up(&host).await {
        return Some(match background::hand_over(home, host).await {
            Ok(pid) => format!("Temporal keeps running, watched by the background host {pid}"),
            Err(error) => {
                format!("Temporal keeps running, but {error}; `stigmer local` watches it again")
            }
        });
    }
    match (host.handle().facts().state_name(), stopping) {
        (State::Stopping, Stopping::Background) => {
            Some(match background::hand_over(home, host).await {
                Ok(pid) => format!("the background host {pid} goes on to stop Temporal"),
                Err(error) => {
                    format!(
                        "Temporal was asked to end, but {error}; `stigmer local stop` sees to it"
                    )
                }
            })
        }
        // What is still on its way down is seen to its end.
        (State::Stopping, Stopping::Here) => {
            let _ = host.shutdown().await;
            None
        }
        (_, _) => {
            host.leave().await;
            None
        }
    }
}

/// Whether anything of ours runs or is coming.
pub(super) async fn wants_up(host: &Host) -> bool {
    let facts = host.handle().settled().await;
    facts.want == Want::Up && facts.is_managed() && facts.state_name() != State::Failed
}
