//! Reads a log file by offset, in steps. Detects a file that was truncated or replaced.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::splitter::LineSplitter;
use super::{Batch, StartAt};
use crate::log::sparse;
use crate::paths;
use crate::process::look;

/// Number of bytes of one read. A batch of lines has about this size at most.
const CHUNK: usize = 128 * 1024;

/// The objects that a step may access. An access to the path may block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Only the file that is open.
    OpenFile,
    /// The open file and the path. The path may lead to a file system that does not respond.
    Path,
}

/// The next action of the caller after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Take the next step: there may be more data.
    Read,
    /// Pause: this step has read the last data that was available.
    Rest,
    /// Wait for a change of the file: this step found no data.
    Wait,
    /// Take the step again with [`Access::Path`].
    LookAtPath,
}

/// The result of a step: the lines that it has read, and what to do next.
#[derive(Debug)]
pub(super) struct Step {
    pub batch: Batch,
    pub next: Next,
}

/// An open log file, the read position, and the beginning of a line whose end is not written yet.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    file: Option<File>,
    /// Whether an access to the open file may block, because its file system is a network or FUSE
    /// one.
    is_remote: bool,
    /// Number of files that this reader has opened so far. The number identifies the open file: a
    /// watch with another number watches an old file.
    opened: u64,
    start: StartAt,
    offset: u64,
    splitter: LineSplitter,
    skipped: u64,
    buffer: Box<[u8]>,
}

impl Reader {
    pub(super) fn new(path: &Path, start: StartAt) -> Self {
        let mut reader = Self {
            path: path.to_owned(),
            file: None,
            is_remote: false,
            opened: 0,
            start,
            offset: 0,
            splitter: LineSplitter::default(),
            skipped: 0,
            buffer: vec![0; CHUNK].into_boxed_slice(),
        };
        // An error is ignored here, because the first read fails with the same error and reports
        // it.
        let _ = reader.open_at_start();
        reader
    }

    fn open_at_start(&mut self) -> io::Result<()> {
        let opened = look::promptly(&self.path, |path| {
            let file = File::open(path)?;
            Ok((paths::is_remote(&file), file))
        });
        let (is_remote, file) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.not_opened(error).map(drop),
        };
        let start = self.start;
        let begin = move || begin(&file, start).map(|begun| (begun, file));
        let (begun, file) =
            if is_remote { look::promptly(&self.path, move |_| begin())? } else { begin()? };
        self.follow(file, is_remote, begun);
        Ok(())
    }

    pub(super) fn file(&self) -> Option<(&File, u64)> {
        self.file.as_ref().map(|file| (file, self.opened))
    }

    pub(super) fn is_remote(&self) -> bool {
        self.is_remote
    }

    #[cfg(test)]
    pub(super) fn assume_remote(&mut self) {
        self.is_remote = true;
    }

    pub(super) fn take_remote_file(&mut self) -> Option<File> {
        self.file.take_if(|_| self.is_remote)
    }

    pub(super) fn line_begin(&self) -> u64 {
        self.offset - self.splitter.pending()
    }

    pub(super) fn finish(&mut self, batch: &mut Batch) {
        self.splitter.finish(batch);
    }

    /// Reads a chunk. If there is no more data, checks for a truncated or replaced file; see
    /// [`Self::renew`]. `suspicious` is true if the path may lead to another file now.
    pub(super) fn step(&mut self, suspicious: bool, access: Access) -> io::Result<Step> {
        let mut batch = Batch::default();
        let caught_up = self.read(&mut batch)?;
        let next = match (caught_up, batch.is_empty()) {
            (false, _) => Next::Read,
            (true, false) => Next::Rest,
            (true, true) => self.renew(suspicious, access, &mut batch)?,
        };
        Ok(Step { batch, next })
    }

    /// Reads a chunk and splits it into lines. Returns true if no more data is available.
    fn read(&mut self, batch: &mut Batch) -> io::Result<bool> {
        let Some(file) = &self.file else {
            return Ok(true);
        };
        let n = file.read_at(&mut self.buffer, self.offset)?;
        let chunk = &self.buffer[..n];
        if chunk.first() == Some(&0) {
            let len = file.metadata()?.len();
            let data = sparse::next_data(file, self.offset)?.unwrap_or(len);
            if data > self.offset {
                // The size limit has dropped these bytes before they were read.
                self.skipped += data - self.offset + self.splitter.discard();
                self.offset = data;
                return Ok(false);
            }
        }
        // Nearly no chunk has a zero byte. For such a chunk, `contains` is far faster than
        // `position`.
        let zero = chunk.contains(&0).then(|| chunk.iter().position(|byte| *byte == 0)).flatten();
        match zero {
            Some(zero) if !self.splitter.in_resync() => {
                self.splitter.feed(&chunk[..zero], batch);
                let line = self.offset + zero as u64 - self.splitter.pending();
                if is_punched(file, line)? {
                    self.skipped += self.splitter.discard();
                }
                self.splitter.feed(&chunk[zero..], batch);
            }
            _ => self.splitter.feed(chunk, batch),
        }
        self.offset += n as u64;
        if !batch.is_empty() {
            batch.skipped = std::mem::take(&mut self.skipped);
        }
        Ok(n < CHUNK)
    }

    /// Checks for more data after the reader has reached the end of the file. Detects that the file
    /// was truncated. If `suspicious` is true, also detects that another file is at the path. In
    /// that case, the reader reads the old file to its end before it opens the new file.
    fn renew(&mut self, suspicious: bool, access: Access, batch: &mut Batch) -> io::Result<Next> {
        let Some(file) = &self.file else {
            return match access {
                Access::OpenFile => Ok(Next::LookAtPath),
                Access::Path => self.open(),
            };
        };
        if file.metadata()?.len() < self.offset {
            self.skipped += self.splitter.pending();
            self.splitter.clear();
            self.offset = 0;
            return Ok(Next::Read);
        }
        if suspicious && access == Access::OpenFile {
            return Ok(Next::LookAtPath);
        }
        if !suspicious || self.in_place()? {
            return Ok(Next::Wait);
        }
        // The writer may have appended lines to the old file until the file was renamed. These
        // lines are read first.
        if !self.read(batch)? || !batch.is_empty() {
            return Ok(Next::Read);
        }
        self.splitter.finish(batch);
        self.file = None;
        self.open()?;
        Ok(Next::Read)
    }

    /// Whether the path still leads to the open file. Also true if there is no file at the path,
    /// because the writer of a deleted file may still have the file open.
    fn in_place(&self) -> io::Result<bool> {
        let identity = |meta: Metadata| (meta.dev(), meta.ino());
        match self.path.metadata() {
            Ok(there) => {
                let ours = self.file.as_ref().map(File::metadata).transpose()?;
                Ok(ours.map(identity) == Some(identity(there)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn open(&mut self) -> io::Result<Next> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) => return self.not_opened(error),
        };
        let begun = begin(&file, self.start)?;
        let is_remote = paths::is_remote(&file);
        self.follow(file, is_remote, begun);
        Ok(Next::Read)
    }

    fn not_opened(&mut self, error: io::Error) -> io::Result<Next> {
        if error.kind() == io::ErrorKind::NotFound {
            // The reader begins at the beginning of a file that appears later.
            self.start = StartAt::Beginning;
            return Ok(Next::Wait);
        }
        Err(error)
    }

    fn follow(&mut self, file: File, is_remote: bool, (offset, torn): (u64, bool)) {
        self.start = StartAt::Beginning;
        self.splitter.clear();
        if torn {
            self.splitter.discard();
        }
        self.offset = offset;
        self.file = Some(file);
        self.is_remote = is_remote;
        self.opened += 1;
    }
}

/// Whether the size limit dropped the beginning of the line at offset `line` while the line was
/// being read. In that case, the newline before the line is part of a hole and reads as zero. Zeros
/// that the writer has written have a newline before their line.
fn is_punched(file: &File, line: u64) -> io::Result<bool> {
    let mut before = [1];
    file.read_at(&mut before, line.saturating_sub(1))?;
    Ok(before == [0])
}

/// The offset at which the reader begins. The flag is true if this offset is within a line. The
/// rest of that line must be skipped.
fn begin(file: &File, start: StartAt) -> io::Result<(u64, bool)> {
    let size = file.metadata()?.len();
    if let StartAt::Offset(offset) = start
        && offset <= size
    {
        return Ok((offset, false));
    }
    let hole = is_punched(file, 0)?;
    let front = if hole { sparse::next_data(file, 0)?.unwrap_or(size) } else { 0 };
    let StartAt::Tail(lines) = start else {
        return Ok((front, hole));
    };

    // The first wanted line begins after a newline, so the search needs one newline more than
    // lines.
    let mut wanted = lines + 1;
    let mut buffer = vec![0; CHUNK];
    let mut end = size;
    while end > front {
        let from = end.saturating_sub(CHUNK as u64).max(front);
        let chunk = &mut buffer[..(end - from) as usize];
        file.read_exact_at(chunk, from)?;
        for (at, _) in chunk.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            wanted -= 1;
            if wanted == 0 {
                return Ok((from + at as u64 + 1, false));
            }
        }
        end = from;
    }
    Ok((front, hole))
}
