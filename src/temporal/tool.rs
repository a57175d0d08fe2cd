//! Runs a program with a time limit and returns its output.
//!
//! `Command::output` waits until every process has closed the pipe, so it hangs if a child of the
//! program keeps the pipe open. This module waits only for the end of the program itself.

use crate::process::descriptors::restore_limit_of;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Maximum number of bytes that are stored of stdout, and of stderr. The rest is dropped.
const KEPT: u64 = 256 * 1024;
/// How long to wait for output that is still in the pipe after the program has ended. On a busy
/// machine, the thread that reads the pipe may not run for some 100 ms.
const SETTLE: Duration = Duration::from_secs(2);
/// Number of tries to start a program whose file is open for writing (`ETXTBSY`). Another thread
/// may still write the file. A process that was just forked may also have a copy of the descriptor,
/// until that process executes its program.
const BUSY_TRIES: u32 = 200;

/// Exit status and output of a program that was run.
#[derive(Debug)]
pub(super) struct ToolOutput {
    /// Exit status of the program. `None` if the program was killed because it took too long.
    pub(super) status: Option<ExitStatus>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl ToolOutput {
    pub(super) fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// Describes a failure of the program: its exit status, and its last line that begins with
    /// `error`, or else its last line.
    pub(super) fn failure(&self) -> String {
        let end = match self.status {
            Some(status) => status.to_string(),
            None => "killed, because it took too long".to_owned(),
        };
        let lines = self.stderr.lines().chain(self.stdout.lines()).map(str::trim);
        let lines = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>();
        let errors = lines.iter().rev().find(|line| line.to_lowercase().starts_with("error"));
        match errors.or(lines.last()) {
            Some(line) => format!("{end}: {}", crate::harmless::quote(line)),
            None => format!("{end}, without output"),
        }
    }
}

/// Runs `command` with empty input. Calls `patience` regularly with the time since the start. If
/// `patience` returns false, the program is killed.
pub(super) fn run(
    command: &mut Command,
    mut patience: impl FnMut(Duration) -> bool,
) -> io::Result<ToolOutput> {
    if command.get_current_dir().is_none() {
        // Runs the program outside the user's current folder, so that no file there influences it.
        command.current_dir("/");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command)?;
    // A `pre_exec` hook could restore the limit too. But with such a hook the standard library uses
    // `execvp`, which runs a file of unknown format with /bin/sh.
    restore_limit_of(&child);
    let collected = collect(child.stdout.take())
        .and_then(|stdout| Ok((stdout, collect(child.stderr.take())?)))
        .inspect_err(|_| {
            // Without its output the program is useless, so it is killed. The child is not reaped
            // yet, so its pid cannot belong to another process.
            let _ = child.kill().and_then(|()| child.wait());
        });
    let (stdout, stderr) = collected?;
    let begin = Instant::now();
    let mut nap = Duration::from_millis(1);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if !patience(begin.elapsed()) {
            // The child is not reaped yet, so its pid cannot belong to another process.
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(nap);
        nap = (nap * 2).min(Duration::from_millis(50));
    };
    Ok(ToolOutput { status, stdout: gather(&stdout), stderr: gather(&stderr) })
}

fn spawn(command: &mut Command) -> io::Result<Child> {
    for _ in 1..BUSY_TRIES {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                thread::sleep(Duration::from_millis(10));
            }
            other => return other,
        }
    }
    command.spawn()
}

/// Reads a pipe to its end, on a thread. Returns the channel to which the thread sends the data.
fn collect(pipe: Option<impl Read + Send + 'static>) -> io::Result<Receiver<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    let Some(mut pipe) = pipe else {
        return Ok(receiver);
    };
    thread::Builder::new().name("output".to_owned()).spawn(move || {
        let mut kept = 0;
        let mut chunk = [0; 4096];
        while let Ok(n) = pipe.read(&mut chunk) {
            if n == 0 {
                break;
            }
            // Output beyond the limit is read and dropped. Otherwise the pipe would be full and
            // block the program.
            if kept < KEPT && sender.send(chunk[..n].to_vec()).is_err() {
                break;
            }
            kept += n as u64;
        }
    })?;
    Ok(receiver)
}

fn gather(chunks: &Receiver<Vec<u8>>) -> String {
    let mut bytes = Vec::new();
    while let Ok(chunk) = chunks.recv_timeout(SETTLE) {
        bytes.extend(chunk);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_and_exit_status_are_returned() {
        let ran = run(&mut sh("echo out; echo err >&2; exit 3"), |_| true).unwrap();
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("out\n", "err\n"));
        assert_eq!(ran.status.and_then(|status| status.code()), Some(3));
        assert_eq!(ran.failure(), "exit status: 3: out");
    }

    #[test]
    fn grandchild_with_an_open_pipe_does_not_delay_the_result() {
        let begin = Instant::now();
        let ran = run(&mut sh("sleep 20 & echo done"), |_| true).unwrap();
        assert!(ran.succeeded() && ran.stdout == "done\n");
        assert!(begin.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn output_that_is_read_late_is_returned() {
        let (sender, chunks) = mpsc::channel();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(500));
            sender.send(b"late".to_vec()).unwrap();
        });
        assert_eq!(gather(&chunks), "late");
    }

    #[test]
    fn program_that_takes_too_long_is_killed() {
        let patient = |had: Duration| had < Duration::from_millis(50);
        let ran = run(&mut sh("echo begun; exec sleep 20"), patient).unwrap();
        assert!(ran.status.is_none());
        assert!(ran.failure().contains("too long"), "{}", ran.failure());
    }

    #[test]
    fn excess_output_is_read_and_dropped() {
        let ran = run(&mut sh("head -c 3000000 /dev/zero | tr '\\0' x"), |_| true).unwrap();
        assert!(ran.succeeded());
        assert!(ran.stdout.len() as u64 <= KEPT + 4096);
    }

    #[test]
    fn failure_prefers_an_error_line_to_the_last_line() {
        let script = "echo 'ERROR: no matching distribution' >&2; echo 'hint: x' >&2; exit 1";
        let ran = run(&mut sh(script), |_| true).unwrap();
        assert_eq!(ran.failure(), "exit status: 1: ERROR: no matching distribution");
    }
}
