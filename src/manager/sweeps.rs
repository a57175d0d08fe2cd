//! What ends processes, or begins them, runs on threads and in tasks that nobody stops, while those
//! who began it are gone. A host that leaves waits for it, whatever the end of its manager: a sweep
//! after the last generation would take the next one, which holds the same lock, for a part of it.

use crate::process::lock::HostLock;
use std::sync::{Arc, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// More at a time wait for each other.
const MANY: u32 = 16;

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct Sweeps {
    permits: Arc<Semaphore>,
    lock: Weak<HostLock>,
}

/// While there is one, this process is the host: even one that was not seen off.
#[derive(Debug, Clone)]
pub(super) struct Permit {
    // Given back first, so that who has all permits has the last of the lock.
    _lock: Arc<HostLock>,
    _permit: Arc<OwnedSemaphorePermit>,
}

impl Sweeps {
    /// For the host that holds this lock.
    #[must_use]
    pub fn new(lock: &Arc<HostLock>) -> Self {
        Self { permits: Arc::new(Semaphore::new(MANY as usize)), lock: Arc::downgrade(lock) }
    }

    /// None: this host is leaving, and nothing is to be begun.
    pub(super) async fn permit(&self) -> Option<Permit> {
        let permit = self.permits.clone().acquire_owned().await.ok()?;
        Some(Permit { _lock: self.lock.upgrade()?, _permit: Arc::new(permit) })
    }

    /// Runs it on a thread. None: this host is leaving, and it is not run.
    pub async fn run<T: Send + 'static>(
        &self,
        sweep: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let permit = self.permit().await?;
        let swept = tokio::task::spawn_blocking(move || {
            // Given back when it has ended, whoever still waits for it.
            let _permit = permit;
            sweep()
        });
        match swept.await {
            Ok(value) => Some(value),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going.
                Err(_) => None,
            },
        }
    }

    /// Makes the text of the host's lock what it must be.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn keep_lock(&self) -> std::io::Result<()> {
        self.lock.upgrade().map_or(Ok(()), |lock| lock.keep())
    }

    /// Returns when none is running; none is run from then on.
    pub async fn end(&self) {
        // Fails only where they were ended before.
        let _all = self.permits.acquire_many(MANY).await;
        self.permits.close();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::task::JoinHandle;

    /// A sweep that runs until it is told to end.
    pub(crate) async fn under_way(sweeps: &Sweeps) -> (JoinHandle<Option<()>>, mpsc::Sender<()>) {
        let sweeps = sweeps.clone();
        let (began, begun) = tokio::sync::oneshot::channel();
        let (end, ends) = mpsc::channel();
        let sweep = tokio::spawn(async move {
            let sweep = move || {
                began.send(()).unwrap();
                ends.recv().unwrap();
            };
            sweeps.run(sweep).await
        });
        begun.await.unwrap();
        (sweep, end)
    }

    #[tokio::test]
    async fn a_sweep_that_nobody_waits_for_any_more_is_waited_for_and_none_begins_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Arc::new(HostLock::take(&folder.path().join("lock")).unwrap().unwrap());
        let sweeps = Sweeps::new(&lock);
        let (sweep, end) = under_way(&sweeps).await;
        sweep.abort();
        assert!(sweep.await.unwrap_err().is_cancelled());
        let mut ended = std::pin::pin!(sweeps.end());
        assert!(futures_util::poll!(&mut ended).is_pending());
        end.send(()).unwrap();
        ended.await;
        assert_eq!(sweeps.run(|| ()).await, None);
    }

    #[tokio::test]
    async fn a_host_that_is_not_seen_off_stays_the_host_until_its_last_sweep_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = Arc::new(HostLock::take(&path).unwrap().unwrap());
        let sweeps = Sweeps::new(&lock);
        let (sweep, end) = under_way(&sweeps).await;
        drop(lock);
        assert!(HostLock::take(&path).unwrap().is_none(), "there is another host");
        end.send(()).unwrap();
        assert_eq!(sweep.await.unwrap(), Some(()));
        assert!(HostLock::take(&path).unwrap().is_some());
        assert_eq!(sweeps.run(|| ()).await, None, "there is another host by now");
    }
}
