//! Finds or starts a host for a running server, for commands that need a host but start no server.

use super::deadlines::{SETTLING, START_PAUSE};
use super::settings::SettingsError;
use super::spawned::SpawnedHost;
use super::start::{StartError, forget_needless, unsettled};
use super::unhosted::adoptable;
use super::{Notify, Patience, Unresponsive, holder, is_hosted, prepare};
use crate::control::client::{self, ClientError};
use crate::paths::Home;
use crate::protocol::Status;
use crate::runtime::block_on;
use crate::supervisor::Want;

/// Makes sure that a host supervises the server of this home, if the server runs and is to run. Waits
/// for a command that holds the host lock. Starts no server, also if a `stop` ends the server
/// meanwhile. Returns whether a host responds.
///
/// # Errors
/// If no host responds although the server runs, or if the search for the server fails.
pub(super) fn host_running_server(home: &Home, notify: Notify<'_>) -> Result<bool, StartError> {
    match home.root().is_dir() {
        true => block_on(find_or_spawn(home, notify))?,
        false => Ok(false),
    }
}

async fn find_or_spawn(home: &Home, notify: Notify<'_>) -> Result<bool, StartError> {
    let mut spawned: Option<SpawnedHost> = None;
    let mut patience = Patience::new(SETTLING);
    loop {
        match settled(home).await {
            Ok(()) => return Ok(true),
            Err(ClientError::NoHost) => {}
            Err(ClientError::Refused(error)) if error.code == "gone" => {}
            // The server has failed to start. The host responds all the same.
            Err(ClientError::Refused(_)) => return Ok(true),
            Err(ClientError::Unresponsive) => return Err(Unresponsive::host_of(home).into()),
            Err(
                error @ (ClientError::Unreachable { .. }
                | ClientError::Garbled(_)
                | ClientError::Foreign(_)),
            ) => return Err(error.into()),
        }
        forget_needless(home, &mut spawned)?;
        if spawned.is_none() {
            if is_hosted(home) {
                holder::check_local(home)?;
            } else if adoptable(home).map_err(SettingsError::from)?.is_none() {
                return Ok(false);
            } else {
                prepare(home)?;
                spawned = Some(SpawnedHost::to_adopt(home).map_err(StartError::Spawn)?);
                patience.renew();
            }
        }
        if patience.is_over(home, notify) {
            return Err(unsettled(home, spawned.as_ref()));
        }
        tokio::time::sleep(START_PAUSE).await;
    }
}

/// Waits until the host of this home has adopted the server and its workers. Before that, the host may
/// not list them.
async fn settled(home: &Home) -> Result<(), ClientError> {
    let Status { state, intent, .. } = client::status(home).await?;
    match intent {
        Want::Up if !state.is_up() => client::await_start(home).await.map(drop),
        Want::Up | Want::Down => Ok(()),
    }
}
