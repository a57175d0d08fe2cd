//! The background host, which supervises the server without a terminal: this program spawns it,
//! hands over to it, or runs as it.

use super::deadlines::{FIRST_TRIM, NEXT_HOST_PAUSES, SETTLING, STABLE, START_PAUSE, TRIM};
use super::{Host, HostError, Released, Resumed, is_hosted};
use crate::config::{Options, Settings};
use crate::control::client;
use crate::facts::HandOver;
use crate::facts::Intent;
use crate::paths::Home;
use crate::paths::files::{self, Unreadable};
use crate::process::spawn::{inherit_only, this_program};
use crate::process::trim::unmap_code;
use crate::process::{Pid, look};
use crate::protocol::Mode;
use crate::watchdog::{self, Death};
use nix::sys::statvfs::statvfs;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

pub use crate::watchdog::SUBCOMMAND;

/// Exit code of a background host that has found another host in its home.
pub const EXIT_RUNNING: i32 = 75;

/// Maximum size in bytes of the file with the stderr of background hosts. A larger file is emptied.
const ERRORS_MAX: u64 = 1 << 20;

/// A child process that is to become the background host of a home.
#[derive(Debug)]
pub struct SpawnedHost {
    child: Child,
    errors: Option<File>,
}

/// Spawns this program as a background host, in its own session. The child inherits no descriptor.
/// So `$(stigmer local)` returns while the host runs, and the child keeps no lock of its caller.
/// The child executes the same file as this process, even if a build has replaced the file at that
/// path.
///
/// # Errors
/// If the program cannot be executed.
pub fn spawn(home: &Home, options: &Options) -> io::Result<SpawnedHost> {
    let options = serde_json::to_string(options)?;
    let (stderr, errors) = errors(&home.host_errors()).unzip();
    let mut command = this_program();
    command
        .args(["local", SUBCOMMAND, "--options", &options])
        .arg("--home")
        .arg(home.root())
        .current_dir(home.root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr.map_or_else(Stdio::null, Stdio::from));
    // SAFETY: the closure calls only async-signal-safe functions (setsid, close_range).
    unsafe {
        command.pre_exec(|| {
            nix::unistd::setsid()?;
            inherit_only(&[])
        });
    }
    let child = command.spawn()?;
    Ok(SpawnedHost { child, errors })
}

impl SpawnedHost {
    /// The pid of the child.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::try_from(self.child.id()).unwrap_or_default()
    }

    /// Returns the exit code and the stderr of the child after its end. `None` while the child
    /// runs.
    pub fn ended(&mut self) -> Option<(Option<i32>, String)> {
        let status = self.child.try_wait().ok()??;
        let mut stderr = Vec::new();
        if let Some(errors) = &mut self.errors {
            // Ignore an error: the exit code is useful also without the text.
            let _ = errors.take(64 << 10).read_to_end(&mut stderr);
        }
        Some((status.code(), String::from_utf8_lossy(&stderr).trim().to_owned()))
    }
}

/// Opens the file for the stderr of a background host twice: for the host to write, and for this
/// process to read what the host writes. With one open file, both would move the same position.
fn errors(path: &Path) -> Option<(File, File)> {
    let open = || -> io::Result<(File, File)> {
        let mut options = File::options();
        let to = files::open_for_writing(options.append(true).create(true), path)?;
        if to.metadata()?.len() > ERRORS_MAX {
            to.set_len(0)?;
        }
        let mut from = File::open(path)?;
        from.seek(io::SeekFrom::End(0))?;
        Ok((to, from))
    };
    open()
        .inspect_err(|error| {
            tracing::warn!(
                path = %path.display(), %error,
                "cannot open the file for error messages of the background host"
            );
        })
        .ok()
}

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
    /// Another process, usually a command, took the host lock and has released it. No host runs
    /// now.
    #[error("another process locked supervisor.lock meanwhile, and no host runs")]
    LockedMeanwhile,
    /// The intent cannot be read, so it is unknown whether a command has stopped the server.
    #[error("it is unknown whether a command has stopped the server: {0}")]
    Unknown(#[from] Unreadable),
    /// The background host runs and does not respond.
    #[error("the background host (pid {0}) does not respond")]
    Silent(Pid),
}

pub(super) fn exit_text(code: Option<i32>) -> String {
    code.map_or_else(|| "a signal".to_owned(), |code| format!("exit {code}"))
}

/// Ends `host` and hands its server over to a background host. Returns the pid of the new host.
/// That may be another process than the spawned one, if it was faster.
///
/// # Errors
/// If no host took over.
pub async fn hand_over(home: &Home, host: Host) -> Result<Pid, HandOverError> {
    let options = host.handle().facts().settings.options.clone();
    // The release waits for a launch of the server in progress.
    let Released { hand_over, last_responses } = host.release().await;
    // Do not start a host if the file system of the home hangs: it would hang, and so would this
    // process.
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

/// Checks that the file system of the home responds. `statvfs` is a request that no cache can
/// answer.
async fn responds(home: &Home) -> io::Result<()> {
    look::patiently(look::MOMENT, home.root(), |root| {
        statvfs(root)?;
        Ok(())
    })
    .await
}

/// Calls `start`, which starts a background host, until a host has taken over. Each host deletes
/// the file with the hand-over when it starts, so the file is written again before the next call.
/// Starts no host while it is unknown whether a command has stopped the server: that host would
/// start the server again.
async fn until_taken(
    home: &Home,
    hand_over: Option<&HandOver>,
    mut start: impl AsyncFnMut() -> Result<Pid, HandOverError>,
) -> Result<Pid, HandOverError> {
    let was_down = match hand_over {
        // The manager that wrote this hand-over has carried out all stops before. So do not wait
        // until the intent can be read.
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
        // Return if a command has stopped the server meanwhile. Otherwise the server runs without a
        // host, and perhaps without a watchdog, so start another host.
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

/// Whether the operator has stopped the server, according to the intent file. If the file cannot be
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
    taken_over(home, spawn(home, options)?, begun).await
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
            // The new host found the lock held. If the lock is free now, a command held it.
            // Otherwise a host may hold it, and will respond.
            Some((Some(EXIT_RUNNING), _)) if !is_hosted(home) => {
                return Err(HandOverError::LockedMeanwhile);
            }
            None | Some((Some(EXIT_RUNNING), _)) => tokio::time::sleep(START_PAUSE).await,
            Some((code, stderr)) => return Err(HandOverError::Ended { code, stderr }),
        }
    }
    Err(HandOverError::Silent(next.pid()))
}

/// Makes this process the background host, and returns the exit code after its end.
///
/// # Errors
/// If this process cannot become the host.
pub async fn run(settings: Settings) -> Result<i32, HostError> {
    match Host::start(settings, Mode::Background) {
        Ok(host) => Ok(serve(host).await),
        Err(HostError::Running) => Ok(EXIT_RUNNING),
        Err(error) => Err(error),
    }
}

/// Makes this process the background host in place of a host that died, and returns the exit code
/// after its end.
///
/// # Errors
/// If this process cannot become the host now. The watchdog tries again.
pub async fn resume(home: &Home, death: Death) -> Result<i32, HostError> {
    let code = match Host::resume(home, death).await {
        Ok(Resumed::Host(host)) => return Ok(serve(*host).await),
        Ok(Resumed::Stopped) => 0,
        Ok(Resumed::GivenUp) => 1,
        Err(HostError::Running) => EXIT_RUNNING,
        Err(error) => return Err(error),
    };
    watchdog::disarm();
    Ok(code)
}

/// Returns unused memory to the kernel: once after the start, and then regularly, because requests
/// and repairs load more code.
async fn trim() {
    tokio::time::sleep(FIRST_TRIM).await;
    loop {
        unmap_code();
        tokio::time::sleep(TRIM).await;
    }
}

async fn serve(host: Host) -> i32 {
    // Set the name in process lists. It is "exe" after an exec of `/proc/self/exe`.
    let _ = nix::sys::prctl::set_name(c"stigmer");
    // Nobody waits for this task. It ends with the runtime.
    tokio::spawn(trim());
    // The handler of SIGHUP does nothing: the end of a terminal must not end a background host.
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()),
    );
    let (Ok(mut terminate), Ok(mut interrupt), Ok(_hangup)) = signals else {
        tracing::error!("cannot install signal handlers");
        host.leave().await;
        return 1;
    };
    let (requested, lost) = (host.shutdown_requested(), host.home_lost());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        // The manager ends by itself only after a panic. The server keeps running and needs a host.
        // A host that panics soon after its start is not replaced, because the next host would
        // panic too.
        () = host.handle().closed() => {
            tracing::error!("the main task of the host ended after a panic");
            let facts = host.handle().facts();
            if facts.host.since.elapsed() < STABLE {
                host.leave().await;
            } else if let Err(error) = hand_over(&facts.settings.home, host).await {
                tracing::error!(%error, "cannot hand over to another host");
            }
            return 1;
        }
        () = requested.cancelled() => {
            tracing::info!("a client requested the end of the host");
            host.leave().await;
            return 0;
        }
        () = lost.cancelled() => {
            host.leave().await;
            return 1;
        }
    }
    tracing::info!("got a signal: stopping the server, then this host ends");
    let again = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    match host.shutdown_until(again).await {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(%error, "cannot stop the server");
            1
        }
    }
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
        // `biased` runs the first attempt to read the intent before the file becomes readable.
        let (taken, ()) =
            tokio::join!(biased; until_taken(&home, None, async || Ok(7)), becomes_readable);
        assert_eq!(taken.unwrap(), 7);
    }
}
