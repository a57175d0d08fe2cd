//! The real Temporal: installed once for all tests, and only so many at a time.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use stigmer::temporal::install::{self, Silent};

/// More at once would slow each other down beyond what the tests are about.
const AT_ONCE: usize = 7;

/// The program. Installed where there is none yet; the installation itself is
/// safe when several test runs do it at once.
pub fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let bin = Path::new(env!("CARGO_TARGET_TMPDIR")).join("temporal-cli");
        let installed = install::install(&bin, None, &mut Silent)
            .unwrap_or_else(|error| panic!("the tests need the Temporal CLI: {error}"));
        installed.path
    });
    &PROGRAM
}

static FREE: (Mutex<usize>, Condvar) = (Mutex::new(AT_ONCE), Condvar::new());

/// The right to run a server.
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    /// Waits until another test is done.
    pub fn wait() -> Self {
        let (free, told) = &FREE;
        let mut free = free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = told.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Self(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let (free, told) = &FREE;
        *free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        told.notify_one();
    }
}
