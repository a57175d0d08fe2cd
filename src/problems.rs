//! Problems: what is wrong now with the developer's workflows, workers and server, with its root
//! cause. And the workers: which processes poll the server.
//!
//! While a client requests problems or workers, the [`watcher`] samples the server, with a limited rate
//! of requests. [`judge`] derives problems from the samples, [`of_server`] adds the problems of the
//! server itself, [`of_workers`] those of the workers of projects, [`group`] merges and sorts all problems, and [`workers`]
//! derives the workers. These five are pure functions.

mod budget;
mod causes;
mod discovery;
pub(crate) mod group;
pub(crate) mod judge;
mod known;
pub(crate) mod of_server;
mod of_workers;
pub(crate) mod plan;
mod pollers;
mod request;
pub(crate) mod sample;
mod sampling;
#[cfg(test)]
mod tests;
pub(crate) mod watcher;
pub(crate) mod workers;

use std::time::Duration;

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
