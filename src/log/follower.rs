//! Follows a growing log file line by line.
//!
//! Each viewer reads the file on its own, so viewers cost the writer nothing. While the file does
//! not change, nothing polls it: the kernel reports changes through inotify.

mod reader;
mod shared;
mod splitter;
#[cfg(test)]
mod tests;
mod watch;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use reader::{Next, Step};
use shared::SharedReader;
use watch::Watch;

/// Pause after all data was read. With the pause, a busy file causes 250 wake-ups per second
/// instead of one per line. A line after a longer silence is still delivered at once.
const REST: Duration = Duration::from_millis(4);

/// Pause after an error, so that a broken disk is not read without pause.
const REST_AFTER_ERROR: Duration = Duration::from_secs(1);

/// Where to begin to read a file that exists already. A file that appears later is read from its
/// beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// At the oldest line that the file still has.
    Beginning,
    /// At the last N lines that are complete. `Tail(0)` returns only lines that are written later.
    Tail(usize),
    /// At this byte offset, which must be the beginning of a line. [`Follower::offset`] returns
    /// such an offset.
    Offset(u64),
}

/// Complete lines of a log, in their order.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    skipped: u64,
}

impl Batch {
    /// The lines without their line ends. A line of more than 64 KiB is cut and ends with a note
    /// about the missing bytes.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        self.ends.iter().zip(begins).map(|(end, begin)| &self.bytes[begin..*end])
    }

    /// The line at an index, without its line end.
    pub fn line(&self, at: usize) -> Option<&[u8]> {
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[begin..*self.ends.get(at)?])
    }

    /// Number of lines in the batch.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the batch has no lines.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Number of bytes that the reader has missed directly before the lines of this batch. The file
    /// lost these bytes before they were read, because the file was truncated or its size was
    /// limited. The number is exact to a disk block.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    fn end_line(&mut self) {
        self.ends.push(self.bytes.len());
    }
}

/// The log could not be read. The next call tries again.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the log {path}: {source}; check that it belongs to you and its disk works")]
pub struct FollowError {
    path: PathBuf,
    source: io::Error,
}

/// Follows the log file at one path while the file grows, is truncated, is replaced, or loses its
/// oldest lines to a size limit (see [`super::bound`]). A follower needs memory only for one read
/// buffer and one unfinished line, even for a large file.
#[derive(Debug)]
pub struct Follower {
    reader: SharedReader,
    /// Created when the follower first waits, because a watch needs a runtime. Reading the existing
    /// lines needs no runtime.
    watch: Option<Watch>,
    rest: Duration,
    rest_until: Option<Instant>,
}

impl Follower {
    /// Begins to follow the file at `path`. The file need not exist yet. If the file exists,
    /// `start` refers to its content at the time of this call.
    pub fn new(path: &Path, start: StartAt) -> Self {
        Self::of(SharedReader::new(path, start))
    }

    fn of(reader: SharedReader) -> Self {
        Self { reader, watch: None, rest: REST, rest_until: None }
    }

    /// Makes [`Self::read_on`] and [`Self::drain`] wait up to 3 s instead of 500 ms for each chunk
    /// from a slow file system. For a command, or for a thread of a host that may block for
    /// seconds.
    pub fn patient(mut self) -> Self {
        self.reader.be_patient();
        self
    }

    /// Sets the pause after all data was read (default: 4 ms). A longer pause saves wake-ups for a
    /// screen that is drawn only 30 times a second.
    pub fn resting(mut self, rest: Duration) -> Self {
        self.rest = rest;
        self
    }

    /// Waits for the next lines and returns at least one line. Cancel-safe. Needs a tokio runtime
    /// with IO and time.
    ///
    /// # Errors
    /// If the file exists and cannot be read. The next call tries again after a second.
    pub async fn next(&mut self) -> Result<Batch, FollowError> {
        tokio::task::coop::consume_budget().await;
        if let Some(until) = self.rest_until {
            tokio::time::sleep_until(until).await;
            self.rest_until = None;
        }
        loop {
            let watch = self.watch.get_or_insert_with(|| Watch::new(self.reader.path()));
            let attach = watch.attach(self.reader.opened());
            let done = match self.reader.step(attach, watch.is_suspicious()).await {
                Ok(done) => done,
                Err(error) => return Err(self.error(error)),
            };
            if let Some(attached) = done.attached {
                watch.attached(attached);
            }
            let Step { batch, next } = done.step;
            if !batch.is_empty() {
                self.rest_until = (next == Next::Rest).then(|| Instant::now() + self.rest);
                return Ok(batch);
            }
            if next == Next::Wait {
                watch.changed().await;
            }
        }
    }

    /// Reads all complete lines that the file has now, and passes them to `each`.
    ///
    /// # Errors
    /// If the file exists and cannot be read. `each` was called for the lines before the error.
    pub fn read_on(&mut self, mut each: impl FnMut(&Batch)) -> Result<(), FollowError> {
        while let Some(batch) = self.read_next()? {
            each(&batch);
        }
        Ok(())
    }

    /// Reads the next complete lines that the file has now. `None` if there are no more.
    ///
    /// # Errors
    /// If the file exists and cannot be read.
    pub fn read_next(&mut self) -> Result<Option<Batch>, FollowError> {
        loop {
            let step = self.reader.step_blocking(true).map_err(|error| self.error(error))?;
            if !step.batch.is_empty() {
                return Ok(Some(step.batch));
            }
            if step.next == Next::Wait {
                return Ok(None);
            }
        }
    }

    /// Like [`Self::read_next`], but never blocks the thread. Cancel-safe. Needs a tokio runtime with
    /// time.
    ///
    /// # Errors
    /// See [`Self::read_next`].
    pub async fn next_written(&mut self) -> Result<Option<Batch>, FollowError> {
        loop {
            let step = match self.reader.step(None, true).await {
                Ok(done) => done.step,
                Err(error) => return Err(self.error(error)),
            };
            if !step.batch.is_empty() {
                return Ok(Some(step.batch));
            }
            if step.next == Next::Wait {
                return Ok(None);
            }
        }
    }

    /// Reads the file to its end, and passes all lines to `each`. Includes a last line without a
    /// line end. Must be called only if the writer writes no more, or for a log that is read once.
    /// After the end of the writer, its exit is evaluated only after its last lines were read.
    ///
    /// # Errors
    /// See [`Follower::read_on`].
    pub fn drain(&mut self, mut each: impl FnMut(&Batch)) -> Result<(), FollowError> {
        self.read_on(&mut each)?;
        let mut batch = Batch::default();
        self.reader.finish(&mut batch);
        if !batch.is_empty() {
            each(&batch);
        }
        Ok(())
    }

    /// Stops the use of inotify: from now on, the file is polled. Returns the inotify watch, so
    /// that the caller can drop the watch on another thread. The drop takes up to 20 ms, because
    /// the kernel waits for all current users of a watch.
    pub fn unwatch(&mut self) -> impl Send + use<> {
        self.watch.replace(Watch::blind(self.reader.path()))
    }

    /// Starts to use inotify again after [`Self::unwatch`].
    pub fn watch_again(&mut self) {
        self.watch.take_if(|watch| watch.is_blind());
    }

    /// Offset of the next line from the beginning of the file, in bytes. `None` while the file
    /// system does not respond.
    pub fn offset(&self) -> Option<u64> {
        self.reader.line_begin()
    }

    fn error(&mut self, source: io::Error) -> FollowError {
        self.rest_until = None;
        if self.watch.is_some() {
            self.rest_until = Some(Instant::now() + REST_AFTER_ERROR);
        }
        FollowError { path: self.reader.path().to_owned(), source }
    }
}
