//! Stops the server of a home and ends its background host, for `stigmer local stop`.

use super::deadlines::{LEAVING, START_PAUSE};
use super::end::{LeavingHost, StopError, Stopped, end_unresponsive};
use super::{Notify, holder, unhosted, workers};
use crate::control::client::{self, ClientError};
use crate::paths::Home;
use crate::process::identity::Identity;
use crate::process::{lock, watch};
use crate::protocol::{Mode, Status};
use crate::runtime::{RuntimeError, block_on};
use crate::supervisor::Want;
use std::time::Instant;

/// Stops the server of this home. Returns when no process of the server is left.
///
/// # Errors
/// If a process of the server is left, or may be left.
pub fn stop(home: &Home, notify: Notify<'_>) -> Result<Stopped, StopError> {
    if !home.root().is_dir() {
        return Ok(Stopped::Nothing);
    }
    // Declare this variable outside of the loop. If the loop repeats because another host has
    // replaced the first one, the result must still show that a server was stopped.
    let mut stopped = Stopped::Nothing;
    let mut leaving = LeavingHost::new();
    loop {
        let host = holder::prove(home);
        let response = match block_on(client::status(home))? {
            Ok(before) => {
                stopped = match &before.temporal {
                    Some(_) if !before.managed && ends_with_server(&before) => Stopped::LeftAlone,
                    Some(_) if !before.managed => Stopped::Watched,
                    Some(_) => Stopped::Ours,
                    None if before.intent == Want::Up || unhosted::is_alive(home) => Stopped::Ours,
                    None => stopped,
                };
                shut_down(home, &before)?.map(drop)
            }
            Err(error) => Err(error),
        };
        match response {
            Ok(())
                if !lock::is_held(&home.temporal_lock()).unwrap_or(true)
                    && !workers::may_run(home) =>
            {
                unhosted::delete_remaining_files(home);
                return Ok(stopped);
            }
            // The host reports a stop, but a process still holds the lock of the server, or a worker
            // may run. If a host still responds (a dashboard keeps running), check the lock here; the
            // host itself reports workers that it could not find. Otherwise `unhosted::stop` below
            // checks both.
            Ok(()) => {
                if let Ok(now) = block_on(client::status(home))? {
                    if now.intent != Want::Up {
                        unhosted::check_server_lock(home)?;
                    }
                    return Ok(stopped);
                }
            }
            Err(ClientError::Refused(error)) if error.code != "gone" => {
                return Err(ClientError::Refused(error).into());
            }
            Err(ClientError::Refused(_)) => leaving.wait(home, host, notify)?,
            Err(ClientError::NoHost) => {}
            Err(error @ ClientError::Unreachable { .. }) => return Err(error.into()),
            Err(ClientError::Unresponsive | ClientError::Garbled(_) | ClientError::Foreign(_)) => {
                if unhosted::is_alive(home) {
                    stopped = Stopped::Ours;
                }
                end_unresponsive(home, host, notify)?;
            }
        }
        match unhosted::stop(home, notify)? {
            Some(Stopped::Nothing) => return Ok(stopped),
            Some(without_host) => return Ok(without_host),
            None => {}
        }
    }
}

fn ends_with_server(status: &Status) -> bool {
    status.host.as_ref().is_some_and(|host| match host.mode {
        Mode::Background | Mode::Headless => true,
        Mode::Tui | Mode::Other => false,
    })
}

/// Requests that a host stops its server, after which a background host ends. Waits until the
/// background host has ended, because the next start must not find that host, and the user may
/// delete the home.
fn shut_down(home: &Home, before: &Status) -> Result<Result<Status, ClientError>, RuntimeError> {
    let ends = ends_with_server(before);
    // Open a pidfd of the host before the host ends. Use the pid from the response of the host,
    // because the lock may have no text. This fails for a host in another pid namespace. In that
    // case, a free lock shows that the host has ended.
    let pid = before.host.as_ref().map(|host| host.pid).filter(|_| ends);
    let host = pid
        .and_then(|pid| Identity::of(pid).ok().flatten())
        .and_then(|claimant| holder::prove_holder(home, &claimant).ok().flatten());
    let response = block_on(client::command(home, "shutdown", None))?;
    let is_unproven = matches!(&response, Err(ClientError::Refused(error)) if error.is_unproven());
    // Do not wait in two cases: a host that refuses the request keeps running, and the caller ends
    // a host that does not respond.
    if !ends || !(is_unproven || matches!(response, Ok(_) | Err(ClientError::NoHost))) {
        return Ok(response);
    }
    match host {
        // When the host has exited, the lock is free or the next host holds it.
        Some(host) => _ = watch::wait_exit(&host, LEAVING),
        None => {
            let deadline = Instant::now() + LEAVING;
            while holder::is_hosted(home) && Instant::now() < deadline {
                std::thread::sleep(START_PAUSE);
            }
        }
    }
    // If the host could not prove that its server has ended, let the caller search for the server:
    // a command may see more processes than the host.
    Ok(if is_unproven { Err(ClientError::NoHost) } else { response })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_of_a_killed_host_is_deleted_if_no_server_ran() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        home.prepare(true).unwrap();
        drop(std::os::unix::net::UnixListener::bind(home.socket()).unwrap());
        assert!(home.socket().exists(), "a listener that ends leaves its socket");
        assert_eq!(stop(&home, &|_| ()).unwrap(), Stopped::Nothing);
        assert!(!home.socket().exists());
    }
}
