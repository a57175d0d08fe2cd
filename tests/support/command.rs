//! Commands that a test runs, and their results.

use super::process::Process;
use super::{LIMIT, within};
use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Command};

/// The result of a command.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Fails unless the command exited with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\nstdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Fails unless stderr contains all of these words.
    #[track_caller]
    pub fn complains(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "no `{word}` in: {}", self.stderr);
        }
        self
    }

    /// The first line of stdout.
    pub fn says(&self) -> &str {
        self.stdout.lines().next().unwrap_or_default()
    }
}

/// A running command. Dropping it kills the command.
pub struct Running {
    child: Child,
    stdout: File,
    stderr: File,
}

impl Running {
    /// Starts the command. Its output goes into files: a background process could keep a pipe open,
    /// and the test that reads the pipe would hang.
    pub fn spawn(mut command: Command) -> Self {
        let [stdout, stderr] = [(); 2].map(|()| tempfile::tempfile().unwrap());
        let child = command
            .stdout(stdout.try_clone().unwrap())
            .stderr(stderr.try_clone().unwrap())
            .spawn()
            .unwrap();
        Self { child, stdout, stderr }
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// Pins the process of the command. Until the process is reaped, no other process gets its pid.
    pub fn process(&self) -> Process {
        Process::pin(self.pid()).unwrap()
    }

    pub fn stdout(&self) -> String {
        text(&self.stdout)
    }

    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// Waits until stdout contains this text.
    #[track_caller]
    pub fn wait_for(&self, said: &str) {
        let found = within(LIMIT, || self.stdout().contains(said));
        assert!(found, "no `{said}` in\n{}\nstderr: {}", self.stdout(), text(&self.stderr));
    }

    /// Waits for the end of the command.
    #[track_caller]
    pub fn finish(mut self) -> Ran {
        let ended = self.process().ends_within(LIMIT);
        let status = ended.then(|| self.child.wait().unwrap());
        let (stdout, stderr) = (text(&self.stdout), text(&self.stderr));
        assert!(ended, "does not end; stdout: {stdout}\nstderr: {stderr}");
        Ran { code: status.and_then(|status| status.code()), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both calls fail if the command has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(file: &File) -> String {
    let mut file = File::open(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file)))
        .expect("an unlinked file can be opened again through its descriptor");
    file.rewind().unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
