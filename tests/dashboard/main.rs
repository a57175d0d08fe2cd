//! Tests of the dashboard: the program in a pseudo-terminal, with the real Temporal server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
pub mod support;

mod actions;
mod attached;
mod disks;
mod exploring;
mod leaving;
mod limits;
mod pages;
mod parity;
mod screen;
mod steering;
mod suspending;
mod terminal;
mod workflows;
