//! Records the activity of a client on its connection. If there is no room for another client, this
//! activity decides which connection the server closes.

use axum::body::Body;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, Instant};

/// Time after which a client that reads nothing of its response counts as silent.
const UNREAD: Duration = Duration::from_secs(3);

/// The activity of one connection. The stream of the connection, its requests and the list of
/// connections share this value.
#[derive(Debug)]
pub(super) struct Activity(Mutex<ActivityState>);

#[derive(Debug)]
struct ActivityState {
    /// Time of the last transferred bytes.
    last: Instant,
    /// Whether a request is in progress: from the end of its head to the end of its response.
    under_way: bool,
    /// Whether the rest of the response waits until the client reads.
    blocked: bool,
}

/// The reason why a connection may be closed, and how long its client has been silent. The
/// connection with the greatest value is closed first. `Idle` is greater than `Unread`, because an
/// idle client loses no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Silence {
    /// The client does not read its response.
    Unread(Duration),
    /// The client has sent no request, or only a part of one.
    Idle(Duration),
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Mutex::new(ActivityState { last: Instant::now(), under_way: false, blocked: false }))
    }

    fn state(&self) -> MutexGuard<'_, ActivityState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reason why the connection may be closed now. `None` while a command runs, or while the
    /// client reads its response.
    pub(super) fn closable(&self) -> Option<Silence> {
        let state = self.state();
        let silence = state.last.elapsed();
        // Test `blocked` too: hyper drops the body (and with it `under_way`) when the rest of the
        // response is in a buffer, and the client may still read that rest.
        match state.under_way || state.blocked {
            false => Some(Silence::Idle(silence)),
            true => (state.blocked && silence >= UNREAD).then_some(Silence::Unread(silence)),
        }
    }

    /// Marks a request as in progress, until the returned value is dropped.
    pub(super) fn begin_request(self: &Arc<Self>) -> UnderWay {
        self.state().under_way = true;
        UnderWay(self.clone())
    }

    fn moved(&self) {
        let mut state = self.state();
        state.last = Instant::now();
        state.blocked = false;
    }
}

/// Shows that a request is in progress, until the value is dropped.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Activity>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.state().under_way = false;
    }
}

/// The body of a response. Its request counts as in progress until this body is dropped.
pub(super) struct Answering {
    body: Body,
    _under_way: UnderWay,
}

impl Answering {
    pub(super) fn new(body: Body, under_way: UnderWay) -> Self {
        Self { body, _under_way: under_way }
    }
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that records the activity of the client.
pub(super) struct Observed<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S> Observed<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }

    fn observe(&self, wrote: &Poll<io::Result<usize>>) {
        match wrote {
            Poll::Ready(_) => self.activity.moved(),
            Poll::Pending => self.activity.state().blocked = true,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Observed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.activity.state().last = Instant::now();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Observed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.observe(&wrote);
        wrote
    }

    // Pass vectored writes on to the stream. Without this method and the next one, hyper would copy
    // responses into a buffer of its own, with up to 400 kB for a client that does not read.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.observe(&wrote);
        wrote
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
