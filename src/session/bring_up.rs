//! Starts the server through the host of a session, for a dashboard or `--no-tui`.

use super::{Session, SessionCommand};
use crate::config::{self, Different, RequestedOptions, Settings};
use crate::control::client;
use crate::manager::Command;
use crate::protocol::State;
use crate::supervisor::Want;
use std::path::Path;

impl Session {
    /// Requests the start of the server with the requested options, if the server does not run.
    /// Does not wait for the start: the state of the session shows the progress. If the server
    /// runs, only checks its options. Returns whether the start was requested.
    ///
    /// # Errors
    /// If the running server has other options.
    pub fn bring_up(
        &self,
        settings: &Settings,
        requested: &RequestedOptions,
    ) -> Result<bool, Different> {
        self.bring_up_project(requested);
        let status = self.view().snapshot.status.clone();
        let is_down = status.intent == Want::Down || status.state == State::Failed;
        let same = config::agree(&requested.explicit, &status.options, status.managed);
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

    /// Requests that the host runs the workers of the project, if the options are of a project. Does
    /// not wait for the workers. A host that runs this project already is left as it is: a dashboard must
    /// not start a worker that the user has stopped.
    pub fn bring_up_project(&self, requested: &RequestedOptions) {
        let Some(project) = &requested.project else { return };
        let (session, file) = (self.clone(), project.file.clone());
        tokio::spawn(async move {
            if session.runs_project(&file).await {
                return;
            }
            if let Err(error) = session.run_project(&file).await {
                let what = format!("cannot run the workers of the project: {error}");
                match &session {
                    Self::Local(handle, _) => handle.trouble("project", Some(what)).await,
                    Self::Remote(_) => tracing::error!("{what}"),
                }
            }
        });
    }

    /// Whether another process is the host and has the workers of the project in this file.
    async fn runs_project(&self, file: &Path) -> bool {
        match self {
            Self::Local(..) => false,
            Self::Remote(remote) => {
                let status = client::status(remote.home()).await;
                status.is_ok_and(|status| status.workers.iter().any(|worker| worker.file == file))
            }
        }
    }
}
