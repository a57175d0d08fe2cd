//! The same server, started and stopped with the commands of stigmer.

use crate::bare;
use crate::figures::{Idle, Series};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use stigmer::control::client;
use stigmer::paths::Home;
use stigmer::process::identity::{Identity, Signal};
use stigmer::process::watch::wait_exit;
use stigmer::process::{Pid, ports, record::Record};
use stigmer::protocol::Happened;
use stigmer::session::Session;
use stigmer::supervisor::Cause;

/// A home with its background host.
pub struct Supervised {
    program: PathBuf,
    home: Home,
    port: u16,
    ui_port: u16,
    runs: bool,
    /// The moment at which the command of the first start returned.
    returned: Option<Timestamp>,
}

impl Supervised {
    pub fn new(root: &Path, program: &Path) -> Result<Self> {
        Ok(Self {
            program: program.to_owned(),
            home: Home::at(root)?,
            port: ports::free_port()?,
            ui_port: ports::free_port()?,
            runs: false,
            returned: None,
        })
    }

    fn command(&self, words: &[&str]) -> Result<Duration> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stigmer"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STIGMER_") {
                command.env_remove(name);
            }
        }
        command.arg("local").args(words).arg("--home").arg(self.home.root());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let begun = Instant::now();
        let status = command.status()?;
        let took = begun.elapsed();
        anyhow::ensure!(status.success(), "stigmer local {words:?} ended with {status}");
        Ok(took)
    }

    /// Starts the server. Returns the duration of the command.
    pub fn start(&mut self) -> Result<Duration> {
        self.runs = true;
        let (port, ui_port) = (self.port.to_string(), self.ui_port.to_string());
        let program = self.program.to_str().context("the program's path is no text")?;
        let took =
            self.command(&["--port", &port, "--ui-port", &ui_port, "--temporal-bin", program])?;
        self.returned.get_or_insert_with(Timestamp::now);
        Ok(took)
    }

    /// Kills the server. Returns the time from SIGKILL to the response SERVING of the next server
    /// process.
    pub async fn crash(&self) -> Result<Duration> {
        let before = self.leader()?;
        let client = bare::client(&format!("127.0.0.1:{}", self.port))?;
        bare::serving(&client, || Ok(true)).await?;
        let begun = Instant::now();
        bare::signal(before, Signal::Kill)?;
        // The killed server may still respond until the kernel has ended it.
        while client.serving().await.is_ok() {
            tokio::task::yield_now().await;
        }
        bare::serving(&client, || Ok(true)).await?;
        let took = begun.elapsed();
        if self.leader()? == before {
            bail!("pid {before} still responds");
        }
        Ok(took)
    }

    /// Kills the host. Returns the time from SIGKILL to the first status of the host that the
    /// watchdog started.
    pub async fn kill_host(&self) -> Result<Duration> {
        let server = self.leader()?;
        let host = client::status(&self.home).await?.host.context("no host")?.pid;
        let begun = Instant::now();
        bare::signal(host, Signal::Kill)?;
        let took = loop {
            if let Ok(status) = client::status(&self.home).await
                && status.host.is_some_and(|next| next.pid != host)
            {
                break begun.elapsed();
            }
            anyhow::ensure!(begun.elapsed() < bare::PATIENCE, "no host replaces pid {host}");
            tokio::time::sleep(bare::ASKING).await;
        };
        anyhow::ensure!(self.leader()? == server, "another server runs");
        Ok(took)
    }

    /// Stops the server. Returns the duration of the command, and the time from the end of the
    /// server to the end of the command.
    pub fn stop(&mut self) -> Result<(Duration, Duration)> {
        let server = Identity::of(self.leader()?)?.context("nothing runs")?;
        let server = server.prove()?.context("the server has ended")?;
        let ended =
            std::thread::spawn(move || wait_exit(&server, bare::PATIENCE).then(Instant::now));
        let took = self.command(&["stop"])?;
        let returned = Instant::now();
        self.runs = false;
        let ended = ended.join().ok().flatten().context("the server has not ended")?;
        Ok((took, returned.saturating_duration_since(ended)))
    }

    fn leader(&self) -> Result<Pid> {
        Ok(Record::read(&self.home.record())?.context("nothing is recorded")?.leader.pid)
    }

    /// Adds the phases of starts and repairs that the host has in its timeline.
    pub async fn phases(&self, series: &mut Series) -> Result<()> {
        let snapshot = Session::connect(&self.home).await?.view().snapshot;
        for entry in snapshot.timeline.iter().filter(|entry| entry.happened == Happened::Ready) {
            let phases = match entry.cause {
                Cause::Operator => &mut series.start_phases,
                _ => &mut series.repair_phases,
            };
            let named = entry.phases.iter().map(|phase| (phase.name.clone(), phase.us));
            phases.push(named.collect());
        }
        let started = snapshot
            .timeline
            .iter()
            .rev()
            .find(|entry| entry.happened == Happened::Ready && entry.cause == Cause::Operator);
        if let (Some(returned), Some(started)) = (self.returned, started) {
            let after = returned.duration_since(started.time);
            series.start_return.push(after.unsigned_abs());
        }
        Ok(())
    }

    /// Measures memory and CPU of an idle host.
    pub fn idle(mut self, runtime: &tokio::runtime::Runtime, duration: Duration) -> Result<Idle> {
        self.start()?;
        let status = runtime.block_on(client::status(&self.home))?;
        let host = status.host.context("no host")?.pid;
        let server = self.leader()?;
        std::thread::sleep(Duration::from_secs(3));
        let idle = Idle::measure(host, server, duration)?;
        self.stop()?;
        Ok(idle)
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if self.runs {
            let _ = self.command(&["stop"]);
        }
    }
}
