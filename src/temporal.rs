//! Calls to a Temporal server, also to one that someone else started: connection, health,
//! namespaces and workflows. Also finds, runs and installs the Temporal CLI.

pub mod actions;
mod attribute;
pub(crate) mod connection;
pub(crate) mod dial;
pub mod executions;
pub mod failure;
pub mod health;
pub mod history;
pub(crate) mod holdings;
pub mod install;
pub(crate) mod locate;
mod message;
pub mod payload;
pub(crate) mod polls;
pub mod provision;
pub mod queues;
mod replay;
mod run;
pub mod saved_history;
pub mod sticky;
mod tool;
pub(crate) mod version;
pub mod workers;
pub mod workflows;
