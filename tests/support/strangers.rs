//! Unrelated processes ("strangers") that look similar to the processes of the server. No stop,
//! crash, hang or adoption may affect them.

use super::process::{self, Process};
use super::rig::Rig;
use super::shop::Shop;
use super::users::may_become;
use super::{LIMIT, within};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// How long a stranger sleeps, in seconds: longer than any test.
const NAP: &str = "300";

/// The user `nobody`.
const OTHER: u32 = 65_534;

/// Variable in the environment of each stranger and of its children.
const TAG: &str = "TEST_STRANGERS";

/// A group of strangers. Dropping it ends them and their children.
pub struct Strangers {
    folder: tempfile::TempDir,
    home: PathBuf,
    port: u16,
    children: Vec<Child>,
    pinned: Vec<(&'static str, Process)>,
}

type Kind = (&'static str, fn(&Strangers) -> Command);

const KINDS: [Kind; 11] = [
    ("of the same command name", |it| {
        let mut command = Command::new(it.folder.path().join("temporal"));
        command.arg0("sleep").arg(NAP);
        command
    }),
    ("with the same command line", |it| {
        let mut command = Command::new("bash");
        let name = format!("temporal server start-dev --port {}", it.port);
        command.args(["-c", "exec -a \"$0\" sleep \"$1\"", &name, NAP]);
        command
    }),
    ("in a session of its own", |_| {
        let mut command = Command::new("setsid");
        command.args(["sleep", NAP]);
        command
    }),
    ("with children in a session of its own", |_| {
        let mut command = Command::new("setsid");
        command.args(["sh", "-c", "sleep \"$0\" & sleep \"$0\"; exit", NAP]);
        command
    }),
    ("that has Temporal's lock file open", |it| {
        it.holding(&["temporal.lock", "supervisor.lock", "logs/temporal.log"])
    }),
    ("that has the database open", |it| it.holding(&["temporal-data/temporal.db"])),
    ("that asks again and again whether the lock is held", |it| {
        let mut command = Command::new("bash");
        let lock = it.home.join("temporal.lock");
        let script = "while :; do flock --shared --nonblock \"$0\" true; sleep 0.05; done";
        command.args(["-c", script]).arg(lock);
        command
    }),
    ("of another instance", |_| {
        let mut command = sleep();
        command.env("STIGMER_INSTANCE", "1.2.3");
        command
    }),
    ("whose marker is empty", |_| {
        let mut command = sleep();
        command.env("STIGMER_INSTANCE", "");
        command
    }),
    ("that works in the home", |it| {
        let mut command = sleep();
        command.current_dir(&it.home);
        command
    }),
    ("of another user", |_| {
        let mut command = sleep();
        if may_become(OTHER) {
            command.uid(OTHER).gid(OTHER);
        }
        command
    }),
];

fn sleep() -> Command {
    let mut command = Command::new("sleep");
    command.arg(NAP);
    command
}

impl Strangers {
    /// An empty group for this rig. The files of the rig that strangers hold open must exist.
    pub fn near(rig: &Rig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let which = Command::new("sh").args(["-c", "command -v sleep"]).output().unwrap();
        let sleep = String::from_utf8(which.stdout).unwrap();
        std::os::unix::fs::symlink(sleep.trim(), folder.path().join("temporal")).unwrap();
        Self {
            folder,
            home: rig.home.clone(),
            port: rig.port,
            children: Vec::new(),
            pinned: Vec::new(),
        }
    }

    /// Starts `count` more strangers, of each kind in turn.
    pub fn gather(&mut self, count: usize) {
        for (what, command) in KINDS.iter().cycle().take(count) {
            let command = command(self);
            self.start(what, command);
        }
    }

    /// Starts strangers that look similar to the workers of a project.
    pub fn gather_of_workers(&mut self, shop: &Shop<'_>) {
        let status = shop.rig.status();
        for worker in status["workers"].as_array().unwrap() {
            let name = worker["name"].as_str().unwrap();
            let pid = worker["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).unwrap();
            let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
            let words = String::from_utf8(words).unwrap().replace('\0', " ");
            let mut same_line = Command::new("bash");
            same_line.args(["-c", "exec -a \"$0\" sleep \"$1\"", &words, NAP]);
            let mut of_the_project = sleep();
            of_the_project.current_dir(&shop.folder).env("STIGMER_WORKER", name);
            let mut of_another_start = sleep();
            of_another_start.env("STIGMER_INSTANCE", "1.2.3").env("STIGMER_WORKER", name);
            let files = ["lock", "log", "pid"].map(|file| format!("workers/{name}/{file}"));
            let holding = self.holding(&files.each_ref().map(String::as_str));
            self.start("with the command line of a worker", same_line);
            self.start("in the folder of the project", of_the_project);
            self.start("of another start of the worker", of_another_start);
            self.start("that has the files of the worker open", holding);
        }
    }

    fn start(&mut self, what: &'static str, mut command: Command) {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env(TAG, self.folder.path());
        let child = command.spawn().unwrap_or_else(|error| panic!("one {what}: {error}"));
        self.know(what, i32::try_from(child.id()).unwrap());
        self.children.push(child);
    }

    /// Adds a process that the test itself has started.
    pub fn know(&mut self, what: &'static str, pid: i32) {
        self.pinned.push((what, Process::pin(pid).unwrap()));
    }

    fn holding(&self, files: &[&str]) -> Command {
        let mut command = Command::new("sh");
        let mut script = String::new();
        for (number, file) in files.iter().enumerate() {
            let path = self.home.join(file);
            if path.exists() {
                script += &format!("exec {}<'{}'; ", number + 3, path.display());
            }
        }
        command.arg("-c").arg(script + "exec sleep " + NAP);
        command
    }

    pub fn pids(&self) -> Vec<i32> {
        self.pinned.iter().map(|(_, process)| process.pid).collect()
    }

    /// Fails if a stranger has ended or was stopped.
    #[track_caller]
    pub fn assert_unharmed(&self, by: &str) {
        for (what, process) in &self.pinned {
            assert!(process.is_alive(), "one {what} did not survive {by}");
            assert!(!process.is_stopped(), "one {what} was stopped by {by}");
        }
    }
}

impl Drop for Strangers {
    fn drop(&mut self) {
        for (_, process) in &self.pinned {
            process.kill();
        }
        for child in &mut self.children {
            let _ = child.wait();
        }
        // The children of a stranger may outlive the stranger. They have its tag, too.
        let tag = self.folder.path().display().to_string();
        let mut left = Vec::new();
        let gone = within(LIMIT, || {
            left = process::tagged(TAG, &tag);
            left.iter().for_each(Process::kill);
            left.is_empty()
        });
        assert!(gone || std::thread::panicking(), "left: {left:?}");
    }
}
