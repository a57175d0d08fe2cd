//! A listening socket as the kernel describes it.

use std::net::SocketAddr;

/// A listening TCP socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningSocket {
    /// Address on which the socket listens.
    pub address: SocketAddr,
    /// Inode number of the socket.
    pub inode: u64,
    /// Id of the user who created the socket.
    pub uid: u32,
}
