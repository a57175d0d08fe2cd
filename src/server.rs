//! What is special about the dev server that stigmer runs: its command line, its database file, the
//! ports that it needs, which server of a home runs, the rounds of checks, and refused starts.

pub mod arguments;
pub(crate) mod database;
pub(crate) mod occupants;
pub(crate) mod prober;
mod refused;
pub(crate) mod running;

pub use refused::Refused;
