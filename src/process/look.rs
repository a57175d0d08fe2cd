//! Looks at paths of the user, which may be on a file system that does not respond: a FUSE whose
//! program hangs, a network server that is gone. A system call on such a path blocks for hours.

use super::threads::{PATHS, Unfinished};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// A look takes microseconds, on a slow network milliseconds.
const BOUND: Duration = Duration::from_secs(3);

/// Calls `look` with `path` on a thread and waits for it, at most for 3 s. While an earlier look at
/// the same path is blocked, there is no other. Without a thread to spare, looks in place.
///
/// # Errors
/// `TimedOut` if the file system does not respond; else what `look` returns.
pub fn bounded<T: Send + 'static>(
    path: &Path,
    look: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    within(BOUND, path, look)
}

fn within<T: Send + 'static>(
    bound: Duration,
    path: &Path,
    look: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    if is_blocked(path) {
        return Err(silent());
    }
    let under_way = Arc::new(());
    let blocked = Arc::downgrade(&under_way);
    let look = Arc::new(Mutex::new(Some(look)));
    let job = {
        let (look, path) = (look.clone(), path.to_owned());
        move || {
            let _under_way = under_way;
            take(&look).map(|look| look(&path))
        }
    };
    match PATHS.run_blocking(bound, job) {
        Ok(Some(found)) => found,
        Ok(None) => Err(silent()),
        Err(Unfinished::Overdue(_)) => {
            all_blocked().insert(path.to_owned(), blocked);
            Err(silent())
        }
        // Without a thread nothing can be abandoned; most likely nothing is blocked.
        Err(Unfinished::NoThread { abandoned: 0, .. }) => {
            take(&look).map_or_else(|| Err(silent()), |look| look(path))
        }
        Err(error @ Unfinished::NoThread { .. }) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, error.to_string()))
        }
        Err(Unfinished::Panicked(panic)) => std::panic::resume_unwind(panic),
    }
}

fn take<L>(look: &Mutex<Option<L>>) -> Option<L> {
    look.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn silent() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the file system does not respond")
}

/// Paths with a blocked look; the pointer lives until that look returns.
fn all_blocked() -> MutexGuard<'static, HashMap<PathBuf, Weak<()>>> {
    static BLOCKED: LazyLock<Mutex<HashMap<PathBuf, Weak<()>>>> = LazyLock::new(Mutex::default);
    BLOCKED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_blocked(path: &Path) -> bool {
    let mut blocked = all_blocked();
    blocked.retain(|_, under_way| under_way.strong_count() > 0);
    blocked.contains_key(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_look_that_blocks_is_an_error_and_the_only_one_at_its_path() {
        let path = Path::new("/blocked");
        let (release, blocks) = mpsc::channel::<()>();
        let blocks = Arc::new(Mutex::new(blocks));
        let mut bound = Duration::from_millis(1);
        // On a busy machine no thread begins the look within the bound, and then none does later.
        while !is_blocked(path) {
            let blocks = blocks.clone();
            let look = move |_: &Path| {
                let _ = blocks.lock().unwrap().recv();
                Ok(())
            };
            let silent = within(bound, path, look).unwrap_err();
            assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
            bound *= 2;
        }
        let again = bounded(path, |_| -> io::Result<()> { panic!("a second look") });
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(bounded(Path::new("/other"), |_| Ok(())).is_ok());
        drop(release);
        while is_blocked(path) {
            std::thread::yield_now();
        }
        assert_eq!(bounded(path, |path| Ok(path.to_owned())).unwrap(), path);
        let failed = bounded(path, |_| -> io::Result<()> { Err(io::ErrorKind::NotFound.into()) });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
