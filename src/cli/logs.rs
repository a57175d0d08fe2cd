//! `stigmer local logs`: Temporal's log from its file, with or without a host.

use super::output::raw;
use super::{CliError, Context, block_on};
use crate::config::Span;
use crate::log::{Batch, Follower, Start};
use crate::temporal::logline::{Level, LineParser, LogLine};
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use regex::Regex;
use std::collections::VecDeque;

/// What of the log, and how.
#[derive(Debug, Args)]
pub(super) struct Logs {
    /// Go on with what is written from now on
    #[arg(short, long)]
    follow: bool,
    /// The last so many lines that pass the filters [default: all]
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<usize>,
    /// This level and above: debug, info, warn, error
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
    /// Lines that match this regular expression
    #[arg(long, value_name = "RE")]
    grep: Option<Regex>,
    /// Not older than this, such as 10m
    #[arg(long, value_name = "TIME")]
    since: Option<Span>,
    /// An object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(context: &Context, wanted: &Logs) -> Result<i32, CliError> {
    context.warn_of_broken_config();
    let mut follower = Follower::new(&context.home.temporal_log(), Start::Beginning);
    let mut filter = Filter::new(wanted);
    let failed = |error: crate::log::FollowError| CliError::Other(error.to_string());
    let mut kept: VecDeque<String> = VecDeque::new();
    follower
        .read_on(|batch| {
            filter.pass(batch, |line| {
                kept.push_back(line);
                match wanted.lines {
                    Some(most) if kept.len() > most => drop(kept.pop_front()),
                    Some(_) => {}
                    // Without a bound nothing needs to wait for the end.
                    None => raw(kept.pop_front().unwrap_or_default().as_bytes()),
                }
            });
        })
        .map_err(failed)?;
    for line in kept {
        raw(line.as_bytes());
    }
    if !wanted.follow {
        return Ok(0);
    }
    block_on(async {
        loop {
            let batch = follower.next().await.map_err(failed)?;
            let mut text = String::new();
            filter.pass(&batch, |line| text.push_str(&line));
            if !super::output::try_raw(text.as_bytes()) {
                // The reader has closed the pipe.
                return Ok(0);
            }
        }
    })?
}

struct Filter<'a> {
    wanted: &'a Logs,
    since: Option<Timestamp>,
    parser: LineParser,
    zone: TimeZone,
    /// Of the last line that says a time: those that say none belong to it.
    time: Option<Timestamp>,
}

impl<'a> Filter<'a> {
    fn new(wanted: &'a Logs) -> Self {
        let zone = TimeZone::system();
        let since = wanted.since.and_then(|span| Timestamp::now().checked_sub(span.0).ok());
        Self { wanted, since, parser: LineParser::new(zone.clone()), zone, time: None }
    }

    /// Calls `each` with the lines that pass, rendered and with their line end.
    fn pass(&mut self, batch: &Batch, mut each: impl FnMut(String)) {
        for line in batch.lines() {
            let line = self.parser.parse(line);
            self.time = line.time.or(self.time);
            let recent = self.since.is_none_or(|since| self.time.is_some_and(|time| time >= since));
            let grave = self.wanted.level.is_none_or(|level| line.level >= level);
            if !recent || !grave {
                continue;
            }
            let plain = line.render_plain(&self.zone);
            if self.wanted.grep.as_ref().is_none_or(|pattern| pattern.is_match(&plain)) {
                each(self.render(&line, plain));
            }
        }
    }

    fn render(&self, line: &LogLine, mut plain: String) -> String {
        if self.wanted.json {
            plain = serde_json::to_string(line).unwrap_or_default();
        }
        plain.push('\n');
        plain
    }
}
