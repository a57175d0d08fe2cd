//! `GET /v1/events`: the stream of events of the manager. A slow client does not delay another one.

use super::{Api, failure};
use crate::control::sse;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use std::convert::Infallible;

pub(super) async fn events(State(api): State<Api>) -> Response {
    let permit = match api.shares.streams.take() {
        Ok(permit) => permit,
        Err(refused) => return failure(StatusCode::SERVICE_UNAVAILABLE, refused),
    };
    // Take the next event only when the connection has room for it. So if a client does not read,
    // the host stores no events for this client except those in the buffer of the connection.
    let source = (api.manager.stream(), api.closing.clone(), permit);
    let body = stream::unfold(source, |(mut events, closing, permit)| async move {
        let event = tokio::select! {
            event = events.next() => event?,
            () = closing.cancelled() => return None,
        };
        Some((Ok::<_, Infallible>(sse::write(&event)), (events, closing, permit)))
    });
    let headers = [(header::CONTENT_TYPE, sse::CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(body)).into_response()
}
