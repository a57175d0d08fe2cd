//! The host's own log, as far as writing goes. `tracing` has one subscriber in a process, so there
//! is one writer in a process.
//!
//! A line that cannot be written (a full disk, a folder that is gone) is counted and dropped. The
//! writer reports success all the same: the subscriber would print the error on stderr, which is a
//! file on the same disk. As soon as the file takes lines again, a line in it states how many are
//! missing.

use super::RotatingWriter;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

static LOG: Mutex<Option<OwnLog>> = Mutex::new(None);

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
        if let Some(log) = &mut *LOG.lock().unwrap_or_else(PoisonError::into_inner) {
            log.append(lines);
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
            self.lost += 1;
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
