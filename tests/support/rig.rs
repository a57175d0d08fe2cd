//! A home, its ports and commands, and the check that no process is left.

pub use super::command::{Ran, Running};
use super::process::{self, Process, wait_gone};
use super::server::{self, Permit};
use super::{LIMIT, ports, status, wait_until, within};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use stigmer::process::lock;

/// Variable in the environment of each process that a rig starts, and of its children.
const TAG: &str = "TEST_RIG";

/// Every command that takes `--home`.
const COMMANDS: [&[&str]; 9] = [
    &[],
    &["--no-tui"],
    &["stop"],
    &["restart"],
    &["status"],
    &["logs"],
    &["events"],
    &["env"],
    &["install", "--version", "0.0.0"],
];

/// A home of a test. Dropping it stops the server, and fails the test if a process is left.
pub struct Rig {
    folder: tempfile::TempDir,
    tag: String,
    pub home: PathBuf,
    pub port: u16,
    pub ui_port: u16,
    stigmer: PathBuf,
    user: Option<u32>,
    options: Vec<(&'static str, String)>,
    _permit: Option<Permit>,
}

pub const READY: &str = "Temporal is ready";
pub const REUSED: &str = "Temporal is already running (lock file held) - reusing existing instance";

impl Rig {
    /// A new home with the real server.
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// A new home with these options in its `config.toml`.
    pub fn with(options: &[(&'static str, &str)]) -> Self {
        let permit = Permit::wait();
        let mut rig = Self::without_permit();
        rig._permit = Some(permit);
        for (name, value) in options {
            rig.set(name, value);
        }
        rig
    }

    /// A second home, for a test whose rig already has a permit to run a server.
    pub fn second(&self) -> Self {
        Self::without_permit()
    }

    fn without_permit() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // The path of a Unix socket has a limit of 108 bytes, so the folder has a short path.
        let folder = tempfile::Builder::new().prefix("st").tempdir_in("/tmp").unwrap();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let tag =
            format!("{}.{number}.{}", std::process::id(), jiff::Timestamp::now().as_nanosecond());
        let (port, ui_port) = (ports::free(), ports::free());
        let home = folder.path().join("home");
        let stigmer = assert_cmd::cargo::cargo_bin!("stigmer").to_owned();
        let (user, options) = (None, vec![]);
        let mut rig =
            Self { folder, tag, home, port, ui_port, stigmer, user, options, _permit: None };
        let program = server::program().display().to_string();
        rig.set("port", &port.to_string());
        rig.set("ui-port", &ui_port.to_string());
        rig.set("temporal-bin", &format!("{program:?}"));
        // A watchdog would start another host. Most tests that kill a host check the home without a
        // host.
        rig.set("watchdog", "false");
        // On a busy machine, a server may need more than the default second for a check.
        rig.set("probe-timeout", "\"5s\"");
        rig
    }

    /// Sets an option in `config.toml`. `value` is TOML.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.options.retain(|(known, _)| *known != name);
        self.options.push((name, value.to_owned()));
        self.configure();
    }

    /// Removes an option from `config.toml`.
    pub fn unset(&mut self, name: &str) {
        self.options.retain(|(known, _)| *known != name);
        self.configure();
    }

    /// Writes `config.toml`. Also works after the test has deleted the home.
    pub fn configure(&self) {
        let text = self.options.iter().fold(String::new(), |mut text, (name, value)| {
            let _ = writeln!(text, "{name} = {value}");
            text
        });
        std::fs::create_dir_all(&self.home).unwrap();
        std::fs::write(self.path("config.toml"), text).unwrap();
    }

    /// Makes stigmer run this program instead of the Temporal CLI.
    pub fn set_program(&mut self, program: &Path) {
        self.set("temporal-bin", &format!("{:?}", program.display().to_string()));
    }

    /// Gives the home to another user, and runs all further commands as that user.
    pub fn run_as(&mut self, user: u32) {
        // The other user may have no access to the original programs, so copy them.
        let [stigmer, temporal] = ["stigmer", "temporal"].map(|name| self.folder().join(name));
        std::fs::copy(&self.stigmer, &stigmer).unwrap();
        std::fs::copy(server::program(), &temporal).unwrap();
        self.set_program(&temporal);
        let files = [self.folder(), &self.home, &self.path("config.toml"), &stigmer, &temporal];
        for file in files {
            std::os::unix::fs::chown(file, Some(user), Some(user)).unwrap();
        }
        (self.stigmer, self.user) = (stigmer, Some(user));
    }

    /// Returns the path of a file of the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// Returns a folder of this rig outside the home.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The address of the server for clients.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.path("temporal-data/temporal.db")
    }

    /// A command with only `PATH` from the environment of the test, and with the tag of the rig.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env(TAG, &self.tag)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        if let Some(user) = self.user {
            // The server takes its user name from this variable first. Without it, the server would
            // look up the user in /etc/passwd.
            command.uid(user).gid(user).env("USER", "unused");
        }
        command
    }

    /// The path of stigmer.
    pub fn stigmer(&self) -> &Path {
        &self.stigmer
    }

    /// `stigmer local …` on this home.
    pub fn local(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.stigmer);
        command.arg("local").args(arguments).arg("--home").arg(&self.home);
        command
    }

    /// `temporal local …` on this home, with the real Temporal CLI.
    pub fn extension(&self, arguments: &[&str]) -> Command {
        let folder = assert_cmd::cargo::cargo_bin!("temporal-local").parent().unwrap();
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        let mut command = self.command(server::program());
        command.env("PATH", path).arg("local").args(arguments).arg("--home").arg(&self.home);
        command
    }

    /// Runs `stigmer local …` to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.finish(self.local(arguments))
    }

    /// Runs several commands concurrently to their ends.
    #[track_caller]
    pub fn run_all(&self, commands: &[&[&str]]) -> Vec<Ran> {
        let all: Vec<Running> =
            commands.iter().map(|arguments| Running::spawn(self.local(arguments))).collect();
        all.into_iter().map(Running::finish).collect()
    }

    /// Checks that every command fails with all of these words on stderr.
    #[track_caller]
    pub fn every_command_complains(&self, words: &[&str]) {
        for command in COMMANDS {
            self.run(command).exits(1).complains(words);
        }
    }

    /// Runs a command of the Temporal CLI, with the address of the server, to its end.
    #[track_caller]
    pub fn cli(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(server::program());
        command.args(arguments).args(["--address", &self.address()]);
        self.finish(command)
    }

    /// Runs any command of [`Self::command`] to its end.
    #[track_caller]
    pub fn finish(&self, command: Command) -> Ran {
        Running::spawn(command).finish()
    }

    /// Runs `stigmer local`, which must succeed.
    #[track_caller]
    pub fn start(&self) -> Ran {
        self.run(&[]).exits(0)
    }

    /// Runs `stigmer local`. Returns the host and the server.
    #[track_caller]
    pub fn start_both(&self) -> (Process, Process) {
        self.start();
        (self.host(), self.temporal())
    }

    /// Runs `stigmer local stop`, which must succeed and leave no process.
    #[track_caller]
    pub fn stop(&self) -> Ran {
        let ran = self.run(&["stop"]).exits(0);
        self.assert_nothing_runs();
        ran
    }

    /// Starts `stigmer local --no-tui`.
    pub fn headless(&self, arguments: &[&str]) -> Running {
        let arguments: Vec<&str> = ["--no-tui"].iter().chain(arguments).copied().collect();
        Running::spawn(self.local(&arguments))
    }

    /// Runs `problems` until the host knows the problems of workflows, because a busy server may respond too
    /// late for the first request.
    #[track_caller]
    pub fn problems(&self) -> Ran {
        let mut ran = None;
        wait_until("the problems of workflows", || {
            let now = self.run(&["problems"]);
            let is_known = now.code != Some(1);
            ran = Some(now);
            is_known
        });
        ran.unwrap()
    }

    /// The output of `status --json`.
    #[track_caller]
    pub fn status(&self) -> Value {
        let ran = self.run(&["status", "--json"]);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error} in {ran:?}"))
    }

    /// Waits until the status satisfies the condition. Returns the status.
    #[track_caller]
    pub fn wait_for(&self, what: &str, mut condition: impl FnMut(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = within(LIMIT, || {
            last = status::ask(&self.home).unwrap_or_else(|| self.status());
            condition(&last)
        });
        assert!(found, "waited {LIMIT:?} in vain for: {what}; last status: {last:#}");
        last
    }

    /// Waits until the server has this state. Returns the status.
    #[track_caller]
    pub fn wait_state(&self, state: &str) -> Value {
        self.wait_for(state, |status| status["state"] == state)
    }

    /// Waits until this generation is ready. Returns the status.
    #[track_caller]
    pub fn wait_ready(&self, generation: u64) -> Value {
        self.wait_for(&format!("generation {generation} ready"), |status| {
            status["state"] == "ready" && status["temporal"]["generation"] == generation
        })
    }

    /// The leader (first process) of the running server.
    #[track_caller]
    pub fn temporal(&self) -> Process {
        Self::pin(&self.status()["temporal"]["pid"])
    }

    /// The running host.
    #[track_caller]
    pub fn host(&self) -> Process {
        Self::pin(&self.status()["host"]["pid"])
    }

    /// Kills the host, and waits for its end. The server keeps running.
    #[track_caller]
    pub fn kill_host(&self) {
        let host = self.host();
        host.kill();
        wait_gone(&host);
    }

    #[track_caller]
    fn pin(pid: &Value) -> Process {
        let pid = pid.as_i64().and_then(|pid| i32::try_from(pid).ok());
        pid.and_then(Process::pin).expect("a running process")
    }

    /// Whether a process holds this lock file of the home.
    pub fn is_locked(&self, name: &str) -> bool {
        let path = self.path(name);
        if self.user.is_some() {
            // `lock::is_held` refuses a file of another user.
            return File::open(path)
                .is_ok_and(|file| fs2::FileExt::try_lock_shared(&file).is_err());
        }
        lock::is_held(&path).unwrap()
    }

    /// A value of `temporal.pid`, by key.
    pub fn record(&self, key: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.path("temporal.pid")).ok()?;
        text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned))
    }

    /// Whether a process listens on this port of 127.0.0.1.
    pub fn is_listening(port: u16) -> bool {
        !stigmer::process::ports::listeners(port).unwrap().is_empty()
    }

    /// All running processes that the commands of this rig started.
    pub fn processes(&self) -> Vec<Process> {
        process::tagged(TAG, &self.tag)
    }

    /// Kills all processes of the rig at once, as a power cut does.
    pub fn power_cut(&self) {
        let mut left = Vec::new();
        let gone = within(LIMIT, || {
            left.retain(Process::is_alive);
            left.extend(self.processes());
            left.iter().for_each(Process::kill);
            left.is_empty()
        });
        assert!(gone, "not even SIGKILL ends {}", describe(&left));
    }

    /// Fails if a process, lock, port, record or socket of the rig is left.
    #[track_caller]
    pub fn assert_nothing_runs(&self) {
        let left = self.processes();
        assert!(left.is_empty(), "left: {}", describe(&left));
        assert!(!self.is_locked("temporal.lock"), "temporal.lock is held");
        assert!(!self.is_locked("supervisor.lock"), "supervisor.lock is held");
        assert!(!Self::is_listening(self.port), "port {} is listened on", self.port);
        assert!(!Self::is_listening(self.ui_port), "port {} is listened on", self.ui_port);
        assert!(!self.path("temporal.pid").exists(), "the record is still there");
        assert!(!self.path("stigmer.sock").exists(), "the socket is still there");
    }

    /// The end of the log of the hosts, and what the hosts wrote to stderr.
    pub fn own_log(&self) -> String {
        let read = |name| std::fs::read_to_string(self.path(name)).unwrap_or_default();
        let (log, errors) = (read("logs/stigmer.log"), read("logs/host.err"));
        let tail: Vec<&str> = log.lines().rev().take(40).collect();
        format!("the host's own log, newest first:\n{}\n{errors}", tail.join("\n"))
    }
}

fn describe(processes: &[Process]) -> String {
    processes.iter().map(Process::describe).collect::<Vec<_>>().join(", ")
}

impl Drop for Rig {
    fn drop(&mut self) {
        let stopped = (!self.processes().is_empty()).then(|| {
            if std::thread::panicking() {
                // The test has failed already and the host may hang, so kill all processes instead
                // of running `stop`.
                self.power_cut();
                None
            } else {
                Some(self.run(&["stop"]))
            }
        });
        if std::thread::panicking() {
            eprintln!("{}", self.own_log());
            return;
        }
        let left = self.processes();
        if !left.is_empty() {
            let names = describe(&left);
            self.power_cut();
            panic!("left by `stop`: {names}; its output: {stopped:?}\n{}", self.own_log());
        }
    }
}
