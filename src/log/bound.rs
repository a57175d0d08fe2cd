//! Limits the size of a log file whose writer, the server, keeps the file open and never reopens
//! it.
//!
//! Such a writer does not notice that its file was renamed. A copy of the file with a truncation
//! afterwards would lose the lines that were written in between (148 of 400,000 lines, measured).
//! So this module frees the oldest blocks of the file: it makes a hole at the beginning of the
//! file. The size of the file stays the same. So the read offsets of readers stay valid, the writer
//! continues to append at the end, and no other line is lost.
//!
//! The bytes of a hole read as zeros. The hole ends one byte before the beginning of a line, so
//! that the newline of the last dropped line follows the zeros. A reader that reads zeros skips
//! them and the first newline. The reader is then at the beginning of a whole line, even if the
//! hole was made during its read.

use crate::paths::files;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::sparse;

#[cfg(test)]
mod tests;

/// Number of bytes in which a newline is searched after the wanted end of the hole. Longer than any
/// line.
const LONGEST_LINE: usize = 128 * 1024;

/// Why the size of a log could not be limited.
#[derive(Debug, thiserror::Error)]
pub enum BoundError {
    /// The file system does not support holes, so the file grows without limit.
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
    /// The log could not be opened, measured or read, or the hole could not be made.
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

/// Copies the lines of a log without the hole at its beginning, for programs that would show the
/// hole as zeros. Returns false and copies nothing if there is no hole.
///
/// # Errors
/// If the log cannot be read or the copy cannot be written.
pub fn copy_kept(log: &Path, to: &Path) -> io::Result<bool> {
    use std::io::{BufRead, BufReader, Seek, SeekFrom};

    let mut file = File::open(log)?;
    let Some(begin @ 1..) = sparse::next_data(&file, 0)? else { return Ok(false) };
    file.seek(SeekFrom::Start(begin))?;
    let mut kept = BufReader::new(file);
    // Skips the remaining zeros of the hole, and the end of the last dropped line.
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
    /// Offset at which the hole at the beginning of the file ends.
    begin: u64,
}

impl FileBound {
    /// Creates the limit of the file at `path`, in bytes. The file need not exist yet.
    pub fn new(path: &Path, max: u64) -> Self {
        Self { path: path.to_owned(), max, file: None, begin: 0 }
    }

    /// Changes the limit, in bytes. The next call of [`Self::enforce`] applies the new limit.
    pub fn set_max(&mut self, max: u64) {
        self.max = max;
    }

    /// Drops the oldest lines if the file exceeds the limit. Returns the number of dropped bytes.
    /// Drops more than necessary, by an eighth of the limit, so that the next call usually drops
    /// nothing.
    ///
    /// Must be called after the file has grown. For a small file, the call makes two system calls.
    ///
    /// # Errors
    /// See [`BoundError`]. After an error, the log is unchanged.
    pub fn enforce(&mut self) -> Result<u64, BoundError> {
        self.open()?;
        self.cut()
    }

    /// Like [`Self::enforce`], for an open log file that is no longer at its path.
    ///
    /// # Errors
    /// See [`BoundError`]. After an error, the log is unchanged.
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
            // The file was truncated, so the stored offset is wrong.
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

    /// Opens the file at the path, unless that file is open already.
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

/// The offset of the first newline at or after `from`. Returns `from` if there is no newline within
/// [`LONGEST_LINE`] bytes.
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
