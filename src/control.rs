//! The control API of a host: HTTP/1.1 over a Unix socket in the home. The server accepts only the
//! owner of the home and root.

pub mod client;
mod connections;
pub(crate) mod events;
mod listener;
pub(crate) mod server;
pub mod sse;
