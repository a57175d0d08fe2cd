//! Accesses paths of the user with a time limit. A path may be on a file system that does not
//! respond, for example because a FUSE program hangs or a network server is gone. A system call on
//! such a path blocks for hours.
//!
//! In this module, a *look* is a function that accesses one path. The look runs on a thread that
//! can be abandoned. While a look at a path is blocked, any other look at that path, or at a path
//! below it, fails at once. So a file system that hangs blocks only a few threads.

use super::threads::{LOOKS, Lane, PATHS, Unfinished};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Time limit of [`bounded`]. An access takes microseconds, or milliseconds on a slow network.
pub const BOUND: Duration = Duration::from_secs(3);

/// Time limit of [`promptly`]. The limit is short, because a host responds to no client during the
/// access, and clients wait 2 s for a response. It is not shorter, because on a busy machine a
/// thread may need hundreds of milliseconds to begin. It is longer in unit tests, where nobody waits.
pub const MOMENT: Duration = Duration::from_millis(if cfg!(test) { 3_000 } else { 500 });

/// Calls `look` with `path` on a thread and waits up to 3 s for the result. If the system creates
/// no thread, and no other look is blocked, `look` runs on the calling thread.
///
/// # Errors
/// `TimedOut` if the file system does not respond, or the error of `look`.
pub fn bounded<T: Send + 'static>(
    path: &Path,
    look: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    within(&PATHS, BOUND, path, look)
}

/// Like [`bounded`], for a host: uses a thread that already exists, and waits up to 500 ms.
///
/// # Errors
/// See [`bounded`].
pub fn promptly<T: Send + 'static>(
    path: &Path,
    look: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    within(&LOOKS, MOMENT, path, look)
}

/// Like [`promptly`], but async, so that other tasks continue. Waits up to `bound`.
///
/// # Errors
/// See [`bounded`]. If `look` panics, that is an error too.
pub async fn patiently<T: Send + 'static>(
    bound: Duration,
    path: &Path,
    look: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let look = Look::new(path, look)?;
    match LOOKS.run(bound, look.job()).await {
        Err(error @ Unfinished::Panicked(_)) => Err(io::Error::other(error.to_string())),
        ran => look.result(ran),
    }
}

/// Starts `look` on an existing thread and does not wait for it. `look` delivers its result itself,
/// even if it returns late. After the time `bound`, the path counts as blocked until `look`
/// returns.
///
/// # Errors
/// `TimedOut` if the file system does not respond, or if no thread is free. `look` then does not
/// run.
pub fn begin(
    bound: Duration,
    path: &Path,
    look: impl FnOnce(&Path) + Send + 'static,
) -> io::Result<()> {
    let look = Look::new(path, |path| {
        look(path);
        Ok(())
    })?;
    let job = look.job();
    match LOOKS.post(bound, move || drop(job())) {
        Ok(()) => {
            look.blocks_from(Instant::now() + bound);
            Ok(())
        }
        Err(error) => look.result(Err(error)),
    }
}

/// Whether this error means that the file system does not respond, or that no thread was free to
/// access it.
#[must_use]
pub fn is_silence(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut
}

fn within<T: Send + 'static>(
    lane: &'static Lane,
    bound: Duration,
    path: &Path,
    look: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let look = Look::new(path, look)?;
    let ran = lane.run_blocking(bound, look.job());
    look.result(ran)
}

/// An access to a path that begins at most once: either on the thread of its job, or on the calling
/// thread.
struct Look<L> {
    path: PathBuf,
    look: Arc<Mutex<Option<L>>>,
    /// The job has a clone of this pointer, so a weak pointer shows whether the job still exists.
    under_way: Arc<()>,
}

impl<T, L> Look<L>
where
    T: Send + 'static,
    L: FnOnce(&Path) -> io::Result<T> + Send + 'static,
{
    fn new(path: &Path, look: L) -> io::Result<Self> {
        if is_blocked(path) {
            return Err(silent());
        }
        let look = Arc::new(Mutex::new(Some(look)));
        Ok(Self { path: path.to_owned(), look, under_way: Arc::new(()) })
    }

    fn job(&self) -> impl FnOnce() -> Option<io::Result<T>> + Send + use<T, L> {
        let (look, path, under_way) =
            (self.look.clone(), self.path.clone(), self.under_way.clone());
        move || {
            let _under_way = under_way;
            take(&look).map(|look| look(&path))
        }
    }

    /// Makes the path count as blocked, from the time `from` until the job ends.
    fn blocks_from(&self, from: Instant) {
        let under_way = Arc::downgrade(&self.under_way);
        all_blocked().insert(self.path.clone(), Blocked { from, under_way });
    }

    fn result(self, ran: Result<Option<io::Result<T>>, Unfinished>) -> io::Result<T> {
        match ran {
            Ok(Some(found)) => found,
            Ok(None) => Err(silent()),
            Err(Unfinished::Overdue(bound)) => match take(&self.look) {
                Some(_) => Err(not_begun(bound)),
                None => {
                    self.blocks_from(Instant::now());
                    Err(silent())
                }
            },
            // The system creates no thread, but no earlier access is blocked. So the file system
            // most likely responds, and `look` runs on the calling thread, where it cannot be
            // abandoned.
            Err(Unfinished::NoThread { abandoned: 0, .. }) => {
                take(&self.look).map_or_else(|| Err(silent()), |look| look(&self.path))
            }
            Err(error @ Unfinished::NoThread { .. }) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, error.to_string()))
            }
            Err(Unfinished::Panicked(panic)) => std::panic::resume_unwind(panic),
        }
    }
}

fn take<L>(look: &Mutex<Option<L>>) -> Option<L> {
    look.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// The error of an access to a file system that does not respond.
#[must_use]
pub fn silent() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the file system does not respond")
}

/// The error of an access that no thread has started. The cause is a lack of threads, not the file
/// system.
fn not_begun(bound: Duration) -> io::Error {
    let text = format!(
        "no thread was free to access the file system within {bound:?}; end some processes, or \
         raise the limit (`ulimit -u`)"
    );
    io::Error::new(io::ErrorKind::TimedOut, text)
}

/// An access that makes its path count as blocked until it returns.
struct Blocked {
    from: Instant,
    /// Upgrading this pointer fails after the access has returned.
    under_way: Weak<()>,
}

/// All paths with a blocked access. Also contains paths that count as blocked later, if their
/// access takes too long.
fn all_blocked() -> MutexGuard<'static, HashMap<PathBuf, Blocked>> {
    static BLOCKED: LazyLock<Mutex<HashMap<PathBuf, Blocked>>> = LazyLock::new(Mutex::default);
    BLOCKED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_blocked(path: &Path) -> bool {
    let mut blocked = all_blocked();
    blocked.retain(|_, access| access.under_way.strong_count() > 0);
    let now = Instant::now();
    path.ancestors().any(|above| blocked.get(above).is_some_and(|access| now >= access.from))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::mpsc::{self, Sender};

    /// An access to a path that blocks until the sender is dropped.
    fn blocking() -> (Sender<()>, impl FnOnce(&Path) -> io::Result<()> + Clone + Send + 'static) {
        let (release, blocks) = mpsc::channel::<()>();
        let blocks = Arc::new(Mutex::new(blocks));
        let look = move |_: &Path| {
            let _ = blocks.lock().unwrap().recv();
            Ok(())
        };
        (release, look)
    }

    /// Starts an access to this path that blocks until the sender is dropped.
    pub(crate) fn block(path: &Path) -> Sender<()> {
        let (release, look) = blocking();
        let mut bound = Duration::from_millis(1);
        // On a busy machine, no thread may start the access within the time limit. It then never
        // starts, so the limit is doubled for the next try.
        while !is_blocked(path) {
            let silent = within(&PATHS, bound, path, look.clone()).unwrap_err();
            assert!(is_silence(&silent), "{silent}");
            bound *= 2;
        }
        release
    }

    #[test]
    fn look_without_a_free_thread_does_not_blame_the_file_system() {
        static ONE_THREAD: Lane = Lane::new("one", 0, 1);
        let (begun, has_begun) = mpsc::channel();
        let (release, blocks) = mpsc::channel::<()>();
        let busy = std::thread::spawn(move || {
            ONE_THREAD.run_blocking(Duration::from_secs(60), move || {
                begun.send(()).unwrap();
                let _ = blocks.recv();
            })
        });
        has_begun.recv().unwrap();
        let path = Path::new("/not/begun");
        let bound = Duration::from_millis(1);
        let look = |_: &Path| -> io::Result<()> { panic!("no thread was free") };
        let error = within(&ONE_THREAD, bound, path, look).unwrap_err();
        assert!(is_silence(&error) && error.to_string().contains("ulimit -u"), "{error}");
        assert!(!is_blocked(path));
        drop(release);
        busy.join().unwrap().unwrap();
    }

    #[tokio::test]
    async fn blocked_look_is_an_error_and_the_only_look_at_its_path() {
        let path = Path::new("/blocked");
        let release = block(path);
        for again in [path, &path.join("below")] {
            let second = |_: &Path| -> io::Result<()> { panic!("a second look") };
            assert!(is_silence(&bounded(again, second).unwrap_err()));
            assert!(is_silence(&promptly(again, second).unwrap_err()));
            assert!(is_silence(&patiently(BOUND, again, second).await.unwrap_err()));
        }
        assert!(bounded(Path::new("/other"), |_| Ok(())).is_ok());
        assert!(bounded(Path::new("/"), |_| Ok(())).is_ok());
        drop(release);
        while is_blocked(path) {
            std::thread::yield_now();
        }
        assert_eq!(bounded(path, |path| Ok(path.to_owned())).unwrap(), path);
        assert_eq!(promptly(path, |path| Ok(path.to_owned())).unwrap(), path);
        let failed = |_: &Path| -> io::Result<()> { Err(io::ErrorKind::NotFound.into()) };
        assert_eq!(bounded(path, failed).unwrap_err().kind(), io::ErrorKind::NotFound);
        let failed = patiently(BOUND, path, failed).await;
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn path_of_a_look_without_a_caller_is_blocked_after_its_time_limit() {
        let path = Path::new("/begun");
        let (release, look) = blocking();
        let at_path = |bound| {
            begin(bound, path, {
                let look = look.clone();
                move |path| drop(look(path))
            })
        };
        at_path(Duration::from_secs(3_600)).unwrap();
        assert!(promptly(path, |_| Ok(())).is_ok(), "the time limit has not passed");
        at_path(Duration::ZERO).unwrap();
        assert!(is_silence(&promptly(path, |_| Ok(())).unwrap_err()));
        assert!(is_silence(&at_path(Duration::ZERO).unwrap_err()));
        drop(release);
        while is_blocked(path) {
            std::thread::yield_now();
        }
    }

    #[tokio::test]
    async fn path_of_a_patient_look_is_blocked_after_its_time_limit() {
        let path = Path::new("/patiently");
        let (release, look) = blocking();
        let mut bound = Duration::from_millis(1);
        while !is_blocked(path) {
            assert!(is_silence(&patiently(bound, path, look.clone()).await.unwrap_err()));
            bound *= 2;
        }
        drop(release);
    }
}
