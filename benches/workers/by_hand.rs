//! Workers that are started without stigmer, for comparison.

use crate::shop::Shop;
use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use stigmer::temporal::health::Client;
use stigmer::temporal::queues::QueueKind;

/// Time limit of a request, and of the end of a worker.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the workers with these names at once, and stops them again. Returns the time until the server
/// has a poll of each, and the time from SIGINT until all have ended.
pub fn measure(shop: &Shop, names: &[&str]) -> Result<(Duration, Duration)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let begun = Instant::now();
    let mut workers = Workers(Vec::new());
    for name in names {
        let child = shop.worker(name).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        workers.0.push(child);
    }
    runtime.block_on(polled(shop, names, &workers))?;
    let started = begun.elapsed();
    let begun = Instant::now();
    for worker in &workers.0 {
        // The worker was not waited for, so the id is still its own.
        kill_process(Pid::from_child(worker), Signal::INT)?;
    }
    for worker in &mut workers.0 {
        worker.wait()?;
    }
    Ok((started, begun.elapsed()))
}

async fn polled(shop: &Shop, names: &[&str], workers: &Workers) -> Result<()> {
    let begun = Instant::now();
    let client = Client::new(&shop.address, PATIENCE).map_err(anyhow::Error::msg)?;
    for (name, worker) in names.iter().zip(&workers.0) {
        let identity = format!("{}@", worker.id());
        loop {
            let queue = client.queue("default", name, QueueKind::Workflow).await;
            let pollers = queue.map_err(anyhow::Error::msg)?.pollers;
            if pollers.iter().any(|poller| poller.identity.starts_with(&identity)) {
                break;
            }
            anyhow::ensure!(begun.elapsed() < PATIENCE, "{name} does not poll");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(())
}

/// The processes. An error leaves none of them behind.
struct Workers(Vec<Child>);

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in &mut self.0 {
            // An error means that the worker has ended.
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}
