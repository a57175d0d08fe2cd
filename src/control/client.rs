//! The client of the control API. Commands and viewers use it to reach a host.

use super::ENVIRONMENT_MAX;
use crate::paths::{Home, files};
use crate::process::environment::BaseEnvironment;
use crate::protocol::{ApiError, ErrorBody, FIRST_SAMPLES, ProblemList, Status, WorkerList};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;

/// Time limit of a response. A healthy host normally responds in less than a millisecond.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Pause between two attempts to connect while the accept queue of the host is full.
const QUEUE_PAUSE: Duration = Duration::from_millis(2);

/// Maximum number of failed health checks in a row. After one more failure, the client reports the
/// host as unresponsive.
const UNHEALTHY: u32 = 2;

/// Maximum size of a response, in bytes.
const ANSWER_MAX: usize = 8 << 20;

/// The reason why there is no usable response.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No process listens on the socket.
    #[error("no process listens on the socket of the host")]
    NoHost,
    /// The socket cannot be reached. The host may still run.
    #[error(
        "cannot connect to the socket of the host, {path}: {source}; {next}",
        next = files::hint(.source)
    )]
    Unreachable {
        /// Path of the socket.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The host accepts the connection but does not respond.
    #[error("the host does not respond")]
    Unresponsive,
    /// The host responded with an error.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// The response cannot be parsed.
    #[error(
        "cannot parse the response of the host: {0}; if the host has another version of stigmer, \
         replace the host with `stigmer local restart`"
    )]
    Garbled(String),
    /// The host has an incompatible version. The string contains the fix.
    #[error("{0}")]
    Foreign(String),
}

/// Requests the status of the host and its server.
///
/// # Errors
/// See [`ClientError`].
pub async fn status(home: &Home) -> Result<Status, ClientError> {
    patient(async { read(send(home, Method::GET, "/v1/status", None).await?).await }).await
}

/// Requests the problems of the server and its workflows. A host that does not watch the workflows
/// yet first takes samples of them, for up to 3 s.
///
/// # Errors
/// See [`ClientError`].
pub async fn problems(home: &Home) -> Result<ProblemList, ClientError> {
    sampled(home, Method::GET, "/v1/problems", None).await
}

/// Dismisses the problems with these IDs. Returns the problems after that.
///
/// # Errors
/// See [`ClientError`].
pub async fn dismiss(home: &Home, ids: &[String]) -> Result<ProblemList, ClientError> {
    let body = serde_json::json!({ "ids": ids }).to_string();
    sampled(home, Method::POST, "/v1/problems/dismiss", Some(body)).await
}

/// Ends the latest dismissal that hides a problem. Returns the problems after that.
///
/// # Errors
/// See [`ClientError`].
pub async fn undo_dismissal(home: &Home) -> Result<ProblemList, ClientError> {
    sampled(home, Method::POST, "/v1/problems/undo", None).await
}

/// Requests the workers of the server. The first response may take 3 s, like that of [`problems`].
///
/// # Errors
/// See [`ClientError`].
pub async fn workers(home: &Home) -> Result<WorkerList, ClientError> {
    sampled(home, Method::GET, "/v1/workers", None).await
}

/// Requests data that a host derives from samples of the server.
async fn sampled<T: DeserializeOwned>(
    home: &Home,
    method: Method,
    path: &str,
    body: Option<String>,
) -> Result<T, ClientError> {
    let request = async { read(send(home, method, path, body).await?).await };
    let response = tokio::time::timeout(PATIENCE + FIRST_SAMPLES, request).await;
    response.unwrap_or(Err(ClientError::Unresponsive))
}

/// Sends a command and waits until the command is done. There is no time limit as long as the host
/// is healthy.
///
/// # Errors
/// See [`ClientError`].
pub async fn command(
    home: &Home,
    command: &str,
    body: Option<String>,
) -> Result<Status, ClientError> {
    post(home, &format!("/v1/{command}?wait=true"), body).await
}

/// Sends a command to a worker of a project, or to `all` of them, and waits until it is done. A worker
/// that is started gets the variables of `environment`. Without them, it keeps those that it has.
///
/// # Errors
/// See [`ClientError`].
pub async fn worker_command(
    home: &Home,
    name: &str,
    command: &str,
    environment: Option<&BaseEnvironment>,
) -> Result<Status, ClientError> {
    let body = environment.map(|it| serde_json::json!({ "environment": it }).to_string());
    check_size(body.as_deref())?;
    post(home, &format!("/v1/workers/{}/{command}?wait=true", segment(name)), body).await
}

/// Encodes a text that users have typed, as a part of a path between two slashes.
fn segment(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b'-' | b'_' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    encoded.collect()
}

/// Requests that a host runs the workers of a project, in the environment of this process. With
/// `waits`, waits until they are ready.
///
/// # Errors
/// See [`ClientError`].
pub async fn run_project(home: &Home, file: &Path, waits: bool) -> Result<Status, ClientError> {
    let request = serde_json::json!({ "file": file, "environment": BaseEnvironment::own() });
    let body = Some(request.to_string());
    check_size(body.as_deref())?;
    post(home, &format!("/v1/project?wait={waits}"), body).await
}

/// Checks the size of a body with an environment before it is sent: a host that refuses a body may
/// close the connection before its response is read.
fn check_size(body: Option<&str>) -> Result<(), ClientError> {
    let size = body.map_or(0, str::len);
    if size <= ENVIRONMENT_MAX {
        return Ok(());
    }
    let message = format!(
        "the environment of this command has {} KiB, and a host accepts only {} KiB",
        size >> 10,
        ENVIRONMENT_MAX >> 10
    );
    Err(ApiError::new("too_large", message, "unset large environment variables").into())
}

/// Waits for the start that a background host makes without a request. Requests no further start,
/// even if that start has failed already.
///
/// # Errors
/// See [`ClientError`].
pub async fn await_start(home: &Home) -> Result<Status, ClientError> {
    post(home, "/v1/start?wait=true&begin=false", None).await
}

/// Requests the end of a host without a server. A host that has a server, or may have one, refuses
/// with [`ApiError::BUSY`].
///
/// # Errors
/// See [`ClientError`].
pub async fn end_idle(home: &Home) -> Result<Status, ClientError> {
    post(home, "/v1/shutdown?wait=true&idle=true", None).await
}

async fn post(home: &Home, path: &str, body: Option<String>) -> Result<Status, ClientError> {
    let answer = send(home, Method::POST, path, body);
    tokio::pin!(answer);
    let mut unhealthy = 0;
    loop {
        tokio::select! {
            answer = &mut answer => return patient(read(answer?)).await,
            () = tokio::time::sleep(PATIENCE) => {
                // The command takes long. Check the health of the host, because a frozen host keeps
                // its socket open but never responds. If the socket is gone, the host is ending,
                // and its response can still arrive.
                match patient(send(home, Method::GET, "/healthz", None)).await {
                    Ok(health) if health.status().is_success() => unhealthy = 0,
                    // The manager of the host has ended or hangs. Check again, because a host
                    // without its manager normally ends soon.
                    Ok(_) if unhealthy < UNHEALTHY => unhealthy += 1,
                    Ok(_) => return Err(ClientError::Unresponsive),
                    Err(ClientError::NoHost) => {
                        return patient(async { read(answer.await?).await }).await;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

pub(super) async fn patient<T>(
    call: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    tokio::time::timeout(PATIENCE, call).await.unwrap_or(Err(ClientError::Unresponsive))
}

async fn connect(home: &Home) -> Result<SendRequest<Full<Bytes>>, ClientError> {
    let path = home.socket();
    let stream = loop {
        match UnixStream::connect(&path).await.map_err(|error| (error.kind(), error)) {
            Ok(stream) => break stream,
            // The accept queue of the host is full. Try again.
            Err((io::ErrorKind::WouldBlock, _)) => tokio::time::sleep(QUEUE_PAUSE).await,
            Err((io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused, _)) => {
                return Err(ClientError::NoHost);
            }
            Err((_, source)) => return Err(ClientError::Unreachable { path, source }),
        }
    };
    // Check that the process that listens on the socket belongs to this user. The owner of the home
    // was checked earlier, but another user may have replaced the folder since then.
    let me = nix::unistd::geteuid().as_raw();
    if !stream.peer_cred().is_ok_and(|peer| peer.uid() == me) {
        return Err(ClientError::NoHost);
    }
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|_| ClientError::NoHost)?;
    tokio::spawn(connection);
    Ok(sender)
}

pub(super) async fn send(
    home: &Home,
    method: Method,
    path: &str,
    body: Option<String>,
) -> Result<Response<Incoming>, ClientError> {
    let mut sender = connect(home).await?;
    sender.ready().await.map_err(|_| ClientError::NoHost)?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "stigmer")
        .body(Full::new(Bytes::from(body.unwrap_or_default())))
        .map_err(|error| ClientError::Garbled(error.to_string()))?;
    sender.send_request(request).await.map_err(|_| ClientError::NoHost)
}

async fn read<T: DeserializeOwned>(answer: Response<Incoming>) -> Result<T, ClientError> {
    if !answer.status().is_success() {
        return Err(refusal(answer).await);
    }
    serde_json::from_slice(&body(answer).await?).map_err(|e| ClientError::Garbled(e.to_string()))
}

async fn body(answer: Response<Incoming>) -> Result<Bytes, ClientError> {
    let body = http_body_util::Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
    Ok(body.map_err(|_| ClientError::NoHost)?.to_bytes())
}

/// Converts an error response of the host into a [`ClientError`].
pub(super) async fn refusal(answer: Response<Incoming>) -> ClientError {
    let code = answer.status();
    let body = match body(answer).await {
        Ok(body) => body,
        Err(error) => return error,
    };
    match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(body) => body.error.into(),
        Err(_) => ClientError::Garbled(format!("HTTP status {code} without an error message")),
    }
}
