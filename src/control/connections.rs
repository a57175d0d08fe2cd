//! Accepts and serves connections, up to a maximum number.
//!
//! A client that sends no complete request, or that does not read its response, never blocks
//! another client: if there is no room for a new connection, the server closes the connection whose
//! client has been silent the longest.

mod activity;

use super::listener::Listener;
use activity::{Activity, Answering, Observed};
use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;

/// Time limit to receive the head of a request.
const HEAD: Duration = Duration::from_secs(5);
/// Pause between two searches for a connection to close, while there is no room.
const SEARCH: Duration = Duration::from_millis(50);
/// Pause after the system has failed to accept a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// The open connections of one listener.
struct Connections {
    most: usize,
    open: HashMap<Id, ClientConnection>,
    tasks: JoinSet<()>,
}

struct ClientConnection {
    activity: Arc<Activity>,
    task: AbortHandle,
}

/// Serves up to `most` connections at a time until `closing` is cancelled. After that, accepts no
/// new connections, completes the responses in progress, and returns.
pub(super) async fn serve(
    listener: impl Listener,
    most: usize,
    routes: Router,
    closing: CancellationToken,
) {
    let mut connections = Connections { most, open: HashMap::new(), tasks: JoinSet::new() };
    loop {
        let has_room = connections.has_room();
        tokio::select! {
            () = closing.cancelled() => break,
            Some(ended) = connections.tasks.join_next_with_id() => {
                connections.open.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
            }
            accepted = listener.accept(), if has_room => match accepted {
                Ok(stream) => {
                    connections.add(stream, &routes, &closing);
                    // Let the task of the new connection run first, so that the task reads its
                    // request. A connection with a request is not closed to make room for another
                    // client.
                    tokio::task::yield_now().await;
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    // The process may have no free file descriptor, so close a connection.
                    connections.close_most_silent();
                    sleep(PAUSE).await;
                }
            },
            () = sleep(SEARCH), if !has_room => {}
        }
    }
    drop(listener);
    while connections.tasks.join_next().await.is_some() {}
}

impl Connections {
    fn has_room(&self) -> bool {
        self.open.len() < self.most || self.most_silent().is_some()
    }

    fn most_silent(&self) -> Option<Id> {
        let idle = self.open.iter().filter_map(|(id, connection)| {
            let silence = connection.activity.closable()?;
            Some((silence, *id))
        });
        idle.max_by_key(|(silence, _)| *silence).map(|(_, id)| id)
    }

    fn close_most_silent(&mut self) {
        if let Some(connection) = self.most_silent().and_then(|id| self.open.remove(&id)) {
            connection.task.abort();
        }
    }

    fn add<S>(&mut self, stream: S, routes: &Router, closing: &CancellationToken)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        if self.open.len() >= self.most {
            self.close_most_silent();
        }
        let activity = Arc::new(Activity::new());
        let stream = Observed::new(stream, activity.clone());
        let serving = serve_one(stream, routes.clone(), activity.clone(), closing.clone());
        let task = self.tasks.spawn(serving);
        self.open.insert(task.id(), ClientConnection { activity, task });
    }
}

async fn serve_one<S>(
    stream: Observed<S>,
    routes: Router,
    activity: Arc<Activity>,
    closing: CancellationToken,
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |request| {
        let request_under_way = activity.begin_request();
        let response = routes.call(request);
        async move {
            let response = response.await?;
            Ok::<_, std::convert::Infallible>(
                response.map(|body: Body| Answering::new(body, request_under_way)),
            )
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // Log errors only at the level "trace", because a client that disconnects or is too slow is
    // normal.
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::trace!(%error, "a connection ended");
    }
}

#[cfg(test)]
mod tests;
