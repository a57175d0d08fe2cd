//! Sockets that accept connections. The control socket accepts connections only from certain users.

use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A bound socket that accepts connections.
pub(super) trait Listener: Send + 'static {
    /// The type of an accepted connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Accepts the next connection. Cancel-safe.
    ///
    /// # Errors
    /// The error of the operating system. A later call may succeed.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        Self::accept(self).await.map(|(stream, _)| stream)
    }
}

/// A Unix socket that accepts connections only from the owner of the home and from root.
pub(super) struct Owned {
    pub(super) listener: UnixListener,
    pub(super) uid: u32,
}

impl Listener for Owned {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            match stream.peer_cred() {
                Ok(peer) if peer.uid() == self.uid || peer.uid() == 0 => return Ok(stream),
                Ok(peer) => {
                    tracing::warn!(uid = peer.uid(), "refused a connection of another user");
                }
                Err(error) => tracing::warn!(
                    %error,
                    "refused a connection, because its user is unknown"
                ),
            }
        }
    }
}
