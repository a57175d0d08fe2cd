//! Calls to a Temporal server, also to one that someone else started: connection, health,
//! namespaces and workflows. Also finds, runs and installs the Temporal CLI.

pub mod actions;
pub(crate) mod connection;
pub(crate) mod dial;
pub mod executions;
pub(crate) mod failure;
pub mod health;
pub mod history;
pub(crate) mod holdings;
pub mod install;
pub(crate) mod locate;
mod message;
pub mod payload;
pub(crate) mod polls;
pub(crate) mod queues;
pub mod saved_history;
mod tool;
pub(crate) mod version;
pub(crate) mod workers;
pub mod workflows;
