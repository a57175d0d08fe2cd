//! The workflows that a worker had in its cache when it was killed.

use super::{ServerAccess, environment};
use crate::project::WorkerSpec;
use crate::temporal::health::Client;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Time limit of one call.
const CALL: Duration = Duration::from_secs(2);

/// Lets the next start of a killed worker, or another worker of these queues, continue the running
/// workflows at once. Waits until the server is ready. A failure costs the workflows 10 s.
pub(crate) async fn release_workflows(
    spec: Arc<WorkerSpec>,
    mut server: watch::Receiver<ServerAccess>,
    queues: BTreeSet<String>,
) {
    // An error means that the host is leaving.
    let Ok(server) = server.wait_for(|server| server.is_ready).await.map(|it| it.clone()) else {
        return;
    };
    let namespace = environment::namespace(&spec, &server).await;
    let released = async {
        Client::new(&server.address, CALL)?.reset_sticky_queues(&namespace, &queues).await
    };
    match released.await {
        Ok(count) => {
            tracing::info!(worker = spec.name, count, "reset the sticky queues of workflows");
        }
        Err(error) => tracing::warn!(
            worker = spec.name,
            error,
            "cannot reset the sticky queues: workflows of the worker may wait 10 s"
        ),
    }
}
