//! The dashboard as people use it: the real program in a pseudo-terminal, with
//! the real Temporal behind it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attached;
mod disks;
mod exploring;
mod home;
mod leaving;
mod limits;
#[path = "../support/mounts.rs"]
#[allow(dead_code, reason = "the other tests use all of it")]
mod mounts;
mod parity;
#[path = "../support/ports.rs"]
mod ports;
mod screen;
#[path = "../support/status.rs"]
mod status;
mod steering;
mod suspending;
mod terminal;
mod workflows;
