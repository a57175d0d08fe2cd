//! `stigmer local logs`: prints the server log. Reads the log file, so it needs no host.

use super::output::{note, raw, try_raw};
use super::{CliError, Context, block_on};
use crate::config::Span;
use crate::harmless;
use crate::log::line::Level;
use crate::log::query::{LogFilter, MatchedLine, Query};
use crate::log::search::pattern;
use crate::log::{FollowError, Follower, StartAt};
use crate::signals::StdoutReader;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use regex::Regex;

/// Selection of log lines, and their format.
#[derive(Debug, Args)]
pub(super) struct LogsArguments {
    /// Keep running, and print new lines as the server writes them
    #[arg(short, long)]
    follow: bool,
    /// Show only the last N lines that pass the filters [default: all]
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<usize>,
    /// Show only lines of this level and above
    #[arg(long, value_name = "LEVEL", ignore_case = true, value_parser = levels())]
    level: Option<Level>,
    /// Show only lines that match this regular expression; case-insensitive unless the
    /// expression has a capital letter
    #[arg(long, value_name = "RE", value_parser = pattern)]
    grep: Option<Regex>,
    /// Show only the lines of this last time span, such as 10m, 2h or 1d
    #[arg(long, value_name = "TIME")]
    since: Option<Span>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// The values of `--level`, for the parser and for completions.
fn levels() -> impl TypedValueParser<Value = Level> {
    PossibleValuesParser::new(["debug", "info", "warn", "error"])
        .try_map(|word| word.parse::<Level>())
}

pub(super) fn run(context: &Context, wanted: LogsArguments) -> Result<i32, CliError> {
    context.warn_of_broken_config();
    let LogsArguments { follow, lines, level, grep, since, json } = wanted;
    let since = since.and_then(|span| Timestamp::now().checked_sub(span.0).ok());
    let render = |found: MatchedLine| {
        if json { found.to_json() } else { harmless::lines(&found.into_plain()).into_owned() }
    };

    let mut filter = LogFilter::new(Query { last: lines, level, pattern: grep, since, most: None });
    let mut follower = Follower::new(&context.home.temporal_log(), StartAt::Beginning).patient();
    let read = filter.read(&mut follower, render, |line| raw(line.as_bytes()));
    if !follow {
        return read.map(|()| 0).map_err(|error| CliError::Other(error.to_string()));
    }
    let mut trouble = Trouble::default();
    trouble.is(read.err());
    block_on(async {
        let mut reader = StdoutReader::of_stdout();
        loop {
            let mut text = String::new();
            let next = tokio::select! {
                next = follower.next() => next,
                () = reader.gone() => return Ok(0),
            };
            match next {
                Ok(batch) => filter.pass(&batch, |found| text.push_str(&render(found))),
                Err(error) => {
                    trouble.is(Some(error));
                    continue;
                }
            }
            trouble.is(None);
            if !try_raw(text.as_bytes()) {
                // The reader has closed the pipe, so no more output is needed.
                return Ok(0);
            }
        }
    })?
}

/// The last error of reading the log. A read is repeated every second, but an error is printed only
/// if it differs from the last one.
#[derive(Default)]
struct Trouble(Option<String>);

impl Trouble {
    fn is(&mut self, error: Option<FollowError>) {
        let now = error.map(|error| error.to_string());
        if let Some(why) = now.as_ref().filter(|_| now != self.0) {
            note(&format!("stigmer: {why}; retrying every second"));
        }
        self.0 = now;
    }
}
