//! Sockets as the kernel describes them.

use std::net::{IpAddr, SocketAddr};

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

/// One end of a TCP connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSocket {
    /// Address of this end.
    pub local: SocketAddr,
    /// Address of the other end.
    pub remote: SocketAddr,
    /// Inode number of the socket.
    pub inode: u64,
}

impl ClientSocket {
    /// Whether both ends of the connection are on this machine.
    pub(super) fn is_within_this_machine(&self) -> bool {
        let [local, remote] = [self.local, self.remote].map(|address| match address.ip() {
            IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4),
            ip @ IpAddr::V4(_) => ip,
        });
        remote.is_loopback() || remote == local
    }
}
