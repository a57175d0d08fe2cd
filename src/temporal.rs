//! The Temporal dev server: its command line, its health, its database file, and where to get its
//! program. `log` reads what it writes.

pub mod arguments;
pub mod connection;
pub mod database;
pub mod dial;
pub mod health;
pub mod holdings;
pub mod install;
pub mod locate;
mod message;
mod refused;
pub mod running;
mod tool;
pub mod version;
pub mod workflows;

pub use refused::Refused;
