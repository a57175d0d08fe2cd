//! A listening socket as the kernel describes it.

use std::net::SocketAddr;

/// A listening TCP socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningSocket {
    /// Its address.
    pub address: SocketAddr,
    /// Inode number of the socket.
    pub inode: u64,
    /// The user who created it.
    pub uid: u32,
}
