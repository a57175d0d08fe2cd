//! Tracks process operations in progress: sweeps, signals and launches. A sweep searches for all
//! processes of a unit and ends them.
//!
//! The operations run on threads and continue even if their caller is dropped. A host waits for all
//! operations before it releases its lock. Otherwise a late sweep could end the server of the next
//! host, because that server locks the same file as the old server did.

use crate::process::lock::HostLock;
use crate::process::look;
use crate::process::threads::{REPAIRS, Unfinished};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Maximum number of operations at the same time. Further operations wait.
const MANY: u32 = 16;

/// Time limit of an operation. An operation that is blocked in a system call may run longer, but
/// its caller does not wait for it.
const BOUND: Duration = Duration::from_secs(20);

/// How long a leaving host waits for its operations. Longer than [`BOUND`].
const LEAVING: Duration = Duration::from_secs(25);

/// Why an operation did not start or did not finish.
#[derive(Debug, thiserror::Error)]
pub enum Unswept {
    /// The host is leaving: it prepares its exit. The operation was not started.
    #[error("this host is ending")]
    Leaving,
    /// An earlier launch of the unit is blocked in a system call. The operation was not started.
    #[error("the previous start has not finished, because a system call blocks it")]
    Launching,
    /// Another host may have taken over the home. The operation was not started.
    #[error("the home was deleted or replaced")]
    NotInPlace,
    /// The file system of the home does not respond. The operation was not started.
    #[error("cannot use {}: the file system does not respond", .0.display())]
    Silent(PathBuf),
    /// The operation did not start, or did not end within its time limit.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

/// Gives permissions for process operations; see the module documentation.
#[derive(Debug, Clone)]
pub struct Sweeps {
    permits: Arc<Semaphore>,
    lock: Weak<HostLock>,
}

/// Gives permissions to launch one unit. Only one launch has a permission at a time.
#[derive(Debug, Clone)]
pub(crate) struct Launches {
    sweeps: Sweeps,
    turn: Arc<Semaphore>,
}

/// The permission for one operation. As long as a permit exists, this process keeps the host lock,
/// even if it no longer waits for the operation.
#[derive(Debug, Clone)]
pub struct Permit {
    // This field must be the first, because fields are dropped in order. Then a caller that has
    // acquired all permits knows that no other permit refers to the lock.
    lock: Arc<HostLock>,
    _launch: Option<Arc<OwnedSemaphorePermit>>,
    _permit: Arc<OwnedSemaphorePermit>,
}

impl Permit {
    /// Returns an error if another process may have taken over the home; see
    /// [`Sweeps::is_in_place`].
    pub(crate) fn check_in_place(&self) -> Result<(), Unswept> {
        self.lock.is_in_place().then_some(()).ok_or(Unswept::NotInPlace)
    }

    /// The lock file of the unit, or an empty path; see [`Sweeps::lock_file`].
    pub(crate) fn lock_file(&self, path: &Path) -> PathBuf {
        lock_file(&self.lock, path)
    }

    /// Runs a part of the operation on a thread. The thread keeps the permit until this part has
    /// ended, even if the caller is dropped earlier.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        part: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        let permit = self.clone();
        let ran = REPAIRS.run(BOUND, move || {
            let _permit = permit;
            part()
        });
        match ran.await {
            Err(Unfinished::Panicked(panic)) => std::panic::resume_unwind(panic),
            ran => ran,
        }
    }
}

impl Sweeps {
    /// Creates the value for the host that has this lock.
    #[must_use]
    pub fn new(lock: &Arc<HostLock>) -> Self {
        Self { permits: Arc::new(Semaphore::new(MANY as usize)), lock: Arc::downgrade(lock) }
    }

    /// Writes the text of the host lock again if it was changed.
    ///
    /// # Errors
    /// If the text cannot be written.
    pub(crate) fn keep_lock(&self) -> std::io::Result<()> {
        self.lock.upgrade().map_or(Ok(()), |lock| lock.keep())
    }

    /// Whether the path of the host lock still leads to the file that this host has locked. If not,
    /// another process may have taken over the home, and this host must not write the files of the
    /// home.
    pub(crate) fn is_in_place(&self) -> bool {
        self.lock.upgrade().is_none_or(|lock| lock.is_in_place())
    }

    /// The lock file of the unit: each process that has the lock belongs to the unit. Returns an
    /// empty path in two cases, in which the lock must not be used:
    ///
    /// - Another host may have taken over the home. The server of that host then has the lock.
    /// - The file system of the home does not respond. A sweep that waits for this file system
    ///   would end no process.
    pub(crate) fn lock_file(&self, path: &Path) -> PathBuf {
        match self.lock.upgrade() {
            Some(lock) => lock_file(&lock, path),
            None => path.to_owned(),
        }
    }

    async fn permit(&self) -> Result<Permit, Unswept> {
        let permit = timeout(BOUND, self.permits.clone().acquire_owned())
            .await
            .map_err(|_| Unfinished::Overdue(BOUND))?
            .map_err(|_| Unswept::Leaving)?;
        let lock = self.lock.upgrade().ok_or(Unswept::Leaving)?;
        Ok(Permit { lock, _launch: None, _permit: Arc::new(permit) })
    }

    /// Runs a sweep on a thread. A sweep that exceeds its time limit stays on its thread and keeps
    /// the host lock.
    ///
    /// # Errors
    /// If the host is leaving, or the sweep did not end within its time limit.
    pub async fn run<T: Send + 'static>(
        &self,
        sweep: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unswept> {
        Ok(self.permit().await?.run(sweep).await?)
    }

    /// Permits no further operation and waits for the operations in progress. Returns whether all
    /// of them have ended.
    ///
    /// An operation that is blocked in a system call keeps the host lock. Operation and lock both
    /// end with this process. So the operation never ends the server of the next host.
    pub async fn end(&self) -> bool {
        self.end_within(LEAVING).await
    }

    async fn end_within(&self, bound: Duration) -> bool {
        // An error means that an earlier call of this function has closed the permits.
        let ended = timeout(bound, self.permits.acquire_many(MANY)).await.is_ok();
        self.permits.close();
        ended
    }
}

impl Launches {
    /// Creates the source of permissions to launch one unit.
    pub(crate) fn new(sweeps: Sweeps) -> Self {
        Self { sweeps, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Like [`Self::begin`], but waits up to `limit` for the end of an earlier launch.
    ///
    /// # Errors
    /// As for [`Self::begin`].
    pub(crate) async fn begin_within(&self, limit: Duration) -> Result<Permit, Unswept> {
        // The semaphore is never closed, so an error means that the time is over.
        if timeout(limit, self.turn.acquire()).await.is_err() {
            return Err(Unswept::Launching);
        }
        self.begin().await
    }

    /// Returns the permission for one launch.
    ///
    /// # Errors
    /// If the host is leaving, if another host may have taken over the home, if the file system of
    /// the home does not respond, or if an earlier launch of this unit still runs on a thread.
    pub(crate) async fn begin(&self) -> Result<Permit, Unswept> {
        let launch = self.turn.clone().try_acquire_owned().map_err(|_| Unswept::Launching)?;
        let permit = self.sweeps.permit().await?;
        match permit.lock.place() {
            Ok(false) => return Err(Unswept::NotInPlace),
            Err(error) if look::is_silence(&error) => {
                return Err(Unswept::Silent(permit.lock.home().to_owned()));
            }
            Ok(true) | Err(_) => {}
        }
        Ok(Permit { _launch: Some(Arc::new(launch)), ..permit })
    }
}

fn lock_file(lock: &HostLock, path: &Path) -> PathBuf {
    let is_visible = lock.place().unwrap_or_else(|error| !look::is_silence(&error));
    if is_visible { path.to_owned() } else { PathBuf::new() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::task::JoinHandle;

    /// Starts a sweep that runs until the returned sender sends or is dropped.
    pub(crate) async fn under_way(
        sweeps: &Sweeps,
    ) -> (JoinHandle<Result<(), Unswept>>, mpsc::Sender<()>) {
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
    async fn home_that_does_not_respond_allows_no_launch_and_no_check_of_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let instance = folder.path().join("temporal.lock");
        let lock = HostLock::take(&folder.path().join("supervisor.lock")).unwrap().unwrap();
        let lock = Arc::new(lock);
        let sweeps = Sweeps::new(&lock);
        let launches = Launches::new(sweeps.clone());
        let release = look::tests::block(folder.path());
        assert!(matches!(launches.begin().await, Err(Unswept::Silent(_))));
        assert_eq!(sweeps.lock_file(&instance), Path::new(""));
        assert!(sweeps.is_in_place(), "no other host is known to have the home");
        drop(release);
        while sweeps.lock_file(&instance) != instance {
            tokio::task::yield_now().await;
        }
        launches.begin().await.unwrap();
    }

    #[tokio::test]
    async fn leaving_host_waits_for_an_abandoned_sweep_and_starts_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Arc::new(HostLock::take(&folder.path().join("lock")).unwrap().unwrap());
        let sweeps = Sweeps::new(&lock);
        let (sweep, end) = under_way(&sweeps).await;
        sweep.abort();
        assert!(sweep.await.unwrap_err().is_cancelled());
        let mut ended = std::pin::pin!(sweeps.end());
        assert!(futures_util::poll!(&mut ended).is_pending());
        end.send(()).unwrap();
        assert!(ended.await);
        assert!(matches!(sweeps.run(|| ()).await, Err(Unswept::Leaving)));
    }

    #[tokio::test]
    async fn host_leaves_without_a_blocked_sweep_which_keeps_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = Arc::new(HostLock::take(&path).unwrap().unwrap());
        let sweeps = Sweeps::new(&lock);
        let (sweep, end) = under_way(&sweeps).await;
        assert!(!sweeps.end_within(Duration::from_millis(1)).await);
        assert!(matches!(sweeps.run(|| ()).await, Err(Unswept::Leaving)));
        drop(lock);
        assert!(HostLock::take(&path).unwrap().is_none(), "there is another host");
        end.send(()).unwrap();
        sweep.await.unwrap().unwrap();
        assert!(HostLock::take(&path).unwrap().is_some());
    }

    #[tokio::test]
    async fn no_launch_of_a_unit_starts_while_another_is_blocked() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Arc::new(HostLock::take(&folder.path().join("lock")).unwrap().unwrap());
        let sweeps = Sweeps::new(&lock);
        let launches = Launches::new(sweeps.clone());
        let (end, ends) = mpsc::channel::<()>();
        let (began, begun) = tokio::sync::oneshot::channel();
        let permit = launches.begin().await.unwrap();
        let blocked = tokio::spawn(async move {
            let part = move || {
                began.send(()).unwrap();
                let _ = ends.recv();
            };
            permit.run(part).await
        });
        begun.await.unwrap();
        blocked.abort();
        assert!(blocked.await.unwrap_err().is_cancelled());
        assert!(matches!(launches.begin().await, Err(Unswept::Launching)));
        Launches::new(sweeps.clone()).begin().await.expect("another unit can be launched");
        {
            let mut ended = std::pin::pin!(sweeps.end());
            let is_pending = futures_util::poll!(&mut ended).is_pending();
            assert!(is_pending, "a leaving host waits for the launches of all units");
        }
        let brief = Duration::from_millis(20);
        assert!(matches!(launches.begin_within(brief).await, Err(Unswept::Launching)));
        drop(end);
        launches.begin_within(BOUND).await.expect("the earlier launch has ended");
    }

    #[tokio::test]
    async fn home_of_another_host_allows_no_launch_and_its_lock_proves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, instance) = (folder.path().join("lock"), folder.path().join("temporal.lock"));
        let lock = Arc::new(HostLock::take(&path).unwrap().unwrap());
        let sweeps = Sweeps::new(&lock);
        let launches = Launches::new(sweeps.clone());
        let permit = launches.begin().await.unwrap();
        assert_eq!(sweeps.lock_file(&instance), instance);
        std::fs::remove_file(&path).unwrap();
        let _other = HostLock::take(&path).unwrap().unwrap();
        assert!(matches!(permit.check_in_place(), Err(Unswept::NotInPlace)), "under way");
        drop(permit);
        assert!(matches!(launches.begin().await, Err(Unswept::NotInPlace)));
        assert!(!sweeps.is_in_place());
        assert_eq!(sweeps.lock_file(&instance), Path::new(""));
        sweeps.run(|| ()).await.unwrap();
    }

    #[tokio::test]
    async fn host_keeps_its_lock_until_its_last_sweep_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = Arc::new(HostLock::take(&path).unwrap().unwrap());
        let sweeps = Sweeps::new(&lock);
        let (sweep, end) = under_way(&sweeps).await;
        drop(lock);
        assert!(HostLock::take(&path).unwrap().is_none(), "there is another host");
        end.send(()).unwrap();
        sweep.await.unwrap().unwrap();
        assert!(HostLock::take(&path).unwrap().is_some());
        let late = sweeps.run(|| ()).await;
        assert!(matches!(late, Err(Unswept::Leaving)), "there is another host by now");
    }
}
