//! The parts of supervision that are specific to the Temporal dev server: its command line, its
//! database file, its ports, its log format, its start, the search for the running server of a
//! home, and the health checks.

pub(crate) mod aftermath;
pub mod arguments;
pub(crate) mod database;
pub(crate) mod fatal;
pub(crate) mod launch;
pub(crate) mod log_format;
pub(crate) mod occupants;
pub(crate) mod prober;
pub(crate) mod running;
