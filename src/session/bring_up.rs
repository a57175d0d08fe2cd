//! What a viewer that was asked for with options does to the host that it finds.

use super::{Session, SessionCommand};
use crate::config::{self, Different, Options, Settings};
use crate::control::client;
use crate::manager::Command;
use crate::protocol::State;
use crate::supervisor::Want;

impl Session {
    /// Starts Temporal where it rests (with the options asked for), and otherwise
    /// sees that what runs has them. Returns whether it rested; how the start
    /// goes is seen in the state.
    ///
    /// # Errors
    /// When what runs has other options.
    pub fn bring_up(&self, settings: &Settings, asked: &Options) -> Result<bool, Different> {
        let status = self.view().snapshot.status.clone();
        let rests = status.intent == Want::Down || status.state == State::Failed;
        let same = config::agree(asked, &status.options, status.managed);
        if !rests {
            return same.map(|()| false);
        }
        let session = self.clone();
        let anew = same.is_err().then(|| settings.clone());
        tokio::spawn(async move {
            let Some(settings) = anew else {
                let _ = session.command(SessionCommand::Start).await;
                return;
            };
            match &session {
                Self::Local(handle) => {
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
