//! The control API: HTTP/1.1 over a Unix socket that only the owner of the home may use.

pub mod client;
mod connections;
pub(crate) mod events;
mod listener;
pub(crate) mod server;
pub mod sse;
