//! Starts or restarts the server with a background host, for `stigmer local` and `stigmer local
//! restart`.

use super::deadlines::{SETTLING, START_PAUSE};
use super::end::StopError;
use super::program::{self, ProgramError};
use super::settings::{SettingsError, settings_to_host, warn_of_files};
use super::spawned::{EXIT_NEEDLESS, SpawnedHost, exit_text};
use super::{Notify, Patience, Unresponsive, holder, is_hosted, prepare};
use crate::config::{self, RequestedOptions, Settings};
use crate::control::client::{self, ClientError};
use crate::paths::{Home, HomeError};
use crate::protocol::{ApiError, State, Status};
use crate::runtime::RuntimeError;
use crate::supervisor::Want;
use crate::temporal::install::Progress;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

/// A server that is ready.
#[derive(Debug)]
pub struct ReadyServer {
    /// The status that the host reports.
    pub status: Status,
    /// Whether the server ran before this command.
    pub is_reused: bool,
}

/// The reason why a start or restart did not lead to a ready server.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The options are wrong, or differ from those of the running server.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The home cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// There is no Temporal CLI to run.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The host refuses the request, or cannot be reached.
    #[error(transparent)]
    Host(#[from] ClientError),
    /// The host does not respond.
    #[error(transparent)]
    Unresponsive(#[from] Unresponsive),
    /// The previous server or host did not end.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// The background host cannot be executed.
    #[error(
        "cannot start a background host (the process that supervises the server): {0}{next}",
        next = match .0.raw_os_error() {
            Some(libc::EAGAIN | libc::ENOMEM) => {
                "; end some processes, or raise the limit (`ulimit -u`)"
            }
            _ => "",
        }
    )]
    Spawn(io::Error),
    /// The background host ended soon after its start.
    #[error(
        "the background host ended with {code}: {stderr}; see {log}",
        code = exit_text(*.code),
        stderr = if .stderr.is_empty() { "no error message" } else { .stderr }
    )]
    Ended {
        /// The exit code. `None` if a signal ended the host.
        code: Option<i32>,
        /// What the host wrote to stderr.
        stderr: String,
        /// The log of the host.
        log: PathBuf,
    },
    /// No host responds, and the wait for a host has timed out.
    #[error("no host of {home} responds after {SETTLING:?}; see {log} and try again")]
    Unsettled {
        /// The home.
        home: String,
        /// The log of the host.
        log: PathBuf,
    },
    /// This process cannot create the runtime (tokio) that sends requests.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// Starts the server of this home with the requested options, unless the server runs already.
/// Starts a background host first if no host runs. Returns when the server is ready.
///
/// # Errors
/// If the server does not become ready, or runs with other options.
pub async fn start(
    home: &Home,
    requested: &RequestedOptions,
    progress: &mut dyn Progress,
    notify: Notify<'_>,
) -> Result<ReadyServer, StartError> {
    let mut start = StartCommand { home, requested, progress, notify };
    // If a host responds, the status of the host is enough. Search for a running server only if no
    // host responds.
    if let Ok(status) = client::status(home).await {
        let settings = Settings::load(home, requested).map_err(SettingsError::from)?;
        if let Some(started) = start.request(&settings, &status, false).await? {
            return Ok(started);
        }
    }
    let settings = settings_to_host(home, requested, notify)?;
    start.ensure(&settings).await
}

pub(super) struct StartCommand<'a> {
    pub home: &'a Home,
    pub requested: &'a RequestedOptions,
    pub progress: &'a mut dyn Progress,
    pub notify: Notify<'a>,
}

impl StartCommand<'_> {
    /// Makes sure that a host runs, and requests the start of the server from the host. Spawns a
    /// background host if no host runs.
    pub(super) async fn ensure(&mut self, settings: &Settings) -> Result<ReadyServer, StartError> {
        let (home, notify) = (self.home, self.notify);
        let mut spawned: Option<SpawnedHost> = None;
        let mut patience = Patience::new(SETTLING);
        loop {
            match client::status(home).await {
                Ok(status) => {
                    let ours = spawned
                        .as_ref()
                        .is_some_and(|s| status.host.as_ref().is_some_and(|h| h.pid == s.pid()));
                    match self.request(settings, &status, ours).await {
                        Ok(Some(started)) => return Ok(started),
                        Ok(None) if !patience.is_over(home, notify) => {}
                        Ok(None) => return Err(unsettled(home, spawned.as_ref())),
                        Err(error) => {
                            if let Some(child) = spawned.as_mut().filter(|_| ours) {
                                end_spawned(home, child).await;
                            }
                            return Err(error);
                        }
                    }
                }
                Err(ClientError::NoHost) => {
                    forget_needless(home, &mut spawned)?;
                    if spawned.is_none() && is_hosted(home) {
                        holder::check_local(home)?;
                    } else if spawned.is_none() {
                        program::ensure(settings, self.progress)?;
                        prepare(home)?;
                        let child = SpawnedHost::spawn(home, &settings.options);
                        spawned = Some(child.map_err(StartError::Spawn)?);
                        // Start the time limit of the host only now: an installation of the CLI may
                        // have taken minutes.
                        patience.renew();
                    }
                    if patience.is_over(home, notify) {
                        return Err(unsettled(home, spawned.as_ref()));
                    }
                }
                Err(ClientError::Unresponsive) => return Err(Unresponsive::host_of(home).into()),
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(START_PAUSE).await;
        }
    }

    /// Requests the start of the server from a host. `before` is the last status of that host.
    /// `ours` is true if this command has spawned the host. Returns `None` if the host has ended.
    async fn request(
        &self,
        settings: &Settings,
        before: &Status,
        ours: bool,
    ) -> Result<Option<ReadyServer>, StartError> {
        let home = self.home;
        let rests = before.intent == Want::Down || before.state == State::Failed;
        let mut is_restarted = false;
        let response =
            match config::agree(&self.requested.explicit, &before.options, before.managed) {
                Ok(()) => {
                    warn_of_files(settings, self.requested, &before.options, self.notify);
                    if before.state.is_up() && before.intent == Want::Up {
                        Ok(before.clone())
                    } else if ours && before.intent == Want::Up {
                        // A background host starts the server without a request. Wait for the result of
                        // that start, even if the start has failed already, and request no second
                        // start.
                        client::await_start(home).await
                    } else {
                        self.offer_environment().await;
                        client::command(home, "start", None).await
                    }
                }
                // The requested options differ from those of the host. But the server of the host does
                // not run, so start it with the requested options.
                Err(_) if rests => {
                    is_restarted = true;
                    self.offer_environment().await;
                    let body = serde_json::to_string(&settings.options).ok();
                    client::command(home, "restart", body).await
                }
                Err(different) => return Err(SettingsError::from(different).into()),
            };
        let status = match response {
            Ok(status) => status,
            Err(ClientError::NoHost) => return Ok(None),
            Err(ClientError::Refused(error)) if error.code == "gone" => return Ok(None),
            Err(ClientError::Unresponsive) => return Err(Unresponsive::host_of(home).into()),
            Err(error) => return Err(error.into()),
        };
        let adopted = status.temporal.as_ref().is_some_and(|temporal| temporal.adopted);
        let is_reused = !is_restarted && (adopted || !(ours || rests));
        Ok(Some(ReadyServer { status, is_reused }))
    }

    /// Sends the environment of this command to the host, for the workers of the project: they start
    /// with the server. An error is ignored here, because the command runs the project when the server
    /// is ready.
    async fn offer_environment(&self) {
        if let Some(project) = &self.requested.project {
            let _ = client::run_project(self.home, &project.file, false).await;
        }
    }
}

/// Ends a host that this command has spawned, after a failed start. Without a server, the host
/// would only block the next start. Does nothing if the host has a server or may have one.
async fn end_spawned(home: &Home, child: &mut SpawnedHost) {
    if !request_end(home).await {
        return;
    }
    let deadline = Instant::now() + SETTLING;
    while child.ended().is_none() && Instant::now() < deadline {
        tokio::time::sleep(START_PAUSE).await;
    }
}

/// Requests the end of a host that has no server. Returns false if the host refuses. A host refuses
/// while it has a server, or while it still searches for a server of an earlier host to adopt.
async fn request_end(home: &Home) -> bool {
    let response = client::end_idle(home).await;
    !matches!(&response, Err(ClientError::Refused(error)) if error.code == ApiError::BUSY)
}

/// Forgets the host that this command has spawned, if the host has ended because it is not needed.
///
/// # Errors
/// If the spawned host has ended for another reason.
pub(super) fn forget_needless(
    home: &Home,
    spawned: &mut Option<SpawnedHost>,
) -> Result<(), StartError> {
    match spawned.as_mut().and_then(SpawnedHost::ended) {
        Some((Some(EXIT_NEEDLESS), _)) => *spawned = None,
        Some((code, stderr)) => {
            return Err(StartError::Ended { code, stderr, log: home.stigmer_log() });
        }
        None => {}
    }
    Ok(())
}

/// The error of a command whose wait for a host has timed out.
pub(super) fn unsettled(home: &Home, spawned: Option<&SpawnedHost>) -> StartError {
    match spawned.is_none() && is_hosted(home) {
        true => Unresponsive::host_of(home).into(),
        false => StartError::Unsettled { home: home.to_string(), log: home.stigmer_log() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;
    use crate::hosting::{Host, Notice};
    use crate::process::identity::Identity;
    use crate::process::lock::InstanceLock;
    use crate::process::ports::free_port;
    use crate::process::record::{Record, tests::record};
    use crate::protocol::Mode;
    use std::time::Duration;

    #[tokio::test]
    async fn command_begins_no_second_start_after_the_start_of_its_host_has_failed() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        let port = Some(free_port().unwrap());
        let options =
            Options { port, temporal_bin: Some("/nothing".into()), ..Options::on_free_ports() };
        let settings = Settings::resolve(home.clone(), options).unwrap();
        let host = Host::start(settings.clone(), Mode::Background).unwrap();
        let mut facts = host.handle().watch();
        let is_failed = facts.wait_for(|facts| facts.state_name() == State::Failed);
        drop(tokio::time::timeout(Duration::from_secs(60), is_failed).await.unwrap().unwrap());
        let status = loop {
            match client::status(&home).await {
                Ok(status) => break status,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        let (requested, notify) = (RequestedOptions::default(), |_: &Notice<'_>| ());
        let progress = &mut crate::temporal::install::Silent;
        let start = StartCommand { home: &home, requested: &requested, progress, notify: &notify };
        for (ours, generation) in [(true, 1), (false, 2)] {
            let error = start.request(&settings, &status, ours).await.unwrap_err().to_string();
            assert!(error.contains("/nothing"), "{error}");
            assert_eq!(host.handle().facts().generation.0, generation, "ours: {ours}");
        }
        host.leave().await;
    }

    #[tokio::test]
    async fn failed_start_ends_no_server_that_its_host_could_not_search_for() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        prepare(&home).unwrap();
        // The test process has locked temporal.lock, but it is not a server of stigmer. So
        // the host does not know whether a server runs.
        let held = InstanceLock::take(&home.temporal_lock()).unwrap();
        let options = Options { max_restarts: Some(0), ..Options::on_free_ports() };
        let settings = Settings::resolve(home.clone(), options).unwrap();
        let host = Host::start(settings, Mode::Background).unwrap();
        let mut facts = host.handle().watch();
        let is_failed = facts.wait_for(|facts| facts.state_name() == State::Failed);
        drop(tokio::time::timeout(Duration::from_secs(60), is_failed).await.unwrap().unwrap());
        let mut server = std::process::Command::new("sleep").arg("300").spawn().unwrap();
        let leader = Identity::of(server.id().cast_signed()).unwrap().unwrap();
        Record { leader, ..record() }.write(&home.record()).unwrap();
        drop(held);
        while client::status(&home).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(!request_end(&home).await);
        assert!(server.try_wait().unwrap().is_none(), "the server runs");
        assert!(!host.shutdown_requested().is_cancelled(), "the host continues to look");
        host.leave().await;
        server.kill().unwrap();
        server.wait().unwrap();
    }

    #[tokio::test]
    async fn failed_start_ends_a_host_without_a_server() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        let settings = Settings::resolve(home.clone(), Options::on_free_ports()).unwrap();
        let host = Host::start(settings, Mode::Headless).unwrap();
        while client::status(&home).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(request_end(&home).await);
        host.shutdown_requested().cancelled().await;
        host.leave().await;
    }
}
