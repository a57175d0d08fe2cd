//! Tests of the program with the real Temporal server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/peer.rs"]
pub mod peer;
#[path = "../support/mod.rs"]
mod support;

mod actions;
mod callers;
mod completions;
mod control;
mod crashes;
mod databases;
mod decoding;
mod descriptors;
mod disks;
mod events;
mod examples;
mod extension;
mod handovers;
mod headless;
mod history;
mod homes;
mod lifecycle;
mod limits;
mod logs;
mod losses;
mod mounts;
mod options;
mod orphans;
mod peers;
mod ports;
mod printing;
mod problems;
mod project_workers;
mod projects;
mod provision;
mod quiet;
mod records;
mod sandboxes;
mod stage;
mod strangers;
mod viewers;
mod waiting;
mod watchdog;
mod workers;
mod workflows;
mod wrappers;
