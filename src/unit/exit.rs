//! The end of a process tree: from the exit of its leader to the proof that no member is left.

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

/// The kernel may delay a SIGKILL for this long.
const CLEARING: Duration = Duration::from_secs(10);

/// Pause before a retry of a sweep that could not run.
const AGAIN: Duration = Duration::from_millis(100);

/// The exit status of a process that is not a child is known once its parent has reaped it.
const EXIT_KNOWN: Duration = Duration::from_millis(100);

/// How a process tree ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit of its leader.
    pub exit: Exit,
    /// When this host noticed the exit.
    pub at: Instant,
    /// Its last words.
    pub words: Words,
    /// The number of processes that the kernel had killed for lack of memory by then. `None` if
    /// unknown.
    pub oom_kills: Option<u64>,
}

impl Ended {
    /// The number of processes that the kernel killed for lack of memory since `before`. `None` if
    /// there are none, or if the leader did not end by SIGKILL.
    pub(crate) fn oom_kills_since(&self, before: Option<u64>) -> Option<u64> {
        match self.exit {
            Exit::Signal(9, _) | Exit::Unknown => {
                self.oom_kills?.checked_sub(before?).filter(|kills| *kills > 0)
            }
            Exit::Signal(..) | Exit::Code(_) => None,
        }
    }
}

/// The detail of an exit, with the out-of-memory killer. The kernel counts its victims and does not
/// name them, so this is not a proof.
pub(crate) fn struck(detail: &str, peak: Option<u64>) -> String {
    let peak = peak.map_or_else(String::new, |peak| format!(", peak {} MiB", peak >> 20));
    format!("{detail}; the kernel's out-of-memory killer struck meanwhile{peak}")
}

/// The parameters of [`watch()`].
#[derive(Debug)]
pub(crate) struct ExitTarget {
    /// The process tree.
    pub instance: Instance,
    /// The exit of its leader.
    pub watched: Watched,
    /// The lock file that its processes hold.
    pub lock: PathBuf,
    /// Whether a stop was requested. If so, the members have time to exit.
    pub asked: watch::Receiver<bool>,
    /// Permissions to signal its members.
    pub sweeps: Sweeps,
}

/// Waits until the leader has exited and no member is left. Never returns if this host leaves first.
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
    // After SIGTERM a wrapper exits at once and its program a second later, so the members get time.
    // The SIGKILL of the supervisor ends this wait.
    let mut is_clear = false;
    while *asked.borrow() {
        let (instance, lock, lock_of) = (instance.clone(), lock.clone(), sweeps.clone());
        match sweeps.run(move || instance.remains(&lock_of.lock_file(&lock))).await {
            Ok(Ok(members)) if members.is_empty() => {
                is_clear = true;
                break;
            }
            // A member that cannot be read may still run.
            Ok(_) | Err(Unswept::Unfinished(_)) => {}
            // The next host clears the tree.
            Err(
                Unswept::Leaving | Unswept::Launching | Unswept::NotInPlace | Unswept::Silent(_),
            ) => {
                return std::future::pending().await;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A process that the kernel does not end is not reported as ended. The supervisor decides when to
    // give up.
    while !is_clear {
        let (instance, lock, lock_of) = (instance.clone(), lock.clone(), sweeps.clone());
        match sweeps.run(move || instance.clear(&lock_of.lock_file(&lock), CLEARING)).await {
            Ok(Ok(survivors)) if survivors.is_empty() => is_clear = true,
            Ok(Ok(survivors)) => {
                tracing::error!(?survivors, "does not end, not even by SIGKILL");
            }
            // A failed look is no proof that no member is left.
            Ok(Err(error)) => {
                tracing::error!(%error, "what is left of the instance is not known");
                tokio::time::sleep(AGAIN).await;
            }
            Err(Unswept::Unfinished(error)) => {
                tracing::error!(%error, "the rest of the instance cannot be ended for now");
                tokio::time::sleep(AGAIN).await;
            }
            // The next host clears the tree.
            Err(
                Unswept::Leaving | Unswept::Launching | Unswept::NotInPlace | Unswept::Silent(_),
            ) => {
                return std::future::pending().await;
            }
        }
    }
    // From here on the kernel may reuse the pid of the leader.
    watched.reap();
    let words = log.last_words().await;
    Ended { exit, at, words, oom_kills }
}

/// Describes the remaining holder of the lock, for a message. `None` if the lock is free.
pub(crate) fn lock_holder_left(lock: &Path) -> Option<String> {
    match is_held(lock) {
        Ok(true) => Some(format!(
            "{} is still held by a process that stigmer cannot prove to be its own",
            lock.display()
        )),
        Ok(false) => None,
        Err(error) => Some(format!("whether {} is held is not known: {error}", lock.display())),
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
        assert!(said.ends_with("killer struck meanwhile, peak 812 MiB"), "{said}");
    }
}
