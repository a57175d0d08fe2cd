//! What the tests with the real Temporal share: a home and ports of their own ([`rig`]), processes
//! that are signalled only while they are proven to be the test's ([`process`]), the server itself
//! ([`server`]) and scripts around it ([`wrapper`]). Nothing here sleeps for a fixed time:
//! [`wait_until`] does.
//!
//! `tests/it` uses all of it, and the compiler reports there what nobody uses. The other test programs
//! use parts, and include this as `pub mod support`.

#![allow(missing_docs, clippy::new_without_default, reason = "this is no interface of a library")]

pub mod command;
pub mod fuse;
pub mod mounts;
pub mod ports;
pub mod process;
pub mod rig;
pub mod server;
pub mod socket;
pub mod status;
pub mod strangers;
pub mod users;
pub mod wrapper;

use std::time::{Duration, Instant};

/// Far more than anything takes; a test that reaches it has failed.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Polls until the condition holds.
///
/// # Panics
/// When it does not within [`LIMIT`].
#[track_caller]
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    assert!(within(LIMIT, condition), "waited {LIMIT:?} in vain for: {what}");
}

/// Polls for at most `limit`. True as soon as the condition holds.
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

/// Runs work that must not take longer than this. A busy machine may delay it, but not three times in a
/// row.
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

/// How long a command took that must not hang.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let value = work();
    (value, begun.elapsed())
}
