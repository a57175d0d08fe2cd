//! Writes stigmer's own log. `tracing` has one subscriber per process, so there is one writer per
//! process.
//!
//! A line that cannot be written (a full disk, a deleted folder) is counted and dropped. The writer
//! still reports success, because the subscriber would print the error on stderr, which is a file
//! on the same disk. As soon as the file can be written again, a line in it contains the number of
//! lost lines.
//!
//! A host writes its lines on a thread, because a disk that does not respond would block the host. While
//! the thread is blocked, the lines wait in a queue of limited size.

use super::RotatingWriter;
use crate::process::threads::LOOKS;
use std::io;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Maximum size of the queue, in bytes.
const WAITING_MAX: usize = 256 << 10;

/// Time after which the disk counts as unresponsive.
const BOUND: Duration = Duration::from_secs(3);

/// How long an ending process waits for its last lines to be written.
const LAST_LINES: Duration = Duration::from_millis(250);

static LOG: Mutex<Option<OwnLogWriter>> = Mutex::new(None);
static QUEUE: Mutex<Queue> =
    Mutex::new(Queue { is_used: false, is_served: false, lines: Vec::new(), lost: 0 });
static SERVED: Condvar = Condvar::new();

/// The lines for the thread that writes them.
struct Queue {
    /// False if lines are written on the calling thread.
    is_used: bool,
    /// Whether a job is writing the lines. It ends when there are none.
    is_served: bool,
    lines: Vec<u8>,
    /// Number of lines for which there was no room.
    lost: u64,
}

/// Opens the log of this process. `max` is its limit, as for [`RotatingWriter`].
///
/// # Errors
/// If the file cannot be opened now. Later lines try again.
pub fn open(path: &Path, max: u64) -> io::Result<()> {
    let mut log = OwnLogWriter::new(RotatingWriter::new(path, max));
    let opened = log.file.check();
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = Some(log);
    opened
}

/// The writer of the subscriber. It never fails. Before [`open()`] it drops all lines.
#[derive(Debug, Default)]
pub struct Writer;

impl io::Write for Writer {
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
            // Without a thread the lines wait for the next one.
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

/// Writes all further lines on a thread.
pub fn defer() {
    queue().is_used = true;
}

/// Waits a moment until all lines are written. Must be called at the end of the process.
pub fn flush() {
    let waits = |queue: &mut Queue| queue.is_served;
    // Lines that are not written by then are lost.
    let _ = SERVED.wait_timeout_while(queue(), LAST_LINES, waits);
}

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes the lines of the queue until there are none.
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

/// Appends lines, after which `lost` lines were lost.
fn append(lines: &[u8], lost: u64) {
    if let Some(log) = &mut *LOG.lock().unwrap_or_else(PoisonError::into_inner) {
        log.append(lines);
        log.lost += lost;
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Writes to the log of this process again, if its last line was lost.
///
/// # Errors
/// The error of the operating system, if the log still cannot be written.
pub fn retry() -> io::Result<()> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map_or(Ok(()), OwnLogWriter::retry)
}

#[derive(Debug)]
struct OwnLogWriter {
    file: RotatingWriter,
    /// Number of lines that were dropped since the last written line.
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

    /// Writes the number of lost lines, if any.
    fn retry(&mut self) -> io::Result<()> {
        if self.lost == 0 {
            return Ok(());
        }
        let note = serde_json::json!({
            "timestamp": jiff::Timestamp::now(),
            "level": "WARN",
            "message": format!("{} lines could not be written here and are lost", self.lost),
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
