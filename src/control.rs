//! The control API: HTTP/1.1 over a Unix socket that only the owner of the home may use.

pub mod client;
mod connections;
pub mod events;
mod listener;
pub mod server;
pub mod sse;
