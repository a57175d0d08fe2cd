//! Kills and freezes server, workers and hosts at random, while workflows run.

use crate::api::Api;
use crate::shop::{Shop, WORKERS, pid, worker};
use anyhow::{Context, Result};
use rustix::process::{PidfdFlags, Signal};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use stigmer::process::Pid;
use stigmer::temporal::health::Client;

/// Time between two new workflows.
const PACE: Duration = Duration::from_millis(500);
/// Time after the last fault in which all workflows complete: a workflow task or an activity that was lost
/// is tried again after at most 10 s.
const RECOVERY: Duration = Duration::from_secs(180);
/// No limit of restarts, because the faults are frequent.
const LIMITS: &str = "max-restarts = 1000\nbackoff-max = \"1s\"\n";

/// Makes faults for this time. Fails if a workflow does not complete, or if a process survives `stop`.
pub fn run(folder: &Path, time: Duration) -> Result<()> {
    let shop = Shop::new(folder, LIMITS)?;
    shop.run(&[])?;
    shop.wait_ready()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let end = Instant::now() + time;
    let address = shop.address.clone();
    let started = runtime.spawn(async move { start_workflows(&address, end).await });
    let mut random = Random::new();
    println!("seed {}", random.0);
    let mut faults: BTreeMap<String, u32> = BTreeMap::new();
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(500 + random.below(4_000)));
        if let Some(fault) = fault(&shop, &mut random)? {
            *faults.entry(fault).or_default() += 1;
        }
    }
    let started = runtime.block_on(started)?;
    println!("{started} workflows, faults: {faults:?}");
    anyhow::ensure!(!faults.is_empty(), "no fault was made");

    shop.run(&[])?;
    shop.wait_ready()?;
    let completed = runtime.block_on(completed(&shop.address, started))?;
    let status = shop.status()?;
    let restarts = |it: &serde_json::Value| it["restarts"]["total"].clone();
    let of_workers = WORKERS.map(|it| restarts(worker(&status, it)));
    println!(
        "{completed} completed; restarts: server {}, workers {of_workers:?}",
        restarts(&status)
    );
    shop.run(&["stop", "--yes"])?;
    let left = shop.processes()?;
    anyhow::ensure!(left.is_empty(), "processes after the stop: {left:?}");
    anyhow::ensure!(completed == started, "{} workflows have not completed", started - completed);
    Ok(())
}

/// Starts workflows until `end`, each until the server has accepted it. Returns their number.
async fn start_workflows(address: &str, end: Instant) -> u64 {
    let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut number = 0;
    while Instant::now() < end {
        let queue = WORKERS[number as usize % WORKERS.len()];
        let id = format!("journey-{run}-{number}");
        while let Err(error) = start(address, &id, queue).await {
            // An earlier try may have arrived.
            if format!("{error:#}").contains("already") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        number += 1;
        tokio::time::sleep(PACE).await;
    }
    number
}

async fn start(address: &str, id: &str, queue: &str) -> Result<()> {
    let call = async { Api::connect(address).await?.start("Journey", id, queue).await };
    tokio::time::timeout(Duration::from_secs(3), call).await.context("no response")?
}

/// Waits until this number of workflows has completed, for [`RECOVERY`] at most. Returns how many have.
async fn completed(address: &str, wanted: u64) -> Result<u64> {
    let client = Client::new(address, Duration::from_secs(10)).map_err(anyhow::Error::msg)?;
    let begun = Instant::now();
    loop {
        let counts = client.status_counts("default").await.map_err(anyhow::Error::msg)?;
        if counts.completed >= wanted || begun.elapsed() > RECOVERY {
            return Ok(counts.completed);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Kills or freezes one process. Returns what happened, or `None` if that process did not run.
fn fault(shop: &Shop, random: &mut Random) -> Result<Option<String>> {
    let status = shop.status()?;
    let (name, target) = match random.below(5) {
        0 => ("server", pid(&status["temporal"]["server_pid"])),
        1 => ("host", pid(&status["host"]["pid"])),
        number => {
            let name = WORKERS[number as usize - 2];
            (name, pid(&worker(&status, name)["pid"]))
        }
    };
    let Some(process) = target.and_then(|pid| open(shop, pid)) else { return Ok(None) };
    // The process may have ended meanwhile.
    let signal = |signal| _ = rustix::process::pidfd_send_signal(&process, signal);
    if random.below(2) == 0 {
        signal(Signal::KILL);
        return Ok(Some(format!("{name} killed")));
    }
    signal(Signal::STOP);
    std::thread::sleep(Duration::from_millis(200 + random.below(7_000)));
    signal(Signal::CONT);
    Ok(Some(format!("{name} frozen")))
}

/// Opens a process of the project. `None` if the process with this id is another one, or has ended.
fn open(shop: &Shop, pid: Pid) -> Option<OwnedFd> {
    let number = rustix::process::Pid::from_raw(pid)?;
    let process = rustix::process::pidfd_open(number, PidfdFlags::empty()).ok()?;
    // Examined after the process was opened, so that it is the same process.
    let own = shop.processes().ok()?;
    own.iter().any(|(own, _)| *own == pid).then_some(process)
}

/// Numbers by a linear congruential generator, so that the benchmark needs no library.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(now.as_nanos() as u64)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
