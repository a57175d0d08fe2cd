//! What is special about the Temporal dev server: its command line, its health,
//! its log, its database file, and where to get it.

pub mod arguments;
pub mod database;
pub mod health;
