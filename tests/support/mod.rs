//! Shared code of the tests with the real server: a home with its own ports ([`rig`]), pinned processes
//! ([`process`]), the server ([`server`]) and wrapper scripts ([`wrapper`]). Tests wait with
//! [`wait_until`], never for a fixed time.
//!
//! `tests/it` uses all of this module, so the compiler reports unused code there. The other test programs
//! use parts, and include this as `pub mod support`.

#![allow(missing_docs, clippy::new_without_default, reason = "not the interface of a library")]

pub mod calls;
pub mod command;
pub mod fuse;
pub mod mounts;
pub mod ports;
pub mod process;
pub mod python;
pub mod rig;
pub mod sdk;
pub mod server;
pub mod shop;
pub mod socket;
pub mod status;
pub mod strangers;
pub mod typescript;
pub mod users;
pub mod wrapper;

use std::time::{Duration, Instant};

/// Time limit of a wait, much longer than any operation. A test that reaches this limit fails.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Polls until the condition holds.
///
/// # Panics
/// After [`LIMIT`].
#[track_caller]
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    assert!(within(LIMIT, condition), "waited {LIMIT:?} in vain for: {what}");
}

/// Polls the condition for at most `limit`. Returns true as soon as the condition holds, else
/// false.
pub fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs `work` and fails if `work` takes longer than `limit`. Tries up to three times, because a
/// busy machine may cause a delay.
#[track_caller]
pub fn quick<T>(limit: Duration, mut work: impl FnMut() -> T) -> T {
    let mut times = Vec::new();
    while times.len() < 3 {
        let (value, took) = timed(&mut work);
        if took < limit {
            return value;
        }
        times.push(took);
    }
    panic!("took {times:?}, each time more than {limit:?}");
}

/// Runs work and returns its duration.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let value = work();
    (value, begun.elapsed())
}
