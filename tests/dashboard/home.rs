//! A home with ports of its own, and the proof that nothing of it is left.

use crate::terminal::Dashboard;
use crate::{ports, status};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use stigmer::process::identity::{Identity, Signal};
use stigmer::process::{Pid, linux, memory};

/// Nothing that is waited for takes longer, on the slowest machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A home in a folder of its own. Dropping it ends what runs there, and fails
/// where that leaves anything behind.
pub struct Home {
    folder: tempfile::TempDir,
    port: u16,
    ui_port: u16,
    stigmer: PathBuf,
    program: PathBuf,
    user: Option<u32>,
    watchdog: bool,
}

impl Home {
    pub fn new() -> Self {
        // Short: the path of a socket is.
        let folder = tempfile::Builder::new().prefix("stg").tempdir_in("/tmp").unwrap();
        let [port, ui_port] = [(); 2].map(|()| ports::free());
        let (stigmer, program) = (STIGMER.into(), temporal().to_owned());
        Self { folder, port, ui_port, stigmer, program, user: None, watchdog: false }
    }

    /// A home of a user without any other process, as whom everything runs. `None`, and a line that
    /// says why, if this user cannot become another one.
    pub fn of_unused_user() -> Option<Self> {
        if !nix::unistd::Uid::effective().is_root() {
            println!("skipped: only root becomes another user");
            return None;
        }
        let mut home = Self::new();
        home.close();
        let user = 1_000_000 + u32::from(home.port);
        // That user need not be able to read the originals.
        let programs = home.path().join("programs");
        std::fs::create_dir(&programs).unwrap();
        (home.stigmer, home.program) = (programs.join("stigmer"), programs.join("temporal"));
        std::fs::copy(STIGMER, &home.stigmer).unwrap();
        std::fs::copy(temporal(), &home.program).unwrap();
        for file in [home.path(), &programs, &home.stigmer, &home.program] {
            std::os::unix::fs::chown(file, Some(user), Some(user)).unwrap();
        }
        home.user = Some(user);
        Some(home)
    }

    /// A home whose hosts are replaced when they are killed.
    pub fn guarded() -> Self {
        let mut home = Self::new();
        home.watchdog = true;
        home
    }

    /// A home whose Temporal stands behind a bash script that runs it with `real "$@"`.
    pub fn behind(script: &str) -> Self {
        let mut home = Self::new();
        home.close();
        let program = home.path().join("wrapper");
        let real = temporal().display();
        let text = format!(
            "#!/bin/bash\nreal() {{ '{real}' \"$@\"; }}\nif [ \"$1\" != server ]; then real \"$@\"; exit; fi\n{script}\n"
        );
        // By another name first: what is open for writing cannot be executed, and a test beside this
        // one may fork while it is.
        let draft = program.with_extension("draft");
        std::fs::write(&draft, text).unwrap();
        std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Command::new("cp").arg("-p").arg(&draft).arg(&program).status().unwrap().success());
        home.program = program;
        home
    }

    /// A home that holds anything is a home only where it is closed to others.
    fn close(&self) {
        std::fs::set_permissions(self.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn stigmer(&self) -> &Path {
        &self.stigmer
    }

    pub fn user(&self) -> Option<u32> {
        self.user
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What follows `stigmer local`, to start something.
    pub fn options(&self) -> Vec<String> {
        let words = [
            "--port",
            &self.port.to_string(),
            "--ui-port",
            &self.ui_port.to_string(),
            "--temporal-bin",
            self.program.to_str().unwrap(),
            // Most tests that kill a host look at what it leaves.
            &format!("--watchdog={}", self.watchdog),
        ];
        words.map(str::to_owned).to_vec()
    }

    /// Nothing of the caller's but the way to programs.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", self.path().display().to_string()),
            ("STIGMER_HOME", self.path().display().to_string()),
            // The server looks an unknown user up there before it looks into /etc/passwd.
            ("USER", "somebody".to_owned()),
            ("TERM", "xterm-256color".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
        ]
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.stigmer);
        command.arg("local").args(words).env_clear().envs(self.environment());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts Temporal under a background host.
    pub fn start(&self) {
        let options = self.options();
        let words: Vec<&str> = options.iter().map(String::as_str).collect();
        let out = self.command(&words).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }

    pub fn status(&self) -> Value {
        let out = self.command(&["status", "--json"]).output().unwrap();
        serde_json::from_slice(&out.stdout).unwrap()
    }

    /// Waits until the status is as wanted, and returns it.
    pub fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = status::ask(self.path()).unwrap_or_else(|| self.status());
            if wanted(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "no {what}: {status:#}{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The process of Temporal, as the record says.
    pub fn temporal_pid(&self) -> Pid {
        let status = self.status();
        let pid = status["temporal"]["pid"].as_i64().unwrap_or_else(|| panic!("{status:#}"));
        Pid::try_from(pid).unwrap()
    }

    /// Ends Temporal as a crash would.
    pub fn crash(&self) {
        let pid = self.temporal_pid();
        assert!(self.owns(pid), "{}", memory::command_line(pid));
        signal(pid, Signal::Kill);
    }

    /// Whether the process is one of this home: its path is on every command line but that of a
    /// server in memory, which works in its folder.
    fn owns(&self, pid: Pid) -> bool {
        let folder = std::fs::read_link(format!("/proc/{pid}/cwd"));
        memory::command_line(pid).contains(self.path().to_str().unwrap())
            || folder.is_ok_and(|folder| folder == self.path())
    }

    fn processes(&self) -> Vec<Pid> {
        let all = linux::processes().unwrap().into_iter().filter(|process| !process.is_zombie());
        all.map(|process| process.pid).filter(|pid| self.owns(*pid)).collect()
    }

    /// Waits until nothing of this home runs any more.
    pub fn until_nothing_runs(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.processes().is_empty() {
            assert!(Instant::now() < deadline, "left: {}{}", self.left(), self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn left(&self) -> String {
        self.processes().into_iter().map(memory::command_line).collect::<Vec<_>>().join("; ")
    }

    /// Waits until the hosts wrote this.
    pub fn until_logged(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "no {text:?}: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the hosts wrote, for a failure.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(self.path().join("logs/stigmer.log")).unwrap_or_default();
        let error = std::fs::read_to_string(self.path().join("logs/host.err")).unwrap_or_default();
        format!("\n{log}{error}")
    }

    pub fn dashboard(&self) -> Dashboard<'_> {
        Dashboard::open(self, 120, 36)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let stopped = self.command(&["stop"]).output();
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.processes().is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let left = self.left();
        for pid in self.processes() {
            if let Some(proven) = Identity::of(pid).unwrap().and_then(|it| it.prove().unwrap()) {
                let _ = proven.signal(Signal::Kill);
            }
        }
        if !std::thread::panicking() {
            assert!(left.is_empty(), "left after `stop`: {left} {stopped:?}{}", self.log());
        }
    }
}

const STIGMER: &str = env!("CARGO_BIN_EXE_stigmer");

/// The CLI that stigmer installs, once for all tests: a shim on `PATH` may be anything.
pub fn temporal() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli");
        let program = cache.join("bin/temporal");
        if !program.is_file() {
            let installed = Command::new(STIGMER)
                .args(["local", "install", "--home"])
                .arg(&cache)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&installed.stderr);
            assert!(installed.status.success(), "no Temporal to test with: {said}");
        }
        program
    })
}

pub fn signal(pid: Pid, how: Signal) {
    Identity::of(pid).unwrap().unwrap().prove().unwrap().unwrap().signal(how).unwrap();
}

/// SIGSTOP, which the program itself never sends.
pub fn freeze(pid: Pid) {
    use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    pidfd_send_signal(pidfd, Signal::STOP).unwrap();
}

/// Waits until the child has ended.
pub fn until_ended(child: &mut Child, otherwise: impl Fn() -> String) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "still runs: {}", otherwise());
        std::thread::sleep(Duration::from_millis(5));
    }
}
