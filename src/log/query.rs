//! Lines of a log that somebody asks for, from its file.

use super::{Batch, FollowError, Follower};
use crate::log::line::{Level, LineParser, LogLine};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use regex::Regex;
use std::collections::VecDeque;

/// Which lines.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The last so many that pass the rest; none: all.
    pub last: Option<usize>,
    /// Of these no more than so many bytes, rendered; the oldest go.
    pub most: Option<usize>,
    /// This level and above.
    pub level: Option<Level>,
    /// Those whose rendered text matches.
    pub pattern: Option<Regex>,
    /// Not older than this.
    pub since: Option<Timestamp>,
}

/// Applies a query to lines in their order.
#[derive(Debug)]
pub struct LogFilter {
    query: Query,
    parser: LineParser,
    zone: TimeZone,
    /// Of the last line that says a time: those that say none belong to it.
    time: Option<Timestamp>,
}

/// A line that passed.
#[derive(Debug)]
pub struct Found {
    /// The line in full.
    pub line: LogLine,
    /// The line for people.
    pub plain: String,
}

impl LogFilter {
    /// A filter at the beginning of a log.
    #[must_use]
    pub fn new(query: Query) -> Self {
        let zone = crate::clock::zone();
        Self { query, parser: LineParser::new(zone.clone()), zone, time: None }
    }

    /// Calls `each` with what passes.
    pub fn pass(&mut self, batch: &Batch, mut each: impl FnMut(Found)) {
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
                each(Found { line, plain });
            }
        }
    }

    /// Reads what is there now: each of the last lines, rendered by `render`.
    /// Without a bound nothing is held; with one, so many lines and bytes.
    ///
    /// # Errors
    /// Where the file is there and cannot be read; `each` has had what could be.
    pub fn read(
        &mut self,
        follower: &mut Follower,
        render: impl Fn(Found) -> String,
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

impl Found {
    /// As a line of JSON, with its line end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string(&self.line).unwrap_or_default();
        text.push('\n');
        text
    }

    /// As a line for people, with its line end.
    #[must_use]
    pub fn into_plain(mut self) -> String {
        self.plain.push('\n');
        self.plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Start;
    use crate::log::line::MAX_LINE;

    fn asked(query: Query) -> Vec<String> {
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
                &mut Follower::new(file.path(), Start::Beginning),
                |found| found.line.message,
                |line| found.push(line.to_owned()),
            )
            .unwrap();
        found
    }

    #[test]
    fn each_part_of_a_query_leaves_out_what_it_says() {
        let all = asked(Query::default());
        assert_eq!(all.len(), 5);
        assert_eq!(asked(Query { last: Some(2), ..Query::default() }), all[3..]);
        assert_eq!(asked(Query { last: Some(0), ..Query::default() }), [""; 0]);
        let warnings = asked(Query { level: Some(Level::Warn), ..Query::default() });
        assert_eq!(warnings, all[2..]);
        let pattern = Some(Regex::new("t(wo|hree)$").unwrap());
        assert_eq!(asked(Query { pattern, ..Query::default() }), ["two", "three"]);
    }

    #[test]
    fn a_line_without_a_time_belongs_to_the_one_before_it() {
        let since = Some("2026-11-22T10:00:03Z".parse().unwrap());
        let found = asked(Query { since, ..Query::default() });
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn the_oldest_go_where_there_is_no_room_for_all() {
        let all = asked(Query::default());
        let room = all[all.len() - 1].len() + all[all.len() - 2].len();
        for (most, kept) in [(room, 2), (room - 1, 1), (0, 0)] {
            let query = Query { last: Some(100), most: Some(most), ..Query::default() };
            assert_eq!(asked(query), all[all.len() - kept..], "{most}");
        }
    }

    #[test]
    fn a_line_of_20_mb_says_what_its_beginning_says() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let long = "x".repeat(20 << 20);
        let line =
            format!(r#"{{"time":"2026-11-22T10:00:01Z","level":"WARN","msg":"big {long}"}}"#);
        let cut = format!("{} bytes cut", line.len() - MAX_LINE);
        std::fs::write(file.path(), line + "\n").unwrap();
        let mut lines = Vec::new();
        LogFilter::new(Query { level: Some(Level::Warn), ..Query::default() })
            .read(
                &mut Follower::new(file.path(), Start::Beginning),
                |found| found.to_json(),
                |line| lines.push(line.to_owned()),
            )
            .unwrap();
        assert!(lines.len() == 1 && lines[0].len() < 200_000, "{} bytes", lines[0].len());
        let told: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(
            (&told["time"], &told["level"]),
            (&"2026-11-22T10:00:01Z".into(), &"warn".into())
        );
        let (text, raw) = (told["text"].as_str().unwrap(), told["raw"].as_str().unwrap());
        assert!(text.starts_with("big xxx") && text.ends_with(&format!("x… …=\"{cut}\"")));
        assert!(raw.starts_with("{\"time\"") && raw.ends_with(&format!("x … [{cut}]")));
    }

    #[test]
    fn the_last_lines_are_the_last_that_pass() {
        let query = Query { last: Some(1), level: Some(Level::Warn), ..Query::default() };
        let pattern = Some(Regex::new("two|one").unwrap());
        assert_eq!(asked(Query { pattern, ..query }), ["two"]);
    }
}
