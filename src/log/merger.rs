//! The lines of several logs in one order: by time as far as the lines were written before, and by
//! arrival while the logs are followed.

use std::borrow::Cow;

use futures_util::future::select_all;
use jiff::Timestamp;

use super::line::{Head, LineParser, text};
use super::{Batch, FollowError, Follower};

/// Merges the lines of several logs. The lines of each log keep their order.
#[derive(Debug)]
pub struct LogMerger {
    logs: Vec<OpenLog>,
    /// Index of the log whose new lines are read first, so that a busy log delays no other one.
    next: usize,
}

/// A line of one of several logs.
#[derive(Debug)]
pub struct MergedLine<'a> {
    /// Index of the log.
    pub log: usize,
    /// The line as in the file. **Not safe to print.**
    pub text: Cow<'a, str>,
    /// The parts of the line that filters need.
    pub head: Head,
    /// Time of the line, or else of the last line of the log before it that has a time.
    pub at: Option<Timestamp>,
}

#[derive(Debug)]
struct OpenLog {
    follower: Follower,
    parser: LineParser,
    /// Lines that were read, of which some may not be passed on yet.
    batch: Batch,
    /// Index of the next line in the batch.
    line: usize,
    /// Head of the next line. `None` if all lines of the batch were passed on.
    head: Option<Head>,
    /// Time of the next line, or else of the last line before it that has a time.
    at: Option<Timestamp>,
    /// Whether the lines were read that the file had before it is followed.
    is_read: bool,
}

impl LogMerger {
    /// Merges logs, each with the parser of its lines.
    pub fn new(logs: impl IntoIterator<Item = (Follower, LineParser)>) -> Self {
        let open = |(follower, parser)| OpenLog {
            follower,
            parser,
            batch: Batch::default(),
            line: 0,
            head: None,
            at: None,
            is_read: false,
        };
        Self { logs: logs.into_iter().map(open).collect(), next: 0 }
    }

    /// Passes over the lines that the log at this index has now.
    pub(super) fn skip_written(&mut self, log: usize) {
        self.logs[log].is_read = true;
    }

    /// Reads the logs to their ends and passes each line to `each`. Blocks. Only a part of each log is
    /// in memory.
    ///
    /// # Errors
    /// If a file exists and cannot be read. The other files were read.
    pub fn read(&mut self, mut each: impl FnMut(MergedLine<'_>)) -> Result<(), FollowError> {
        let mut first_error = Ok(());
        loop {
            while let Some(log) = self.unread() {
                let read = self.logs[log].follower.read_next();
                if let Err(error) = self.take(log, read) {
                    first_error = first_error.and(Err(error));
                }
            }
            if !self.pass_earliest(&mut each) {
                return first_error;
            }
        }
    }

    /// Waits for lines and passes them to `each`: first the lines that the logs have now, then new lines
    /// of any log. Cancel-safe. Needs a tokio runtime with IO and time.
    ///
    /// # Errors
    /// If a file exists and cannot be read. The next call tries this file again after a second.
    pub async fn next(&mut self, mut each: impl FnMut(MergedLine<'_>)) -> Result<(), FollowError> {
        while let Some(log) = self.unread() {
            let read = self.logs[log].follower.next_written().await;
            self.take(log, read)?;
        }
        let mut has_passed = false;
        while self.unread().is_none() && self.pass_earliest(&mut each) {
            has_passed = true;
        }
        let count = self.logs.len();
        if has_passed {
            return Ok(());
        } else if count == 0 {
            return std::future::pending().await;
        }
        let (before, after) = self.logs.split_at_mut(self.next);
        let waits = after.iter_mut().chain(before).map(|log| Box::pin(log.follower.next()));
        let (batch, at, _) = select_all(waits).await;
        let from = (self.next + at) % count;
        self.next = (from + 1) % count;
        self.logs[from].take(batch?);
        while self.logs[from].pass(from, &mut each) {}
        Ok(())
    }

    /// Returns the index of a log whose next line must be read before a line of another log is passed on.
    fn unread(&self) -> Option<usize> {
        self.logs.iter().position(|log| !log.is_read && log.head.is_none())
    }

    fn take(
        &mut self,
        log: usize,
        read: Result<Option<Batch>, FollowError>,
    ) -> Result<(), FollowError> {
        let log = &mut self.logs[log];
        match read {
            Ok(Some(batch)) => log.take(batch),
            Ok(None) => log.is_read = true,
            Err(error) => {
                log.is_read = true;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Passes on the line with the earliest time of the next lines of all logs. A line without any time
    /// is earlier, and lines with the same time have the order of their logs. So the lines of a stack
    /// trace follow one another. Returns false if there is no line.
    fn pass_earliest(&mut self, each: &mut impl FnMut(MergedLine<'_>)) -> bool {
        let heads = self.logs.iter_mut().enumerate().filter(|(_, log)| log.head.is_some());
        let earliest = heads.min_by_key(|(_, log)| log.at);
        earliest.is_some_and(|(number, log)| log.pass(number, each))
    }
}

impl OpenLog {
    fn take(&mut self, batch: Batch) {
        self.batch = batch;
        self.line = 0;
        self.parse();
    }

    /// Parses the next line.
    fn parse(&mut self) {
        self.head = self.batch.line(self.line).map(|line| self.parser.scan(&text(line)));
        self.at = self.head.as_ref().and_then(|head| head.time).or(self.at);
    }

    /// Passes on the next line. Returns false if there is none.
    fn pass(&mut self, log: usize, each: &mut impl FnMut(MergedLine<'_>)) -> bool {
        let Some((head, line)) = self.head.take().zip(self.batch.line(self.line)) else {
            return false;
        };
        each(MergedLine { log, text: text(line), head, at: self.at });
        self.line += 1;
        self.parse();
        true
    }
}
