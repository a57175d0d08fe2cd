//! tokio tasks whose panic is reported to their owner.

use crate::process::threads::panic_message;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use tokio::task::{AbortHandle, JoinHandle};

/// A handle to a task. The task is aborted when the handle is dropped.
#[derive(Debug)]
pub(crate) struct Task(AbortHandle);

impl Task {
    /// Spawns a task that is aborted when the returned handle is dropped. For `panicked`, see
    /// [`spawn`].
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

/// Spawns a task. Calls `panicked` if the task panics, so that its owner does not wait forever for
/// a result.
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
