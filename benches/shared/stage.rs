//! A home with the real Temporal server and a background host.

use anyhow::{Context, Result};
use std::path::Path;
use std::process::{Command, Stdio};
use stigmer::paths::Home;
use stigmer::process::{Pid, ports};

pub struct Stage {
    pub home: Home,
    host: Pid,
}

impl Stage {
    /// Starts a server on the home in this folder. `keeps` is whether the home of an earlier run is
    /// used again, with its database.
    pub fn set(folder: &Path, keeps: bool) -> Result<Self> {
        let root = folder.join("home");
        if root.exists() {
            // An interrupted run may have left a server.
            local(&root, &["stop"])?;
        }
        if root.exists() && !keeps {
            std::fs::remove_dir_all(&root)?;
        }
        let (port, ui_port) = (ports::free_port()?.to_string(), ports::free_port()?.to_string());
        let program = crate::server::program().to_str().context("the program's path is no text")?;
        local(&root, &["--port", &port, "--ui-port", &ui_port, "--temporal-bin", program])?;
        let home = Home::at(&root)?;
        let host = stigmer::hosting::holder(&home).context("no host")?.pid;
        Ok(Self { home, host })
    }

    pub fn host(&self) -> Pid {
        self.host
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = local(self.home.root(), &["stop"]);
    }
}

/// Whether a variable belongs to stigmer. Such variables are removed, because variables of the
/// shell must not affect the measurement.
pub fn is_ours(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with("STIGMER_")
}

fn local(root: &Path, words: &[&str]) -> Result<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stigmer"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
        command.env_remove(name);
    }
    command.arg("local").args(words).arg("--home").arg(root);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    anyhow::ensure!(status.success(), "stigmer local {words:?} ended with {status}");
    Ok(())
}
