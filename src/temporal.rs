//! Calls to a Temporal server, ours or not: connection, health, namespaces and workflows; and the
//! program: where it is, its version, its installation.

pub(crate) mod connection;
pub(crate) mod dial;
pub mod health;
pub(crate) mod holdings;
pub mod install;
pub(crate) mod locate;
mod message;
mod tool;
pub(crate) mod version;
pub mod workflows;
