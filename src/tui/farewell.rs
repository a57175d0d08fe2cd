//! Ends a dashboard whose process is the host. The screen stays until the stop or the hand-over is
//! complete. So the user sees the progress, and keys that are typed meanwhile do not reach the
//! shell.

use super::dashboard::{Dashboard, FRAME};
use super::events::TerminalEvents;
use super::input;
use super::terminal::{self, Screen};
use crate::hosting::{Departure, Host, Need};
use crate::manager::Command;
use crate::presenter::Leaving;
use crate::supervisor::Cause;
use stigmer_ui::Input;

impl Dashboard {
    /// Stops the server if `stops` is true, and otherwise hands it over to a background host.
    /// Returns a message to print after the end of the dashboard.
    pub(super) async fn farewell(
        &mut self,
        screen: &mut Screen,
        events: &mut TerminalEvents,
        host: Host,
        stops: bool,
    ) -> Option<String> {
        let mut events = Some(events);
        let mut departure = Departure::AtOnce;
        let mut not_stopped = None;
        if stops {
            let handle = host.handle().clone();
            let stop = handle.command(Command::Stop(Cause::Shutdown));
            let outcome = self.until(screen, &mut events, Leaving::Stop, stop).await;
            if let Some(outcome) = outcome {
                departure = Departure::AfterStop;
                not_stopped =
                    outcome.err().map(|error| format!("the server was not stopped: {error}"));
            }
        }
        let shown = match host.need().await {
            Some(Need::Stop) if departure == Departure::AfterStop => Leaving::End,
            Some(_) => Leaving::HandOver,
            None => Leaving::End,
        };
        let left = self.until(screen, &mut events, shown, host.depart(departure)).await;
        left.flatten().map(|succession| succession.message()).or(not_stopped)
    }

    /// Shows the progress until `work` is complete. Returns `None` if the operator chooses not to
    /// wait.
    async fn until<T>(
        &mut self,
        screen: &mut Screen,
        events: &mut Option<&mut TerminalEvents>,
        leaving: Leaving,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        self.viewer.leaving = Some(leaving);
        self.model = None;
        tokio::pin!(work);
        loop {
            if terminal::has_panicked() {
                // The panic hook has restored the terminal, so keys are for the shell now. Stop
                // reading keys.
                if let Some(events) = events.take() {
                    events.pause();
                }
            }
            // Ignore an error: `work` must continue even if the terminal was closed.
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
                        // Any action means "do not wait", because no other action is possible here.
                        if input.is_some_and(|input| self.handle(input).is_some()) {
                            return None;
                        }
                    }
                    Some(Err(_)) | None => *events = None,
                },
                Ok(()) = self.logs.next(|line| self.log.push(&line)) => {}
                Ok(batch) = self.own_file.next() => self.own.push(&batch),
                () = tokio::time::sleep(FRAME) => {}
            }
        }
    }
}
