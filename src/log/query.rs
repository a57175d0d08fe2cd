//! Queries for lines of a log file, as `logs` and `GET /v1/logs` use them.

use super::{Batch, FollowError, Follower};
use crate::log::line::{Level, LineParser, LogLine};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use regex::Regex;
use std::collections::VecDeque;

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

/// Applies a query to the lines of a log, which must be passed in their order.
#[derive(Debug)]
pub struct LogFilter {
    query: Query,
    parser: LineParser,
    zone: TimeZone,
    /// Time of the last line that had a time. This time also counts for the lines after it that
    /// have no time.
    time: Option<Timestamp>,
}

/// A line that matches a query.
#[derive(Debug)]
pub struct MatchedLine {
    /// The parsed line.
    pub line: LogLine,
    /// The line as text for people.
    pub plain: String,
}

impl LogFilter {
    /// Creates a filter for a log. The lines must be passed from the beginning of the log.
    #[must_use]
    pub fn new(query: Query) -> Self {
        let zone = crate::clock::zone();
        Self { query, parser: LineParser::new(zone.clone()), zone, time: None }
    }

    /// Calls `each` for every line of the batch that matches.
    pub fn pass(&mut self, batch: &Batch, mut each: impl FnMut(MatchedLine)) {
        for line in batch.lines() {
            let line = self.parser.parse(line);
            self.time = line.time.or(self.time);
            let query = &self.query;
            let recent = query.since.is_none_or(|since| self.time.is_some_and(|at| at >= since));
            let grave = query.level.is_none_or(|level| line.level >= level);
            if !recent || !grave {
                continue;
            }
            let plain = line.render_plain(&self.zone);
            if query.pattern.as_ref().is_none_or(|pattern| pattern.is_match(&plain)) {
                each(MatchedLine { line, plain });
            }
        }
    }

    /// Reads the log file to its end, converts each selected line to text with `render`, and passes
    /// the texts to `each`. Without the limit `last`, no line is stored in memory. With this limit,
    /// the stored lines never exceed the limits.
    ///
    /// # Errors
    /// If the file exists and cannot be read. `render` was called for the lines before the error.
    pub fn read(
        &mut self,
        follower: &mut Follower,
        render: impl Fn(MatchedLine) -> String,
        mut each: impl FnMut(&str),
    ) -> Result<(), FollowError> {
        let mut kept: VecDeque<String> = VecDeque::new();
        let mut bytes = 0;
        let last = self.query.last;
        let most = self.query.most.unwrap_or(usize::MAX);
        let read = follower.read_on(|batch| {
            self.pass(batch, |found| match last {
                None => each(&render(found)),
                Some(0) => {}
                Some(last) => {
                    let line = render(found);
                    bytes += line.len();
                    kept.push_back(line);
                    while kept.len() > last || bytes > most {
                        let Some(oldest) = kept.pop_front() else { break };
                        bytes -= oldest.len();
                    }
                }
            });
        });
        for line in &kept {
            each(line);
        }
        read
    }
}

impl MatchedLine {
    /// Formats the line as JSON, with a line end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string(&self.line).unwrap_or_default();
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
    use crate::log::StartAt;
    use crate::log::line::MAX_LINE;

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
        let mut found = Vec::new();
        LogFilter::new(query)
            .read(
                &mut Follower::new(file.path(), StartAt::Beginning),
                |found| found.line.message,
                |line| found.push(line.to_owned()),
            )
            .unwrap();
        found
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
        let mut lines = Vec::new();
        LogFilter::new(Query { level: Some(Level::Warn), ..Query::default() })
            .read(
                &mut Follower::new(file.path(), StartAt::Beginning),
                |found| found.to_json(),
                |line| lines.push(line.to_owned()),
            )
            .unwrap();
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
