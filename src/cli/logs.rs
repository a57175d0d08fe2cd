//! `stigmer local logs`: prints the logs of the server and of the workers. Reads the log files, so it
//! needs no host.

use super::output::{is_coloured, note, raw, try_raw};
use super::{CliError, Context, block_on};
use crate::config::Span;
use crate::harmless;
use crate::log::line::Level;
use crate::log::query::{MatchedLine, Query};
use crate::log::search::pattern;
use crate::log::{FollowError, MergedLogs, UnitLog};
use crate::paths::Home;
use crate::process::look;
use crate::project::Project;
use crate::signals::StdoutReader;
use crate::spelling::nearest;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use regex::Regex;
use std::collections::BTreeSet;

/// Selection of log lines, and their format.
#[derive(Debug, Args)]
pub(super) struct LogsArguments {
    /// Show only these logs: `server`, or names of workers [default: all, merged by time]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Keep running, and print new lines as they are written
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
    pub(super) json: bool,
}

/// The values of `--level`, for the parser and for completions.
fn levels() -> impl TypedValueParser<Value = Level> {
    PossibleValuesParser::new(["debug", "info", "warn", "error"])
        .try_map(|word| word.parse::<Level>())
}

pub(super) fn run(context: &Context, wanted: LogsArguments) -> Result<i32, CliError> {
    context.warn_of_broken_files();
    let LogsArguments { names, follow, lines, level, grep, since, json } = wanted;
    let since = since.and_then(|span| Timestamp::now().checked_sub(span.0).ok());
    let logs = logs(&context.home, context.project().ok().flatten(), &names)?;
    let label = Label::new(&logs, is_coloured());
    let render = |found: MatchedLine| match json {
        true => found.to_json(),
        false => label.of(&found.unit) + &harmless::lines(&found.into_plain()),
    };

    let query = Query { last: lines, level, pattern: grep, since, most: None };
    let mut merged = MergedLogs::open(&logs, query);
    let read = merged.read(render, |line| raw(line.as_bytes()));
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
                next = merged.follow(|found| text.push_str(&render(found))) => next,
                () = reader.gone() => return Ok(0),
            };
            if let Err(error) = next {
                trouble.is(Some(error));
                continue;
            }
            trouble.is(None);
            if !try_raw(text.as_bytes()) {
                // The reader has closed the pipe, so no more output is needed.
                return Ok(0);
            }
        }
    })?
}

/// The logs with these names. Without a name: the log of the server, of each worker that has files in
/// the home, and of each worker of the project.
fn logs(home: &Home, project: Option<Project>, names: &[String]) -> Result<Vec<UnitLog>, CliError> {
    let listed = home.clone();
    let workers = look::bounded(&home.workers(), move |_| listed.worker_names());
    let workers = workers.map_err(|error| {
        CliError::Other(format!("cannot list {}: {error}", home.workers().display()))
    })?;
    let mut workers: BTreeSet<String> = workers.into_iter().collect();
    // A worker that has not started yet has no files.
    workers.extend(project.into_iter().flat_map(|it| it.workers).map(|worker| worker.name));
    let units: Vec<&str> =
        std::iter::once(UnitLog::SERVER).chain(workers.iter().map(String::as_str)).collect();
    if let Some(unknown) = names.iter().find(|name| !units.contains(&name.as_str())) {
        let meant = match nearest(unknown, units.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", units.join(", ")),
        };
        return Err(CliError::Other(format!("there is no log of `{unknown}`; {meant}")));
    }
    let is_wanted = |unit: &&str| names.is_empty() || names.iter().any(|name| name == unit);
    let log = |unit: &str| match unit {
        UnitLog::SERVER => UnitLog::of_server(home.temporal_log()),
        worker => UnitLog::of_worker(worker, home.worker(worker).log()),
    };
    Ok(units.into_iter().filter(is_wanted).map(log).collect())
}

/// The column with the name of the unit, before each line.
struct Label {
    /// The names, in the order of their colours. Empty if all lines are of one unit.
    units: Vec<String>,
    width: usize,
    is_coloured: bool,
}

impl Label {
    /// Colours that differ from each other on dark and on light terminals.
    const COLOURS: [u8; 6] = [36, 35, 32, 33, 34, 31];

    fn new(logs: &[UnitLog], is_coloured: bool) -> Self {
        let units: Vec<String> = match logs {
            [_] => Vec::new(),
            logs => logs.iter().map(|log| log.unit.clone()).collect(),
        };
        let width = units.iter().map(String::len).max().unwrap_or_default();
        Self { units, width, is_coloured }
    }

    fn of(&self, unit: &str) -> String {
        let Some(at) = self.units.iter().position(|it| it == unit) else { return String::new() };
        let name = format!("{unit:<width$} |", width = self.width);
        match self.is_coloured {
            true => format!("\u{1b}[{}m{name}\u{1b}[0m ", Self::COLOURS[at % Self::COLOURS.len()]),
            false => format!("{name} "),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_several_units_begin_with_the_name() {
        let server = UnitLog::of_server("/log".into());
        let logs = [server.clone(), UnitLog::of_worker("mail", "/mail".into())];
        let label = Label::new(&logs, false);
        assert_eq!(
            (label.of("server"), label.of("mail")),
            ("server | ".into(), "mail   | ".into())
        );
        let label = Label::new(&logs, true);
        assert_eq!(label.of("mail"), "\u{1b}[35mmail   |\u{1b}[0m ");
        assert_eq!(Label::new(&[server], true).of("server"), "");
    }
}
