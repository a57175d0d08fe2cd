//! Reads a file by offset, also after truncation or replacement.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::splitter::Splitter;
use super::{Batch, Start};
use crate::log::sparse;
use crate::process::look;

/// Bytes per read, which is also about the maximum size of a batch.
const CHUNK: usize = 128 * 1024;

/// The file, the read position, and the unfinished line.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    file: Option<File>,
    /// Number of files opened so far, so that a watch can detect that it watches an old file.
    opened: u64,
    start: Start,
    offset: u64,
    splitter: Splitter,
    skipped: u64,
    buffer: Box<[u8]>,
}

impl Reader {
    pub(super) fn new(path: &Path, start: Start) -> Self {
        let mut reader = Self {
            path: path.to_owned(),
            file: None,
            opened: 0,
            start,
            offset: 0,
            splitter: Splitter::default(),
            skipped: 0,
            buffer: vec![0; CHUNK].into_boxed_slice(),
        };
        // An error here occurs again at the first read, which reports it.
        let _ = reader.open();
        reader
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self) -> Option<(&File, u64)> {
        self.file.as_ref().map(|file| (file, self.opened))
    }

    pub(super) fn line_begin(&self) -> u64 {
        self.offset - self.splitter.pending()
    }

    pub(super) fn finish(&mut self, batch: &mut Batch) {
        self.splitter.finish(batch);
    }

    /// Reads a chunk. Returns `true` if that was all available data.
    pub(super) fn read(&mut self, batch: &mut Batch) -> io::Result<bool> {
        let Some(file) = &self.file else {
            return Ok(true);
        };
        let n = file.read_at(&mut self.buffer, self.offset)?;
        let chunk = &self.buffer[..n];
        if chunk.first() == Some(&0) {
            let len = file.metadata()?.len();
            let data = sparse::next_data(file, self.offset)?.unwrap_or(len);
            if data > self.offset {
                // The front of the file was dropped before it was read.
                self.skipped += data - self.offset + self.splitter.discard();
                self.offset = data;
                return Ok(false);
            }
        }
        // `contains` is far faster than `position`, and nearly always sufficient.
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

    /// Checks at the end of the file whether there is more data. Detects a truncated file and, if
    /// `suspicious`, a new file at the path; the old file is read to its end first. Returns `true`
    /// if there is more to read.
    pub(super) fn renew(&mut self, suspicious: bool, batch: &mut Batch) -> io::Result<bool> {
        let Some(file) = &self.file else {
            return self.open();
        };
        if file.metadata()?.len() < self.offset {
            self.skipped += self.splitter.pending();
            self.splitter.clear();
            self.offset = 0;
            return Ok(true);
        }
        if !suspicious || self.in_place()? {
            return Ok(false);
        }
        // The writer may have written to the old file until the rename.
        if !self.read(batch)? || !batch.is_empty() {
            return Ok(true);
        }
        self.splitter.finish(batch);
        self.file = None;
        self.open()?;
        Ok(true)
    }

    /// Whether the path still leads to the open file. A deleted file without a successor is kept,
    /// because its writer may still have it open.
    fn in_place(&self) -> io::Result<bool> {
        let identity = |meta: Metadata| (meta.dev(), meta.ino());
        match look::promptly(&self.path, Path::metadata) {
            Ok(there) => {
                let ours = self.file.as_ref().map(File::metadata).transpose()?;
                Ok(ours.map(identity) == Some(identity(there)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn open(&mut self) -> io::Result<bool> {
        let file = match look::promptly(&self.path, |path| File::open(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A file that appears later is read from its first line.
                self.start = Start::Beginning;
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let start = std::mem::replace(&mut self.start, Start::Beginning);
        let (offset, torn) = begin(&file, start)?;
        self.splitter.clear();
        if torn {
            self.splitter.discard();
        }
        self.offset = offset;
        self.file = Some(file);
        self.opened += 1;
        Ok(true)
    }
}

/// Whether the line that begins at `line` was dropped after its reading began: then the newline
/// before it reads as zero. This distinguishes a hole from zero bytes that were written.
fn is_punched(file: &File, line: u64) -> io::Result<bool> {
    let mut before = [1];
    file.read_at(&mut before, line.saturating_sub(1))?;
    Ok(before == [0])
}

/// The offset to begin at, and whether it is before the beginning of a line instead of at it.
fn begin(file: &File, start: Start) -> io::Result<(u64, bool)> {
    let size = file.metadata()?.len();
    if let Start::Offset(offset) = start
        && offset <= size
    {
        return Ok((offset, false));
    }
    let hole = is_punched(file, 0)?;
    let front = if hole { sparse::next_data(file, 0)?.unwrap_or(size) } else { 0 };
    let Start::Tail(lines) = start else {
        return Ok((front, hole));
    };

    // One more newline than lines: the newline before the wanted lines.
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
