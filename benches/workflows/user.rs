//! The workflows of a user: many old ones, and new ones all the time.

use crate::api::Api;
use anyhow::{Context, Result};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use stigmer::temporal::actions::RunRef;
use stigmer::temporal::health::Client;
use tokio::task::JoinSet;

const QUEUE: &str = "orders";
/// A queue without a worker.
const EMPTY_QUEUE: &str = "ordres";
/// Calls at the same time while the database is filled.
const AT_ONCE: usize = 48;

/// The programs of a user: a client that starts workflows, and a worker.
pub struct User {
    api: Api,
    client: Client,
    /// Distinguishes the workflow IDs of this run of the benchmark.
    run: u64,
    /// The polls of the worker. They end with this value.
    _worker: JoinSet<()>,
}

impl User {
    pub async fn begin(address: &str) -> Result<Self> {
        let api = Api::connect(address).await?;
        let mut worker = JoinSet::new();
        for _ in 0..AT_ONCE / 4 {
            let api = api.clone();
            worker.spawn(async move {
                loop {
                    if api.work(QUEUE).await.is_err() {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            });
        }
        let client = Client::new(address, Duration::from_secs(30)).map_err(anyhow::Error::msg)?;
        let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        Ok(Self { api, client, run, _worker: worker })
    }

    /// Starts workflows until the database has this number. Returns the number of all and of open ones.
    pub async fn fill(&self, wanted: u64) -> Result<(u64, u64)> {
        let before = self.count().await?;
        let missing = wanted.saturating_sub(before.0);
        stream::iter((0..missing).map(Ok))
            .try_for_each_concurrent(AT_ONCE, move |number| async move {
                if number % 500 == 0 {
                    eprint!("\rfilling the database: {number} of {missing} workflows ");
                }
                self.start(&format!("old-{}", self.run), number).await
            })
            .await?;
        if missing > 0 {
            eprint!("\r{:60}\r", "");
        }
        // The worker still has tasks.
        let mut last = self.count().await?;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let now = self.count().await?;
            if now == last {
                return Ok(now);
            }
            last = now;
        }
    }

    async fn count(&self) -> Result<(u64, u64)> {
        let counts = self.client.status_counts("default").await.map_err(anyhow::Error::msg)?;
        Ok((counts.open + counts.closed, counts.open))
    }

    /// Of 40 workflows, 37 complete, one fails, one waits for a signal, and one has no worker.
    async fn start(&self, prefix: &str, number: u64) -> Result<()> {
        let (workflow_type, queue) = match number % 40 {
            3 => ("Refund", QUEUE),
            13 => ("Approval", QUEUE),
            23 => ("Approval", EMPTY_QUEUE),
            _ => ("Order", QUEUE),
        };
        self.api.start(workflow_type, &format!("{prefix}-{number}"), queue).await
    }

    /// Starts `rate` workflows per second, until the future is dropped.
    pub async fn steady(&self, rate: u32) -> Result<()> {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
        for number in 0.. {
            ticks.tick().await;
            self.start(&format!("new-{}", self.run), number).await?;
        }
        Ok(())
    }

    /// Starts a workflow, and sends signals to it until its history has this number of events.
    /// Returns its ID.
    pub async fn long(&self, events: u64) -> Result<String> {
        let id = format!("long-{}", self.run);
        self.api.start("Approval", &id, EMPTY_QUEUE).await?;
        let run = RunRef {
            namespace: "default".to_owned(),
            workflow_id: id.clone(),
            run_id: String::new(),
        };
        // The history begins with the start of the workflow and of its first task.
        let signals = stream::iter(2..events).map(|_| self.client.signal(&run, "nudge", Some("7")));
        let sent: Vec<_> = signals.buffer_unordered(AT_ONCE).collect().await;
        sent.into_iter().collect::<Result<(), String>>().map_err(anyhow::Error::msg)?;
        let found =
            self.client.describe_run("default", &id, "").await.map_err(anyhow::Error::msg)?;
        let length = found.context("the long workflow is missing")?.history_length;
        anyhow::ensure!(length == events, "{length} events instead of {events}");
        Ok(id)
    }
}
