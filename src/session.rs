//! Commands out, state in: from the host in this process or over its socket,
//! with one behaviour.

mod bring_up;
mod remote;

use crate::control::client::{self, ClientError};
use crate::facts::Latest;
use crate::manager::{Command, Handle};
use crate::paths::Home;
use crate::protocol::{ApiError, Snapshot};
use crate::supervisor::Cause;
use remote::Heard;
pub use remote::Remote;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A command of the operator, without options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionCommand {
    /// Bring it up.
    Start,
    /// Take it down.
    Stop,
    /// A new generation.
    Restart,
}

impl SessionCommand {
    fn path(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }
}

/// A connection to a host.
#[derive(Debug, Clone)]
pub enum Session {
    /// The host in this process.
    Local(Handle),
    /// A host elsewhere.
    Remote(Remote),
}

/// Whether the host can be heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// It can.
    Up,
    /// It has its socket open and says nothing.
    Silent,
    /// It is gone; the next one will be heard.
    Gone,
    /// The one that is there cannot be followed: why, and what to do.
    Foreign(String),
}

/// What is, at one moment.
#[derive(Debug, Clone)]
pub struct View {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// How old it is: its ages are that much larger by now.
    pub age: Duration,
    /// Whether there will be another.
    pub link: Link,
}

impl Session {
    /// Connects to the host of a home and keeps connected, for as long as this
    /// session is held.
    ///
    /// # Errors
    /// When there is no host, it does not answer, or is of another version.
    pub async fn connect(home: &Home) -> Result<Self, ClientError> {
        Remote::connect(home).await.map(Self::Remote)
    }

    /// What is now.
    #[must_use]
    pub fn view(&self) -> View {
        match self {
            Self::Local(handle) => {
                let Latest { snapshot, at } = handle.latest().borrow().clone();
                View { snapshot, age: at.elapsed(), link: Link::Up }
            }
            Self::Remote(remote) => remote.view(),
        }
    }

    /// Something that tells when to look again.
    #[must_use]
    pub fn changes(&self) -> Changes {
        match self {
            Self::Local(handle) => Changes(Source::Local(handle.latest())),
            Self::Remote(remote) => Changes(Source::Remote(remote.heard())),
        }
    }

    /// Gives a command and waits until it is done.
    ///
    /// # Errors
    /// Why it was not.
    pub async fn command(&self, command: SessionCommand) -> Result<(), ApiError> {
        match self {
            Self::Local(handle) => {
                let command = match command {
                    SessionCommand::Start => Command::Start,
                    SessionCommand::Stop => Command::Stop(Cause::Operator),
                    SessionCommand::Restart => Command::Restart(None),
                };
                handle.command(command).await
            }
            Self::Remote(remote) => client::command(remote.home(), command.path(), None)
                .await
                .map(drop)
                .map_err(|error| match error {
                    ClientError::Refused(error) => error,
                    ClientError::NoHost
                    | ClientError::Unreachable { .. }
                    | ClientError::Unresponsive
                    | ClientError::Garbled(_)
                    | ClientError::Foreign(_) => {
                        ApiError::new("unreachable", error.to_string(), "")
                    }
                }),
        }
    }
}

/// See [`Session::changes`].
#[derive(Debug)]
pub struct Changes(Source);

#[derive(Debug)]
enum Source {
    Local(watch::Receiver<Latest>),
    Remote(watch::Receiver<Heard>),
}

impl Changes {
    /// Returns when something has changed; false when nothing ever will again.
    pub async fn next(&mut self) -> bool {
        match &mut self.0 {
            Source::Local(latest) => latest.changed().await.is_ok(),
            Source::Remote(heard) => heard.changed().await.is_ok(),
        }
    }
}
