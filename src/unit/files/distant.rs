//! A file on a file system that may not respond.

use super::Keep;
use crate::process::threads::{LOOKS, Unfinished};
use std::io::{self, ErrorKind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// After this time a file system does not respond.
const BOUND: Duration = Duration::from_secs(3);

/// The longest wait of the manager, which serves nobody meanwhile. Clients are patient for 2 s.
const MOMENT: Duration = Duration::from_millis(250);

/// Keeps a file on a thread. While one check is under way, no other begins.
pub(super) struct DistantFile {
    /// `None` only while it is dropped.
    keep: Option<Arc<Mutex<Keep>>>,
    /// Lives as long as the last check.
    under_way: Weak<()>,
    report: Sender<io::Result<()>>,
    results: Receiver<io::Result<()>>,
}

impl DistantFile {
    /// Takes the place of `before`, and waits for its check: that may still hold a lock.
    pub(super) fn new(keep: Keep, before: Option<Self>) -> Self {
        let (report, results) = mpsc::channel();
        let under_way = before.map(|before| before.under_way.clone()).unwrap_or_default();
        Self { keep: Some(Arc::new(Mutex::new(keep))), under_way, report, results }
    }

    /// Begins a check, and waits a moment for its result.
    pub(super) fn check_now(&mut self) {
        let Some(job) = self.job() else { return };
        if let Err(error) = LOOKS.run_blocking(MOMENT, job) {
            send(&self.report, Err(unfinished(&error)));
        }
    }

    /// Begins a check.
    pub(super) fn check(&mut self) {
        let Some(job) = self.job() else { return };
        let report = self.report.clone();
        tokio::spawn(async move {
            if let Err(error) = LOOKS.run(BOUND, job).await {
                send(&report, Err(unfinished(&error)));
            }
        });
    }

    /// The newest result since the last call.
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
            // It may hold a lock, for whose end the next check waits.
            drop(keep);
            drop(under_way);
        })
    }
}

impl Drop for DistantFile {
    fn drop(&mut self) {
        // To close a file may block too. A lock is to be free for the next server.
        let keep = self.keep.take();
        if let Err(error) = LOOKS.run_blocking(MOMENT, move || drop(keep)) {
            tracing::warn!(%error, "a file of the database's folder is not closed yet");
        }
    }
}

fn send(report: &Sender<io::Result<()>>, written: io::Result<()>) {
    // The file may be forgotten.
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

    /// A file of which each check but the first waits for a word of the sender.
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

    /// On a busy machine a check may not begin within a moment.
    async fn first(file: &mut DistantFile) {
        loop {
            file.check_now();
            if file.result().is_some_and(|result| result.is_ok()) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn check_that_blocks_is_the_only_one_and_its_result_comes_late() {
        let (release, begun, keep) = blocking();
        let mut file = DistantFile::new(keep, None);
        first(&mut file).await;
        file.check();
        until(|| begun.load(Ordering::Relaxed) == 2).await;
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
    async fn file_in_the_place_of_another_waits_for_its_check() {
        let (release, begun, keep) = blocking();
        let mut before = DistantFile::new(keep, None);
        first(&mut before).await;
        before.check();
        until(|| begun.load(Ordering::Relaxed) == 2).await;
        let mut file = DistantFile::new(Box::new(|| Ok(())), Some(before));
        file.check_now();
        assert!(file.result().is_none());
        drop(release);
        first(&mut file).await;
    }

    #[tokio::test]
    async fn check_that_panics_is_an_error() {
        let mut file = DistantFile::new(Box::new(|| panic!("as expected")), None);
        let mut result = None;
        until(|| {
            file.check();
            result = file.result();
            result.is_some()
        })
        .await;
        assert!(result.unwrap().unwrap_err().to_string().contains("panicked"));
    }
}
