//! Who may connect, and how many at once.

use crate::process::descriptors;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Duration, Instant, Sleep};

/// More than any sane number of viewers.
const CONNECTIONS_MAX: usize = 256;
/// Fewer would refuse the viewers of one developer.
const CONNECTIONS_MIN: usize = 8;
/// Descriptors that a host keeps for itself. A background host has 22 open.
const OWN_DESCRIPTORS: u64 = 64;

/// The number of connections to allow at once, of the descriptors that a process may have.
fn connections(descriptors: u64) -> usize {
    let left = descriptors.saturating_sub(OWN_DESCRIPTORS);
    usize::try_from(left).unwrap_or(usize::MAX).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX)
}

/// Programs ask as soon as they are connected. Who connects and says nothing must
/// not take the place of those for longer than they wait.
const FIRST_BYTE: Duration = Duration::from_secs(1);
/// A command may take its time; events say something every other second.
const SILENCE: Duration = Duration::from_secs(600);

/// Accepts only the owner of the home.
pub(super) struct Owned {
    pub(super) listener: UnixListener,
    pub(super) uid: u32,
}

impl axum::serve::Listener for Owned {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (UnixStream, SocketAddr) {
        loop {
            let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
            match stream.peer_cred() {
                Ok(peer) if peer.uid() == self.uid || peer.uid() == 0 => return (stream, address),
                Ok(peer) => tracing::warn!(uid = peer.uid(), "refused another user"),
                Err(error) => tracing::warn!(%error, "refused an unknown user"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Accepts only so many at once; the others wait in the backlog.
pub(super) struct Bounded<L> {
    listener: L,
    free: Arc<Semaphore>,
}

impl<L> Bounded<L> {
    pub(super) fn new(listener: L) -> Self {
        Self { listener, free: Arc::new(Semaphore::new(connections(descriptors::limit()))) }
    }
}

impl<L: axum::serve::Listener> axum::serve::Listener for Bounded<L> {
    type Io = Counted<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        // Never closed, so there is always a permit in the end.
        let permit = self.free.clone().acquire_owned().await.ok();
        let (stream, address) = self.listener.accept().await;
        let silence = Box::pin(tokio::time::sleep(FIRST_BYTE));
        (Counted { stream, silence, _permit: permit }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A stream that counts for as long as it is open, and is not open for long
/// where nothing is said on it.
pub(super) struct Counted<S> {
    stream: S,
    silence: Pin<Box<Sleep>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl<S> Counted<S> {
    /// Something was said, one way or the other.
    fn speaks(&mut self) {
        self.silence.as_mut().reset(Instant::now() + SILENCE);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(read) => {
                self.speaks();
                Poll::Ready(read)
            }
            Poll::Pending => match self.silence.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.speaks();
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    // Without these two, 400 kB would be gathered for a reader that does not read.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.speaks();
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_to_the_host() {
        for (descriptors, expected) in [(0, 8), (64, 8), (80, 16), (256, 192), (1024, 256)] {
            assert_eq!(connections(descriptors), expected, "{descriptors}");
        }
        assert_eq!(connections(u64::MAX), CONNECTIONS_MAX);
    }
}
