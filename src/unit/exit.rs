//! From the end of the leader to the proof that nothing of its instance is left.

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

/// As long as a kill may take that the kernel delays.
const CLEARING: Duration = Duration::from_secs(10);

/// A sweep that cannot run is tried again after this time.
const AGAIN: Duration = Duration::from_millis(100);

/// The exit status of what is no child comes once its parent has reaped it.
const EXIT_TELLS: Duration = Duration::from_millis(100);

/// How a generation ended.
#[derive(Debug)]
pub struct Ended {
    /// Its leader's exit.
    pub exit: Exit,
    /// When the leader was seen to end.
    pub at: Instant,
    /// What it said at last.
    pub words: Words,
    /// Processes that the kernel had ended for want of memory by then.
    pub oom_kills: Option<u64>,
}

impl Ended {
    /// Processes that the kernel ended for want of memory since `before`, where the
    /// server's end looks as if it were one of them.
    pub(crate) fn oom_kills_since(&self, before: Option<u64>) -> Option<u64> {
        match self.exit {
            Exit::Signal(9, _) | Exit::Unknown => {
                self.oom_kills?.checked_sub(before?).filter(|kills| *kills > 0)
            }
            Exit::Signal(..) | Exit::Code(_) => None,
        }
    }
}

/// The kernel counts its victims and does not name them: this is no proof.
pub(crate) fn struck(detail: &str, peak: Option<u64>) -> String {
    let peak = peak.map_or_else(String::new, |peak| format!(", peak {} MiB", peak >> 20));
    format!("{detail}; the kernel's out-of-memory killer struck meanwhile{peak}")
}

/// A process tree whose end is watched.
#[derive(Debug)]
pub(crate) struct ExitTarget {
    /// Its processes.
    pub instance: Instance,
    /// Its leader's exit.
    pub watched: Watched,
    /// Its lock file.
    pub lock: PathBuf,
    /// Whether somebody asked it to stop: then its processes are given time.
    pub asked: watch::Receiver<bool>,
    /// What clears it.
    pub sweeps: Sweeps,
}

/// Returns when the leader has ended and nothing of its instance is left.
pub(crate) async fn watch(target: ExitTarget, log: LogReader) -> Ended {
    let ExitTarget { instance, watched, lock, asked, sweeps } = target;
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
    Ended { exit, at, words, oom_kills }
}

/// What still holds the lock, read from the kernel, for people.
pub(crate) fn lock_holder_left(lock: &Path) -> Option<String> {
    match is_held(lock) {
        Ok(true) => Some(format!("{} is still held, by a process not proven ours", lock.display())),
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
    fn the_out_of_memory_killer_is_named_only_where_it_struck_and_the_end_was_by_sigkill() {
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
