//! Starts the server through the host of a session, for a dashboard or `--no-tui`.

use super::{Session, SessionCommand};
use crate::config::{self, Different, Options, Settings};
use crate::control::client;
use crate::manager::Command;
use crate::protocol::State;
use crate::supervisor::Want;

impl Session {
    /// Requests the start of the server with the requested options, if the server does not run.
    /// Does not wait for the start: the state of the session shows the progress. If the server
    /// runs, only checks its options. Returns whether the start was requested.
    ///
    /// # Errors
    /// If the running server has other options.
    pub fn bring_up(&self, settings: &Settings, asked: &Options) -> Result<bool, Different> {
        let status = self.view().snapshot.status.clone();
        let is_down = status.intent == Want::Down || status.state == State::Failed;
        let same = config::agree(asked, &status.options, status.managed);
        if !is_down {
            return same.map(|()| false);
        }
        let session = self.clone();
        let new_settings = same.is_err().then(|| settings.clone());
        tokio::spawn(async move {
            let Some(settings) = new_settings else {
                let _ = session.command(SessionCommand::Start).await;
                return;
            };
            match &session {
                Self::Local(handle, _) => {
                    let _ = handle.command(Command::Restart(Some(Box::new(settings)))).await;
                }
                Self::Remote(remote) => {
                    let body = serde_json::to_string(&settings.options).ok();
                    let _ = client::command(remote.home(), "restart", body).await;
                }
            }
        });
        Ok(true)
    }
}
