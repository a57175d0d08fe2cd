//! The end of a process tree: from the exit of its leader, which is the process that stigmer
//! spawned, to the proof that no other process of the tree is left.

use super::log_reader::LogReader;
use super::sweeps::{Sweeps, Unswept};
use super::words::Words;
use crate::process::lock::is_held;
use crate::process::sweep::Instance;
use crate::process::usage;
use crate::process::watch::Watched;
use crate::supervisor::Exit;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long one attempt waits for killed processes to end, because the kernel may delay their end.
const CLEARING: Duration = Duration::from_secs(10);

/// Pause after an attempt that could not examine or end the processes of the tree.
const AGAIN: Duration = Duration::from_millis(100);

/// How long to wait for an exit status. If the process is not a child of this host, its status is
/// known only after its parent has reaped it.
const EXIT_KNOWN: Duration = Duration::from_millis(100);

/// How a process tree ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit status of the spawned process.
    pub exit: Exit,
    /// When this host noticed the exit of the spawned process.
    pub at: Instant,
    /// The last log lines of the process, which may explain the exit.
    pub words: Words,
    /// How many processes of the machine the kernel had killed for lack of memory when this host
    /// noticed the exit. `None` if unknown.
    pub oom_kills: Option<u64>,
}

impl Ended {
    /// Whether someone else has killed the process with SIGKILL. `unrequested` is whether stigmer did
    /// not stop it.
    pub(crate) fn is_killed(&self, unrequested: bool) -> bool {
        unrequested && matches!(self.exit, Exit::Signal(libc::SIGKILL, _))
    }

    /// The log lines that the status shows. `by_kill` is the result of [`Self::is_killed`].
    pub(crate) fn shown(&self, by_kill: bool) -> Vec<String> {
        match by_kill {
            true => self.words.last_shown(by_kill),
            false => self.words.reason(),
        }
    }

    /// How many processes of the machine the kernel killed for lack of memory between the count
    /// `before` and the exit. `None` if the kernel killed none, or if the spawned process certainly
    /// did not end by SIGKILL.
    pub(crate) fn oom_kills_since(&self, before: Option<u64>) -> Option<u64> {
        match self.exit {
            Exit::Signal(9, _) | Exit::Unknown => {
                self.oom_kills?.checked_sub(before?).filter(|kills| *kills > 0)
            }
            Exit::Signal(..) | Exit::Code(_) | Exit::Unseen => None,
        }
    }
}

/// Adds a remark to the detail of an exit: the out-of-memory killer may be the cause. There is no
/// proof, because the kernel counts the processes that it kills but does not name them. `peak` is
/// the largest observed memory of the processes, in bytes.
pub(crate) fn struck(detail: &str, peak: Option<u64>) -> String {
    let peak = peak.map_or_else(String::new, |peak| format!(", peak memory {} MiB", peak >> 20));
    format!("{detail}; the kernel's out-of-memory killer ended a process at that time{peak}")
}

/// The parameters of [`watch()`].
#[derive(Debug)]
pub(crate) struct ExitTarget {
    /// The process tree to watch.
    pub instance: Instance,
    /// Reports the exit of the leader, which is the spawned process.
    pub watched: Watched,
    /// The lock file that the processes of the tree keep locked.
    pub lock: PathBuf,
    /// Whether a stop was requested. If so, the other processes of the tree get time to exit.
    pub asked: watch::Receiver<bool>,
    /// Gives the permission to signal the processes of the tree.
    pub sweeps: Sweeps,
}

/// Waits until the leader has exited and no other process of the tree is left. If this host begins
/// to leave earlier, this function never returns, because the next host ends the tree.
pub(crate) async fn watch(target: ExitTarget, log: LogReader) -> Ended {
    let ExitTarget { instance, watched, lock, asked, sweeps } = target;
    watched.ended().await;
    let at = Instant::now();
    let oom_kills = usage::oom_kills();
    let mut exit = watched.exit();
    while exit == Exit::Unknown && at.elapsed() < EXIT_KNOWN {
        tokio::time::sleep(Duration::from_millis(5)).await;
        exit = watched.exit();
    }
    // On SIGTERM, a wrapper script may exit at once and its program a second later. So the other
    // processes of the tree get time after the exit of the leader. This wait ends at the latest
    // when the supervisor sends SIGKILL to all processes of the tree.
    let mut is_clear = false;
    while *asked.borrow() {
        let (instance, lock, lock_of) = (instance.clone(), lock.clone(), sweeps.clone());
        match sweeps.run(move || instance.remains(&lock_of.lock_file(&lock))).await {
            Ok(Ok(members)) if members.is_empty() => {
                is_clear = true;
                break;
            }
            // A process of the tree is left, or it is unknown whether one is left.
            Ok(_) | Err(Unswept::Unfinished(_)) => {}
            // The next host ends the tree.
            Err(
                Unswept::Leaving | Unswept::Launching | Unswept::NotInPlace | Unswept::Silent(_),
            ) => {
                return std::future::pending().await;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Kills the remaining processes of the tree. The tree has ended only when no process is left.
    // If the kernel does not end a process, the supervisor decides when to give up.
    while !is_clear {
        let (instance, lock, lock_of) = (instance.clone(), lock.clone(), sweeps.clone());
        match sweeps.run(move || instance.clear(&lock_of.lock_file(&lock), CLEARING)).await {
            Ok(Ok(survivors)) if survivors.is_empty() => is_clear = true,
            Ok(Ok(survivors)) => {
                tracing::error!(
                    ?survivors,
                    "processes of this generation do not end, not even by SIGKILL"
                );
            }
            // The error does not prove that no process is left.
            Ok(Err(error)) => {
                tracing::error!(%error, "cannot determine whether processes of this generation still run");
                tokio::time::sleep(AGAIN).await;
            }
            Err(Unswept::Unfinished(error)) => {
                tracing::error!(%error, "cannot end the remaining processes of this generation now");
                tokio::time::sleep(AGAIN).await;
            }
            // The next host ends the tree.
            Err(
                Unswept::Leaving | Unswept::Launching | Unswept::NotInPlace | Unswept::Silent(_),
            ) => {
                return std::future::pending().await;
            }
        }
    }
    // Until this call, the leader is a zombie, so the kernel does not give its pid to a new
    // process.
    watched.reap();
    let words = log.last_words().await;
    Ended { exit, at, words, oom_kills }
}

/// Describes, for a message, the process that still has the lock. `None` if the lock is free.
pub(crate) fn lock_holder_left(lock: &Path) -> Option<String> {
    match is_held(lock) {
        Ok(true) => Some(format!(
            "{} is still locked by a process, and stigmer cannot verify that it started that \
             process",
            lock.display()
        )),
        Ok(false) => None,
        Err(error) => {
            Some(format!("cannot determine whether {} is locked: {error}", lock.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(exit: Exit, oom_kills: Option<u64>) -> Ended {
        Ended { exit, at: Instant::now(), words: Words::default(), oom_kills }
    }

    #[test]
    fn out_of_memory_killer_is_named_only_if_it_killed_and_the_exit_was_by_sigkill() {
        let killed = || Exit::Signal(9, "SIGKILL");
        for (exit, by_then, before, kills) in [
            (killed(), Some(4), Some(3), Some(1)),
            (killed(), Some(3), Some(3), None),
            (killed(), None, Some(3), None),
            (killed(), Some(4), None, None),
            (Exit::Code(2), Some(4), Some(3), None),
        ] {
            assert_eq!(
                ended(exit, by_then).oom_kills_since(before),
                kills,
                "{by_then:?} {before:?}"
            );
        }
        let said = struck("signal 9 (SIGKILL)", Some(812 << 20));
        assert!(said.starts_with("signal 9 (SIGKILL); "), "{said}");
        assert!(
            said.ends_with("killer ended a process at that time, peak memory 812 MiB"),
            "{said}"
        );
    }
}
