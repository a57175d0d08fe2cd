//! The routes about the workers of projects.

use super::extract::{ApiBody, ApiQuery};
use super::{Api, Wait, answer, failure};
use crate::manager::{Outcome, WorkerCommand};
use crate::process::environment::BaseEnvironment;
use crate::protocol::ApiError;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::Response;
use std::path::PathBuf;
use std::time::Duration;

/// The body of a request to run the workers of a project.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectRequest {
    /// Absolute path of the project file.
    file: PathBuf,
    /// The variables for workers that do not run. Without them, workers keep those that they have.
    environment: Option<BaseEnvironment>,
}

/// The body of a command for a worker, which may be empty.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CommandRequest {
    /// The variables for the start. Without them, the worker keeps those that it has.
    environment: Option<BaseEnvironment>,
}

/// Starts, stops or restarts a worker, or all of them.
pub(super) async fn command(
    State(api): State<Api>,
    UrlPath((name, command)): UrlPath<(String, String)>,
    ApiQuery(wait): ApiQuery<Wait>,
    ApiBody(body): ApiBody,
) -> Response {
    let command = match command.as_str() {
        "start" => WorkerCommand::Start,
        "stop" => WorkerCommand::Stop,
        "restart" => WorkerCommand::Restart,
        other => {
            let shown = crate::harmless::quote(other);
            let message = format!("there is no command `{shown}` for a worker");
            let hint = "use start, stop or restart";
            return failure(StatusCode::NOT_FOUND, ApiError::new("not_found", message, hint));
        }
    };
    let request = match body.iter().all(u8::is_ascii_whitespace) {
        true => Ok(CommandRequest::default()),
        false => serde_json::from_slice(&body),
    };
    let base = match request {
        Ok(request) => request.environment,
        Err(error) => {
            let message = format!("cannot parse the command: {error}");
            let hint = "send {\"environment\": {\"NAME\": \"VALUE\", …}}, or nothing";
            return failure(StatusCode::BAD_REQUEST, ApiError::new("bad_body", message, hint));
        }
    };
    let share = match command {
        WorkerCommand::Stop => &api.shares.stops,
        WorkerCommand::Start | WorkerCommand::Restart => &api.shares.starts,
    };
    let _permit = match wait.wait.then(|| share.take()).transpose() {
        Ok(permit) => permit,
        Err(refused) => return failure(StatusCode::SERVICE_UNAVAILABLE, refused),
    };
    let manager = api.manager.clone();
    let outcome = perform(wait.wait, async move { manager.worker(name, command, base).await });
    match outcome.await {
        Err(error) if error.code == ApiError::UNKNOWN_WORKER => {
            failure(StatusCode::NOT_FOUND, error)
        }
        outcome => answer(&api, outcome),
    }
}

/// Runs a command in a task of its own, so that it continues if the client disconnects. Without
/// `waits`, returns at once unless the command fails at once.
async fn perform(waits: bool, command: impl Future<Output = Outcome> + Send + 'static) -> Outcome {
    /// Time in which a wrong name is known.
    const AT_ONCE: Duration = Duration::from_millis(100);
    let mut task = tokio::spawn(command);
    let ended = match waits {
        true => (&mut task).await,
        false => match tokio::time::timeout(AT_ONCE, &mut task).await {
            Ok(ended) => ended,
            Err(_) => return Ok(()),
        },
    };
    ended.unwrap_or_else(|_| Err(super::leaving()))
}

/// Runs the workers of a project. With `wait`, responds when they are ready.
pub(super) async fn project(
    State(api): State<Api>,
    ApiQuery(wait): ApiQuery<Wait>,
    ApiBody(body): ApiBody,
) -> Response {
    let ProjectRequest { file, environment } = match serde_json::from_slice(&body) {
        Ok(request @ ProjectRequest { .. }) if request.file.is_absolute() => request,
        Ok(_) => return failure(StatusCode::BAD_REQUEST, bad_body("the path is not absolute")),
        Err(error) => return failure(StatusCode::BAD_REQUEST, bad_body(&error.to_string())),
    };
    let _permit = match wait.wait.then(|| api.shares.starts.take()).transpose() {
        Ok(permit) => permit,
        Err(refused) => return failure(StatusCode::SERVICE_UNAVAILABLE, refused),
    };
    let outcome = match api.manager.run_project_file(file.clone(), environment).await {
        Ok(()) if wait.wait => api.manager.await_workers(file).await,
        outcome => outcome,
    };
    answer(&api, outcome)
}

fn bad_body(why: &str) -> ApiError {
    let message = format!("cannot parse the project: {why}");
    ApiError::new("bad_body", message, "send {\"file\": \"/PATH/stigmer.toml\"}")
}
