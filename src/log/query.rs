//! Queries for lines of a log file, as `logs` and `GET /v1/logs` use them.

use super::MergedLine;
use crate::log::line::{Level, LogLine, LogWriter, expand};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use regex::Regex;
use std::path::PathBuf;
use std::sync::Arc;

/// The log of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitLog {
    /// Name of the unit: `server`, or the name of a worker.
    pub unit: String,
    /// Path of the log file. The file need not exist.
    pub path: PathBuf,
    /// The program that writes the file.
    pub writer: LogWriter,
}

impl UnitLog {
    /// Name of the server in a list of units.
    pub const SERVER: &str = "server";

    /// The log of the server.
    #[must_use]
    pub fn of_server(path: PathBuf) -> Self {
        Self { unit: Self::SERVER.to_owned(), path, writer: LogWriter::Server }
    }

    /// The log of a worker.
    #[must_use]
    pub fn of_worker(name: &str, path: PathBuf) -> Self {
        Self { unit: name.to_owned(), path, writer: LogWriter::Worker }
    }
}

/// The conditions that select lines of a log.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Maximum number of lines. If more lines match, only the last ones are selected. `None` if all
    /// are selected.
    pub last: Option<usize>,
    /// Maximum size of the selected lines as text, in bytes. The oldest lines beyond this size are
    /// dropped. Has an effect only if `last` is set.
    pub most: Option<usize>,
    /// Minimum level of a line.
    pub level: Option<Level>,
    /// Pattern that the text of a line must match.
    pub pattern: Option<Regex>,
    /// Time of the earliest line.
    pub since: Option<Timestamp>,
}

/// Applies a query to the lines of a log, which must be passed in their order. Ignores the limits
/// `last` and `most`.
#[derive(Debug)]
pub(super) struct LogFilter {
    query: Query,
    unit: Arc<str>,
    writer: LogWriter,
    zone: TimeZone,
    /// Number of lines that are passed over.
    skipped: u64,
}

/// A line that matches a query.
#[derive(Debug)]
pub struct MatchedLine {
    /// Name of the unit that has written the line: `server`, or the name of a worker.
    pub unit: Arc<str>,
    /// The parsed line.
    pub line: LogLine,
    /// The line as text for people.
    pub plain: String,
}

impl LogFilter {
    /// Creates a filter for a log. The lines must be passed from the beginning of the log. The first
    /// `skipped` lines match no query.
    #[must_use]
    pub(super) fn new(log: &UnitLog, query: Query, zone: TimeZone, skipped: u64) -> Self {
        Self { query, unit: log.unit.as_str().into(), writer: log.writer, zone, skipped }
    }

    /// Returns the next line of the log if it matches.
    pub(super) fn pass(&mut self, next: MergedLine<'_>) -> Option<MatchedLine> {
        if self.skipped > 0 {
            self.skipped -= 1;
            return None;
        }
        let MergedLine { text, head, at, .. } = next;
        let query = &self.query;
        let recent = match (query.since, self.writer) {
            (Some(since), LogWriter::Server) => at.is_some_and(|at| at >= since),
            (Some(_), LogWriter::Worker) | (None, _) => true,
        };
        if !recent || query.level.is_some_and(|level| head.severity < level) {
            return None;
        }
        let line = expand(&text, head);
        let plain = match self.writer {
            LogWriter::Server => line.render_plain(&self.zone),
            LogWriter::Worker => line.render_of(&self.unit, &self.zone),
        };
        let matches = query.pattern.as_ref().is_none_or(|pattern| pattern.is_match(&plain));
        matches.then(|| MatchedLine { unit: self.unit.clone(), line, plain })
    }
}

impl MatchedLine {
    /// Formats the line as JSON, with the name of its unit and a line end.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(serde::Serialize)]
        struct WithUnit<'a> {
            #[serde(flatten)]
            line: &'a LogLine,
            unit: &'a str,
        }
        let line = WithUnit { line: &self.line, unit: &self.unit };
        let mut text = serde_json::to_string(&line).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Formats the line as text for people, with a line end.
    #[must_use]
    pub fn into_plain(mut self) -> String {
        self.plain.push('\n');
        self.plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::MergedLogs;
    use crate::log::line::MAX_LINE;
    use std::path::Path;

    fn read(path: &Path, query: Query, render: fn(MatchedLine) -> String) -> Vec<String> {
        let mut found = Vec::new();
        MergedLogs::open(&[UnitLog::of_server(path.to_owned())], query)
            .read(render, |line| found.push(line.to_owned()))
            .unwrap();
        found
    }

    fn query_result(query: Query) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            concat!(
                r#"{"stigmer":"generation","n":2,"time":"2026-11-22T10:00:00Z"}"#,
                "\n",
                r#"{"time":"2026-11-22T10:00:01Z","level":"INFO","msg":"one"}"#,
                "\n",
                r#"{"time":"2026-11-22T10:00:02Z","level":"WARN","msg":"two"}"#,
                "\n",
                r#"{"time":"2026-11-22T10:00:03Z","level":"ERROR","msg":"three"}"#,
                "\nError: raw, and without a time\n",
            ),
        )
        .unwrap();
        read(file.path(), query, |found| found.line.message)
    }

    #[test]
    fn each_part_of_a_query_filters_lines() {
        let all = query_result(Query::default());
        assert_eq!(all.len(), 5);
        assert_eq!(query_result(Query { last: Some(2), ..Query::default() }), all[3..]);
        assert_eq!(query_result(Query { last: Some(0), ..Query::default() }), [""; 0]);
        let warnings = query_result(Query { level: Some(Level::Warn), ..Query::default() });
        assert_eq!(warnings, all[2..]);
        let pattern = Some(Regex::new("t(wo|hree)$").unwrap());
        assert_eq!(query_result(Query { pattern, ..Query::default() }), ["two", "three"]);
    }

    #[test]
    fn line_without_a_time_has_the_time_of_the_previous_line() {
        let since = Some("2026-11-22T10:00:03Z".parse().unwrap());
        let found = query_result(Query { since, ..Query::default() });
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn oldest_lines_are_dropped_at_the_limit() {
        let all = query_result(Query::default());
        let room = all[all.len() - 1].len() + all[all.len() - 2].len();
        for (most, kept) in [(room, 2), (room - 1, 1), (0, 0)] {
            let query = Query { last: Some(100), most: Some(most), ..Query::default() };
            assert_eq!(query_result(query), all[all.len() - kept..], "{most}");
        }
    }

    #[test]
    fn line_of_20_mb_is_parsed_from_its_beginning() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let long = "x".repeat(20 << 20);
        let line =
            format!(r#"{{"time":"2026-11-22T10:00:01Z","level":"WARN","msg":"big {long}"}}"#);
        let cut = format!("{} bytes cut", line.len() - MAX_LINE);
        std::fs::write(file.path(), line + "\n").unwrap();
        let query = Query { level: Some(Level::Warn), ..Query::default() };
        let lines = read(file.path(), query, |found| found.to_json());
        assert!(lines.len() == 1 && lines[0].len() < 200_000, "{} bytes", lines[0].len());
        let object: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(
            (&object["time"], &object["level"]),
            (&"2026-11-22T10:00:01Z".into(), &"warn".into())
        );
        let (text, raw) = (object["text"].as_str().unwrap(), object["raw"].as_str().unwrap());
        assert!(text.starts_with("big xxx") && text.ends_with(&format!("x… …=\"{cut}\"")));
        assert!(raw.starts_with("{\"time\"") && raw.ends_with(&format!("x … [{cut}]")));
    }

    #[test]
    fn last_lines_are_the_last_matching_lines() {
        let query = Query { last: Some(1), level: Some(Level::Warn), ..Query::default() };
        let pattern = Some(Regex::new("two|one").unwrap());
        assert_eq!(query_result(Query { pattern, ..query }), ["two"]);
    }
}
