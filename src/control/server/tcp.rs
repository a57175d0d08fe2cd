//! Serves health and metrics over TCP. Every user of this machine may read them. So the responses
//! contain no path, no process and no command line.

use super::super::connections::serve;
use super::shares::TCP_CONNECTIONS;
use super::{Api, LEAVING, end, failure, health, not_allowed, not_found, ready_code};
use crate::facts::Facts;
use crate::protocol::{ApiError, State as ServerState};
use crate::supervisor::Want;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Pause between two attempts to bind the address.
const REBIND: Duration = Duration::from_millis(500);

/// Serves at the TCP address in the current settings. If a restart changes the address in the
/// settings, continues at the new address.
pub(super) async fn serve_where_wanted(api: Api, closing: CancellationToken) {
    let mut facts = api.manager.watch();
    loop {
        let wanted = facts.borrow_and_update().settings.http;
        let until = closing.child_token();
        let mut serving = JoinSet::new();
        serving.spawn(serve_at(wanted, api.clone(), until.clone()));
        let changed = facts.wait_for(|facts| facts.settings.http != wanted);
        let continues = tokio::select! {
            changed = changed => changed.is_ok(),
            () = closing.cancelled() => false,
        };
        until.cancel();
        end(serving, LEAVING).await;
        if !continues {
            return;
        }
    }
}

/// Binds the address, and serves there until `until` is cancelled. If the address cannot be bound,
/// shows the problem in the status and tries again. Does nothing if `address` is `None`.
async fn serve_at(address: Option<SocketAddr>, api: Api, until: CancellationToken) {
    let mut reported = None;
    let listener = loop {
        let Some(address) = address else { return api.manager.trouble("http", None).await };
        let error = match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(error) => error.to_string(),
        };
        if reported.as_ref() != Some(&error) {
            let what = format!(
                "health and metrics are not served on http://{address}: {error}; free that port, \
                 or choose another address with `stigmer local restart --http ADDR`"
            );
            api.manager.trouble("http", Some(what)).await;
            reported = Some(error);
        }
        tokio::select! {
            () = until.cancelled() => return,
            () = tokio::time::sleep(REBIND) => {}
        }
    };
    api.manager.trouble("http", None).await;
    serve(listener, TCP_CONNECTIONS, routes(api), until).await;
}

fn routes(api: Api) -> Router {
    health()
        .route("/readyz", get(readyz))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(axum::middleware::from_fn(only_this_machine))
        .with_state(api)
}

/// The part of the status that every user of this machine may read.
#[derive(Debug, serde::Serialize)]
struct Readiness {
    state: ServerState,
    intent: Want,
    managed: bool,
}

impl Readiness {
    fn of(facts: &Facts) -> Self {
        Self { state: facts.state_name(), intent: facts.want, managed: facts.is_managed() }
    }
}

async fn readyz(State(api): State<Api>) -> Response {
    let facts = api.manager.facts();
    (ready_code(&facts), Json(Readiness::of(&facts))).into_response()
}

/// Refuses a request if its `Host` header is not a name of this machine. This prevents DNS
/// rebinding: a web page can make the browser send requests to 127.0.0.1, but these requests have
/// the host name of the page in their `Host` header.
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
        // Refuse HEAD requests, which axum would accept on `get` routes.
        return match *request.method() {
            Method::HEAD => not_allowed(request).await,
            _ => next.run(request).await,
        };
    }
    let message =
        format!("the Host header `{}` is not a loopback address", host.unwrap_or("(none)"));
    failure(
        StatusCode::FORBIDDEN,
        ApiError::new("foreign_host", message, "use http://127.0.0.1 or http://localhost"),
    )
}
