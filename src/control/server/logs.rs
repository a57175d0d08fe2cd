//! `GET /v1/logs`: the same output as `stigmer local logs --json`.

use super::extract::ApiQuery;
use super::{Api, failure};
use crate::log::query::Query;
use crate::log::search::pattern;
use crate::log::{MergedLogs, UnitLog};
use crate::paths::Home;
use crate::process::threads::LOOKS;
use crate::protocol::ApiError;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::io;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The query of a request: which lines to return. `tail` has a maximum, because the whole response
/// is built in memory.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LogsQuery {
    tail: Option<usize>,
    unit: Option<String>,
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
    let LogsQuery { tail, unit, level, grep } = wanted;
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
    let home = api.manager.facts().settings.home.clone();
    let _turn = READING.acquire().await;
    let read = LOOKS.run(READ, move || -> Result<_, String> {
        let Some(logs) = logs_of(&home, unit.as_deref()).map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let mut text = String::new();
        let query = Query { last, level, pattern, since: None, most: Some(BYTES_MAX) };
        MergedLogs::open(&logs, query)
            .read(|found| found.to_json(), |line| text.push_str(line))
            .map_err(|error| error.to_string())?;
        Ok(Some(text))
    });
    match read.await {
        Ok(Ok(Some(text))) => {
            ([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response()
        }
        Ok(Ok(None)) => bad("unit: there is no log of this unit".to_owned()),
        Ok(Err(error)) => failure(
            StatusCode::INTERNAL_SERVER_ERROR,
            ApiError::new("unreadable", error, "check the owner and the mode of the log file"),
        ),
        Err(error) => failure(
            StatusCode::INTERNAL_SERVER_ERROR,
            ApiError::new("unreadable", error.to_string(), "see logs/stigmer.log"),
        ),
    }
}

/// The logs of this unit, or of all units. `None` if there is no such unit. Blocks.
fn logs_of(home: &Home, unit: Option<&str>) -> io::Result<Option<Vec<UnitLog>>> {
    let server = UnitLog::of_server(home.temporal_log());
    let workers = home.worker_names()?;
    let workers = workers.iter().map(|name| UnitLog::of_worker(name, home.worker(name).log()));
    let mut logs = std::iter::once(server).chain(workers);
    Ok(match unit {
        Some(unit) => logs.find(|log| log.unit == unit).map(|log| vec![log]),
        None => Some(logs.collect()),
    })
}
