//! Decides what happens to the server when its host process ends or is suspended. If the server
//! still needs a host, a background host takes over.

use super::Host;
use super::hand_over::{HandOverError, hand_over};
use crate::process::Pid;
use crate::protocol::State;
use crate::supervisor::{self, Want};

/// What a server still needs from a host after its own host has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The server is to run, so a host must watch it.
    Watch,
    /// A stop of the server is in progress, so a host must complete it.
    Stop,
}

/// How a host leaves its home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// The process ends. If a stop of the server is in progress, the process completes the stop
    /// first.
    AfterStop,
    /// The process ends at once. If a stop of the server is in progress, a background host
    /// completes it. Must not be used after a panic of the manager: such a host hands over no
    /// state, so the next host would not know that a stop was in progress.
    AtOnce,
    /// The process is suspended (Ctrl-Z), and its user probably continues it later. The host always
    /// hands over its state, so that the restart counts are kept.
    Suspended,
}

/// The hand-over to a background host.
#[derive(Debug)]
pub struct Succession {
    /// The reason why the server needs the background host.
    pub need: Need,
    /// The pid of the background host. If this is an error, the server may have no host.
    pub host: Result<Pid, HandOverError>,
}

impl Host {
    /// Returns what the server would need if this host left now. First waits until all earlier
    /// commands have begun. `None` if stigmer manages no server here, or if the server has failed
    /// and no further start is planned.
    pub async fn need(&self) -> Option<Need> {
        let facts = self.handle().settled().await;
        let has_failed = matches!(facts.state, supervisor::State::Failed { retry: None, .. });
        match facts.want {
            Want::Up => (facts.is_managed() && !has_failed).then_some(Need::Watch),
            Want::Down => (facts.state_name() == State::Stopping).then_some(Need::Stop),
        }
    }

    /// Leaves the home. Hands over to a background host if the server still needs a host. Returns
    /// `None` if no background host was needed.
    pub async fn depart(self, departure: Departure) -> Option<Succession> {
        let home = self.handle().facts().settings.home.clone();
        let need = match (self.need().await, departure) {
            (Some(Need::Stop), Departure::AfterStop) => {
                // Ignore an error: if the stop fails, the screen and the log show the error
                // already.
                let _ = self.shutdown().await;
                return None;
            }
            (Some(need), _) => need,
            (None, Departure::Suspended) => {
                let _ = self.release().await.last_responses.await;
                return None;
            }
            (None, Departure::AfterStop | Departure::AtOnce) => {
                self.leave().await;
                return None;
            }
        };
        let host = hand_over(&home, self).await;
        Some(Succession { need, host })
    }
}

impl Succession {
    /// The message for the user of the process that has left.
    #[must_use]
    pub fn message(&self) -> String {
        match (self.need, &self.host) {
            (Need::Watch, Ok(pid)) => {
                format!("the server keeps running, supervised by the background host (pid {pid})")
            }
            (Need::Watch, Err(error)) => {
                format!(
                    "the server keeps running without a host: {error}; run `stigmer local` to \
                     supervise the server again"
                )
            }
            (Need::Stop, Ok(pid)) => {
                format!("the background host (pid {pid}) continues to stop the server")
            }
            (Need::Stop, Err(error)) => {
                format!(
                    "the stop of the server is not complete, and no host continues it: \
                         {error}; run `stigmer local stop`"
                )
            }
        }
    }
}
