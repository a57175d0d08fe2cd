//! Requests data from the host while a dashboard is open.

use crate::session::Session;
use std::fmt::Display;
use std::time::Duration;
use tokio::sync::mpsc;

/// Pause between two requests. The host looks at the processes of workers twice a second, and the end
/// of a worker is to be shown within 2 s.
const PERIOD: Duration = Duration::from_secs(1);

/// A stream of responses of the host.
#[derive(Debug)]
pub(super) struct Feed<T>(mpsc::Receiver<Option<T>>);

impl<T: Send + 'static> Feed<T> {
    /// Starts to send this request in this session again and again. The requests end when the returned
    /// value is dropped.
    pub(super) fn begin<R, E>(
        session: &Session,
        request: impl Fn(Session) -> R + Send + Sync + 'static,
    ) -> Self
    where
        R: Future<Output = Result<T, E>> + Send,
        E: Display + Send + 'static,
    {
        let session = session.clone();
        let (sender, responses) = mpsc::channel(1);
        tokio::spawn(async move {
            tokio::select! {
                () = sender.closed() => {}
                () = repeat(&session, request, &sender) => {}
            }
        });
        Self(responses)
    }

    /// Waits for the next response. `None` if the request failed. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<T> {
        match self.0.recv().await {
            Some(response) => response,
            None => std::future::pending().await,
        }
    }
}

async fn repeat<T, E: Display, R: Future<Output = Result<T, E>>>(
    session: &Session,
    request: impl Fn(Session) -> R,
    sender: &mpsc::Sender<Option<T>>,
) {
    let mut changes = session.changes();
    loop {
        let before = session.view().snapshot.status.state;
        let response = request(session.clone()).await;
        let response =
            response.inspect_err(|error| tracing::debug!(%error, "no response of the host"));
        if sender.send(response.ok()).await.is_err() {
            return;
        }
        // Problems of the server change with its state, and must not appear later than the state.
        let changed = async {
            while session.view().snapshot.status.state == before && changes.next().await {}
        };
        let _ = tokio::time::timeout(PERIOD, changed).await;
    }
}
