//! The host's side.

use crate::config::{Options, Settings};
use crate::manager::{Command, Facts, Handle, Outcome};
use crate::paths::Home;
use crate::protocol::{ApiError, ErrorBody};
use crate::supervisor::Cause;
use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use std::convert::Infallible;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// More than any sane number of viewers.
const CONNECTIONS: usize = 256;
/// Options are small.
const BODY_MAX: usize = 64 << 10;
/// A viewer draws no faster than this.
const FRAME: Duration = Duration::from_millis(33);

/// What the routes share.
#[derive(Debug, Clone)]
struct Api {
    manager: Handle,
    /// Asked by `shutdown`; the host acts on it.
    shutdown: CancellationToken,
    closing: CancellationToken,
}

/// The bound socket and the task that serves it.
#[derive(Debug)]
pub struct Server {
    closing: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    home: Home,
}

impl Server {
    /// Binds the socket of the home and serves it. Only the holder of the host
    /// lock may call this: it removes what an earlier host left there.
    ///
    /// # Errors
    /// When the socket cannot be bound.
    pub fn start(home: &Home, manager: Handle, shutdown: CancellationToken) -> io::Result<Self> {
        let path = home.socket();
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        let closing = CancellationToken::new();
        let api = Api { manager, shutdown, closing: closing.clone() };
        let owned = Owned {
            listener,
            uid: nix::unistd::getuid().as_raw(),
            free: Arc::new(Semaphore::new(CONNECTIONS)),
        };
        let serve = axum::serve(owned, router(api))
            .with_graceful_shutdown(closing.clone().cancelled_owned());
        let task = tokio::spawn(async move {
            if let Err(error) = serve.await {
                tracing::error!(%error, "control socket ended");
            }
        });
        Ok(Self { closing, task, home: home.clone() })
    }

    /// Takes the socket away, lets answers that are under way go out, and ends.
    pub async fn stop(self) {
        let _ = std::fs::remove_file(self.home.socket());
        self.closing.cancel();
        // A client that does not read must not keep the host.
        let mut task = self.task;
        if tokio::time::timeout(Duration::from_secs(1), &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// Accepts only the owner of the home, and only so many at once.
struct Owned {
    listener: UnixListener,
    uid: u32,
    free: Arc<Semaphore>,
}

impl axum::serve::Listener for Owned {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            // Never closed, so this always succeeds; beyond the bound, clients wait in the backlog.
            let Ok(permit) = self.free.clone().acquire_owned().await else { continue };
            match self.listener.accept().await {
                Ok((stream, address)) => match stream.peer_cred() {
                    Ok(peer) if peer.uid() == self.uid || peer.uid() == 0 => {
                        return (Connection { stream, _permit: permit }, address);
                    }
                    Ok(peer) => tracing::warn!(uid = peer.uid(), "refused another user"),
                    Err(error) => tracing::warn!(%error, "refused an unknown user"),
                },
                Err(error) => {
                    // Out of descriptors: they come back.
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A stream that counts.
struct Connection {
    stream: UnixStream,
    _permit: OwnedSemaphorePermit,
}

impl tokio::io::AsyncRead for Connection {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl tokio::io::AsyncWrite for Connection {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        std::pin::Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn router(api: Api) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/events", get(events))
        .route("/v1/start", post(start))
        .route("/v1/stop", post(stop))
        .route("/v1/restart", post(restart))
        .route("/v1/shutdown", post(shutdown))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(api)
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Wait {
    wait: bool,
}

async fn status(State(api): State<Api>) -> Response {
    Json(api.manager.facts().status(Instant::now())).into_response()
}

async fn readyz(State(api): State<Api>) -> Response {
    let facts = api.manager.facts();
    let code =
        if facts.state_name().is_up() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(facts.status(Instant::now()))).into_response()
}

async fn start(State(api): State<Api>, wait: Query<Wait>) -> Response {
    command(&api, Command::Start, wait.wait).await
}

async fn stop(State(api): State<Api>, wait: Query<Wait>) -> Response {
    command(&api, Command::Stop(Cause::Operator), wait.wait).await
}

async fn restart(State(api): State<Api>, wait: Query<Wait>, body: axum::body::Bytes) -> Response {
    let settings = match new_settings(&api.manager.facts(), &body) {
        Ok(settings) => settings.map(Box::new),
        Err(error) => return failure(StatusCode::BAD_REQUEST, error),
    };
    command(&api, Command::Restart(settings), wait.wait).await
}

/// The running options with those laid over that the body gives anew.
fn new_settings(facts: &Facts, body: &[u8]) -> Result<Option<Settings>, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let bad = |message: String| {
        ApiError::new("bad_options", message, "send an object of option names and values")
    };
    let anew: Options = serde_json::from_slice(body)
        .map_err(|error| bad(format!("options not understood: {error}")))?;
    let options = anew.or(facts.settings.options.clone());
    Settings::resolve(facts.settings.home.clone(), options)
        .map(Some)
        .map_err(|error| bad(error.to_string()))
}

async fn shutdown(State(api): State<Api>, wait: Query<Wait>) -> Response {
    let outcome = begin(&api, Command::Stop(Cause::Operator)).await;
    let outcome = match (outcome, wait.wait) {
        (Ok(outcome), true) => outcome.await.unwrap_or(Ok(())),
        (Ok(_), false) => Ok(()),
        (Err(error), _) => Err(error),
    };
    api.shutdown.cancel();
    answer(&api, outcome)
}

async fn command(api: &Api, command: Command, wait: bool) -> Response {
    let outcome = match begin(api, command).await {
        Ok(outcome) if wait => outcome.await.unwrap_or_else(|_| {
            Err(ApiError::new("gone", "the host is shutting down", "try again in a moment"))
        }),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    answer(api, outcome)
}

async fn begin(
    api: &Api,
    command: Command,
) -> Result<tokio::sync::oneshot::Receiver<Outcome>, ApiError> {
    api.manager.begin(command).await
}

fn answer(api: &Api, outcome: Outcome) -> Response {
    match outcome {
        Ok(()) => {
            let status = api.manager.facts().status(Instant::now());
            (StatusCode::ACCEPTED, Json(status)).into_response()
        }
        Err(error) => failure(StatusCode::CONFLICT, error),
    }
}

fn failure(code: StatusCode, error: ApiError) -> Response {
    (code, Json(ErrorBody { error })).into_response()
}

async fn not_found(request: Request) -> Response {
    let message = format!("there is no {} {}", request.method(), request.uri().path());
    failure(StatusCode::NOT_FOUND, ApiError::new("not_found", message, "see GET /v1/status"))
}

async fn not_allowed(request: Request) -> Response {
    let message = format!("{} does not take {}", request.uri().path(), request.method());
    let hint = "status, events and health are read with GET, commands are given with POST";
    failure(StatusCode::METHOD_NOT_ALLOWED, ApiError::new("method_not_allowed", message, hint))
}

/// Server-sent events: a snapshot now and whenever something has changed, at
/// the pace of the slowest of the reader, the screen and the changes. A reader
/// that lags simply gets the newest.
async fn events(State(api): State<Api>) -> Response {
    let mut facts = api.manager.watch();
    facts.mark_changed();
    let closing = api.closing.clone();
    let body =
        stream::unfold((facts, closing, 0u64), |(mut facts, closing, sequence)| async move {
            tokio::select! {
                changed = facts.changed() => changed.ok()?,
                () = closing.cancelled() => return None,
            }
            if sequence > 0 {
                tokio::time::sleep(FRAME).await;
            }
            let snapshot = facts.borrow_and_update().snapshot(Instant::now());
            let data = serde_json::to_string(&snapshot).ok()?;
            let event = format!("id: {sequence}\nevent: snapshot\ndata: {data}\n\n");
            Some((Ok::<_, Infallible>(event), (facts, closing, sequence + 1)))
        });
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(body)).into_response()
}
