//! Counts the workflows of the server while a dashboard is open and the server is up.

use crate::presenter::{CountedServer, WorkflowSample};
use crate::protocol::Status;
use crate::session::{Changes, Session};
use crate::temporal::health::Client;
use crate::temporal::holdings::Holdings;
use crate::temporal::workflows::Workflows;
use std::time::Duration;
use tokio::sync::watch;

/// Pause between two counts. The pause is long, because the counts use the same rate limit of the
/// server as the user's programs.
const PERIOD: Duration = Duration::from_secs(3);
/// Time limit of a count. A count normally takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// A stream of workflow counts.
#[derive(Debug)]
pub struct Census {
    latest: watch::Receiver<Option<WorkflowSample>>,
}

impl Census {
    /// Starts to count the workflows of the server of this session. The counting ends when the
    /// returned value is dropped.
    #[must_use]
    pub fn begin(session: Session) -> Self {
        let (sender, latest) = watch::channel(None);
        tokio::spawn(async move {
            tokio::select! {
                () = sender.closed() => {}
                () = count(session, &sender) => {}
            }
        });
        Self { latest }
    }

    /// Waits for the next count that differs from the previous one. Cancel-safe.
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

/// Counts the workflows as soon as a server is ready or degraded, and again after each pause.
async fn count(session: Session, sender: &watch::Sender<Option<WorkflowSample>>) {
    let mut changes = session.changes();
    let mut client: Option<(String, Client)> = None;
    loop {
        let status = session.view().snapshot.status.clone();
        let server = CountedServer::up(&status);
        let again = async {
            let Some(server) = server else { return std::future::pending().await };
            let (found, holdings) = look(&status, &mut client).await;
            let sample = Some(WorkflowSample { server, found, holdings });
            sender.send_if_modified(|latest| std::mem::replace(latest, sample.clone()) != sample);
            tokio::time::sleep(PERIOD).await;
        };
        tokio::select! {
            () = again => {}
            goes_on = another(&session, &mut changes, server) => if !goes_on { return },
        }
    }
}

/// Waits until a server other than `server` is up, or until no server is up. Returns false if the
/// session has ended.
async fn another(session: &Session, changes: &mut Changes, server: Option<CountedServer>) -> bool {
    while changes.next().await {
        if CountedServer::up(&session.view().snapshot.status) != server {
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
    // Log errors only at the level "debug": the server may be stopping, or may have reached its
    // rate limit.
    let uncounted = |error: &String| tracing::debug!(%error, "cannot count the workflows");
    let found = async {
        let namespace = status.options.first_namespace()?;
        client.workflows(namespace).await.inspect_err(uncounted).ok()
    };
    // Send both queries at the same time, so that a server that hangs delays the count by one time
    // limit instead of two.
    let (found, holdings) = tokio::join!(found, client.holdings());
    (found, holdings.inspect_err(uncounted).ok())
}

fn connected<'c>(status: &Status, client: &'c mut Option<(String, Client)>) -> Option<&'c Client> {
    let address = &status.temporal.as_ref()?.address;
    if client.as_ref().is_none_or(|(known, _)| known != address) {
        *client = Some((address.clone(), Client::new(address, PATIENCE).ok()?));
    }
    client.as_ref().map(|(_, client)| client)
}
