//! Runs a program for its output, never longer than allowed.
//!
//! `Command::output` waits until the last holder of the pipe is gone: a grandchild that keeps it
//! open makes it hang, however short the program's own life. Here the program's end counts.

use crate::process::descriptors::restore_limit_of;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// What is kept of each output.
const KEPT: u64 = 256 * 1024;
/// How long one waits for output that is still in the pipe when its writer has ended.
const SETTLE: Duration = Duration::from_millis(200);
/// A program that somebody else in this process is just writing out, or has a copy of its
/// descriptor for the moment between fork and exec, is busy for that moment.
const BUSY_TRIES: u32 = 20;

/// What became of it.
#[derive(Debug)]
pub(super) struct Ran {
    /// `None`: it was ended because it took too long.
    pub(super) status: Option<ExitStatus>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ran {
    pub(super) fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// Why it failed, in a few words: how it ended, and the last thing it said.
    pub(super) fn complaint(&self) -> String {
        let end = match self.status {
            Some(status) => status.to_string(),
            None => "ended, because it took too long".to_owned(),
        };
        let lines = self.stderr.lines().chain(self.stdout.lines()).map(str::trim);
        let lines = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>();
        let errors = lines.iter().rev().find(|line| line.to_lowercase().starts_with("error"));
        match errors.or(lines.last()) {
            Some(said) => format!("{end}: {}", crate::harmless::quote(said)),
            None => format!("{end}, without a word"),
        }
    }
}

/// Runs `command` with empty input. `patience` is asked every now and then whether it may go on,
/// with the time it has had so far.
pub(super) fn run(
    command: &mut Command,
    mut patience: impl FnMut(Duration) -> bool,
) -> io::Result<Ran> {
    if command.get_current_dir().is_none() {
        // Nothing of the folder that the user is in has anything to do with it.
        command.current_dir("/");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command)?;
    // Not before the exec: a program in no known format would then be given to /bin/sh.
    restore_limit_of(&child);
    let collected = collect(child.stdout.take())
        .and_then(|stdout| Ok((stdout, collect(child.stderr.take())?)))
        .inspect_err(|_| {
            // Our own child and not yet reaped. What it says is lost, so it is not waited for.
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
            // Our own child and not yet reaped: the pid cannot be anybody else's.
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(nap);
        nap = (nap * 2).min(Duration::from_millis(50));
    };
    Ok(Ran { status, stdout: gather(&stdout), stderr: gather(&stderr) })
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

/// Reads on a thread of its own, which lives as long as the pipe; chunks come through the channel.
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
            // What is too much is read all the same, or the program would stop at a full pipe.
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
    fn returns_what_was_said_and_how_it_ended() {
        let ran = run(&mut sh("echo out; echo err >&2; exit 3"), |_| true).unwrap();
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("out\n", "err\n"));
        assert_eq!(ran.status.and_then(|status| status.code()), Some(3));
        assert_eq!(ran.complaint(), "exit status: 3: out");
    }

    #[test]
    fn a_grandchild_that_keeps_the_pipe_does_not_hold_us() {
        let begin = Instant::now();
        let ran = run(&mut sh("sleep 20 & echo done"), |_| true).unwrap();
        assert!(ran.succeeded() && ran.stdout == "done\n");
        assert!(begin.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn impatience_ends_it() {
        let patient = |had: Duration| had < Duration::from_millis(50);
        let ran = run(&mut sh("echo begun; exec sleep 20"), patient).unwrap();
        assert!(ran.status.is_none());
        assert!(ran.complaint().contains("too long"), "{}", ran.complaint());
    }

    #[test]
    fn much_output_neither_blocks_it_nor_fills_memory() {
        let ran = run(&mut sh("head -c 3000000 /dev/zero | tr '\\0' x"), |_| true).unwrap();
        assert!(ran.succeeded());
        assert!(ran.stdout.len() as u64 <= KEPT + 4096);
    }

    #[test]
    fn an_error_line_says_more_than_the_last_one() {
        let script = "echo 'ERROR: no matching distribution' >&2; echo 'hint: x' >&2; exit 1";
        let ran = run(&mut sh(script), |_| true).unwrap();
        assert_eq!(ran.complaint(), "exit status: 1: ERROR: no matching distribution");
    }
}
