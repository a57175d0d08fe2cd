//! One supervised process tree, whatever its program is: a server today, a worker later.
//!
//! Nothing in this module knows Temporal, the options or the facts. The caller says what to run and
//! which files and locks belong to it.

pub(crate) mod exit;
pub(crate) mod files;
pub(crate) mod init;
pub(crate) mod launch;
pub(crate) mod log_reader;
pub(crate) mod mark;
pub(crate) mod probe;
mod refused;
pub(crate) mod sweeps;
pub(crate) mod tasks;
pub(crate) mod words;

pub(crate) use refused::Refused;
