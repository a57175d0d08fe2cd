//! Injected failures: in each phase of a host's life, the n-th call of a function of the C library fails in the
//! host. Afterwards either one host and one server run, or neither runs. Every command ends, and `stop` works.
//!
//! A *point* is a phase, a function, an error and the number of the call that fails. The normal run takes a sample
//! of all points, and the points of `sweep::MUST_HOLD`. The environment selects other points:
//! - `STIGMER_FAULTS`: `all`, `required` (only the points of `MUST_HOLD`), a part of the points like `crash` or
//!   `crash:open`, or points like `crash:open:EMFILE:7`, separated by spaces; `…:7+` is a failure that
//!   lasts to the end of the phase.
//! - `STIGMER_FAULTS_WATCHDOG`: if set, the hosts have a watchdog, and no host may be lost.
//! - `STIGMER_FAULTS_JOBS`: the number of homes at the same time, at most 5.
//! - `STIGMER_FAULTS_SECONDS`: the time after which no further point starts.
//! - `STIGMER_FAULTS_LOG`: a file that gets one line per point. A point that is in the file and not marked as
//!   `broken` is not run again, so a sweep can continue an earlier sweep.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/peer.rs"]
pub mod peer;
#[path = "../support/mod.rs"]
pub mod support;

mod control;
mod fake;
mod phases;
mod sweep;
