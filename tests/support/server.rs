//! The real Temporal CLI, which is installed once for all tests. The number of servers that run at
//! the same time is limited.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use stigmer::temporal::install::{self, Silent};

/// The largest number of servers at the same time. With more servers, the tests would be too slow.
const AT_ONCE: usize = 7;

/// The path of the CLI. Installs the CLI if necessary. Several test runs may do this at the same time.
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

/// The right to run a server. Dropping the permit frees it.
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    /// Waits for a free permit.
    pub fn wait() -> Self {
        let (free, changed) = &FREE;
        let mut free = free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = changed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Self(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let (free, changed) = &FREE;
        *free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        changed.notify_one();
    }
}
