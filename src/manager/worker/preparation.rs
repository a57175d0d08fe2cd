//! What precedes each start of a worker: the wait for the server, and the command `before`.

use crate::paths::WorkerFiles;
use crate::process::environment::BaseEnvironment;
use crate::project::WorkerSpec;
use crate::supervisor::Generation;
use crate::unit::Refused;
use crate::unit::launch::CLEARING;
use crate::unit::sweeps::{Launches, Unswept};
use crate::worker::{self, ServerAccess};
use std::sync::Arc;
use tokio::sync::{oneshot, watch};

/// Waits until workers may start. `None` if the wait was cancelled, or if the manager has ended.
pub(super) async fn ready(
    server: &mut watch::Receiver<ServerAccess>,
    cancelled: &mut oneshot::Receiver<()>,
) -> Option<ServerAccess> {
    tokio::select! {
        ready = server.wait_for(|it| it.is_ready && it.is_prepared) => ready.ok().map(|it| it.clone()),
        _ = cancelled => None,
    }
}

/// Runs `before` with a permission of the unit. `None` if the run was cancelled, or if the host is
/// leaving.
pub(super) async fn prepare(
    launches: &Launches,
    spec: &Arc<WorkerSpec>,
    files: &WorkerFiles,
    server: &ServerAccess,
    base: &Arc<BaseEnvironment>,
    generation: Generation,
    cancelled: &mut oneshot::Receiver<()>,
) -> Option<Result<(), Refused>> {
    // A cancelled run for an earlier change may still end.
    let permit = match launches.begin_within(CLEARING).await {
        Ok(permit) => permit,
        Err(Unswept::Leaving) => return None,
        Err(error) => return Some(Err(worker::not_begun(&spec.name, &error))),
    };
    // A dropped sender cancels too.
    let cancelled = async move { drop(cancelled.await) };
    match worker::run_before(spec, files, server, base, generation, &permit, cancelled).await {
        Ok(true) => Some(Ok(())),
        Ok(false) => None,
        Err(refused) => Some(Err(refused)),
    }
}
