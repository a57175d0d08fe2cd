//! The server without stigmer, for comparison.

use anyhow::{Context, Result, bail};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use stigmer::config::{Options, Settings};
use stigmer::paths::Home;
use stigmer::process::identity::{Identity, Signal};
use stigmer::process::{Pid, ports};
use stigmer::server::arguments::arguments;
use stigmer::temporal::health::Client;

/// Time between two checks for readiness.
pub const ASKING: Duration = Duration::from_millis(2);
/// Time limit of a start.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A sequence of servers without stigmer, on one database file.
pub struct Bare {
    program: PathBuf,
    home: Home,
    child: Option<Child>,
}

impl Bare {
    pub fn new(root: &Path, program: &Path) -> Result<Self> {
        let home = Home::at(root)?;
        home.prepare(false)?;
        Ok(Self { program: program.to_owned(), home, child: None })
    }

    /// Starts the server and returns two times from the spawn: to the first response SERVING, and
    /// to the moment at which the further checks of stigmer pass, too.
    pub async fn start(&mut self) -> Result<(Duration, Duration)> {
        let options = Options {
            port: Some(ports::free_port()?),
            ui_port: Some(ports::free_port()?),
            ..Options::default()
        };
        let settings = Settings::resolve(self.home.clone(), options)?;
        let arguments = arguments(&settings, ports::free_port()?);
        let output = append(&self.home.temporal_log())?;
        let client = client(&settings.server_address())?;
        let begun = Instant::now();
        let child = Command::new(&self.program)
            .args(arguments)
            .current_dir(self.home.root())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let child = self.child.insert(child);
        serving(&client, || Ok(child.try_wait()?.is_none())).await?;
        let served = begun.elapsed();
        while tokio::try_join!(client.namespace("default"), client.engine("default")).is_err() {
            anyhow::ensure!(begun.elapsed() < PATIENCE, "the engine does not respond");
            tokio::time::sleep(ASKING).await;
        }
        Ok((served, begun.elapsed()))
    }

    /// Returns the time from SIGKILL to the exit.
    pub fn kill(&mut self) -> Result<Duration> {
        self.end(Signal::Kill)
    }

    /// Returns the time from SIGTERM to the exit.
    pub fn stop(&mut self) -> Result<Duration> {
        self.end(Signal::Term)
    }

    fn end(&mut self, how: Signal) -> Result<Duration> {
        let mut child = self.child.take().context("nothing runs")?;
        let begun = Instant::now();
        signal(Pid::try_from(child.id())?, how)?;
        child.wait()?;
        Ok(begun.elapsed())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn client(address: &str) -> Result<Client> {
    Client::new(address, Duration::from_secs(1)).map_err(anyhow::Error::msg)
}

/// Waits until the health service responds SERVING.
pub async fn serving(client: &Client, mut lives: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while client.serving().await.is_err() {
        if !lives()? {
            bail!("the server has ended");
        }
        if Instant::now() > deadline {
            bail!("the server does not become ready");
        }
        tokio::time::sleep(ASKING).await;
    }
    Ok(())
}

pub fn signal(pid: Pid, how: Signal) -> Result<()> {
    let identity = Identity::of(pid).ok().flatten();
    let proven = identity.and_then(|identity| identity.prove().ok()?);
    Ok(proven.with_context(|| format!("pid {pid} has ended already"))?.signal(how)?)
}

fn append(path: &Path) -> Result<File> {
    Ok(OpenOptions::new().append(true).create(true).open(path)?)
}
