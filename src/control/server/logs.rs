//! `GET /v1/logs`: the same output as `stigmer local logs --json`.

use super::extract::ApiQuery;
use super::{Api, failure};
use crate::log::query::{LogFilter, Query};
use crate::log::search::pattern;
use crate::log::{Follower, StartAt};
use crate::process::threads::LOOKS;
use crate::protocol::ApiError;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The query of a request: which lines to return. `tail` has a maximum, because the whole response
/// is built in memory.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LogsQuery {
    tail: Option<usize>,
    level: Option<String>,
    grep: Option<String>,
}

/// Maximum size of a response, in lines and in bytes. If the log is larger, the oldest lines are
/// omitted.
const TAIL_MAX: usize = 10_000;
const BYTES_MAX: usize = 8 << 20;

/// Time limit to read the whole log. A read normally takes far less.
const READ: Duration = Duration::from_secs(30);

/// Allows only one request at a time to read the log, so that many requests at the same time cost
/// no more than one.
static READING: Semaphore = Semaphore::const_new(1);

pub(super) async fn logs(
    State(api): State<Api>,
    ApiQuery(wanted): ApiQuery<LogsQuery>,
) -> Response {
    let LogsQuery { tail, level, grep } = wanted;
    let bad = |message: String| {
        let hint = "see `stigmer local logs --help`";
        failure(StatusCode::BAD_REQUEST, ApiError::new("bad_query", message, hint))
    };
    let level = match level.as_deref().map(str::parse).transpose() {
        Ok(level) => level,
        Err(error) => return bad(format!("level: {error}")),
    };
    let pattern = match grep.as_deref().map(pattern).transpose() {
        Ok(pattern) => pattern,
        Err(error) => return bad(format!("grep: {error}")),
    };
    let _permit = match api.shares.logs.take() {
        Ok(permit) => permit,
        Err(refused) => return failure(StatusCode::SERVICE_UNAVAILABLE, refused),
    };
    let last = Some(tail.unwrap_or(1_000).min(TAIL_MAX));
    let path = api.manager.facts().settings.home.temporal_log();
    let _turn = READING.acquire().await;
    let read = LOOKS.run(READ, move || {
        let mut text = String::new();
        LogFilter::new(Query { last, level, pattern, since: None, most: Some(BYTES_MAX) })
            .read(
                &mut Follower::new(&path, StartAt::Beginning).patient(),
                |found| found.to_json(),
                |line| text.push_str(line),
            )
            .map(|()| text)
    });
    match read.await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response(),
        Ok(Err(error)) => failure(
            StatusCode::INTERNAL_SERVER_ERROR,
            ApiError::new(
                "unreadable",
                error.to_string(),
                "check the owner and the mode of the log file",
            ),
        ),
        Err(error) => failure(
            StatusCode::INTERNAL_SERVER_ERROR,
            ApiError::new("unreadable", error.to_string(), "see logs/stigmer.log"),
        ),
    }
}
