//! Splits bytes into lines, without IO.

use std::io::BufRead;

use super::Batch;
use crate::log::line::{MAX_LINE, cut_notice};

/// Splits a stream of bytes at newlines. Limits the length of a line, and can skip the rest of a
/// line whose beginning is missing.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    partial: Vec<u8>,
    /// Number of bytes that were dropped from the unfinished line, because the line is too long.
    cut: u64,
    /// Whether to skip all bytes up to and including the next newline.
    resync: bool,
}

impl LineSplitter {
    pub(super) fn feed(&mut self, mut bytes: &[u8], batch: &mut Batch) {
        while !bytes.is_empty() {
            let before = bytes;
            // A read from a slice cannot fail. `skip_until` is as fast as `memchr`.
            let taken = bytes.skip_until(b'\n').unwrap_or(before.len());
            let line = &before[..taken];
            let (line, ended) = match line.strip_suffix(b"\n") {
                Some(line) => (line, true),
                None => (line, false),
            };
            if self.resync {
                self.resync = !ended;
            } else if ended && self.partial.is_empty() && line.len() <= MAX_LINE {
                batch.bytes.extend_from_slice(line);
                batch.end_line();
            } else {
                let room = MAX_LINE - self.partial.len();
                let (kept, cut) = line.split_at(room.min(line.len()));
                self.partial.extend_from_slice(kept);
                self.cut += cut.len() as u64;
                if ended {
                    self.end(batch);
                }
            }
        }
    }

    /// Adds the unfinished line to the batch, if there is one.
    pub(super) fn finish(&mut self, batch: &mut Batch) {
        if self.pending() > 0 {
            self.end(batch);
        }
    }

    /// Drops the beginning of the unfinished line. The rest of this line is skipped later. Returns
    /// the number of bytes dropped now.
    pub(super) fn discard(&mut self) -> u64 {
        let torn = self.pending();
        self.clear();
        self.resync = true;
        torn
    }

    /// Discards the unfinished line. The next byte begins a new line.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Number of bytes of the unfinished line that were read so far.
    pub(super) fn pending(&self) -> u64 {
        self.partial.len() as u64 + self.cut
    }

    pub(super) fn in_resync(&self) -> bool {
        self.resync
    }

    fn end(&mut self, batch: &mut Batch) {
        batch.bytes.append(&mut self.partial);
        if self.cut > 0 {
            batch.bytes.extend_from_slice(cut_notice(self.cut).as_bytes());
        }
        batch.end_line();
        // The call also frees the buffer, which may have 64 KiB after a long line. Such lines are
        // rare.
        self.clear();
    }
}
