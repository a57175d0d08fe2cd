//! A file outside the home that is checked and written regularly. Its file system may not respond.

use super::Keep;
use crate::process::threads::{LOOKS, Unfinished};
use std::io::{self, ErrorKind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Time limit of a check. After this time, the result is that the file system does not respond.
const BOUND: Duration = Duration::from_secs(3);

/// How long the manager of the host waits for a check. During this wait the manager responds to no
/// request, and a client waits only 2 s for a response.
const MOMENT: Duration = Duration::from_millis(250);

/// Checks a file on a thread, one check at a time.
pub(super) struct DistantFile {
    /// `None` only while this value is dropped.
    keep: Option<Arc<Mutex<Keep>>>,
    /// Can be upgraded while a check runs, because the thread of the check owns the value.
    under_way: Weak<()>,
    report: Sender<io::Result<()>>,
    results: Receiver<io::Result<()>>,
}

impl DistantFile {
    /// Creates a file that replaces `before`. No check starts while a check of `before` still runs,
    /// because that check may have a lock that the new check needs.
    pub(super) fn new(keep: Keep, before: Option<Self>) -> Self {
        let (report, results) = mpsc::channel();
        let under_way = before.map(|before| before.under_way.clone()).unwrap_or_default();
        Self { keep: Some(Arc::new(Mutex::new(keep))), under_way, report, results }
    }

    /// Starts a check, and waits up to [`MOMENT`] for its result. Does nothing if a check still
    /// runs.
    pub(super) fn check_now(&mut self) {
        let Some(job) = self.job() else { return };
        if let Err(error) = LOOKS.run_blocking(MOMENT, job) {
            send(&self.report, Err(unfinished(&error)));
        }
    }

    /// Starts a check without waiting for its result. Does nothing if a check still runs.
    pub(super) fn check(&mut self) {
        let Some(job) = self.job() else { return };
        let report = self.report.clone();
        tokio::spawn(async move {
            if let Err(error) = LOOKS.run(BOUND, job).await {
                send(&report, Err(unfinished(&error)));
            }
        });
    }

    /// The newest result since the last call. `None` if there is no new result.
    pub(super) fn result(&self) -> Option<io::Result<()>> {
        self.results.try_iter().last()
    }

    fn job(&mut self) -> Option<impl FnOnce() + Send + 'static> {
        if self.under_way.strong_count() > 0 {
            return None;
        }
        let under_way = Arc::new(());
        self.under_way = Arc::downgrade(&under_way);
        let keep = self.keep.clone()?;
        let report = self.report.clone();
        Some(move || {
            let written = {
                let mut keep = keep.lock().unwrap_or_else(PoisonError::into_inner);
                keep()
            };
            send(&report, written);
            // The order matters. `keep` may have a lock. The next check, which may need this lock,
            // can start as soon as `under_way` is dropped.
            drop(keep);
            drop(under_way);
        })
    }
}

impl Drop for DistantFile {
    fn drop(&mut self) {
        // Dropping `keep` closes its file, which may block, so a thread does it. This host waits a
        // short time for the thread, because `keep` may have the lock that the next server needs.
        let keep = self.keep.take();
        if let Err(error) = LOOKS.run_blocking(MOMENT, move || drop(keep)) {
            tracing::warn!(%error, "cannot close a file outside of the home yet");
        }
    }
}

fn send(report: &Sender<io::Result<()>>, written: io::Result<()>) {
    // The send fails if the file was removed from the checked files: the result is not needed.
    let _ = report.send(written);
}

fn unfinished(error: &Unfinished) -> io::Error {
    match error {
        Unfinished::Overdue(_) => {
            io::Error::new(ErrorKind::TimedOut, "the file system does not respond")
        }
        Unfinished::NoThread { .. } | Unfinished::Panicked(_) => {
            io::Error::other(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// The function of a file for tests. Each call after the first one blocks until the returned
    /// sender sends or is dropped.
    fn blocking() -> (Sender<()>, Arc<AtomicU32>, Keep) {
        let (release, blocks) = mpsc::channel();
        let begun = Arc::new(AtomicU32::new(0));
        let count = begun.clone();
        let keep = move || match count.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(()),
            _ => blocks.recv().map_err(io::Error::other),
        };
        (release, begun, Box::new(keep))
    }

    async fn until(mut condition: impl FnMut() -> bool) {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Repeats the first check until it has passed. On a busy machine, a check may not start within
    /// [`MOMENT`].
    async fn first(file: &mut DistantFile) {
        loop {
            file.check_now();
            if file.results.try_iter().any(|result| result.is_ok()) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Starts the second check, which blocks. Repeats the start until a thread runs the check.
    async fn second(file: &mut DistantFile, begun: &AtomicU32) {
        until(|| {
            file.check();
            begun.load(Ordering::Relaxed) == 2
        })
        .await;
    }

    #[tokio::test]
    async fn blocked_check_is_the_only_one_and_its_late_result_is_received() {
        let (release, begun, keep) = blocking();
        let mut file = DistantFile::new(keep, None);
        first(&mut file).await;
        second(&mut file, &begun).await;
        let mut result = None;
        until(|| {
            file.check();
            file.check_now();
            result = file.result();
            result.is_some()
        })
        .await;
        assert_eq!(result.unwrap().unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(begun.load(Ordering::Relaxed), 2);
        release.send(()).unwrap();
        until(|| file.result().is_some_and(|result| result.is_ok())).await;
    }

    #[tokio::test]
    async fn file_that_replaces_another_waits_for_its_check() {
        let (release, begun, keep) = blocking();
        let mut before = DistantFile::new(keep, None);
        first(&mut before).await;
        second(&mut before, &begun).await;
        let mut file = DistantFile::new(Box::new(|| Ok(())), Some(before));
        file.check_now();
        assert!(file.result().is_none());
        drop(release);
        first(&mut file).await;
    }

    #[tokio::test]
    async fn panic_in_a_check_is_an_error() {
        let mut file = DistantFile::new(Box::new(|| panic!("as expected")), None);
        // On a busy machine, a check may not start within its time limit. A later check may.
        until(|| {
            file.check();
            let error = file.result().map(|result| result.unwrap_err());
            error.is_some_and(|error| error.to_string().contains("panicked"))
        })
        .await;
    }
}
