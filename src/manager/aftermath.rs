//! From the end of the leader to the proof that nothing of its instance is left.

use crate::config::Settings;
use crate::paths;
use crate::process::sweep::Instance;
use crate::process::usage;
use crate::process::watch::Watched;
use crate::process::{look, ports};
use crate::server::database;
use crate::supervisor::Exit;
use crate::unit::log_reader::{LogReader, Words};
use crate::unit::sweeps::{Sweeps, Unswept};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// As long as a kill may take that the kernel delays.
const CLEARING: Duration = Duration::from_secs(10);

/// A sweep that cannot run is tried again after this time.
const AGAIN: Duration = Duration::from_millis(100);

/// How long one waits to see who is on the ports.
const LOOK: Duration = Duration::from_secs(2);

/// The exit status of what is no child comes once its parent has reaped it.
const EXIT_TELLS: Duration = Duration::from_millis(100);

/// How a generation ended.
#[derive(Debug)]
pub struct Ended {
    /// Its leader's exit.
    pub exit: Exit,
    /// When the leader was seen to end.
    pub at: Instant,
    /// How long it took until nothing was left.
    pub cleaned: Duration,
    /// What it said at last.
    pub words: Words,
    /// Processes that the kernel had ended for want of memory by then.
    pub oom_kills: Option<u64>,
    /// What is still there and cannot be proven ours, for people.
    pub leftover: Option<String>,
    /// What its disks say.
    pub disks: Disks,
}

/// What is known of the disks of a server that ended before it was ready.
#[derive(Debug, Default)]
pub struct Disks {
    /// Which folder takes no file, and why.
    pub full: Option<String>,
    /// Whether the next start makes the database anew.
    pub is_replaceable: Option<bool>,
}

impl Disks {
    fn look(settings: &Settings) -> Self {
        let database = settings.database.file();
        let folders = [database.and_then(Path::parent), Some(settings.home.root())];
        let full = folders.into_iter().flatten().find_map(|folder| {
            paths::has_room(folder).err().map(|error| format!("{}: {error}", folder.display()))
        });
        Self { full, is_replaceable: database.and_then(|file| database::is_replaceable(file).ok()) }
    }

    async fn of(settings: Arc<Settings>) -> Self {
        let database = settings.database.file().and_then(Path::parent);
        let folder = database.unwrap_or(settings.home.root()).to_owned();
        let looked = look::patiently(LOOK, &folder, move |_| Ok(Self::look(&settings))).await;
        looked.unwrap_or_else(|error| {
            tracing::warn!(%error, "the disks of the server are not known");
            Self::default()
        })
    }
}

/// A server whose end is watched.
#[derive(Debug)]
pub(super) struct WatchTarget {
    /// Its processes.
    pub instance: Instance,
    /// Its leader's exit.
    pub watched: Watched,
    /// Its lock file.
    pub lock: PathBuf,
    /// Its ports.
    pub ports: Vec<u16>,
    /// Whether somebody asked it to stop: then its processes are given time.
    pub asked: watch::Receiver<bool>,
    /// Whether it ever became ready: then its disks did not prevent that.
    pub ever_ready: Arc<AtomicBool>,
    /// Its options.
    pub settings: Arc<Settings>,
    /// What clears it.
    pub sweeps: Sweeps,
}

/// Returns when the leader has ended and nothing of its instance is left.
pub(super) async fn watch(target: WatchTarget, log: LogReader) -> Ended {
    let WatchTarget { instance, watched, lock, ports, asked, ever_ready, settings, sweeps } =
        target;
    watched.ended().await;
    let at = Instant::now();
    let oom_kills = usage::oom_kills();
    let mut exit = watched.exit();
    while exit == Exit::Unknown && at.elapsed() < EXIT_TELLS {
        tokio::time::sleep(Duration::from_millis(5)).await;
        exit = watched.exit();
    }
    // A wrapper ends at once by SIGTERM, its server a second later: those who were
    // asked are waited for. The supervisor's kill ends that wait.
    let mut is_clear = false;
    while *asked.borrow() {
        let (instance, lock, at_last) = (instance.clone(), lock.clone(), sweeps.clone());
        match sweeps.run(move || instance.remains(&at_last.lock_file(&lock))).await {
            Ok(Ok(members)) if members.is_empty() => {
                is_clear = true;
                break;
            }
            // Who cannot be looked at may still be there.
            Ok(_) | Err(Unswept::Unfinished(_)) => {}
            // The next host will see to it.
            Err(
                Unswept::Leaving | Unswept::Launching | Unswept::NotInPlace | Unswept::Silent(_),
            ) => {
                return std::future::pending().await;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // What the kernel does not let go is not ended, and nothing here says that it
    // is; the supervisor's own patience decides when to tell a person.
    while !is_clear {
        let (instance, lock, at_last) = (instance.clone(), lock.clone(), sweeps.clone());
        match sweeps.run(move || instance.clear(&at_last.lock_file(&lock), CLEARING)).await {
            Ok(Ok(survivors)) if survivors.is_empty() => is_clear = true,
            Ok(Ok(survivors)) => {
                tracing::error!(?survivors, "does not end, not even by SIGKILL");
            }
            // Who cannot look does not know that nothing is left.
            Ok(Err(error)) => {
                tracing::error!(%error, "what is left of the instance is not known");
                tokio::time::sleep(AGAIN).await;
            }
            Err(Unswept::Unfinished(error)) => {
                tracing::error!(%error, "the rest of the instance cannot be ended for now");
                tokio::time::sleep(AGAIN).await;
            }
            // The next host will see to it.
            Err(
                Unswept::Leaving | Unswept::Launching | Unswept::NotInPlace | Unswept::Silent(_),
            ) => {
                return std::future::pending().await;
            }
        }
    }
    // Only now may its number be given out again.
    watched.reap();
    let words = log.last_words().await;
    let (home, lock) = (settings.home.root(), sweeps.lock_file(&lock));
    let leftover = look::patiently(LOOK, home, move |_| Ok(leftover(&lock, &ports)))
        .await
        .unwrap_or_else(|error| Some(format!("what is left of the server is not known: {error}")));
    let disks = match ever_ready.load(Ordering::Relaxed) {
        true => Disks::default(),
        false => Disks::of(settings).await,
    };
    Ended { exit, at, cleaned: at.elapsed(), words, oom_kills, leftover, disks }
}

/// What still stands in the way, read from the kernel.
fn leftover(lock: &Path, ports: &[u16]) -> Option<String> {
    for port in ports {
        match ports::occupant(*port) {
            Ok(None) => {}
            Ok(Some(occupant)) => {
                return Some(format!(
                    "port {port} is still held by {occupant}, which is not proven ours"
                ));
            }
            Err(error) => return Some(format!("who listens on port {port} is not known: {error}")),
        }
    }
    match crate::process::lock::is_held(lock) {
        Ok(true) => Some(format!("{} is still held, by a process not proven ours", lock.display())),
        Ok(false) => None,
        Err(error) => Some(format!("whether {} is held is not known: {error}", lock.display())),
    }
}
