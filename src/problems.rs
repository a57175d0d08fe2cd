//! Problems: what is wrong now with the developer's workflows, workers and server, with its root cause.
//!
//! The [`watcher`] samples a server within a budget, only while somebody looks. [`judge`] derives
//! problems from the samples, [`group`] merges and sorts them, and [`of_server`] adds those of the
//! server itself. The last three are pure.

mod causes;
pub(crate) mod group;
pub(crate) mod judge;
pub(crate) mod of_server;
pub(crate) mod plan;
mod pollers;
pub(crate) mod sample;
#[cfg(test)]
mod tests;
pub(crate) mod watcher;

use std::time::Duration;

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
