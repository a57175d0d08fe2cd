//! Becomes the host in this process, or follows the host that runs.

use super::deadlines::{PAUSE, SETTLING, SETTLING_ON_SCREEN};
use super::{Host, HostError, Notify, Patience, hint};
use crate::config::Settings;
use crate::control::client::ClientError;
use crate::protocol::Mode;
use crate::session::Session;
use std::fmt;

/// The role of this process for a home.
#[derive(Debug)]
pub enum Attachment {
    /// This process is the host.
    Hosting(Box<Host>),
    /// Another process is the host.
    Following(Session),
}

/// The reason why this process is neither the host nor a viewer.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// This process cannot host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The host has another version. The text has a hint.
    #[error("{0}")]
    Foreign(String),
    /// The host cannot be followed.
    #[error("cannot reach the host of {0}")]
    Unreachable(Unreachable),
}

/// A host that cannot be followed.
#[derive(Debug)]
pub struct Unreachable {
    home: String,
    why: ClientError,
    hint: String,
}

impl fmt::Display for Unreachable {
    /// Writes home, reason and hint, for the end of a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.home, self.why, self.hint)
    }
}

/// Attempts to become the host or to follow the host. If the host lock is held and there is no
/// socket, a host is starting or ending, and another attempt is needed.
#[derive(Debug)]
pub struct Attaching<'a> {
    settings: &'a Settings,
    mode: Mode,
    patience: Patience,
}

impl<'a> Attaching<'a> {
    /// `mode` is the mode of this process if it becomes the host.
    #[must_use]
    pub fn new(settings: &'a Settings, mode: Mode) -> Self {
        let usual = if mode == Mode::Tui { SETTLING_ON_SCREEN } else { SETTLING };
        Self { settings, mode, patience: Patience::new(usual) }
    }

    /// Restarts the time limit, after an attachment ended.
    pub fn renew(&mut self) {
        self.patience.renew();
    }

    /// Makes one attempt. `None` if another attempt is needed after a [pause](Self::pause).
    ///
    /// # Errors
    /// If this process can neither host nor follow, or the time limit is over.
    pub async fn attempt(&mut self, notify: Notify<'_>) -> Result<Option<Attachment>, AttachError> {
        let home = &self.settings.home;
        match Host::start(self.settings.clone(), self.mode) {
            Ok(host) => return Ok(Some(Attachment::Hosting(Box::new(host)))),
            Err(HostError::Running) => {}
            Err(error) => return Err(error.into()),
        }
        match Session::connect(home).await {
            Ok(session) => Ok(Some(Attachment::Following(session))),
            Err(ClientError::NoHost) if !self.patience.is_over(home, notify) => Ok(None),
            Err(ClientError::Foreign(why)) => Err(AttachError::Foreign(why)),
            Err(why) => Err(AttachError::Unreachable(Unreachable {
                home: home.to_string(),
                why,
                hint: hint(home),
            })),
        }
    }

    /// Waits before the next attempt.
    pub async fn pause() {
        tokio::time::sleep(PAUSE).await;
    }

    /// Repeats [`Self::attempt`] until this process is attached.
    ///
    /// # Errors
    /// See [`Self::attempt`].
    pub async fn attach(&mut self, notify: Notify<'_>) -> Result<Attachment, AttachError> {
        loop {
            match self.attempt(notify).await? {
                Some(attachment) => return Ok(attachment),
                None => Self::pause().await,
            }
        }
    }
}
