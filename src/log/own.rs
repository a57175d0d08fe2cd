//! Writes the log of stigmer itself. `tracing` has one subscriber per process, so a process has one
//! such writer.
//!
//! A line that cannot be written, for example because the disk is full or the folder was deleted,
//! is counted and dropped. The writer still reports success. Otherwise the subscriber would print
//! the error on stderr, which is a file on the same disk. When the file can be written again, the
//! writer adds a line with the number of lost lines.
//!
//! A host writes its lines on a separate thread, because a disk that does not respond would block
//! the host. While the thread is blocked, the lines wait in a queue of limited size.

use super::RotatingWriter;
use crate::process::threads::LOOKS;
use std::io;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Maximum size of the lines that wait in the queue, in bytes.
const WAITING_MAX: usize = 256 << 10;

/// Time limit of the job that writes the lines. A job that exceeds the limit counts as blocked.
const BOUND: Duration = Duration::from_secs(3);

/// How long a process that ends waits until its last lines are written.
const LAST_LINES: Duration = Duration::from_millis(250);

static LOG: Mutex<Option<OwnLogWriter>> = Mutex::new(None);
static QUEUE: Mutex<Queue> =
    Mutex::new(Queue { is_used: false, is_served: false, lines: Vec::new(), lost: 0 });
static SERVED: Condvar = Condvar::new();

/// The queue of lines. A separate thread writes these lines to the file.
struct Queue {
    /// Whether a thread writes the lines. False if the calling thread writes each line at once.
    is_used: bool,
    /// Whether a job is writing the lines now. The job ends when no line is left.
    is_served: bool,
    lines: Vec<u8>,
    /// Number of lines that were lost because the queue was full.
    lost: u64,
}

/// Opens the log of this process. `max` limits its size in bytes, as in [`RotatingWriter`].
///
/// # Errors
/// If the file cannot be opened now. The next line that is written opens the file again.
pub fn open(path: &Path, max: u64) -> io::Result<()> {
    let mut log = OwnLogWriter::new(RotatingWriter::new(path, max));
    let opened = log.file.check();
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = Some(log);
    opened
}

/// The writer that the subscriber of `tracing` uses. It never returns an error. Before [`open()`]
/// is called, it drops all lines.
#[derive(Debug, Default)]
pub struct OwnLogSink;

impl io::Write for OwnLogSink {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut queue = queue();
        if !queue.is_used {
            drop(queue);
            append(lines, 0);
            return Ok(lines.len());
        }
        if queue.lines.len() + lines.len() > WAITING_MAX {
            queue.lost += count(lines);
        } else {
            queue.lines.extend_from_slice(lines);
        }
        if !std::mem::replace(&mut queue.is_served, true) {
            drop(queue);
            // If no thread is free, the lines stay in the queue. The next line that is written
            // tries again.
            if LOOKS.post(BOUND, serve).is_err() {
                self::queue().is_served = false;
            }
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From now on, a separate thread writes all lines.
pub fn defer() {
    queue().is_used = true;
}

/// Waits until all lines are written, up to [`LAST_LINES`]. Must be called at the end of the
/// process.
pub fn flush() {
    let waits = |queue: &mut Queue| queue.is_served;
    // After the time limit, the lines that are not written are lost.
    let _ = SERVED.wait_timeout_while(queue(), LAST_LINES, waits);
}

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes the lines of the queue until no line is left. Runs on the separate thread.
fn serve() {
    loop {
        let mut queue = queue();
        if queue.lines.is_empty() {
            queue.is_served = false;
            SERVED.notify_all();
            return;
        }
        let (lines, lost) = (std::mem::take(&mut queue.lines), std::mem::take(&mut queue.lost));
        drop(queue);
        append(&lines, lost);
    }
}

/// Appends lines to the file. `lost` more lines after these lines were lost, which is added to the
/// count.
fn append(lines: &[u8], lost: u64) {
    if let Some(log) = &mut *LOG.lock().unwrap_or_else(PoisonError::into_inner) {
        log.append(lines);
        log.lost += lost;
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// If lines were lost, tries to write their number into the log of this process.
///
/// # Errors
/// The error of the operating system, if the log still cannot be written.
pub fn retry() -> io::Result<()> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map_or(Ok(()), OwnLogWriter::retry)
}

#[derive(Debug)]
struct OwnLogWriter {
    file: RotatingWriter,
    /// Number of lines that were lost since the last line was written.
    lost: u64,
}

impl OwnLogWriter {
    fn new(file: RotatingWriter) -> Self {
        Self { file, lost: 0 }
    }

    fn append(&mut self, lines: &[u8]) {
        if self.retry().and_then(|()| self.file.append(lines)).is_err() {
            self.lost += count(lines);
        }
    }

    /// Writes the number of lost lines into the log. Does nothing if no line was lost.
    fn retry(&mut self) -> io::Result<()> {
        if self.lost == 0 {
            return Ok(());
        }
        let note = serde_json::json!({
            "timestamp": jiff::Timestamp::now(),
            "level": "WARN",
            "message": format!("{} lines could not be written into this log and are lost", self.lost),
            "target": module_path!(),
        });
        self.file.append(format!("{note}\n").as_bytes())?;
        self.lost = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_lines_are_counted_and_the_log_continues() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/stigmer.log");
        let mut log = OwnLogWriter::new(RotatingWriter::new(&path, 1 << 20));
        log.append(b"one\n");
        log.append(b"two\n");
        assert!(log.retry().is_err(), "the folder does not exist");
        std::fs::create_dir(folder.path().join("logs")).unwrap();
        log.retry().unwrap();
        log.append(b"three\n");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("2 lines could not be written"), "{text}");
        assert!(text.ends_with("\nthree\n"), "{text}");
        assert_eq!(text.lines().count(), 2);
    }
}
