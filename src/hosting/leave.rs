//! How a host leaves its home when its own process ends or is suspended: what its server still needs, a background host
//! does.

use super::Host;
use super::background::{HandOverError, hand_over};
use crate::process::Pid;
use crate::protocol::State;
use crate::supervisor::{self, Want};

/// What the server of a host needs after that host has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The server is to run: a host must watch it.
    Watch,
    /// A stop is in progress: a host must complete it.
    Stop,
}

/// Why a host leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// The process ends after a stop in progress is complete.
    AfterStop,
    /// The process ends at once, and a background host continues a stop in progress. Not after a panic of the manager:
    /// such a host hands over no state, and the next host would not know of the stop.
    AtOnce,
    /// The process is suspended, and the same user probably continues it. The next host continues the counts.
    Suspended,
}

/// What a background host took over.
#[derive(Debug)]
pub struct Succession {
    /// The need of the server.
    pub need: Need,
    /// The pid of the background host. After an error the server may have no host.
    pub host: Result<Pid, HandOverError>,
}

impl Host {
    /// Returns what the server would need if this host left, after all commands that were sent before. `None` if there
    /// is no server, it is not ours, or it has failed for good.
    pub async fn need(&self) -> Option<Need> {
        let facts = self.handle().settled().await;
        let has_failed = matches!(facts.state, supervisor::State::Failed { retry: None, .. });
        match facts.want {
            Want::Up => (facts.is_managed() && !has_failed).then_some(Need::Watch),
            Want::Down => (facts.state_name() == State::Stopping).then_some(Need::Stop),
        }
    }

    /// Leaves the home. A background host does what the server still needs. Returns `None` if there is nothing to do.
    pub async fn depart(self, departure: Departure) -> Option<Succession> {
        let home = self.handle().facts().settings.home.clone();
        let need = match (self.need().await, departure) {
            (Some(Need::Stop), Departure::AfterStop) => {
                // A failed stop is on the screen and in the log already.
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
    /// The message for the user whose process left.
    #[must_use]
    pub fn message(&self) -> String {
        match (self.need, &self.host) {
            (Need::Watch, Ok(pid)) => {
                format!("the server keeps running, watched by the background host {pid}")
            }
            (Need::Watch, Err(error)) => {
                format!(
                    "the server keeps running, but {error}; watch it again with `stigmer local`"
                )
            }
            (Need::Stop, Ok(pid)) => {
                format!("the background host {pid} continues to stop the server")
            }
            (Need::Stop, Err(error)) => {
                format!("the server was requested to stop, but {error}; run `stigmer local stop`")
            }
        }
    }
}
