//! Tests of the dashboard: the program in a pseudo-terminal, with the real Temporal server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
pub mod support;

mod actions;
mod attached;
mod disks;
mod dismissing;
mod exploring;
mod extension;
mod leaving;
mod limits;
mod namespaces;
mod pages;
mod parity;
mod project;
mod queries;
mod screen;
mod steering;
mod suspending;
mod terminal;
mod workflows;
