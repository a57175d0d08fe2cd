//! Becomes the host in this process, or follows the host that runs.

use super::deadlines::{PAUSE, SETTLING, SETTLING_ON_SCREEN};
use super::{Host, HostError, Notify, Patience, remedy};
use crate::config::Settings;
use crate::control::client::ClientError;
use crate::protocol::Mode;
use crate::session::Session;
use std::fmt;

/// What this process is to a home.
#[derive(Debug)]
pub enum Attachment {
    /// This process is the host.
    Hosting(Box<Host>),
    /// Another process is the host.
    Following(Session),
}

/// Why this process is neither the host nor a viewer of the host.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// This process cannot host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The host has another version. The text says what to do.
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
    remedy: String,
}

impl fmt::Display for Unreachable {
    /// For the end of a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.home, self.why, self.remedy)
    }
}

/// A process that becomes the host or follows one. If the host lock is held and no socket is there,
/// a host starts or ends, and another attempt is due.
#[derive(Debug)]
pub struct Attaching<'a> {
    settings: &'a Settings,
    mode: Mode,
    patience: Patience,
}

impl<'a> Attaching<'a> {
    /// As a host of this mode, or as a viewer.
    #[must_use]
    pub fn new(settings: &'a Settings, mode: Mode) -> Self {
        let usual = if mode == Mode::Tui { SETTLING_ON_SCREEN } else { SETTLING };
        Self { settings, mode, patience: Patience::new(usual) }
    }

    /// The attachment has ended, and another one is looked for.
    pub fn renew(&mut self) {
        self.patience.renew();
    }

    /// One attempt. `None`: another one is due after a [pause](Self::pause).
    ///
    /// # Errors
    /// When this process can neither host nor follow, or has waited for too long.
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
                remedy: remedy(home),
            })),
        }
    }

    /// The time between two attempts.
    pub async fn pause() {
        tokio::time::sleep(PAUSE).await;
    }

    /// Attempts until this process is attached.
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
