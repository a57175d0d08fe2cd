//! Extractors for the query and the body of a request. Unlike those of axum, they report errors in
//! the JSON format of the API.

use super::failure;
use crate::protocol::ApiError;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Time limit to receive the body of a request.
const BODY: Duration = Duration::from_secs(5);

/// The parsed query of a request.
pub(super) struct ApiQuery<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => {
                let query = parts.uri.query().unwrap_or_default();
                let message =
                    format!("cannot parse the query `{query}`: {}", rejection.body_text());
                let hint = "commands accept ?wait=true, logs accept ?tail=N&level=L&grep=RE";
                Err(failure(StatusCode::BAD_REQUEST, ApiError::new("bad_query", message, hint)))
            }
        }
    }
}

/// The body of a request. Its size is limited.
pub(super) struct ApiBody(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for ApiBody {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let path = request.uri().path().to_owned();
        let body = tokio::time::timeout(BODY, Bytes::from_request(request, state));
        let body = body.await.map_err(|_| {
            let message = format!("the body for {path} is not complete after {BODY:?}");
            let hint = "send as many bytes as the content-length header announces";
            failure(StatusCode::REQUEST_TIMEOUT, ApiError::new("bad_body", message, hint))
        })?;
        body.map(Self).map_err(|rejection| {
            let code = match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => "too_large",
                _ => "bad_body",
            };
            let message = format!("cannot read the body for {path}: {}", rejection.body_text());
            let hint = "send a smaller JSON object, or nothing";
            failure(rejection.status(), ApiError::new(code, message, hint))
        })
    }
}
