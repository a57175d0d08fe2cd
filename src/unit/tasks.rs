//! Tasks whose panic is reported.

use crate::process::threads::panic_message;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use tokio::task::{AbortHandle, JoinHandle};

/// A task that is aborted when its handle is dropped.
#[derive(Debug)]
pub(crate) struct Task(AbortHandle);

impl Task {
    /// Spawns the task; see [`spawn`].
    pub(crate) fn spawn(
        panicked: impl FnOnce() + Send + 'static,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self(spawn(panicked, future).abort_handle())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Spawns a task and calls `panicked` if it panics, so that nobody waits for a result that never
/// comes.
pub(crate) fn spawn(
    panicked: impl FnOnce() + Send + 'static,
    future: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(panic) = AssertUnwindSafe(future).catch_unwind().await {
            tracing::error!(panic = panic_message(&*panic), "a task panicked");
            panicked();
        }
    })
}
