//! A companion process that starts a new background host when the host is
//! killed.
//!
//! A process that may become a host forks the companion in `main`, before any
//! thread exists ([`fork`]). The companion blocks in `read` on a pipe whose only
//! write end is in this process, so the kernel reports every kind of death as the
//! end of the pipe. While the host [arms](arm) it, that end makes the companion
//! execute this program again, as a background host that resumes. While it is
//! [disarmed](disarm), the companion exits instead.

mod companion;

use crate::process::identity::Identity;
use crate::process::watch::{self, Watched};
use std::ffi::OsString;
use std::io::{self, PipeWriter, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The hidden subcommand that makes a process the background host.
pub const SUBCOMMAND: &str = "background-host";

/// How long a leaving process waits for its companion. A disarmed companion exits
/// within a millisecond; a longer wait means that someone has stopped it.
const LEAVING: Duration = Duration::from_secs(1);

/// A host that lived this long did not die of its own start: attempts begin anew.
const STABLE: Duration = Duration::from_secs(30);

/// Delays before the first attempts; later attempts wait as long as the last.
const DELAYS_MS: [u64; 5] = [0, 250, 500, 1_000, 2_000];

/// Bytes of a message to the companion: a flag, a length, the number of attempts,
/// the path of the home. Less than `PIPE_BUF`, so a write is never torn; a home's
/// path is shorter, as the path of its socket is at most 107 bytes long.
const MESSAGE: usize = 128;
/// Where the path begins.
const PATH: usize = 6;

/// The death of a host, as its companion reports it to the next host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Death {
    /// Number of hosts in a row that died soon after their start, this death included.
    pub attempt: u32,
    /// Time from boot to the death.
    pub at: Duration,
}

/// What an armed companion does after the death of its host.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mission {
    /// Starts a host of this home,
    home: PathBuf,
    /// which gives up after this many attempts in a row.
    attempts: u32,
}

/// What the companion has to know before its process has parsed anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Role {
    /// As in [`Death`]; 0 unless this process resumes.
    attempt: u32,
    /// Armed from the beginning: the process resumes.
    mission: Option<Mission>,
}

/// The companion, seen from the process that forked it.
#[derive(Debug)]
struct Watchdog {
    companion: Identity,
    pipe: Mutex<Pipe>,
}

#[derive(Debug)]
struct Pipe {
    /// `None` once it is closed.
    end: Option<PipeWriter>,
    armed: bool,
}

/// Like its standard streams, a process has one companion or none. The error is
/// kept for the host that cannot be guarded.
static WATCHDOG: OnceLock<io::Result<Watchdog>> = OnceLock::new();

/// Forks the companion if these command-line arguments may make this process a
/// host. Must be called before the process has a second thread; otherwise it does
/// nothing.
pub fn fork(arguments: impl Iterator<Item = OsString>) {
    if let Some(role) = Role::of(arguments) {
        let _ = WATCHDOG.set(fork_companion(role));
    }
}

fn fork_companion(role: Role) -> io::Result<Watchdog> {
    // In a copy of one thread of several, a lock may be held for ever.
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("the process has threads already"));
    }
    let (reader, writer) = io::pipe()?;
    let armed = role.mission.is_some();
    // SAFETY: this process has one thread, so the child is a full copy of it.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Child => {
            drop(writer);
            companion::run(reader, role)
        }
        nix::unistd::ForkResult::Parent { child } => {
            let companion = Identity::of(child.as_raw())?
                .ok_or_else(|| io::Error::other("the companion cannot be identified"))?;
            Ok(Watchdog { companion, pipe: Mutex::new(Pipe { end: Some(writer), armed }) })
        }
    }
}

impl Role {
    /// `None` for commands that never host.
    fn of(arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments.skip(1).take_while(|word| word != "--");
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

/// Arms the companion: if this process ends from now on without a [`disarm`], a
/// new background host resumes this home. After this many `attempts` in a row that
/// ended soon, the last host gives up.
///
/// # Errors
/// When there is no companion. The host then works without one.
pub fn arm(home: &Path, attempts: u32) -> io::Result<()> {
    tell(Some(&Mission { home: home.to_owned(), attempts }))
}

/// Disarms the companion: this process leaves on purpose.
pub fn disarm() {
    // Without a companion nothing is armed.
    let _ = tell(None);
}

fn tell(mission: Option<&Mission>) -> io::Result<()> {
    let Some(watchdog) = WATCHDOG.get() else { return Ok(()) };
    let watchdog = watchdog.as_ref().map_err(|error| io::Error::other(error.to_string()))?;
    let mut pipe = watchdog.pipe.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(end) = &mut pipe.end {
        end.write_all(&message(mission)?)?;
        pipe.armed = mission.is_some();
    }
    Ok(())
}

/// Ends the companion of a process that exits now. One that is still armed is
/// left alone: its process has not left its home as it should, and the companion
/// brings a new host.
pub fn end() {
    let Some(Ok(watchdog)) = WATCHDOG.get() else { return };
    let mut pipe = watchdog.pipe.lock().unwrap_or_else(PoisonError::into_inner);
    // Closes the pipe.
    if pipe.end.take().is_some()
        && !pipe.armed
        && let Ok(Some(proven)) = watchdog.companion.prove()
        && watch::wait_exit(&proven, LEAVING)
    {
        watch::reap(proven.pid());
    }
}

/// The companion of this process.
#[must_use]
pub fn companion() -> Option<&'static Identity> {
    Some(&WATCHDOG.get()?.as_ref().ok()?.companion)
}

/// Returns when the companion has ended, which it does before its process only
/// if someone ends it. Never returns if there is none.
pub async fn ended() {
    let watched = companion().and_then(|it| it.prove().ok()?).and_then(|it| Watched::new(it).ok());
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

/// For what a message arms the companion; `None` if it disarms it.
fn mission_of(message: &[u8; MESSAGE]) -> Option<Mission> {
    let length = usize::from(message[1]);
    let path = message.get(PATH..PATH + length).filter(|_| message[0] == 1)?;
    let attempts = message[2..PATH].try_into().ok()?;
    Some(Mission {
        home: OsString::from_vec(path.to_vec()).into(),
        attempts: u32::from_le_bytes(attempts),
    })
}

/// The attempt that follows `last`, and the delay before it.
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
    fn only_commands_that_may_host_have_a_companion() {
        let idle = Some(Role::default());
        for (line, expected) in [
            ("stigmer local", None),
            ("stigmer local status --json", None),
            ("stigmer local stop --home /h", None),
            ("stigmer local -- --tui", None),
            ("stigmer local --tui", idle.clone()),
            ("stigmer local --home /h --no-tui", idle.clone()),
            ("stigmer local background-host --options {} --home /h", idle),
        ] {
            assert_eq!(role(line), expected, "{line}");
        }
    }

    #[test]
    fn a_process_that_resumes_is_guarded_from_its_beginning() {
        let line = "stigmer local background-host --resume 3 --died 17 --attempts 9 --home /h";
        let mission = Some(Mission { home: "/h".into(), attempts: 9 });
        assert_eq!(role(line), Some(Role { attempt: 3, mission }));
    }

    #[test]
    fn a_message_arrives_as_it_was_sent() {
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
    fn attempts_in_a_row_are_counted_and_delayed_and_a_stable_host_ends_the_row() {
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
