//! The host's side.

mod asked;
mod events;
mod logs;
mod shares;
mod socket;

use super::connections::serve;
use crate::config::{Options, Settings};
use crate::manager::{Command, Facts, Handle, Outcome};
use crate::paths::Home;
use crate::process::descriptors;
use crate::protocol::{ApiError, ErrorBody};
use crate::supervisor::Cause;
use asked::{Asked, Text};
use axum::Json;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use shares::{Share, Shares, TCP_CONNECTIONS};
pub use socket::Socket;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Options are small.
const BODY_MAX: usize = 64 << 10;
/// How long answers that are under way may take when the host ends.
const LEAVING: Duration = Duration::from_secs(1);

/// What the routes share.
#[derive(Debug, Clone)]
struct Api {
    manager: Handle,
    /// Cancelled to ask the host to end. Temporal is stopped by then.
    end: CancellationToken,
    closing: CancellationToken,
    shares: Shares,
}

/// The bound sockets and the tasks that serve them.
#[derive(Debug)]
pub struct Server {
    end: CancellationToken,
    closing: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    socket: Arc<Socket>,
}

impl Server {
    /// Serves the socket of the home, and health and metrics over TCP where the
    /// settings in force say so. Only the holder of the host lock may call this:
    /// it removes what an earlier host left there. What cannot be bound becomes
    /// a trouble that the status tells.
    #[must_use]
    pub fn start(home: &Home, manager: &Handle) -> Self {
        let (end, closing) = (CancellationToken::new(), CancellationToken::new());
        let api = Api {
            manager: manager.clone(),
            end: end.clone(),
            closing: closing.clone(),
            shares: Shares::of(descriptors::limit()),
        };
        let tcp = tokio::spawn(serve_tcp(api.clone(), closing.clone()));
        let socket = Arc::new(Socket::new(home.socket()));
        let bound = socket.bind();
        let serving = tokio::spawn(socket::serve(api, socket.clone(), bound));
        Self { end, closing, tasks: vec![serving, tcp], socket }
    }

    /// Cancelled when a client has asked the host to end.
    #[must_use]
    pub fn end_asked(&self) -> CancellationToken {
        self.end.clone()
    }

    /// The socket of the home.
    #[must_use]
    pub fn socket(&self) -> Arc<Socket> {
        self.socket.clone()
    }

    /// Takes the socket away. Answers that are under way still go out, until the
    /// task that is returned ends.
    pub fn stop(self) -> JoinHandle<()> {
        self.socket.remove();
        self.closing.cancel();
        tokio::spawn(async {
            // A client that does not read must not keep the host.
            for mut task in self.tasks {
                if tokio::time::timeout(LEAVING, &mut task).await.is_err() {
                    task.abort();
                }
            }
        })
    }
}

/// Serves health and metrics where the settings in force say so; a restart may
/// bring others.
async fn serve_tcp(api: Api, closing: CancellationToken) {
    let mut facts = api.manager.watch();
    let routes = health()
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(axum::middleware::from_fn(only_this_machine))
        .with_state(api.clone());
    loop {
        let wanted = facts.borrow_and_update().settings.http;
        let until = closing.child_token();
        let serving = match wanted {
            None => None,
            Some(address) => match TcpListener::bind(address).await {
                Ok(listener) => {
                    api.manager.trouble("http", None).await;
                    let (routes, until) = (routes.clone(), until.clone());
                    Some(tokio::spawn(serve(listener, TCP_CONNECTIONS, routes, until)))
                }
                Err(error) => {
                    let what = format!(
                        "health and metrics are not served on http://{address}: {error}; choose \
                         another with `stigmer local restart --http`"
                    );
                    api.manager.trouble("http", Some(what)).await;
                    None
                }
            },
        };
        let changed = facts.wait_for(|facts| facts.settings.http != wanted);
        let goes_on = tokio::select! {
            changed = changed => changed.is_ok(),
            () = closing.cancelled() => false,
        };
        until.cancel();
        if let Some(serving) = serving {
            // Who does not read must not keep the next one waiting.
            let _ = tokio::time::timeout(LEAVING, serving).await;
        }
        if !goes_on {
            return;
        }
    }
}

/// A page in a browser can be made to ask 127.0.0.1 under its own name (DNS
/// rebinding); what it then sends as `Host` is that name.
async fn only_this_machine(request: Request, next: axum::middleware::Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let name = host.map(|host| match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    });
    let is_loopback = |name: &str| {
        let address = name.trim_start_matches('[').trim_end_matches(']');
        address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    };
    if name.is_some_and(|name| name == "localhost" || is_loopback(name)) {
        // `get` routes would answer HEAD too.
        return match *request.method() {
            Method::HEAD => not_allowed(request).await,
            _ => next.run(request).await,
        };
    }
    let message = format!("refused for the host {}", host.unwrap_or("(none)"));
    failure(
        StatusCode::FORBIDDEN,
        ApiError::new("foreign_host", message, "ask http://127.0.0.1 or http://localhost"),
    )
}

fn router(api: Api) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/events", get(events::events))
        .route("/v1/logs", get(logs::logs))
        .route("/v1/start", post(start))
        .route("/v1/stop", post(stop))
        .route("/v1/restart", post(restart))
        .route("/v1/shutdown", post(shutdown))
        .merge(health())
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(api)
}

/// What is served over TCP too: nothing that changes anything.
fn health() -> Router<Api> {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
}

/// Healthy is a host whose manager answers: one that only serves this socket repairs nothing.
async fn healthz(State(api): State<Api>) -> Response {
    if api.manager.responds().await {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the manager does not respond\n").into_response()
    }
}

async fn metrics(State(api): State<Api>) -> Response {
    let exposition = crate::metrics::expose(&api.manager.facts(), Instant::now());
    ([(header::CONTENT_TYPE, crate::metrics::CONTENT_TYPE)], exposition).into_response()
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
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

async fn start(State(api): State<Api>, Asked(wait): Asked<Wait>) -> Response {
    command(&api, Command::Start, wait.wait, &api.shares.starts).await
}

async fn stop(State(api): State<Api>, Asked(wait): Asked<Wait>) -> Response {
    command(&api, Command::Stop(Cause::Operator), wait.wait, &api.shares.stops).await
}

async fn restart(State(api): State<Api>, Asked(wait): Asked<Wait>, Text(body): Text) -> Response {
    let settings = match new_settings(&api.manager.facts(), &body) {
        Ok(settings) => settings.map(Box::new),
        Err(error) => return failure(StatusCode::BAD_REQUEST, error),
    };
    command(&api, Command::Restart(settings), wait.wait, &api.shares.starts).await
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

/// In a task of its own: a client that has gone, or does not wait, must not
/// leave it half done. The host ends only when Temporal is proven stopped.
async fn shutdown(State(api): State<Api>, Asked(wait): Asked<Wait>) -> Response {
    let _permit = match wait.wait.then(|| api.shares.stops.take()).transpose() {
        Ok(permit) => permit,
        Err(refused) => return failure(StatusCode::SERVICE_UNAVAILABLE, refused),
    };
    let stopping = tokio::spawn({
        let api = api.clone();
        async move {
            // The host ends. A server that someone else runs does not.
            let cause = match api.manager.facts().is_managed() {
                true => Cause::Operator,
                false => Cause::Shutdown,
            };
            let outcome = match begin(&api, Command::Stop(cause)).await {
                Ok(outcome) => outcome.await.unwrap_or_else(|_| Err(leaving())),
                Err(error) => Err(error),
            };
            if outcome.is_ok() {
                api.end.cancel();
            }
            outcome
        }
    });
    let outcome =
        if wait.wait { stopping.await.unwrap_or_else(|_| Err(leaving())) } else { Ok(()) };
    answer(&api, outcome)
}

fn leaving() -> ApiError {
    ApiError::new("gone", "the host is shutting down", "try again in a moment")
}

async fn command(api: &Api, command: Command, wait: bool, share: &Share) -> Response {
    let _permit = match wait.then(|| share.take()).transpose() {
        Ok(permit) => permit,
        Err(refused) => return failure(StatusCode::SERVICE_UNAVAILABLE, refused),
    };
    let outcome = match begin(api, command).await {
        Ok(outcome) if wait => outcome.await.unwrap_or_else(|_| Err(leaving())),
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
