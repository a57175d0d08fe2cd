//! The control API of a host: HTTP/1.1 over a Unix socket in the home. Only the owner of the home
//! may use the socket.

pub mod client;
mod connections;
pub(crate) mod events;
mod listener;
pub(crate) mod server;
pub mod sse;
