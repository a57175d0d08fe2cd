//! The watchdog: a second process, which starts a new background host when the host was killed.
//!
//! A process that may become a host forks the watchdog in `main`, before a second thread exists
//! ([`fork`]). The watchdog blocks in `read` on a pipe. Only the host process has the write end of
//! the pipe, so the pipe closes when the host process ends for any reason. An [armed](arm) watchdog
//! then executes this program again, as a background host that resumes the supervision. A
//! [disarmed](disarm) watchdog exits.

mod child;

use crate::caller::Caller;
use crate::process::forked;
use crate::process::identity::Identity;
use crate::process::watch::Watched;
use std::ffi::OsString;
use std::io::{self, PipeWriter, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The hidden subcommand of the background host.
pub const SUBCOMMAND: &str = "background-host";

/// How long an exiting host waits for the exit of its watchdog process. A disarmed watchdog exits
/// within a millisecond, unless a signal has suspended it.
const LEAVING: Duration = Duration::from_secs(1);

/// Minimum lifetime of a host that counts as started successfully. After the death of such a host,
/// the count of hosts that died soon after their start begins again at 1.
const STABLE: Duration = Duration::from_secs(30);

/// Delays before the attempts to start a new host, in milliseconds. After the fifth attempt, each
/// further attempt has the last delay.
const DELAYS_MS: [u64; 5] = [0, 250, 500, 1_000, 2_000];

/// Size in bytes of a message to the watchdog. A message has a flag, a length, the number of
/// attempts and the path of the home. The size is less than `PIPE_BUF`, so the kernel never splits
/// a message. The path fits, because the path of the socket in the home has at most 107 bytes.
const MESSAGE: usize = 128;
/// Offset of the path in a message.
const PATH: usize = 6;

/// The death of a host. The watchdog process of that host passes it to the next host, as arguments
/// on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Death {
    /// Number of hosts in a row that died soon after their start, this death included.
    pub attempt: u32,
    /// Time from boot to the death.
    pub at: Duration,
}

/// The task of an armed watchdog process after the death of its host: to start a new host.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mission {
    /// Home of the new host.
    home: PathBuf,
    /// Number of hosts in a row that may die soon after their start. If more hosts die, the new
    /// process gives up instead of becoming the host.
    attempts: u32,
}

/// The part of the command line that the watchdog process needs. This part is read before the full
/// command line is parsed, because the fork is the first step of the program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Role {
    /// The number [`Death::attempt`], or 0 if this process does not resume after the death of a
    /// host.
    attempt: u32,
    /// Set if this process resumes after the death of a host. Its watchdog is then armed from the
    /// start.
    mission: Option<Mission>,
}

/// The watchdog process, as its parent process sees the watchdog.
#[derive(Debug)]
struct Watchdog {
    identity: Identity,
    pipe: Mutex<Pipe>,
}

#[derive(Debug)]
struct Pipe {
    /// The write end, or `None` after it was closed.
    end: Option<PipeWriter>,
    armed: bool,
}

/// The watchdog process of this process, or the error of the fork. [`arm`] returns that error
/// later, because a process without a watchdog can still be a host.
static WATCHDOG: OnceLock<io::Result<Watchdog>> = OnceLock::new();

/// Forks the watchdog process if the command-line arguments show that this process may become a
/// host. Must be called before the process has a second thread. Otherwise no watchdog is created.
pub fn fork(arguments: impl Iterator<Item = OsString>) {
    if let Some(role) = Role::of(arguments) {
        let _ = WATCHDOG.set(fork_watchdog(role));
    }
}

fn fork_watchdog(role: Role) -> io::Result<Watchdog> {
    let armed = role.mission.is_some();
    let (identity, writer) = forked::fork(|pipe| child::run(pipe, role))?;
    Ok(Watchdog { identity, pipe: Mutex::new(Pipe { end: Some(writer), armed }) })
}

impl Role {
    /// Reads from the arguments what the watchdog needs. `None` if the command never becomes a
    /// host, so that it needs no watchdog.
    fn of(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        if Caller::of(arguments.next().as_ref()) == Caller::TemporalCli {
            return None;
        }
        let mut arguments = arguments.take_while(|word| word != "--");
        let mut role = None;
        let mut attempts = 0;
        while let Some(word) = arguments.next() {
            match word.to_str() {
                Some("--tui" | "--no-tui" | SUBCOMMAND) => {
                    role.get_or_insert_with(Self::default);
                }
                Some("--resume") => {
                    let attempt = arguments.next()?.to_str()?.parse().ok()?;
                    role.get_or_insert_with(Self::default).attempt = attempt;
                }
                Some("--attempts") => attempts = arguments.next()?.to_str()?.parse().ok()?,
                Some("--home") => {
                    let home = arguments.next()?.into();
                    if let Some(role) = role.as_mut().filter(|role| role.attempt > 0) {
                        role.mission = Some(Mission { home, attempts });
                    }
                }
                Some(_) | None => {}
            }
        }
        role
    }
}

/// Arms the watchdog process: if this process ends without a [`disarm`], a new background host
/// resumes the supervision of this home. If more than `attempts` hosts in a row died soon after
/// their start, the new process gives up instead of becoming the host.
///
/// # Errors
/// If there is no watchdog. The host then works without a watchdog.
pub fn arm(home: &Path, attempts: u32) -> io::Result<()> {
    send(Some(&Mission { home: home.to_owned(), attempts }))
}

/// Disarms the watchdog process, so that it starts no new host. Must be called before this process
/// exits on purpose.
pub fn disarm() {
    // If there is no watchdog, there is nothing to disarm.
    let _ = send(None);
}

fn send(mission: Option<&Mission>) -> io::Result<()> {
    let Some(watchdog) = WATCHDOG.get() else { return Ok(()) };
    let watchdog = watchdog.as_ref().map_err(|error| io::Error::other(error.to_string()))?;
    let mut pipe = watchdog.pipe.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(end) = &mut pipe.end {
        end.write_all(&message(mission)?)?;
        pipe.armed = mission.is_some();
    }
    Ok(())
}

/// Closes the pipe to the watchdog process, because this process exits now. Waits for the exit of a
/// disarmed watchdog. Does not wait for an armed watchdog, which starts a new host.
pub fn end() {
    let Some(Ok(watchdog)) = WATCHDOG.get() else { return };
    let mut pipe = watchdog.pipe.lock().unwrap_or_else(PoisonError::into_inner);
    // `take` moves the write end out of the value, and the drop of the write end closes the pipe.
    if pipe.end.take().is_some() && !pipe.armed {
        forked::wait_exit(&watchdog.identity, LEAVING);
    }
}

/// Identity of the watchdog process of this process.
#[must_use]
pub fn identity() -> Option<&'static Identity> {
    Some(&WATCHDOG.get()?.as_ref().ok()?.identity)
}

/// Waits for the exit of the watchdog process. While the host runs, the watchdog exits only if
/// another process kills it. Never returns if there is no watchdog.
pub async fn ended() {
    let watched = identity().and_then(|it| it.prove().ok()?).and_then(|it| Watched::new(it).ok());
    match watched {
        Some(watched) => {
            watched.ended().await;
            watched.reap();
        }
        None => std::future::pending().await,
    }
}

fn message(mission: Option<&Mission>) -> io::Result<[u8; MESSAGE]> {
    let mut message = [0; MESSAGE];
    let Some(mission) = mission else { return Ok(message) };
    let path = mission.home.as_os_str().as_bytes();
    let room = message.get_mut(PATH..PATH + path.len());
    let room = room.ok_or_else(|| io::Error::other("the path of the home is too long"))?;
    room.copy_from_slice(path);
    message[0] = 1;
    message[1] = u8::try_from(path.len()).map_err(io::Error::other)?;
    message[2..PATH].copy_from_slice(&mission.attempts.to_le_bytes());
    Ok(message)
}

/// Parses a message to the watchdog process. `None` if the message disarms the watchdog.
fn mission_of(message: &[u8; MESSAGE]) -> Option<Mission> {
    let length = usize::from(message[1]);
    let path = message.get(PATH..PATH + length).filter(|_| message[0] == 1)?;
    let attempts = message[2..PATH].try_into().ok()?;
    Some(Mission {
        home: OsString::from_vec(path.to_vec()).into(),
        attempts: u32::from_le_bytes(attempts),
    })
}

/// The number of the attempt after attempt `last`, and the delay before it. `lived` is the lifetime
/// of the host that has died.
fn next_attempt(last: u32, lived: Duration) -> (u32, Duration) {
    let attempt = if lived >= STABLE { 1 } else { last.saturating_add(1) };
    let index = (attempt as usize - 1).min(DELAYS_MS.len() - 1);
    (attempt, Duration::from_millis(DELAYS_MS[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(line: &str) -> Option<Role> {
        Role::of(line.split(' ').map(OsString::from))
    }

    #[test]
    fn only_commands_that_may_become_a_host_have_a_watchdog() {
        let idle = Some(Role::default());
        for (line, expected) in [
            ("stigmer local", None),
            ("stigmer local status --json", None),
            ("stigmer local stop --home /h", None),
            ("stigmer local -- --tui", None),
            ("/usr/bin/temporal-local --tui", None),
            ("stigmer local --tui", idle.clone()),
            ("stigmer local --home /h --no-tui", idle.clone()),
            ("stigmer local background-host --options {} --home /h", idle),
        ] {
            assert_eq!(role(line), expected, "{line}");
        }
    }

    #[test]
    fn resuming_process_is_armed_from_the_start() {
        let line = "stigmer local background-host --resume 3 --died 17 --attempts 9 --home /h";
        let mission = Some(Mission { home: "/h".into(), attempts: 9 });
        assert_eq!(role(line), Some(Role { attempt: 3, mission }));
    }

    #[test]
    fn message_round_trips() {
        let mission = |home: &str| Mission { home: home.into(), attempts: 70_000 };
        let sent = mission("/home/a b");
        assert_eq!(mission_of(&message(Some(&sent)).unwrap()), Some(sent));
        assert_eq!(mission_of(&message(None).unwrap()), None);
        assert!(message(Some(&mission(&"/x".repeat(MESSAGE)))).is_err());
        let length = |it: Mission| it.home.as_os_str().len();
        assert_eq!(mission_of(&[1; MESSAGE]).map(length), Some(1));
        assert_eq!(mission_of(&[255; MESSAGE]), None);
    }

    #[test]
    fn attempts_are_delayed_and_a_stable_host_resets_the_count() {
        let short = Duration::from_secs(1);
        let row: Vec<(u32, u128)> = (0..7)
            .map(|last| next_attempt(last, short))
            .map(|(attempt, delay)| (attempt, delay.as_millis()))
            .collect();
        let delays = [0, 250, 500, 1_000, 2_000, 2_000, 2_000];
        assert_eq!(row, (1..).zip(delays).collect::<Vec<_>>());
        assert_eq!(next_attempt(5, STABLE), (1, Duration::ZERO));
        assert_eq!(next_attempt(u32::MAX, short).0, u32::MAX);
    }
}
