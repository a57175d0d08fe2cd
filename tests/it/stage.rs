//! A server with a worker, and a client of the API.

use crate::support::rig::{Rig, Running};
use std::time::Duration;
use stigmer::temporal::health::Client;
use tokio::runtime::Runtime;

pub(crate) struct Stage {
    pub(crate) rig: Rig,
    pub(crate) worker: Running,
    pub(crate) client: Client,
    runtime: Runtime,
}

impl Stage {
    /// Connects to the server of `rig`, which runs.
    pub(crate) fn of(rig: Rig, worker: Running) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let address = rig.address();
        let client = runtime.block_on(async { Client::new(&address, Duration::from_secs(10)) });
        Self { rig, worker, client: client.unwrap(), runtime }
    }

    pub(crate) fn run<T>(
        &self,
        call: impl Future<Output = Result<T, String>>,
    ) -> Result<T, String> {
        self.runtime.block_on(call)
    }
}
