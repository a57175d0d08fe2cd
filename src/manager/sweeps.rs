//! What signals processes runs on threads that nobody can stop, while the task that began it is
//! gone. A host that leaves waits for them: its sweep after the last generation would take the next
//! one, which holds the same lock, for a part of it.

use std::sync::Arc;
use tokio::sync::Semaphore;

/// More at a time wait for each other.
const MANY: u32 = 16;

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(super) struct Sweeps(Arc<Semaphore>);

impl Sweeps {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MANY as usize)))
    }

    /// Runs it on a thread. None: this host is leaving, and it is not run.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        sweep: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let permit = self.0.clone().acquire_owned().await.ok()?;
        let swept = tokio::task::spawn_blocking(move || {
            // Given back when it has ended, whoever still waits for it.
            let _permit = permit;
            sweep()
        });
        match swept.await {
            Ok(value) => Some(value),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going.
                Err(_) => None,
            },
        }
    }

    /// Returns when none is running; none is run from then on.
    pub(super) async fn end(&self) {
        // Fails only where they were ended before.
        let _all = self.0.acquire_many(MANY).await;
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn a_sweep_that_nobody_waits_for_any_more_is_waited_for_and_none_begins_after_it() {
        let sweeps = Sweeps::new();
        let (began, begun) = tokio::sync::oneshot::channel();
        let (end, ends) = mpsc::channel();
        let sweep = {
            let sweeps = sweeps.clone();
            tokio::spawn(async move {
                sweeps
                    .run(move || {
                        began.send(()).unwrap();
                        ends.recv().unwrap();
                    })
                    .await
            })
        };
        begun.await.unwrap();
        sweep.abort();
        assert!(sweep.await.unwrap_err().is_cancelled());
        let mut ended = std::pin::pin!(sweeps.end());
        assert!(futures_util::poll!(&mut ended).is_pending());
        end.send(()).unwrap();
        ended.await;
        assert_eq!(sweeps.run(|| ()).await, None);
    }
}
