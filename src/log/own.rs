//! The host's own log, as far as writing goes. `tracing` has one subscriber in a process, so there
//! is one writer in a process.
//!
//! A line that cannot be written (a full disk, a folder that is gone) is counted and dropped. The
//! writer reports success all the same: the subscriber would print the error on stderr, which is a
//! file on the same disk. As soon as the file takes lines again, a line in it states how many are
//! missing.
//!
//! A host writes its lines on a thread: where the disk does not respond, a line would block the
//! host. While the thread is blocked the lines wait, up to a limit.

use super::RotatingWriter;
use crate::process::threads::LOOKS;
use std::io;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Lines that wait for a disk that does not respond, in bytes.
const WAITING_MAX: usize = 256 << 10;

/// The disk does not respond after this time.
const BOUND: Duration = Duration::from_secs(3);

/// How long a process that ends waits for its last lines.
const LAST_LINES: Duration = Duration::from_millis(250);

static LOG: Mutex<Option<OwnLog>> = Mutex::new(None);
static QUEUE: Mutex<Queue> =
    Mutex::new(Queue { is_used: false, is_served: false, lines: Vec::new(), lost: 0 });
static SERVED: Condvar = Condvar::new();

/// The way of the lines to the thread that writes them.
struct Queue {
    /// Otherwise lines are written in place.
    is_used: bool,
    /// A job writes the lines, and ends when there are none.
    is_served: bool,
    lines: Vec<u8>,
    /// Lines for which there was no room.
    lost: u64,
}

/// Opens the log of this process. `max` bounds it, as for [`RotatingWriter`].
///
/// # Errors
/// When the file cannot be opened now. Later lines try again.
pub fn open(path: &Path, max: u64) -> io::Result<()> {
    let mut log = OwnLog::new(RotatingWriter::new(path, max));
    let opened = log.file.check();
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = Some(log);
    opened
}

/// Where the subscriber writes. Never fails; without [`open()`] the lines go nowhere.
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

/// Waits a moment until all lines are written. To be called at the end of the process.
pub fn flush() {
    let waits = |queue: &mut Queue| queue.is_served;
    // What the disk has not taken by then is lost.
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

/// Appends lines after which so many were lost.
fn append(lines: &[u8], lost: u64) {
    if let Some(log) = &mut *LOG.lock().unwrap_or_else(PoisonError::into_inner) {
        log.append(lines);
        log.lost += lost;
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Tries again to write the log of this process, if its last line was lost.
///
/// # Errors
/// Why it still cannot be written.
pub fn retry() -> io::Result<()> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map_or(Ok(()), OwnLog::retry)
}

#[derive(Debug)]
struct OwnLog {
    file: RotatingWriter,
    /// Lines that were dropped since the last one that was written.
    lost: u64,
}

impl OwnLog {
    fn new(file: RotatingWriter) -> Self {
        Self { file, lost: 0 }
    }

    fn append(&mut self, lines: &[u8]) {
        if self.retry().and_then(|()| self.file.append(lines)).is_err() {
            self.lost += count(lines);
        }
    }

    /// Writes how many lines are missing, where some are.
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
    fn lines_that_cannot_be_written_are_counted_and_the_log_goes_on_after_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/stigmer.log");
        let mut log = OwnLog::new(RotatingWriter::new(&path, 1 << 20));
        log.append(b"one\n");
        log.append(b"two\n");
        assert!(log.retry().is_err(), "there is no folder");
        std::fs::create_dir(folder.path().join("logs")).unwrap();
        log.retry().unwrap();
        log.append(b"three\n");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("2 lines could not be written"), "{text}");
        assert!(text.ends_with("\nthree\n"), "{text}");
        assert_eq!(text.lines().count(), 2);
    }
}
