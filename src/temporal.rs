//! What is special about the Temporal dev server: its command line, its health,
//! its log and its last words, its database file, and where to get its program.

pub mod arguments;
pub mod connection;
pub mod database;
pub mod dial;
pub mod health;
pub mod holdings;
pub mod install;
pub mod last_words;
pub mod locate;
pub mod logline;
mod message;
pub mod noise;
mod refused;
pub mod running;
mod tool;
pub mod version;
pub mod workflows;

pub use refused::Refused;
