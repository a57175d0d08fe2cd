//! One gRPC connection to a peer that may be anybody: each call ends in time, and with a value or
//! a status, whatever the peer sends.

use super::dial;
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::body::Body;
use tonic::codegen::http::uri::{PathAndQuery, Uri};
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::codegen::{BoxFuture, Context, Poll, Service};
use tonic::transport::{Channel, Endpoint, Error};
use tonic::{Code, Status};

/// tonic panics where this trailer is not base64, and nothing here reads it.
const DETAILS: &str = "grpc-status-details-bin";

/// The connection, made when it is first needed and again whenever it breaks.
#[derive(Debug)]
pub(super) struct Connection {
    endpoint: Endpoint,
    dialer: Dialer,
    channel: Mutex<Channel>,
}

impl Connection {
    /// A connection to `HOST:PORT`. It takes at most `patience` to be made.
    ///
    /// # Errors
    /// When the text is no address.
    pub(super) fn new(address: &str, patience: Duration) -> Result<Self, String> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| format!("{address} is no address: {error}"))?
            .connect_timeout(patience);
        let dialer = Dialer { address: address.into(), patience };
        let channel = Mutex::new(endpoint.connect_with_connector_lazy(dialer.clone()));
        Ok(Self { endpoint, dialer, channel })
    }

    /// Calls `method` of `service`, for at most `patience`.
    pub(super) async fn unary<Q, A>(
        self: &Arc<Self>,
        service: &str,
        method: &str,
        request: Q,
        patience: Duration,
    ) -> Result<A, Status>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        let path = PathAndQuery::try_from(format!("/{service}/{method}"))
            .map_err(|error| Status::internal(error.to_string()))?;
        let connection = Arc::clone(self);
        let call = guarded(async move {
            let mut grpc = tonic::client::Grpc::new(Filtered(connection.channel()));
            if let Err(error) = grpc.ready().await {
                // The task behind the channel is gone. The next call gets another one.
                connection.renew();
                return Err(Status::unavailable(error.to_string()));
            }
            let codec = tonic_prost::ProstCodec::default();
            grpc.unary(tonic::Request::new(request), path, codec).await
        });
        match tokio::time::timeout(patience, call).await {
            Ok(Ok(answer)) => answer.map(tonic::Response::into_inner),
            Ok(Err(Panicked)) => {
                self.renew();
                Err(Status::internal("the answer breaks the gRPC protocol"))
            }
            Err(_) => Err(Status::deadline_exceeded(format!("no answer within {patience:?}"))),
        }
    }

    fn channel(&self) -> Channel {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn renew(&self) {
        let fresh = self.endpoint.connect_with_connector_lazy(self.dialer.clone());
        *self.channel.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
    }
}

/// A status as people read it, harmless and bounded. The transport's own words say little; what
/// lies below them says `Connection refused`.
pub(super) fn words(status: &Status) -> String {
    let mut deepest: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(status);
    while let Some(below) = deepest.and_then(std::error::Error::source) {
        deepest = Some(below);
    }
    let words = match (status.code(), deepest) {
        (Code::DeadlineExceeded, _) | (Code::Cancelled, _) => {
            if status.message().starts_with("no answer") {
                status.message().to_owned()
            } else {
                "no answer in time".to_owned()
            }
        }
        (_, Some(cause)) => cause.to_string(),
        (code, None) => format!("{code:?}: {}", status.message()),
    };
    crate::harmless::quote(&words)
}

/// The call has panicked.
#[derive(Debug, PartialEq, Eq)]
struct Panicked;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether what this thread runs now is a call whose panic becomes a status: no reason for a panic
/// hook to do anything.
#[must_use]
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Runs a call in a task of its own, which ends with the future that waits for it.
async fn guarded<T: Send + 'static>(
    call: impl Future<Output = T> + Send + 'static,
) -> Result<T, Panicked> {
    /// Also where the poll unwinds.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            GUARDED.set(self.0);
        }
    }
    let task = tokio::spawn(async move {
        let mut call = std::pin::pin!(call);
        std::future::poll_fn(|context| {
            let _restore = Restore(GUARDED.replace(true));
            call.as_mut().poll(context)
        })
        .await
    });
    AbortOnDropHandle::new(task).await.map_err(|_| Panicked)
}

/// Connects to the address, which the endpoint has too.
#[derive(Debug, Clone)]
struct Dialer {
    address: Arc<str>,
    patience: Duration,
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { address, patience } = self.clone();
        Box::pin(async move {
            let stream = dial::connect(&address, patience).await?;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(stream))
        })
    }
}

/// A channel whose answers lack what tonic cannot read.
#[derive(Debug, Clone)]
struct Filtered(Channel);

impl Service<Request<Body>> for Filtered {
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<Response<Body>, Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let (mut head, body) = answer.await?.into_parts();
            head.headers.remove(DETAILS);
            let body = http_body_util::BodyExt::map_frame(body, |frame| {
                frame.into_trailers().map_or_else(
                    |frame| frame,
                    |trailers| hyper::body::Frame::trailers(without_details(trailers)),
                )
            });
            Ok(Response::from_parts(head, Body::new(body)))
        })
    }
}

fn without_details(mut trailers: HeaderMap) -> HeaderMap {
    trailers.remove(DETAILS);
    trailers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_a_call_is_its_answer_and_not_for_the_panic_hook() {
        static SEEN: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if is_guarded() {
                SEEN.store(true, std::sync::atomic::Ordering::SeqCst);
            } else {
                before(panic);
            }
        }));
        let answer = guarded(async {
            tokio::task::yield_now().await;
            assert!(is_guarded());
            panic!("as a library does")
        });
        assert_eq!(answer.await, Err::<(), _>(Panicked));
        assert!(SEEN.load(std::sync::atomic::Ordering::SeqCst));
        assert!(!is_guarded());
    }
}
