//! Calls to a Temporal server of any owner: connection, health, namespaces and workflows.
//! Also the Temporal CLI: location, version and installation.

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
