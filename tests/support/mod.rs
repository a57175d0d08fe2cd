//! What the tests with the real Temporal stand on: a home and ports of their own
//! ([`Rig`]), processes that are only ever signalled when they are proven to be
//! the test's ([`process`]), the server itself ([`server`]) and scripts around it
//! ([`wrapper`]). Nothing here sleeps for a fixed time: [`wait_until`] does.

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
