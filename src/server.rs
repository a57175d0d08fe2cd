//! What is special about the dev server that stigmer runs: its command line, its database file, the
//! ports that it needs, its start, which server of a home runs, and the rounds of checks.

pub(crate) mod aftermath;
pub mod arguments;
pub(crate) mod database;
pub(crate) mod fatal;
pub(crate) mod launch;
pub(crate) mod occupants;
pub(crate) mod prober;
pub(crate) mod running;
