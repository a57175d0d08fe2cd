//! The host that is detached from every terminal.

use super::deadlines::{SETTLING, START_PAUSE};
use super::{Host, HostError, Released, Resumed, is_hosted};
use crate::config::{Options, Settings};
use crate::control::client;
use crate::facts::HandOver;
use crate::facts::Intent;
use crate::paths::{Home, files};
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

/// Exit code of a background host that found another one.
pub const EXIT_RUNNING: i32 = 75;

/// A host that lived this long does not fail by what it found at its start.
const STABLE: Duration = Duration::from_secs(10);

/// A start is over by then; if it is not, it is a little slower.
const STARTED: Duration = Duration::from_secs(5);
/// Each time costs some hundred page faults.
const TRIM: Duration = Duration::from_secs(600);
/// Before a further background host is spawned, where the one before it ended at once.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(200), Duration::from_secs(1)];

/// More than this in the file of last words, and it begins anew.
const ERRORS_MAX: u64 = 1 << 20;

/// A background host that was just spawned.
#[derive(Debug)]
pub struct Spawned {
    child: Child,
    errors: Option<File>,
}

/// Spawns a background host: this program again, in a session of its own, with
/// nothing of ours open, so that `$(stigmer local)` returns and a caller's
/// flock is not held all day. The file that runs is the one we run from, even
/// when a build has replaced it meanwhile.
///
/// # Errors
/// When it cannot be executed.
pub fn spawn(home: &Home, options: &Options) -> io::Result<Spawned> {
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
    // SAFETY: only async-signal-safe calls between fork and exec (setsid, close_range).
    unsafe {
        command.pre_exec(|| {
            nix::unistd::setsid()?;
            inherit_only(&[])
        });
    }
    let child = command.spawn()?;
    Ok(Spawned { child, errors })
}

impl Spawned {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::try_from(self.child.id()).unwrap_or_default()
    }

    /// Whether it has ended already, and what it said: it never ends while it
    /// hosts. `None` while it runs.
    pub fn ended(&mut self) -> Option<(Option<i32>, String)> {
        let status = self.child.try_wait().ok()??;
        let mut said = Vec::new();
        if let Some(errors) = &mut self.errors {
            // What cannot be read is not shown; the exit code is.
            let _ = errors.take(64 << 10).read_to_end(&mut said);
        }
        Some((status.code(), String::from_utf8_lossy(&said).trim().to_owned()))
    }
}

/// Where a background host writes what it cannot log, and the same file to read
/// what that will be. Two descriptions: with one, its writing would move our
/// reading along.
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
    open().inspect_err(|error| tracing::warn!(path = %path.display(), %error, "not writable")).ok()
}

/// Why nobody took over. Temporal runs on all the same.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    /// This program could not be run again.
    #[error("no background host could be started: {0}")]
    Spawn(#[from] io::Error),
    /// It ended at once.
    #[error("the background host ended with {code}: {said}", code = exit_text(*.code))]
    Ended {
        /// Its exit code; none where a signal ended it.
        code: Option<i32>,
        /// What it said.
        said: String,
    },
    /// Another process had the home, for a command as a rule, and has none any more.
    #[error("another process held the host lock meanwhile, and no host runs")]
    Outrun,
    /// It runs and does not answer.
    #[error("the background host (pid {0}) does not answer")]
    Silent(Pid),
}

pub(super) fn exit_text(code: Option<i32>) -> String {
    code.map_or_else(|| "a signal".to_owned(), |code| format!("exit {code}"))
}

/// Gives Temporal to a background host and returns when that one (or another
/// that was faster) watches it: the pid of the host.
///
/// # Errors
/// When nobody took over.
pub async fn hand_over(home: &Home, host: Host) -> Result<Pid, HandOverError> {
    let options = host.handle().facts().settings.options.clone();
    // A launch that is under way is seen to its end, however long it takes.
    let Released { left, last_answers } = host.release().await;
    // Where the home hangs, this process would wait for it, as the next host would.
    let taken = match responds(home).await {
        Ok(()) => until_taken(home, left.as_ref(), || next_host(home, &options)).await,
        Err(error) => Err(error.into()),
    };
    match &taken {
        Ok(_) => watchdog::disarm(),
        Err(HandOverError::Spawn(error)) if look::is_silence(error) => {}
        Err(_) => HandOver::discard(home),
    }
    let _ = last_answers.await;
    taken
}

/// Requests what no file system answers from a cache.
async fn responds(home: &Home) -> io::Result<()> {
    look::patiently(look::MOMENT, home.root(), |root| {
        statvfs(root)?;
        Ok(())
    })
    .await
}

/// Starts hosts with `start` until one of them, or another that was faster, has taken over. Each of
/// them finds what the last host left.
async fn until_taken(
    home: &Home,
    left: Option<&HandOver>,
    mut start: impl AsyncFnMut() -> Result<Pid, HandOverError>,
) -> Result<Pid, HandOverError> {
    let was_down = Intent::is_down(home);
    let mut pauses = PAUSES.iter();
    loop {
        let taken = start().await;
        match (&taken, pauses.next()) {
            // A stop has ended it.
            (Err(HandOverError::Ended { code: Some(0), .. }), _) => return taken,
            // The process was a command that has stopped the server. Any other one has left the
            // server without a host, and no watchdog may be there to replace it.
            (Err(HandOverError::Outrun), _) if Intent::is_down(home) => return taken,
            (
                Err(HandOverError::Spawn(_) | HandOverError::Ended { .. } | HandOverError::Outrun),
                Some(pause),
            ) => tokio::time::sleep(*pause).await,
            (Ok(_) | Err(_), _) => return taken,
        }
        // A command has stopped the server meanwhile; what is handed over would start it again.
        if !was_down && Intent::is_down(home) {
            return Err(HandOverError::Outrun);
        }
        if let Err(error) = &taken {
            tracing::warn!(%error, "not handed over, trying again");
        }
        if let Some(left) = left {
            left.write_again(home);
        }
    }
}

async fn next_host(home: &Home, options: &Options) -> Result<Pid, HandOverError> {
    let begun = Instant::now();
    taken_over(home, spawn(home, options)?, begun).await
}

async fn taken_over(home: &Home, mut next: Spawned, begun: Instant) -> Result<Pid, HandOverError> {
    while begun.elapsed() < SETTLING {
        if let Ok(status) = client::status(home).await
            && let Some(host) = status.host
        {
            tracing::info!(host = host.pid, seam = ?begun.elapsed(), "handed over");
            return Ok(host.pid);
        }
        match next.ended() {
            // Somebody else was faster: a command, or a host that answers in a moment.
            Some((Some(EXIT_RUNNING), _)) if !is_hosted(home) => {
                return Err(HandOverError::Outrun);
            }
            None | Some((Some(EXIT_RUNNING), _)) => tokio::time::sleep(START_PAUSE).await,
            Some((code, said)) => return Err(HandOverError::Ended { code, said }),
        }
    }
    Err(HandOverError::Silent(next.pid()))
}

/// Runs this process as the background host. Returns the exit code.
///
/// # Errors
/// When the home cannot be hosted.
pub async fn run(settings: Settings) -> Result<i32, HostError> {
    match Host::start(settings, Mode::Background) {
        Ok(host) => Ok(serve(host).await),
        Err(HostError::Running) => Ok(EXIT_RUNNING),
        Err(error) => Err(error),
    }
}

/// The same, in the place of a host that has died. Returns the exit code.
///
/// # Errors
/// When the home cannot be hosted for now: the watchdog tries again.
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

/// Gives back the memory that the start has needed, and what a repair or a request has needed since.
async fn trim() {
    tokio::time::sleep(STARTED).await;
    loop {
        unmap_code();
        tokio::time::sleep(TRIM).await;
    }
}

async fn serve(host: Host) -> i32 {
    // Executed through /proc/self/exe, it would be called "exe" in every list.
    let _ = nix::sys::prctl::set_name(c"stigmer");
    // It ends with the runtime.
    tokio::spawn(trim());
    // A vanished terminal is nothing to us; we never had one.
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()),
    );
    let (Ok(mut terminate), Ok(mut interrupt), Ok(_hangup)) = signals else {
        tracing::error!("signals cannot be handled");
        host.leave().await;
        return 1;
    };
    let (asked, lost) = (host.shutdown_asked(), host.home_lost());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        // Only by a panic. Temporal runs on, and should not be without a host; but
        // one that panics at once would do so for ever.
        () = host.handle().closed() => {
            tracing::error!("the manager is gone");
            let facts = host.handle().facts();
            if facts.host.since.elapsed() < STABLE {
                host.leave().await;
            } else if let Err(error) = hand_over(&facts.settings.home, host).await {
                tracing::error!(%error, "not handed over");
            }
            return 1;
        }
        () = asked.cancelled() => {
            tracing::info!("asked to end");
            host.leave().await;
            return 0;
        }
        () = lost.cancelled() => {
            host.leave().await;
            return 1;
        }
    }
    tracing::info!("signal: stopping Temporal and ending");
    let again = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    match host.shutdown_until(again).await {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(%error, "not stopped");
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn another_host_is_started_after_a_process_that_held_the_lock_and_left_no_host() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let mut results = vec![Ok(7), Err(HandOverError::Outrun)];
        let taken = until_taken(&home, None, async || results.pop().unwrap()).await;
        assert_eq!(taken.unwrap(), 7);

        Intent::write_down(&home).unwrap();
        let mut started = 0;
        let taken = until_taken(&home, None, async || {
            started += 1;
            Err(HandOverError::Outrun)
        });
        assert!(matches!(taken.await, Err(HandOverError::Outrun)), "the server is stopped");
        assert_eq!(started, 1);
    }
}
