//! Injected failures: the n-th call of a function of the C library fails in the host, in each phase
//! of its life. Whatever failed, afterwards one host and one server run or none, every command ends,
//! and `stop` works.
//!
//! The normal run takes a sample, and the points that must hold (`sweep::MUST_HOLD`). `STIGMER_FAULTS=all` runs every point of the sweep;
//! `STIGMER_FAULTS=required` only the latter, `STIGMER_FAULTS=crash`, `crash:open` or `crash:open:EMFILE:7` runs a part of it, `…:7+` a failure
//! that lasts through the phase. `STIGMER_FAULTS_JOBS` is the number of homes at a time (default 2),
//! `STIGMER_FAULTS_SECONDS` the time after which no further point begins.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with the other test programs")]
mod support;

mod control;
mod fake;
mod phases;
mod sweep;
