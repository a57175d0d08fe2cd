//! Problems: what is wrong now with the developer's workflows, workers and server, with its root
//! cause.
//!
//! While a client requests problems, the [`watcher`] samples the server, with a limited rate of
//! requests. [`judge`] derives problems from the samples, [`of_server`] adds the problems of the
//! server itself, and [`group`] merges and sorts all problems. The last three are pure functions.

mod budget;
mod causes;
pub(crate) mod group;
pub(crate) mod judge;
pub(crate) mod of_server;
pub(crate) mod plan;
mod pollers;
mod request;
pub(crate) mod sample;
#[cfg(test)]
mod tests;
pub(crate) mod watcher;

use std::time::Duration;

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
