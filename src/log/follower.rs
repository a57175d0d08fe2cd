//! Follows a growing log file, line by line, for as long as anybody wants.
//!
//! The file is the stream: each viewer follows it on its own and none can cost the writer anything.
//! Nobody is asked and nothing ticks while the file rests: the kernel says when it grew (inotify).

mod reader;
mod splitter;
#[cfg(test)]
mod tests;
mod watch;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use reader::Reader;
use watch::Watch;

/// How long a follower rests after it has caught up: a busy file then costs 250 wake-ups a second
/// and not one a line, and a line that breaks a silence is delivered at once.
const REST: Duration = Duration::from_millis(4);

/// How long it rests after an error, so that a broken disk is not asked all the time.
const REST_AFTER_ERROR: Duration = Duration::from_secs(1);

/// Where following begins, if the file is there already. One that appears later is read from its
/// beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the oldest line that is kept.
    Beginning,
    /// With the last so many whole lines; `Tail(0)` for only what is new.
    Tail(usize),
    /// At a byte offset where a line begins, as [`Follower::offset`] gave it.
    Offset(u64),
}

/// Some whole lines, in order.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    skipped: u64,
}

impl Batch {
    /// The lines without their line ends. Longer ones are cut at 64 KiB and say so.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        self.ends.iter().zip(begins).map(|(end, begin)| &self.bytes[begin..*end])
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of the log that were gone before they could be read, in front of these lines: the
    /// file was bounded or truncated faster than it was read. Exact to a block of the disk.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    fn end_line(&mut self) {
        self.ends.push(self.bytes.len());
    }
}

/// The log cannot be read now. Following goes on with the next call.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the log {path}: {source}; check that it belongs to you and its disk works")]
pub struct FollowError {
    path: PathBuf,
    source: io::Error,
}

/// Follows one path through growth, truncation, replacement and bounding (see [`super::bound`]).
/// Holds one read buffer, one unfinished line and nothing else, however much is written.
#[derive(Debug)]
pub struct Follower {
    reader: Reader,
    /// Made at the first wait, so that reading what is there needs no runtime.
    watch: Option<Watch>,
    rest: Duration,
    rest_until: Option<Instant>,
}

impl Follower {
    /// Begins to follow `path`, which need not exist yet; where it does, `start` means its state
    /// at this moment.
    pub fn new(path: &Path, start: Start) -> Self {
        Self { reader: Reader::new(path, start), watch: None, rest: REST, rest_until: None }
    }

    /// Rests so long after it has caught up, in place of 4 ms: a screen that is drawn 30 times a
    /// second needs no more wake-ups than that.
    pub fn resting(mut self, rest: Duration) -> Self {
        self.rest = rest;
        self
    }

    /// The next lines, at least one; waits for them. Dropping the future loses nothing. Needs a
    /// tokio runtime with IO and time.
    ///
    /// # Errors
    /// Where the file is there and cannot be read. The next call tries again after a second.
    pub async fn next(&mut self) -> Result<Batch, FollowError> {
        tokio::task::coop::consume_budget().await;
        if let Some(until) = self.rest_until {
            tokio::time::sleep_until(until).await;
            self.rest_until = None;
        }
        loop {
            let watch = self.watch.get_or_insert_with(|| Watch::new(self.reader.path()));
            watch.attach(&self.reader);
            let mut batch = Batch::default();
            match self.reader.read(&mut batch) {
                Ok(caught_up) if !batch.is_empty() => {
                    self.rest_until = caught_up.then(|| Instant::now() + self.rest);
                    return Ok(batch);
                }
                Ok(false) => {}
                Ok(true) => match self.reader.renew(watch.is_suspicious(), &mut batch) {
                    Ok(_) if !batch.is_empty() => return Ok(batch),
                    Ok(true) => {}
                    Ok(false) => watch.changed().await,
                    Err(error) => return Err(self.error(error)),
                },
                Err(error) => return Err(self.error(error)),
            }
        }
    }

    /// Reads the whole lines that are there, without waiting.
    ///
    /// # Errors
    /// Where the file is there and cannot be read; `each` has had what could be.
    pub fn read_on(&mut self, mut each: impl FnMut(&Batch)) -> Result<(), FollowError> {
        loop {
            let mut batch = Batch::default();
            let caught_up = self.reader.read(&mut batch).map_err(|e| self.error(e))?;
            let mut more = !caught_up || !batch.is_empty();
            if !more {
                more = self.reader.renew(true, &mut batch).map_err(|e| self.error(e))?;
            }
            if !batch.is_empty() {
                each(&batch);
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// Reads to the end without waiting, unfinished last line included. For when the writer has
    /// ended, so that its last words precede the verdict; and for reading what is there.
    ///
    /// # Errors
    /// As [`Follower::read_on`].
    pub fn drain(&mut self, mut each: impl FnMut(&Batch)) -> Result<(), FollowError> {
        self.read_on(&mut each)?;
        let mut batch = Batch::default();
        self.reader.finish(&mut batch);
        if !batch.is_empty() {
            each(&batch);
        }
        Ok(())
    }

    /// Polls from now on. Returns the kernel's watch of the file. To drop it takes up to 20 ms:
    /// the kernel waits for everybody who uses a watch at that moment.
    pub fn unwatch(&mut self) -> impl Send + use<> {
        self.watch.replace(Watch::blind(self.reader.path()))
    }

    /// Lets the kernel watch the file again after [`Self::unwatch`].
    pub fn watch_again(&mut self) {
        self.watch.take_if(|watch| watch.is_blind());
    }

    /// Where the next line begins, in bytes from the beginning of the file.
    pub fn offset(&self) -> u64 {
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
