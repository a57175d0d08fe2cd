//! One gRPC connection to a peer that may be hostile. Each call ends within its time limit with a
//! value or an error, for any response of the peer.

use super::dial;
use crate::caught;
use hyper_util::rt::TokioIo;
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

/// The name of a trailer in gRPC responses. tonic panics if the value of this trailer is not
/// base64. stigmer does not need the trailer, and removes it.
const DETAILS: &str = "grpc-status-details-bin";

/// Maximum size of a response, in bytes. The server accepts no request of more than 4 MiB, so every
/// response with one event or one workflow is smaller. Responses with several of them may be larger.
const RESPONSE: usize = 16 << 20;

/// The beginning of the error message of each call that timed out.
const NO_RESPONSE: &str = "no response";

/// A gRPC connection. The first call opens the connection. After a failure, the next call opens it
/// again.
#[derive(Debug)]
pub(super) struct Connection {
    endpoint: Endpoint,
    dialer: Dialer,
    channel: Mutex<Channel>,
}

impl Connection {
    /// Creates a connection to `HOST:PORT`. `patience` is the time limit for opening the
    /// connection.
    ///
    /// # Errors
    /// If `address` is not a valid address.
    pub(super) fn new(address: &str, patience: Duration) -> Result<Self, String> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| format!("`{address}` is not an address: {error}"))?
            .connect_timeout(patience);
        let dialer = Dialer { address: address.into(), patience };
        let channel = Mutex::new(endpoint.connect_with_connector_lazy(dialer.clone()));
        Ok(Self { endpoint, dialer, channel })
    }

    /// `HOST:PORT` of the server.
    pub(super) fn address(&self) -> &str {
        &self.dialer.address
    }

    /// Calls a method of a gRPC service. `patience` is the time limit of the call.
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
            let mut grpc = tonic::client::Grpc::new(Filtered(connection.channel()))
                .max_decoding_message_size(RESPONSE);
            if let Err(error) = grpc.ready().await {
                // The background task of the channel has ended. The next call needs a new channel.
                connection.renew();
                return Err(Status::unavailable(error.to_string()));
            }
            let codec = tonic_prost::ProstCodec::default();
            grpc.unary(tonic::Request::new(request), path, codec).await
        });
        match tokio::time::timeout(patience, call).await {
            Ok(Ok(response)) => response.map(tonic::Response::into_inner),
            Ok(Err(Panicked)) => {
                self.renew();
                Err(Status::internal("the response violates the gRPC protocol"))
            }
            Err(_) => Err(Status::deadline_exceeded(format!("{NO_RESPONSE} within {patience:?}"))),
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

/// The message of a failed call, of limited length and without control characters. Uses the
/// innermost error, because only the innermost error names the cause, such as `Connection refused`.
pub(super) fn describe(status: &Status) -> String {
    let mut deepest: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(status);
    while let Some(source) = deepest.and_then(std::error::Error::source) {
        deepest = Some(source);
    }
    let text = match (status.code(), deepest) {
        (Code::DeadlineExceeded, _) | (Code::Cancelled, _) => {
            if status.message().starts_with(NO_RESPONSE) {
                status.message().to_owned()
            } else {
                format!("{NO_RESPONSE} in time")
            }
        }
        (_, Some(cause)) => cause.to_string(),
        (code, None) => format!("{code:?}: {}", status.message()),
    };
    crate::harmless::quote(&text)
}

#[derive(Debug, PartialEq, Eq)]
struct Panicked;

/// Runs a call in a task of its own, and converts a panic of the call to an error. If the returned
/// future is dropped, the task is aborted.
async fn guarded<T: Send + 'static>(
    call: impl Future<Output = T> + Send + 'static,
) -> Result<T, Panicked> {
    let task = tokio::spawn(async move {
        let mut call = std::pin::pin!(call);
        std::future::poll_fn(|context| caught::quietly(|| call.as_mut().poll(context))).await
    });
    AbortOnDropHandle::new(task).await.map_err(|_| Panicked)
}

/// Opens connections for tonic with [`dial::connect`] instead of the name resolver of tonic; see
/// [`dial`] for the reason.
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

/// A channel that removes the trailer [`DETAILS`] from each response.
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
        let response = self.0.call(request);
        Box::pin(async move {
            let (mut head, body) = response.await?.into_parts();
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
    async fn panic_of_a_guarded_call_is_an_error_and_caught_for_the_panic_hook() {
        let result = guarded(async {
            tokio::task::yield_now().await;
            assert!(caught::is_caught());
            panic!("a panic of a library")
        });
        assert_eq!(result.await, Err::<(), _>(Panicked));
        assert!(!caught::is_caught());
    }
}
