//! One supervised process tree, whatever its program is: a server today, a worker later.
//!
//! Nothing in this module knows Temporal, the options or the facts. The caller says what to run and
//! which files and locks belong to it.

pub(crate) mod files;
pub(crate) mod init;
pub mod log_reader;
mod refused;
pub mod sweeps;
pub(crate) mod tasks;

pub use refused::Refused;
