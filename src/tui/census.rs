//! Counts workflows for a dashboard, while one is open and Temporal is up.

use crate::presenter::{Server, WorkflowSample};
use crate::protocol::Status;
use crate::session::{Changes, Session};
use crate::temporal::health::Client;
use crate::temporal::holdings::Holdings;
use crate::temporal::workflows::Workflows;
use std::time::Duration;
use tokio::sync::watch;

/// Between two samples. They share a rate limit with the user's programs.
const PERIOD: Duration = Duration::from_secs(3);
/// A count is a matter of milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// The latest sample.
#[derive(Debug)]
pub struct Census {
    latest: watch::Receiver<Option<WorkflowSample>>,
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

    /// The next sample that differs from the one before; cancel-safe.
    pub async fn next(&mut self) -> WorkflowSample {
        loop {
            if self.latest.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            if let Some(sample) = &*self.latest.borrow_and_update() {
                return sample.clone();
            }
        }
    }
}

/// Looks at each server as soon as it is up, and then at its pace.
async fn count(session: Session, tell: &watch::Sender<Option<WorkflowSample>>) {
    let mut changes = session.changes();
    let mut client: Option<(String, Client)> = None;
    loop {
        let status = session.view().snapshot.status.clone();
        let server = Server::up(&status);
        let again = async {
            let Some(server) = server else { return std::future::pending().await };
            let (found, holdings) = look(&status, &mut client).await;
            let sample = Some(WorkflowSample { server, found, holdings });
            tell.send_if_modified(|latest| std::mem::replace(latest, sample.clone()) != sample);
            tokio::time::sleep(PERIOD).await;
        };
        tokio::select! {
            () = again => {}
            goes_on = another(&session, &mut changes, server) => if !goes_on { return },
        }
    }
}

/// Until it is another server that is up, or none is any more; false when nothing ever changes again.
async fn another(session: &Session, changes: &mut Changes, server: Option<Server>) -> bool {
    while changes.next().await {
        if Server::up(&session.view().snapshot.status) != server {
            return true;
        }
    }
    false
}

async fn look(
    status: &Status,
    client: &mut Option<(String, Client)>,
) -> (Option<Workflows>, Option<Holdings>) {
    let Some(client) = connected(status, client) else { return (None, None) };
    let first = status.options.get("namespace").and_then(|names| names.get(0)?.as_str());
    // Absent rather than wrong: over the limit, or on its way down.
    let uncounted = |error: &String| tracing::debug!(%error, "workflows not counted");
    // Together: a server that hangs lets both wait for the same time.
    let (found, holdings) =
        tokio::join!(client.workflows(first.unwrap_or("default")), client.holdings());
    (found.inspect_err(uncounted).ok(), holdings.inspect_err(uncounted).ok())
}

fn connected<'c>(status: &Status, client: &'c mut Option<(String, Client)>) -> Option<&'c Client> {
    let address = &status.temporal.as_ref()?.address;
    if client.as_ref().is_none_or(|(known, _)| known != address) {
        *client = Some((address.clone(), Client::new(address, PATIENCE).ok()?));
    }
    client.as_ref().map(|(_, client)| client)
}
