//! The exit of the dashboard. The screen stays until all work is done: the user sees the progress,
//! and keys do not reach the shell meanwhile.

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

/// What happens to a stop in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopping {
    /// The dashboard waits for it.
    Here,
    /// A background host continues it. Not after a panic of the manager: such a host hands over no
    /// state, and the next host would not know of the stop.
    Background,
}

impl Dashboard {
    /// Stops the server if `stops`, otherwise hands over to a background host. Returns a message
    /// for the shell.
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

    /// Shows the progress until `work` is done. Returns `None` if the operator does not want to
    /// wait.
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
                // The terminal belongs to the shell again, and so do the keys.
                if let Some(events) = events.take() {
                    events.pause();
                }
            }
            // A closed terminal does not interrupt the work.
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
                        // No other decision is possible here.
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

/// Hands over to a background host if a server is to run, and returns a message about it.
pub(super) async fn leave(home: &Home, host: Host, stopping: Stopping) -> Option<String> {
    if wants_up(&host).await {
        return Some(match background::hand_over(home, host).await {
            Ok(pid) => format!("the server keeps running, watched by the background host {pid}"),
            Err(error) => {
                format!(
                    "the server keeps running, but {error}; watch it again with `stigmer local`"
                )
            }
        });
    }
    match (host.handle().facts().state_name(), stopping) {
        (State::Stopping, Stopping::Background) => {
            Some(match background::hand_over(home, host).await {
                Ok(pid) => format!("the background host {pid} continues to stop the server"),
                Err(error) => {
                    format!(
                        "the server was requested to stop, but {error}; run `stigmer local stop`"
                    )
                }
            })
        }
        // Waits until a stopping server has ended.
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

/// Whether our server runs or is to start.
pub(super) async fn wants_up(host: &Host) -> bool {
    let facts = host.handle().settled().await;
    facts.want == Want::Up && facts.is_managed() && facts.state_name() != State::Failed
}
