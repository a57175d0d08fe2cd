//! A listening socket, as the kernel describes it.

use std::net::SocketAddr;

/// A TCP socket that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningSocket {
    /// Where it listens.
    pub address: SocketAddr,
    /// The kernel's number for the socket.
    pub inode: u64,
    /// The user who created it.
    pub uid: u32,
}
