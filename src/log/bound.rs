//! Limits a log file while its writer has it open and never reopens it.
//!
//! Such a writer does not notice a rename, and copying and truncating loses the lines that it
//! writes in between (148 of 400,000 lines, measured). A hole at the front of the file loses
//! nothing: the file keeps its size, so the offsets of readers and the writer's `O_APPEND` stay
//! valid, and only the oldest blocks are freed.
//!
//! The hole ends one byte before a line, so that the newline of the last dropped line follows the
//! zeros. A reader that reads zeros skips them and everything up to the first newline. It is then
//! at the beginning of a whole line, even if the hole was punched during the read.

use crate::paths::files;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::sparse;

#[cfg(test)]
mod tests;

/// How far after the wanted cut a newline is searched, in bytes. More than the longest line.
const LONGEST_LINE: usize = 128 * 1024;

/// Why a log could not be limited. Supervision continues.
#[derive(Debug, thiserror::Error)]
pub enum BoundError {
    /// The file system does not support holes, so the file grows.
    #[error(
        "cannot limit {path} to {max} bytes: its file system cannot punch holes ({source}); the \
         log grows until the server stops; move the home to a local disk (`--home DIR`)"
    )]
    Unsupported {
        /// Path of the log.
        path: PathBuf,
        /// The limit in bytes.
        max: u64,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The log could not be read, measured or punched.
    #[error("cannot limit the log {path}: {action} failed: {source}; check the file and its disk")]
    Io {
        /// Path of the log.
        path: PathBuf,
        /// The failed operation.
        action: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// Copies the rest of a log without the hole before it, for programs that would show zeros. Returns
/// false without copying if there is no hole.
///
/// # Errors
/// If the log cannot be read or the copy cannot be written.
pub fn copy_kept(log: &Path, to: &Path) -> io::Result<bool> {
    use std::io::{BufRead, BufReader, Seek, SeekFrom};

    let mut file = File::open(log)?;
    let Some(begin @ 1..) = sparse::next_data(&file, 0)? else { return Ok(false) };
    file.seek(SeekFrom::Start(begin))?;
    let mut kept = BufReader::new(file);
    // Skip the rest of the last dropped line, and the zeros before it.
    kept.skip_until(b'\n')?;
    let mut copy = files::open_for_writing(OpenOptions::new().write(true).create(true), to)?;
    copy.set_len(0)?;
    io::copy(&mut kept, &mut copy).map(|_| true)
}

/// The size limit of one log file.
#[derive(Debug)]
pub struct FileBound {
    path: PathBuf,
    max: u64,
    file: Option<File>,
    /// Offset of the first data. The part before it is a hole.
    begin: u64,
}

impl FileBound {
    /// Limits `path` to `max` bytes. The file need not exist yet.
    pub fn new(path: &Path, max: u64) -> Self {
        Self { path: path.to_owned(), max, file: None, begin: 0 }
    }

    /// Sets another limit in bytes, from the next [`Self::enforce`] on.
    pub fn set_max(&mut self, max: u64) {
        self.max = max;
    }

    /// Drops the oldest lines if the file exceeds the limit, and returns the number of dropped
    /// bytes. It drops an eighth more than necessary, so that it does not happen for every line.
    /// Call it after the file has grown; for a small file it costs two system calls.
    ///
    /// # Errors
    /// See [`BoundError`]. The log is unchanged then.
    pub fn enforce(&mut self) -> Result<u64, BoundError> {
        self.open()?;
        self.cut()
    }

    /// Like [`Self::enforce`], for an open log that has lost its path.
    ///
    /// # Errors
    /// See [`BoundError`]. The log is unchanged then.
    pub fn enforce_on(&mut self, unlinked: File) -> Result<u64, BoundError> {
        let meta = unlinked.metadata().map_err(|e| self.io("measuring", e))?;
        if !self.is_open(&meta) {
            self.begin = 0;
        }
        self.file = Some(unlinked);
        self.cut()
    }

    fn cut(&mut self) -> Result<u64, BoundError> {
        let Some(file) = &self.file else { return Ok(0) };
        let size = file.metadata().map_err(|e| self.io("measuring", e))?.len();
        if size < self.begin {
            // Someone has truncated the file: find the beginning again.
            self.begin = 0;
        }
        if self.begin == 0 {
            self.begin =
                sparse::next_data(file, 0).map_err(|e| self.io("seeking", e))?.unwrap_or(0);
        }
        if size - self.begin <= self.max {
            return Ok(0);
        }
        let wanted = size - (self.max - self.max / 8);
        let cut = line_end(file, wanted).map_err(|e| self.io("reading", e))?;
        sparse::punch_front(file, cut).map_err(|e| self.unsupported(e))?;
        let dropped = cut.saturating_sub(self.begin);
        self.begin = cut;
        Ok(dropped)
    }

    /// Opens the file, if it is new or was replaced.
    fn open(&mut self) -> Result<(), BoundError> {
        let there = match std::fs::metadata(&self.path) {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.file = None;
                return Ok(());
            }
            Err(error) => return Err(self.io("measuring", error)),
        };
        if !self.is_open(&there) {
            let file =
                files::open_for_writing(OpenOptions::new().read(true).write(true), &self.path);
            self.file = Some(file.map_err(|e| self.io("opening", e))?);
            self.begin = 0;
        }
        Ok(())
    }

    fn is_open(&self, file: &Metadata) -> bool {
        let open = self.file.as_ref().and_then(|file| file.metadata().ok());
        open.is_some_and(|open| (open.dev(), open.ino()) == (file.dev(), file.ino()))
    }

    fn io(&self, action: &'static str, source: io::Error) -> BoundError {
        BoundError::Io { path: self.path.clone(), action, source }
    }

    fn unsupported(&self, source: io::Error) -> BoundError {
        if source.kind() == io::ErrorKind::Unsupported {
            BoundError::Unsupported { path: self.path.clone(), max: self.max, source }
        } else {
            self.io("punching a hole", source)
        }
    }
}

/// The offset of the first newline at or after `from`, or `from` itself if there is none nearby.
fn line_end(file: &File, from: u64) -> io::Result<u64> {
    let mut buffer = vec![0; LONGEST_LINE];
    let mut filled = 0;
    while filled < buffer.len() {
        let n = file.read_at(&mut buffer[filled..], from + filled as u64)?;
        if n == 0 {
            break;
        }
        if let Some(at) = buffer[filled..filled + n].iter().position(|byte| *byte == b'\n') {
            return Ok(from + (filled + at) as u64);
        }
        filled += n;
    }
    Ok(from)
}
