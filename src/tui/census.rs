//! Counts workflows for a dashboard, while one is open and Temporal is up.

use crate::protocol::{Status, TemporalStatus};
use crate::session::Session;
use crate::temporal::health::Client;
use crate::temporal::workflows::Workflows;
use std::time::Duration;
use tokio::sync::watch;

/// Between two looks. They share a rate limit with the user's programs.
const PERIOD: Duration = Duration::from_secs(3);
/// A count is a matter of milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// The latest count; none while nobody knows.
#[derive(Debug)]
pub struct Census {
    latest: watch::Receiver<Option<Workflows>>,
}

impl Census {
    /// Counts on what this session shows, until it is dropped.
    #[must_use]
    pub fn begin(session: Session) -> Self {
        let (tell, latest) = watch::channel(None);
        tokio::spawn(async move {
            tokio::select! {
                () = tell.closed() => {}
                () = count(session, &tell) => {}
            }
        });
        Self { latest }
    }

    /// The next count that differs from the one before; cancel-safe.
    pub async fn next(&mut self) -> Option<Workflows> {
        if self.latest.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.latest.borrow_and_update().clone()
    }
}

async fn count(session: Session, tell: &watch::Sender<Option<Workflows>>) {
    let mut changes = session.changes();
    let mut client: Option<(String, Client)> = None;
    loop {
        let status = session.view().snapshot.status.clone();
        let counted = match (status.state.is_up(), &status.temporal) {
            (true, Some(temporal)) => look(&status, temporal, &mut client).await,
            (true, None) | (false, _) => None,
        };
        tell.send_if_modified(|latest| std::mem::replace(latest, counted.clone()) != counted);
        if status.state.is_up() {
            tokio::time::sleep(PERIOD).await;
        } else if !changes.next().await {
            return;
        }
    }
}

async fn look(
    status: &Status,
    temporal: &TemporalStatus,
    client: &mut Option<(String, Client)>,
) -> Option<Workflows> {
    let address = &temporal.address;
    if client.as_ref().is_none_or(|(known, _)| known != address) {
        *client = Some((address.clone(), Client::new(address, PATIENCE).ok()?));
    }
    let (_, client) = client.as_ref()?;
    let first = status.options.get("namespace").and_then(|names| names.get(0)?.as_str());
    client
        .workflows(first.unwrap_or("default"))
        .await
        // Absent rather than wrong: over the limit, or on its way down.
        .inspect_err(|error| tracing::debug!(%error, "workflows not counted"))
        .ok()
}
