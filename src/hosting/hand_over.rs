//! The hand-over of a server to a background host.

use super::deadlines::{NEXT_HOST_PAUSES, SETTLING, START_PAUSE};
use super::spawned::{EXIT_NEEDLESS, SpawnedHost, exit_text};
use super::{Host, Released, is_hosted};
use crate::config::Options;
use crate::control::client;
use crate::facts::{HandOver, Intent};
use crate::paths::Home;
use crate::paths::files::Unreadable;
use crate::process::{Pid, look};
use crate::watchdog;
use nix::sys::statvfs::statvfs;
use std::io;
use std::time::{Duration, Instant};

/// The reason why no other host took over the server. The server keeps running.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    /// This program cannot be executed, or the file system of the home does not respond.
    #[error("cannot start a background host: {0}")]
    Spawn(#[from] io::Error),
    /// The background host ended soon after its start.
    #[error("the background host ended with {code}: {stderr}", code = exit_text(*.code))]
    Ended {
        /// The exit code. `None` if a signal ended the host.
        code: Option<i32>,
        /// What the host wrote to stderr.
        stderr: String,
    },
    /// Another process, usually a command, took the host lock meanwhile and has released the lock.
    /// No host runs now.
    #[error(
        "another process locked supervisor.lock before the background host could lock it, and no \
         host runs now"
    )]
    LockedMeanwhile,
    /// The intent cannot be read, so it is unknown whether a command has stopped the server.
    #[error("it is unknown whether a command has stopped the server: {0}")]
    Unknown(#[from] Unreadable),
    /// The background host runs and does not respond.
    #[error("the background host (pid {0}) does not respond")]
    Silent(Pid),
}

/// Ends `host` and hands its server over to a background host. Returns the pid of the new host. The
/// new host may be another process than the one spawned here, if the other process took the host
/// lock first.
///
/// # Errors
/// If no host took over.
pub async fn hand_over(home: &Home, host: Host) -> Result<Pid, HandOverError> {
    let options = host.handle().facts().settings.options.clone();
    // If `host` is launching the server, `release` waits until the launch is complete.
    let Released { hand_over, last_responses } = host.release().await;
    // Do not start a host if the file system of the home hangs: the new host would hang, and this
    // process would hang while it waits.
    let taken = match responds(home).await {
        Ok(()) => until_taken(home, hand_over.as_ref(), || next_host(home, &options)).await,
        Err(error) => Err(error.into()),
    };
    match &taken {
        Ok(_) => watchdog::disarm(),
        Err(HandOverError::Spawn(error)) if look::is_silence(error) => {}
        Err(_) => HandOver::discard(home),
    }
    let _ = last_responses.await;
    taken
}

/// Checks that the file system of the home responds. Calls `statvfs`, because no cache can answer
/// that request in place of the file system.
async fn responds(home: &Home) -> io::Result<()> {
    look::patiently(look::BOUND, home.root(), |root| {
        statvfs(root)?;
        Ok(())
    })
    .await
}

/// Calls `start`, which starts a background host, until a host has taken over. Each new host
/// deletes the hand-over file when it starts, so this function writes the file again before the
/// next call. If the intent file cannot be read, starts no host: a command may have stopped the
/// server, and the new host would start the server again.
async fn until_taken(
    home: &Home,
    hand_over: Option<&HandOver>,
    mut start: impl AsyncFnMut() -> Result<Pid, HandOverError>,
) -> Result<Pid, HandOverError> {
    let was_down = match hand_over {
        // Do not wait until the intent file can be read: the manager that created this hand-over
        // has carried out all earlier stops.
        Some(_) => Intent::is_down(home).unwrap_or(false),
        None => is_down(home, NEXT_HOST_PAUSES.iter()).await?,
    };
    let mut pauses = NEXT_HOST_PAUSES.iter();
    loop {
        let taken = start().await;
        match (&taken, pauses.next()) {
            // The background host has ended because of a stop, so no further host is needed.
            (Err(HandOverError::Ended { code: Some(0), .. }), _) => return taken,
            (
                Err(
                    HandOverError::Spawn(_)
                    | HandOverError::Ended { .. }
                    | HandOverError::LockedMeanwhile,
                ),
                Some(pause),
            ) => tokio::time::sleep(*pause).await,
            (Ok(_) | Err(_), _) => return taken,
        }
        // Return if a command has stopped the server meanwhile. Otherwise start another host: the
        // server runs without a host, and perhaps without a watchdog.
        if is_down(home, &mut pauses).await?
            && (!was_down || matches!(taken, Err(HandOverError::LockedMeanwhile)))
        {
            return Err(HandOverError::LockedMeanwhile);
        }
        if let Err(error) = &taken {
            tracing::warn!(%error, "cannot hand over to a background host, retrying");
        }
        if let Some(hand_over) = hand_over {
            hand_over.write_again(home);
        }
    }
}

/// Whether a command has stopped the server, according to the intent file. If the file cannot be
/// read, tries again after each pause.
async fn is_down(
    home: &Home,
    mut pauses: impl Iterator<Item = &Duration>,
) -> Result<bool, Unreadable> {
    loop {
        let is_down = Intent::is_down(home);
        match (&is_down, is_down.is_err().then(|| pauses.next()).flatten()) {
            (Err(_), Some(pause)) => tokio::time::sleep(*pause).await,
            (Ok(_) | Err(_), _) => return is_down,
        }
    }
}

async fn next_host(home: &Home, options: &Options) -> Result<Pid, HandOverError> {
    let begun = Instant::now();
    taken_over(home, SpawnedHost::spawn(home, options)?, begun).await
}

async fn taken_over(
    home: &Home,
    mut next: SpawnedHost,
    begun: Instant,
) -> Result<Pid, HandOverError> {
    while begun.elapsed() < SETTLING {
        if let Ok(status) = client::status(home).await
            && let Some(host) = status.host
        {
            tracing::info!(
                host = host.pid, seam = ?begun.elapsed(),
                "handed over to the background host"
            );
            return Ok(host.pid);
        }
        match next.ended() {
            // The new host has ended, because another process held the host lock. If the lock is
            // free now, the other process was a command. Otherwise it may be a host, which will
            // respond.
            Some((Some(EXIT_NEEDLESS), _)) if !is_hosted(home) => {
                return Err(HandOverError::LockedMeanwhile);
            }
            None | Some((Some(EXIT_NEEDLESS), _)) => tokio::time::sleep(START_PAUSE).await,
            Some((code, stderr)) => return Err(HandOverError::Ended { code, stderr }),
        }
    }
    Err(HandOverError::Silent(next.pid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hand_over_starts_another_host_if_a_process_locked_meanwhile_and_no_host_runs() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let mut results = vec![Ok(7), Err(HandOverError::LockedMeanwhile)];
        let taken = until_taken(&home, None, async || results.pop().unwrap()).await;
        assert_eq!(taken.unwrap(), 7);

        Intent::write_down(&home).unwrap();
        let mut started = 0;
        let taken = until_taken(&home, None, async || {
            started += 1;
            Err(HandOverError::LockedMeanwhile)
        });
        assert!(
            matches!(taken.await, Err(HandOverError::LockedMeanwhile)),
            "the server is stopped"
        );
        assert_eq!(started, 1);
    }

    #[tokio::test]
    async fn no_further_host_is_started_while_it_is_unknown_whether_the_server_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let mut started = 0;
        let taken = until_taken(&home, None, async || {
            started += 1;
            std::fs::create_dir(home.intent()).unwrap();
            Err(HandOverError::LockedMeanwhile)
        });
        assert!(matches!(taken.await, Err(HandOverError::Unknown(_))));
        assert_eq!(started, 1);

        let taken =
            until_taken(&home, None, async || panic!("a host without a hand-over is started"));
        assert!(matches!(taken.await, Err(HandOverError::Unknown(_))));

        std::fs::remove_dir(home.intent()).unwrap();
        let mut results = vec![Ok(7), Err(HandOverError::LockedMeanwhile)];
        let taken = until_taken(&home, None, async || results.pop().unwrap()).await;
        assert_eq!(taken.unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn hand_over_of_a_manager_that_panicked_waits_until_the_intent_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        std::fs::create_dir(home.intent()).unwrap();
        let becomes_readable = async { std::fs::remove_dir(home.intent()).unwrap() };
        // With `biased`, the first attempt to read the intent happens before the file becomes
        // readable.
        let (taken, ()) =
            tokio::join!(biased; until_taken(&home, None, async || Ok(7)), becomes_readable);
        assert_eq!(taken.unwrap(), 7);
    }
}
