//! The control API of a host: HTTP/1.1 over a Unix socket in the home. The server accepts only the
//! owner of the home and root.

pub mod client;
mod connections;
pub(crate) mod events;
mod listener;
pub(crate) mod server;
pub mod sse;

/// Maximum size of a request body that contains the environment of a shell, in bytes. A large one has
/// 300 KiB.
const ENVIRONMENT_MAX: usize = 1 << 20;
