//! Injected failures: the n-th call of a function of the C library fails in the host, in each phase of its
//! life. Afterwards one host and one server run or none, every command ends, and `stop` works.
//!
//! The normal run takes a sample, and the points that must hold (`sweep::MUST_HOLD`). The environment
//! chooses another part of the sweep:
//! - `STIGMER_FAULTS`: `all`, `required` (only the points that must hold), a part like `crash` or
//!   `crash:open`, or points like `crash:open:EMFILE:7`, separated by spaces; `…:7+` is a failure that
//!   lasts through the phase.
//! - `STIGMER_FAULTS_WATCHDOG`: if set, the hosts have a watchdog, and no host may be lost.
//! - `STIGMER_FAULTS_JOBS`: the number of homes at a time, at most 5.
//! - `STIGMER_FAULTS_SECONDS`: the time after which no further point starts.
//! - `STIGMER_FAULTS_LOG`: a file that gets one line per point. Points that held according to the file are
//!   not run again, so a sweep can continue an earlier one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/peer.rs"]
pub mod peer;
#[path = "../support/mod.rs"]
pub mod support;

mod control;
mod fake;
mod phases;
mod sweep;
