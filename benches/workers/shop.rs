//! A project with three workers of the Python SDK, in a home of its own.

use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use stigmer::process::{Pid, ports};

/// The workers of the project. Each polls a queue with its own name.
pub const WORKERS: [&str; 3] = ["orders", "shipping", "emails"];
/// The environment variable that all processes of a project inherit. Its value is the folder.
const MARK: &str = "BENCH_FOLDER";
/// Time limit of each wait.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Shop {
    folder: PathBuf,
    python: PathBuf,
    pub address: String,
}

impl Shop {
    /// Creates the project in this folder, which is removed first. `limits` are lines that each worker and
    /// the server have. The first worker watches its files.
    pub fn new(folder: &Path, limits: &str) -> Result<Self> {
        let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python/bin/python");
        anyhow::ensure!(
            python.exists(),
            "no Python SDK in {}: run `cargo test --test it problems` first, which installs it",
            python.display()
        );
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder.join("src"))?;
        std::fs::write(folder.join("src/worker.py"), include_str!("worker.py"))?;
        let (port, ui_port) = (ports::free_port()?, ports::free_port()?);
        let program = crate::server::program();
        std::fs::create_dir(folder.join("home"))?;
        let options = format!(
            "port = {port}\nui-port = {ui_port}\ntemporal-bin = \"{}\"\n{limits}\n",
            program.display()
        );
        std::fs::write(folder.join("home/config.toml"), options)?;
        let mut text = String::new();
        for worker in WORKERS {
            text.push_str(&format!(
                "[worker.{worker}]\nrun = [\"{}\", \"src/worker.py\", \"{worker}\"]\ntask-queues = \
                 [\"{worker}\"]\n{limits}\n",
                python.display()
            ));
            if worker == WORKERS[0] {
                text.push_str("watch = [\"src/**\"]\n");
            }
        }
        std::fs::write(folder.join("stigmer.toml"), text)?;
        Ok(Self { folder: folder.to_owned(), python, address: format!("127.0.0.1:{port}") })
    }

    pub fn source(&self) -> PathBuf {
        self.folder.join("src/worker.py")
    }

    /// A command that starts the worker with this name without stigmer.
    pub fn worker(&self, name: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.args(["src/worker.py", name]).current_dir(&self.folder).stdin(Stdio::null());
        command.env("TEMPORAL_ADDRESS", &self.address).env("TEMPORAL_NAMESPACE", "default");
        command
    }

    /// Runs `stigmer local` with these words. Returns its output, also if it fails.
    pub fn local(&self, words: &[&str]) -> Result<(bool, String)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stigmer"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STIGMER_") {
                command.env_remove(name);
            }
        }
        command.arg("local").args(words).env("STIGMER_HOME", self.folder.join("home"));
        command.env(MARK, &self.folder);
        let done = command.current_dir(&self.folder).stdin(Stdio::null()).output()?;
        let text = [done.stdout, done.stderr].concat();
        Ok((done.status.success(), String::from_utf8_lossy(&text).into_owned()))
    }

    pub fn run(&self, words: &[&str]) -> Result<()> {
        let (is_ok, output) = self.local(words)?;
        anyhow::ensure!(is_ok, "stigmer local {words:?} failed:\n{output}");
        Ok(())
    }

    pub fn status(&self) -> Result<Value> {
        let (_, output) = self.local(&["status", "--json"])?;
        let from = output.find('{').with_context(|| format!("no status: {output}"))?;
        let mut values = serde_json::Deserializer::from_str(&output[from..]).into_iter();
        Ok(values.next().context("no status")??)
    }

    /// Waits until the status satisfies the condition.
    pub fn wait(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let status = self.status()?;
            if is_so(&status) {
                return Ok(status);
            }
            anyhow::ensure!(begun.elapsed() < PATIENCE, "not {what}: {status:#}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn wait_ready(&self) -> Result<Value> {
        self.wait("ready", |status| {
            status["state"] == "ready"
                && WORKERS.iter().all(|it| worker(status, it)["state"] == "ready")
        })
    }

    /// Waits until this start of a worker is ready. Returns the time at which it became ready.
    pub fn became_ready(&self, worker: &str, generation: u64) -> Result<SystemTime> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            // Not more often, because each look takes CPU time that the worker needs.
            std::thread::sleep(Duration::from_millis(200));
            let (_, output) = self.local(&["events", "--json"])?;
            let entries = output.lines().filter_map(|line| serde_json::from_str(line).ok());
            let is_it = |entry: &Value| {
                entry["worker"] == worker
                    && entry["happened"] == "ready"
                    && entry["generation"] == generation
            };
            if let Some(entry) = entries.into_iter().find(is_it) {
                let time = entry["time"].as_str().context("no time")?;
                return Ok(time.parse::<jiff::Timestamp>()?.into());
            }
        }
        anyhow::bail!("generation {generation} of {worker} is not ready")
    }

    /// The processes that come from commands of this project: hosts, watchdogs, server and workers.
    pub fn processes(&self) -> Result<Vec<(Pid, String)>> {
        let mark = format!("{MARK}={}", self.folder.display());
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            let pid = path.file_name().and_then(|it| it.to_str()).and_then(|it| it.parse().ok());
            let Some(pid) = pid else { continue };
            let environment = std::fs::read(path.join("environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|it| it == mark.as_bytes()) {
                let line = std::fs::read(path.join("cmdline")).unwrap_or_default();
                found.push((pid, String::from_utf8_lossy(&line).replace('\0', " ")));
            }
        }
        Ok(found)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.local(&["stop", "--yes"]);
    }
}

/// The worker with this name in a status.
pub fn worker<'a>(status: &'a Value, name: &str) -> &'a Value {
    let workers = status["workers"].as_array().into_iter().flatten();
    workers.into_iter().find(|it| it["name"] == name).unwrap_or(&Value::Null)
}

pub fn pid(value: &Value) -> Option<Pid> {
    value.as_i64().and_then(|pid| Pid::try_from(pid).ok())
}
