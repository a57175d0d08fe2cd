//! Restarts the server in the background, for a command.

use super::adoption::host_running_server;
use super::end::{LeavingHost, end_unresponsive, kill_unresponsive};
use super::settings::{SettingsError, settings_to_restart};
use super::start::{ReadyServer, StartCommand, StartError};
use super::{Notify, prove, unhosted, workers};
use crate::config::{Options, RequestedOptions};
use crate::control::client::{self, ClientError};
use crate::paths::Home;
use crate::runtime::block_on;
use crate::temporal::install::Progress;

/// Checks the options of a restart before the restart begins, so that a command with a wrong option
/// changes nothing. If the search for the running server fails but a host responds, succeeds: the
/// host checks the options later.
///
/// # Errors
/// If the options are wrong, or if the options of the running server are unknown and no host
/// responds.
pub fn check_restart(home: &Home, requested: &RequestedOptions) -> Result<(), StartError> {
    match settings_to_restart(home, requested) {
        Err(SettingsError::Unknown(_)) if block_on(client::status(home))?.is_ok() => Ok(()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Restarts the server of this home, or starts it if it does not run. The requested options replace
/// the current ones. Ends a host that does not respond. Returns when the server is ready.
///
/// # Errors
/// If the server does not become ready.
pub fn restart(
    home: &Home,
    requested: &RequestedOptions,
    progress: &mut dyn Progress,
    notify: Notify<'_>,
) -> Result<ReadyServer, StartError> {
    let explicit = &requested.explicit;
    let body = match *explicit == Options::default() {
        true => None,
        false => Some(serde_json::to_string(explicit).map_err(SettingsError::from)?),
    };
    let mut leaving = LeavingHost::new();
    loop {
        let host = prove(home);
        match block_on(client::command(home, "restart", body.clone()))? {
            Ok(status) => return Ok(ReadyServer { status, is_reused: false }),
            Err(ClientError::Refused(error)) if error.code != "gone" => {
                return Err(ClientError::Refused(error).into());
            }
            Err(ClientError::Refused(_)) => {
                leaving.wait(home, host, notify)?;
                continue;
            }
            Err(ClientError::NoHost) => {}
            Err(error @ ClientError::Unreachable { .. }) => return Err(error.into()),
            // Keep the intent up, because the next host adopts only a server that is to run.
            Err(ClientError::Unresponsive) if workers::may_run(home) => {
                kill_unresponsive(home, host, notify)?;
            }
            Err(ClientError::Unresponsive | ClientError::Garbled(_) | ClientError::Foreign(_)) => {
                end_unresponsive(home, host, notify)?;
            }
        }
        // A stop would end the workers, too. The next host adopts them and the server. Then the next
        // iteration of this loop sends the request to that host.
        if workers::may_run(home) && host_running_server(home, notify)? {
            continue;
        }
        // Read the options before the stop, because the stop deletes the record of the server.
        let settings = settings_to_restart(home, requested)?;
        // `None` means that another host runs now. Then the next iteration of this loop sends the
        // request to that host.
        if !home.root().is_dir() || unhosted::stop(home, notify)?.is_some() {
            let mut start = StartCommand { home, requested, progress, notify };
            return block_on(start.ensure(&settings))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::hosting::{Host, prepare};
    use crate::protocol::Mode;
    use std::time::Duration;

    #[test]
    fn unreadable_record_prevents_a_restart_only_if_no_host_responds() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        let check = || check_restart(&home, &RequestedOptions::default());
        prepare(&home).unwrap();
        std::fs::create_dir(home.record()).unwrap();
        let error = check().unwrap_err().to_string();
        assert!(error.contains("cannot find the server"), "{error}");

        // Run the host on the thread of another runtime, because `check_restart` blocks this
        // thread.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let settings = Settings::resolve(home.clone(), Options::on_free_ports()).unwrap();
        let host = runtime.block_on(async { Host::start(settings, Mode::Headless) }).unwrap();
        while block_on(client::status(&home)).unwrap().is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        check().unwrap();
        runtime.block_on(host.leave());
        check().unwrap_err();
    }
}
