//! Attaches this process to a home: the process becomes the host, or attaches to the running host.

use super::deadlines::{PAUSE, SETTLING, SETTLING_ON_SCREEN};
use super::spawned::{EXIT_NEEDLESS, SpawnedHost, exit_text};
use super::{Host, HostError, Notify, Patience, hint, is_hosted};
use crate::config::Settings;
use crate::control::client::ClientError;
use crate::protocol::Mode;
use crate::session::Session;
use std::fmt;

/// The role of this process in a home.
#[derive(Debug)]
pub enum Attachment {
    /// This process is the host.
    Hosting(Box<Host>),
    /// Another process is the host, and this session is attached to that host.
    Following(Session),
}

/// The process that becomes the host if no host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostProcess {
    /// This process.
    This,
    /// A new background host. This process may be killed at any time, so it only attaches.
    Background,
}

/// The reason why this process can neither become the host nor attach to one.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// This process cannot become the host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The running host has an incompatible version. The string is a hint for the user.
    #[error("{0}")]
    Foreign(String),
    /// The background host cannot be started, or it ended soon after its start.
    #[error("cannot start a background host: {0}")]
    Background(String),
    /// This process cannot attach to the running host.
    #[error("cannot reach the host of {0}")]
    Unreachable(Unreachable),
}

/// The reason why this process cannot attach to the running host, with a hint for the user.
#[derive(Debug)]
pub struct Unreachable {
    home: String,
    why: ClientError,
    hint: String,
}

impl fmt::Display for Unreachable {
    /// Writes the last part of an error message: the home, the reason and the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.home, self.why, self.hint)
    }
}

/// Repeats the attempt to become the host or to attach to the running host, within a time limit. An
/// attempt has no result while a process holds the host lock but has no socket: then a host is
/// starting or ending.
#[derive(Debug)]
pub struct Attaching<'a> {
    settings: &'a Settings,
    mode: Mode,
    process: HostProcess,
    /// The background host that this process has started.
    spawned: Option<SpawnedHost>,
    patience: Patience,
}

impl<'a> Attaching<'a> {
    /// Creates the value. `mode` is the mode of this process (dashboard or `--no-tui`), and
    /// `process` becomes the host if no host runs.
    #[must_use]
    pub fn new(settings: &'a Settings, mode: Mode, process: HostProcess) -> Self {
        let usual = if mode == Mode::Tui { SETTLING_ON_SCREEN } else { SETTLING };
        Self { settings, mode, process, spawned: None, patience: Patience::new(usual) }
    }

    /// Starts the time limit again, for new attempts after an attachment has ended.
    pub fn renew(&mut self) {
        self.patience.renew();
    }

    /// Makes one attempt. `None` if the caller must try again after a [pause](Self::pause).
    ///
    /// # Errors
    /// If this process can neither become the host nor attach to one, or the time limit is over.
    pub async fn attempt(&mut self, notify: Notify<'_>) -> Result<Option<Attachment>, AttachError> {
        let home = &self.settings.home;
        if self.process == HostProcess::This {
            match Host::start(self.settings.clone(), self.mode) {
                Ok(host) => return Ok(Some(Attachment::Hosting(Box::new(host)))),
                Err(HostError::Running) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match Session::connect(home).await {
            Ok(session) => {
                self.spawned = None;
                Ok(Some(Attachment::Following(session)))
            }
            Err(ClientError::NoHost)
                if self.process == HostProcess::Background && self.spawns()? =>
            {
                self.renew();
                Ok(None)
            }
            Err(ClientError::NoHost) if !self.patience.is_over(home, notify) => Ok(None),
            Err(ClientError::Foreign(why)) => Err(AttachError::Foreign(why)),
            Err(why) => Err(AttachError::Unreachable(Unreachable {
                home: home.to_string(),
                hint: match why {
                    ClientError::NoHost | ClientError::Unresponsive => format!("; {}", hint(home)),
                    // The text of these errors contains the hint.
                    _ => String::new(),
                },
                why,
            })),
        }
    }

    /// Starts a background host, unless a process has the host lock or the last started host still
    /// starts. Returns whether a host was started.
    fn spawns(&mut self) -> Result<bool, AttachError> {
        let home = &self.settings.home;
        match self.spawned.as_mut().map(SpawnedHost::ended) {
            // The host is starting.
            Some(None) => return Ok(false),
            None | Some(Some((Some(EXIT_NEEDLESS), _))) => {}
            Some(Some((code, stderr))) => {
                let (code, log) = (exit_text(code), home.stigmer_log());
                let why = if stderr.is_empty() { "no error message" } else { &stderr };
                return Err(AttachError::Background(format!(
                    "it ended with {code}: {why}; see {log}",
                    log = log.display()
                )));
            }
        }
        if is_hosted(home) {
            return Ok(false);
        }
        let host = SpawnedHost::spawn(home, &self.settings.options);
        self.spawned = Some(host.map_err(|error| AttachError::Background(error.to_string()))?);
        Ok(true)
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
