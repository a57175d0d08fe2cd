//! The output of a command that writes into the log of a worker that may run, too. The host passes it
//! on, and so knows which lines are those of the command.

use super::log_format::WorkerLogFormat;
use crate::unit::words::LogFormat;
use std::fs::File;
use std::io::{self, PipeReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;
use tokio::sync::oneshot;

/// Number of bytes of the output that are searched for its last lines.
const MAX_LAST: usize = 64 << 10;

/// Time limit for the rest of the output after the end of all processes of the command.
const REST: Duration = Duration::from_secs(5);

/// Number of bytes of one read.
const CHUNK: usize = 8 << 10;

/// The output of a command, on its way into a log.
#[derive(Debug)]
pub(super) struct CommandOutput {
    last: Arc<Mutex<Vec<u8>>>,
    ended: oneshot::Receiver<()>,
}

impl CommandOutput {
    /// Copies the output into this log, on a thread of its own. Returns also the file to which the
    /// command writes. The copy ends when the last process closes that file.
    ///
    /// # Errors
    /// If the system creates no pipe or no thread.
    pub(super) fn copied_into(log: File) -> io::Result<(Self, File)> {
        let (output, input) = io::pipe()?;
        let last = Arc::new(Mutex::new(Vec::new()));
        let (end, ended) = oneshot::channel();
        let kept = last.clone();
        Builder::new().name("before".to_owned()).stack_size(128 << 10).spawn(move || {
            copy(output, log, &kept);
            let _ = end.send(());
        })?;
        Ok((Self { last, ended }, OwnedFd::from(input).into()))
    }

    /// Waits until the log has all output of the command, whose processes have ended. Returns its last
    /// lines.
    pub(super) async fn finish(self) -> Vec<String> {
        // A disk that hangs delays no start. The thread then stays.
        let _ = tokio::time::timeout(REST, self.ended).await;
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let mut format = WorkerLogFormat::default();
        for line in String::from_utf8_lossy(&last).lines() {
            format.observe(line);
        }
        format.last_words().reason()
    }
}

fn copy(mut output: PipeReader, mut log: File, last: &Mutex<Vec<u8>>) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let new = match output.read(&mut chunk) {
            Ok(0) => return,
            Ok(count) => &chunk[..count],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            last.extend_from_slice(new);
            let excess = last.len().saturating_sub(MAX_LAST);
            last.drain(..excess);
        }
        // A full disk loses lines of the log, and ends no command.
        let _ = log.write_all(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn log_has_the_whole_output_and_the_last_lines_are_those_of_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = File::create(&path).unwrap();
        let (output, mut input) = CommandOutput::copied_into(log).unwrap();
        let line = "x".repeat(99);
        let text = format!("{line}\n").repeat(10_000) + "end\n";
        input.write_all(text.as_bytes()).unwrap();
        drop(input);
        let words = output.finish().await;
        assert_eq!((words.last().unwrap().as_str(), &words[0]), ("end", &line));
        assert!(std::fs::read_to_string(&path).unwrap() == text);
    }

    #[tokio::test]
    async fn command_ends_and_has_last_lines_although_the_disk_is_full() {
        let log = File::options().write(true).open("/dev/full").unwrap();
        let (output, mut input) = CommandOutput::copied_into(log).unwrap();
        input.write_all(b"no such module\n").unwrap();
        drop(input);
        assert_eq!(output.finish().await, ["no such module"]);
    }
}
