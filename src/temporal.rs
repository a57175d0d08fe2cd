//! Calls to a Temporal server, ours or not: connection, health, namespaces and workflows; and the
//! program: where it is, its version, its installation.

pub mod connection;
pub mod dial;
pub mod health;
pub mod holdings;
pub mod install;
pub mod locate;
mod message;
mod tool;
pub mod version;
pub mod workflows;
