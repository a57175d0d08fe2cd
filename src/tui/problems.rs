//! Requests the problems from the host while a dashboard is open.

use crate::protocol::ProblemList;
use crate::session::Session;
use std::time::Duration;
use tokio::sync::mpsc;

/// Pause between two requests.
const PERIOD: Duration = Duration::from_secs(2);

/// A stream of the problems that the host reports.
#[derive(Debug)]
pub(super) struct ProblemFeed(mpsc::Receiver<Option<ProblemList>>);

impl ProblemFeed {
    /// Starts to request the problems of this session. The requests end when the returned value is
    /// dropped.
    pub(super) fn begin(session: Session) -> Self {
        let (sender, lists) = mpsc::channel(1);
        tokio::spawn(async move {
            tokio::select! {
                () = sender.closed() => {}
                () = request(&session, &sender) => {}
            }
        });
        Self(lists)
    }

    /// Waits for the next response. `None` if the request failed. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<ProblemList> {
        match self.0.recv().await {
            Some(list) => list,
            None => std::future::pending().await,
        }
    }
}

async fn request(session: &Session, sender: &mpsc::Sender<Option<ProblemList>>) {
    let mut changes = session.changes();
    loop {
        let before = session.view().snapshot.status.state;
        let list = session.problems().await;
        let list = list.inspect_err(|error| tracing::debug!(%error, "cannot read the problems"));
        if sender.send(list.ok()).await.is_err() {
            return;
        }
        // Problems of the server change with its state, and must not appear later than the state.
        let changed = async {
            while session.view().snapshot.status.state == before && changes.next().await {}
        };
        let _ = tokio::time::timeout(PERIOD, changed).await;
    }
}
