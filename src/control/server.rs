//! The server of the control API, in the host process. The same server also serves health and
//! metrics over TCP.

mod events;
mod extract;
mod logs;
mod shares;
mod socket;
mod tcp;
#[cfg(test)]
pub(crate) mod tests;
mod worker;

use super::ENVIRONMENT_MAX;
use crate::config::{Options, Settings};
use crate::facts::{Facts, metrics};
use crate::manager::{Command, Handle, Outcome};
use crate::paths::Home;
use crate::problems::watcher::Watcher;
use crate::process::descriptors;
use crate::process::lock::HostLock;
use crate::protocol::{ApiError, ErrorBody};
use crate::supervisor::Cause;
use axum::Json;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use extract::{ApiBody, ApiQuery};
use shares::{Share, Shares};
pub use socket::Socket;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// Maximum size of a request body, in bytes. Options are small.
const BODY_MAX: usize = 64 << 10;
/// Time limit to complete the responses in progress when the host ends.
const LEAVING: Duration = Duration::from_secs(1);

/// The state that all routes share.
#[derive(Debug, Clone)]
struct Api {
    manager: Handle,
    watcher: Watcher,
    /// Cancelled after a client has requested the end of the host; see [`Server::end_requested`].
    end: CancellationToken,
    closing: CancellationToken,
    shares: Shares,
}

/// The bound sockets, and the tasks that serve them.
#[derive(Debug)]
pub struct Server {
    end: CancellationToken,
    closing: CancellationToken,
    /// The tasks that accept and serve connections. Aborting a task closes its connections.
    tasks: JoinSet<()>,
    socket: Arc<Socket>,
    watcher: Watcher,
}

impl Server {
    /// Begins to serve the control socket. If the settings contain a TCP address, also serves
    /// health and metrics there. The socket file of an earlier host is replaced, but only while
    /// this process still has its host lock (`lock`) in place. If the socket or the address cannot
    /// be bound, the status shows the problem, and the server tries again.
    #[must_use]
    pub fn start(home: &Home, manager: &Handle, lock: &Arc<HostLock>) -> Self {
        let (end, closing) = (CancellationToken::new(), CancellationToken::new());
        let api = Api {
            manager: manager.clone(),
            watcher: Watcher::begin(
                manager.latest(),
                (manager.logged_runs(), manager.loaded_queues()),
                manager.facts().dismissals.clone(),
            ),
            end: end.clone(),
            closing: closing.clone(),
            shares: Shares::of(descriptors::limit()),
        };
        let watcher = api.watcher.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(tcp::serve_where_wanted(api.clone(), closing.clone()));
        let socket = Arc::new(Socket::new(home.socket(), lock));
        let bound = socket.bind();
        tasks.spawn(socket::serve(api, socket.clone(), bound));
        Self { end, closing, tasks, socket, watcher }
    }

    /// Returns a token that is cancelled after a client has requested the end of the host. Then the
    /// Temporal server is stopped, or this host could not prove that the Temporal server has ended.
    /// In the second case, the client searches for the Temporal server.
    #[must_use]
    pub fn end_requested(&self) -> CancellationToken {
        self.end.clone()
    }

    /// The control socket of the home.
    #[must_use]
    pub fn socket(&self) -> Arc<Socket> {
        self.socket.clone()
    }

    /// Returns the watcher of the problems, which the responses of this server use.
    #[must_use]
    pub fn watcher(&self) -> Watcher {
        self.watcher.clone()
    }

    /// Deletes the socket. The returned task completes the responses in progress, and then closes
    /// all connections.
    pub fn stop(self) -> JoinHandle<()> {
        self.socket.remove();
        self.closing.cancel();
        tokio::spawn(end(self.tasks, LEAVING))
    }
}

/// Waits for the tasks until the time limit, then aborts the remaining ones. Without a time limit,
/// a client that does not read its response would prevent the end of the host.
async fn end(mut tasks: JoinSet<()>, patience: Duration) {
    let all = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(patience, all).await;
    tasks.shutdown().await;
}

fn router(api: Api) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/events", get(events::events))
        .route("/v1/logs", get(logs::logs))
        .route("/v1/problems", get(problems))
        .route("/v1/problems/dismiss", post(dismiss))
        .route("/v1/problems/undo", post(undo_dismissal))
        .route("/v1/workers", get(workers))
        .route("/v1/workers/{name}/{command}", post(worker::command).layer(with_environment()))
        .route("/v1/project", post(worker::project).layer(with_environment()))
        .route("/v1/start", post(start))
        .route("/v1/stop", post(stop))
        .route("/v1/restart", post(restart))
        .route("/v1/shutdown", post(shutdown))
        .route("/readyz", get(readyz))
        .merge(health())
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(api)
}

/// The limit of a body that contains the environment of a shell.
fn with_environment() -> DefaultBodyLimit {
    DefaultBodyLimit::max(ENVIRONMENT_MAX)
}

/// Creates the routes that are also served over TCP. Other users of the machine may call them. So
/// these routes change nothing, and their responses contain no paths and no processes.
fn health() -> Router<Api> {
    Router::new().route("/healthz", get(healthz)).route("/metrics", get(metrics))
}

/// Responds with success only if the manager responds, because a host without a manager cannot
/// restart the server.
async fn healthz(State(api): State<Api>) -> Response {
    if api.manager.responds().await {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the main task of the host does not respond\n")
            .into_response()
    }
}

async fn metrics(State(api): State<Api>) -> Response {
    let problems = api.watcher.current();
    let exposition = metrics::expose(&api.manager.facts(), problems.as_deref(), Instant::now());
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], exposition).into_response()
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wait {
    wait: bool,
}

#[derive(Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Start {
    wait: bool,
    /// Whether to begin a start. If false, the request only waits for the start that the host has
    /// begun without a request.
    begin: bool,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Shutdown {
    wait: bool,
    /// Whether to refuse the request if the host has a server, or if the host does not know whether
    /// an earlier host has left a server running.
    idle: bool,
}

impl Default for Start {
    fn default() -> Self {
        Self { wait: false, begin: true }
    }
}

async fn status(State(api): State<Api>) -> Response {
    Json(api.manager.facts().status(Instant::now())).into_response()
}

async fn problems(State(api): State<Api>) -> Response {
    Json(api.watcher.problems().await).into_response()
}

/// The body of a request to dismiss problems.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct DismissedIds {
    ids: Vec<String>,
}

async fn dismiss(State(api): State<Api>, ApiBody(body): ApiBody) -> Response {
    let ids = match body.iter().all(u8::is_ascii_whitespace) {
        true => Ok(None),
        false => serde_json::from_slice(&body).map(|DismissedIds { ids }| Some(ids)),
    };
    match ids {
        Ok(ids) => Json(api.watcher.dismiss(ids.as_deref()).await).into_response(),
        Err(error) => {
            let message = format!("cannot parse the IDs of problems: {error}");
            let hint = "send {\"ids\": [\"ID\", …]}, or nothing to dismiss all problems";
            failure(StatusCode::BAD_REQUEST, ApiError::new("bad_body", message, hint))
        }
    }
}

async fn undo_dismissal(State(api): State<Api>) -> Response {
    Json(api.watcher.undo_dismissal().await).into_response()
}

async fn workers(State(api): State<Api>) -> Response {
    Json(api.watcher.workers().await).into_response()
}

async fn readyz(State(api): State<Api>) -> Response {
    let facts = api.manager.facts();
    (ready_code(&facts), Json(facts.status(Instant::now()))).into_response()
}

fn ready_code(facts: &Facts) -> StatusCode {
    if facts.state_name().is_up() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn start(State(api): State<Api>, ApiQuery(query): ApiQuery<Start>) -> Response {
    let asked = if query.begin { Command::Start } else { Command::AwaitStart };
    command(&api, asked, query.wait, &api.shares.starts).await
}

async fn stop(State(api): State<Api>, ApiQuery(wait): ApiQuery<Wait>) -> Response {
    command(&api, Command::Stop(Cause::Operator), wait.wait, &api.shares.stops).await
}

async fn restart(
    State(api): State<Api>,
    ApiQuery(wait): ApiQuery<Wait>,
    ApiBody(body): ApiBody,
) -> Response {
    let settings = match new_settings(&api.manager.facts(), &body) {
        Ok(settings) => settings.map(Box::new),
        Err(error) => return failure(StatusCode::BAD_REQUEST, error),
    };
    command(&api, Command::Restart(settings), wait.wait, &api.shares.starts).await
}

/// Parses the options for a restart. Options that are not in the body keep their current values.
/// `None` if the body is empty.
fn new_settings(facts: &Facts, body: &[u8]) -> Result<Option<Settings>, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let bad = |message: String| {
        ApiError::new("bad_options", message, "send an object of option names and values")
    };
    let given: Options = serde_json::from_slice(body)
        .map_err(|error| bad(format!("cannot parse the options: {error}")))?;
    let options = given.or(facts.settings.options.clone());
    Settings::resolve(facts.settings.home.clone(), options)
        .map(Some)
        .map_err(|error| bad(error.to_string()))
}

/// Stops the server and then ends the host. The stop runs in its own task, so that the stop
/// continues if the client disconnects. The host does not end while a server that it manages runs.
async fn shutdown(State(api): State<Api>, ApiQuery(query): ApiQuery<Shutdown>) -> Response {
    if query.idle && api.manager.facts().may_have_server() {
        let error = ApiError::new(
            ApiError::BUSY,
            "the host has a server, or still searches for one, so it does not end".to_owned(),
            "run `stigmer local stop` to stop the server and its host",
        );
        return failure(StatusCode::CONFLICT, error);
    }
    let waits = query.wait;
    let _permit = match waits.then(|| api.shares.stops.take()).transpose() {
        Ok(permit) => permit,
        Err(refused) => return failure(StatusCode::SERVICE_UNAVAILABLE, refused),
    };
    let stopping = tokio::spawn({
        let api = api.clone();
        async move {
            // Use the cause `Shutdown` with an external server, because the manager refuses the
            // cause `Operator` then. The external server keeps running, and only the host ends.
            let cause = match api.manager.facts().is_managed() {
                true => Cause::Operator,
                false => Cause::Shutdown,
            };
            let outcome = match begin(&api, Command::Stop(cause)).await {
                Ok(outcome) => outcome.await.unwrap_or_else(|_| Err(leaving())),
                Err(error) => Err(error),
            };
            if ends_host(&outcome, waits) {
                api.end.cancel();
            }
            outcome
        }
    });
    let outcome = if waits { stopping.await.unwrap_or_else(|_| Err(leaving())) } else { Ok(()) };
    answer(&api, outcome)
}

/// Whether the host ends after a stop with this outcome. The host does not end after an error, with
/// one exception: the host could not prove that the server has ended, and a client waits for the
/// outcome. Then the host ends, and the client searches for the server.
fn ends_host(outcome: &Outcome, waits: bool) -> bool {
    outcome.as_ref().map_or_else(|error| waits && error.is_unproven(), |()| true)
}

fn leaving() -> ApiError {
    ApiError::new(ApiError::GONE, "the host is shutting down", "try again in a moment")
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
    let message = format!("{} does not accept {}", request.uri().path(), request.method());
    let hint = "use GET for status, events and health, and POST for commands";
    failure(StatusCode::METHOD_NOT_ALLOWED, ApiError::new("method_not_allowed", message, hint))
}
