//! The lines of several logs that match a query, in one order.

use std::collections::VecDeque;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::line::{LineParser, LogWriter, text};
use super::query::{LogFilter, MatchedLine, Query, UnitLog};
use super::{Batch, FollowError, Follower, LogMerger, MergedLine, StartAt};

/// The matching lines of several logs. The lines of each log keep their order.
#[derive(Debug)]
pub struct MergedLogs {
    merger: LogMerger,
    filters: Vec<LogFilter>,
    query: Query,
    /// The first error of a log that could not be opened.
    error: Option<FollowError>,
}

impl MergedLogs {
    /// Opens logs for a query. Reads the logs of workers once if the query has a time.
    #[must_use]
    pub fn open(logs: &[UnitLog], query: Query) -> Self {
        let zone = crate::clock::zone();
        let begin = |log: &UnitLog| {
            let follower = Follower::new(&log.path, StartAt::Beginning).patient();
            (follower, LineParser::of(log.writer, zone.clone()))
        };
        let mut merger = LogMerger::new(logs.iter().map(begin));
        let mut first_error = None;
        let filter = |(at, log): (usize, &UnitLog)| {
            let since = query.since.filter(|_| log.writer == LogWriter::Worker);
            let counted = since.map_or(Ok(0), |since| count_before(log, since, &zone));
            let skipped = counted.unwrap_or_else(|error| {
                merger.skip_written(at);
                first_error.get_or_insert(error);
                0
            });
            LogFilter::new(log, query.clone(), zone.clone(), skipped)
        };
        let filters = logs.iter().enumerate().map(filter).collect();
        Self { merger, filters, query, error: first_error }
    }

    /// Reads the logs to their ends, converts each selected line to text with `render`, and passes
    /// the texts to `each`. Without the limit `last`, only a part of each log is in memory. With this
    /// limit, the stored lines never exceed the limits.
    ///
    /// # Errors
    /// If a file exists and cannot be read. The other files were read.
    pub fn read(
        &mut self,
        render: impl Fn(MatchedLine) -> String,
        mut each: impl FnMut(&str),
    ) -> Result<(), FollowError> {
        let mut kept: VecDeque<String> = VecDeque::new();
        let mut bytes = 0;
        let (last, most) = (self.query.last, self.query.most.unwrap_or(usize::MAX));
        let filters = &mut self.filters;
        let read = self.merger.read(|line| {
            let Some(found) = filters[line.log].pass(line) else { return };
            match last {
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
            }
        });
        for line in &kept {
            each(line);
        }
        self.error.take().map_or(Ok(()), Err).and(read)
    }

    /// Waits for new lines of any log, and passes the selected ones to `each`. May pass none.
    /// Cancel-safe. Needs a tokio runtime with IO and time.
    ///
    /// # Errors
    /// If a file exists and cannot be read. The next call tries this file again after a second.
    pub async fn follow(&mut self, mut each: impl FnMut(MatchedLine)) -> Result<(), FollowError> {
        let filters = &mut self.filters;
        let matching = |line: MergedLine<'_>| filters[line.log].pass(line).map_or((), &mut each);
        self.merger.next(matching).await
    }
}

/// Counts the lines of a log up to the last line whose own time is before `since`. The lines after it
/// may be younger, also those without a time: many programs write no times.
fn count_before(log: &UnitLog, since: Timestamp, zone: &TimeZone) -> Result<u64, FollowError> {
    let mut parser = LineParser::of(log.writer, zone.clone());
    let (mut count, mut before) = (0, 0);
    let mut scan = |batch: &Batch| {
        for line in batch.lines() {
            count += 1;
            if parser.scan(&text(line)).time.is_some_and(|at| at < since) {
                before = count;
            }
        }
    };
    Follower::new(&log.path, StartAt::Beginning).patient().read_on(&mut scan)?;
    Ok(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::path::{Path, PathBuf};

    const MARK: &str = r#"{"stigmer":"generation","n":2,"time":"2026-11-29T10:00:00Z"}"#;

    fn server(second: u32, message: &str) -> String {
        format!(r#"{{"time":"2026-11-29T10:00:{second:02}Z","level":"INFO","msg":"{message}"}}"#)
    }

    fn logs(folder: &Path, contents: &[(&str, &[&str])]) -> Vec<UnitLog> {
        let create = |(unit, lines): &(&str, &[&str])| {
            let path = folder.join(unit);
            std::fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>())
                .unwrap();
            match *unit {
                UnitLog::SERVER => UnitLog::of_server(path),
                worker => UnitLog::of_worker(worker, path),
            }
        };
        contents.iter().map(create).collect()
    }

    fn read(contents: &[(&str, &[&str])], query: Query) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let mut lines = Vec::new();
        MergedLogs::open(&logs(folder.path(), contents), query)
            .read(
                |found| format!("{} {}", found.unit, found.line.message),
                |line| lines.push(line.to_owned()),
            )
            .unwrap();
        lines
    }

    #[test]
    fn lines_are_in_the_order_of_their_times() {
        let (one, three) = (server(1, "one"), server(3, "three"));
        let contents: [(&str, &[&str]); 3] = [
            ("server", &[&one, &three]),
            ("orders", &["before any time", MARK, "2026-11-29T10:00:02Z INFO two", "  after two"]),
            ("mail", &["2026-11-29T10:00:03Z also three", "2026-11-29T10:00:02.5Z back"]),
        ];
        let expected = [
            "orders before any time",
            "orders generation 2",
            "server one",
            "orders 2026-11-29T10:00:02Z INFO two",
            "orders   after two",
            "server three",
            "mail 2026-11-29T10:00:03Z also three",
            "mail 2026-11-29T10:00:02.5Z back",
        ];
        assert_eq!(read(&contents, Query::default()), expected);
        let last = Query { last: Some(3), ..Query::default() };
        assert_eq!(read(&contents, last), expected[5..]);
    }

    #[test]
    fn line_of_a_worker_without_a_time_passes_unless_a_later_line_is_too_old() {
        let since = Some("2026-11-29T10:00:02Z".parse().unwrap());
        let one = server(1, "one");
        let contents: [(&str, &[&str]); 3] = [
            ("server", &[&one, "raw"]),
            ("orders", &["INFO:root:old", MARK, "INFO:root:unknown"]),
            ("mail", &["x", "2026-11-29T10:00:01Z old", "y", "2026-11-29T10:00:02Z new"]),
        ];
        let found = read(&contents, Query { since, ..Query::default() });
        let expected = ["orders INFO:root:unknown", "mail y", "mail 2026-11-29T10:00:02Z new"];
        assert_eq!(found, expected);
    }

    #[test]
    fn colours_of_a_worker_hide_neither_time_nor_level() {
        let server = server(2, "two");
        let line = "\u{1b}[2m2026-11-29T10:00:03.5Z\u{1b}[0m \u{1b}[33m WARN\u{1b}[0m three";
        let contents: [(&str, &[&str]); 2] = [("server", &[&server]), ("orders", &[line])];
        let level = Some(crate::log::line::Level::Warn);
        let expected = ["server two", "orders 2026-11-29T10:00:03.5Z  WARN three"];
        assert_eq!(read(&contents, Query::default()), expected);
        assert_eq!(read(&contents, Query { level, ..Query::default() }), expected[1..]);
    }

    #[test]
    fn lines_of_a_stack_trace_have_the_level_of_their_event() {
        let server = server(1, "INFO of the server");
        let contents: [(&str, &[&str]); 2] = [
            ("server", &[&server, "raw"]),
            (
                "orders",
                &[
                    "before",
                    "WARN slow",
                    "  at f()",
                    "INFO fast",
                    "  in 1 ms",
                    "[ERROR] x",
                    "y",
                    MARK,
                ],
            ),
        ];
        let level = Some(crate::log::line::Level::Warn);
        let found = read(&contents, Query { level, ..Query::default() });
        assert_eq!(found, ["orders WARN slow", "orders   at f()", "orders [ERROR] x", "orders y"]);
    }

    #[test]
    fn json_names_the_unit() {
        let folder = tempfile::tempdir().unwrap();
        let contents: [(&str, &[&str]); 1] = [("orders", &["2026-11-29T10:00:02Z [WARN] slow"])];
        let mut text = String::new();
        MergedLogs::open(&logs(folder.path(), &contents), Query::default())
            .read(|found| found.to_json(), |line| text.push_str(line))
            .unwrap();
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["unit"], &line["level"]), (&"orders".into(), &"warn".into()));
        assert_eq!(line["time"], "2026-11-29T10:00:02Z");
        assert_eq!(line["text"], "2026-11-29T10:00:02Z [WARN] slow");
        assert!(line["component"].is_null());
    }

    #[test]
    fn log_that_cannot_be_read_hides_no_other_log() {
        let folder = tempfile::tempdir().unwrap();
        let one = server(1, "one");
        let mut all = logs(folder.path(), &[("server", &[&one])]);
        let path = folder.path().join("folder");
        std::fs::create_dir(&path).unwrap();
        all.insert(0, UnitLog::of_worker("orders", path));
        for since in [None, Some(Timestamp::MIN)] {
            let mut lines = 0;
            let error = MergedLogs::open(&all, Query { since, ..Query::default() })
                .read(|found| found.plain, |_| lines += 1)
                .unwrap_err();
            assert!(error.to_string().contains("folder"), "{error}");
            assert_eq!(lines, 1);
        }
    }

    #[tokio::test]
    async fn new_lines_of_all_logs_arrive_while_one_log_is_busy() {
        let folder = tempfile::tempdir().unwrap();
        let all = logs(folder.path(), &[("server", &[]), ("orders", &[])]);
        let paths: Vec<PathBuf> = all.iter().map(|log| log.path.clone()).collect();
        let mut merged = MergedLogs::open(&all, Query::default());
        merged.read(|found| found.plain, |_| ()).unwrap();
        let append = |path: &Path, line: &str| {
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            writeln!(file, "{line}").unwrap();
        };
        append(&paths[1], "arrived");
        let mut units = Vec::new();
        while !units.contains(&"orders".to_owned()) {
            append(&paths[0], &server(1, "busy"));
            let follow = merged.follow(|found| units.push(found.unit.to_string()));
            tokio::time::timeout(std::time::Duration::from_secs(60), follow)
                .await
                .unwrap()
                .unwrap();
            assert!(units.len() < 1_000, "only lines of the server");
        }
    }

    proptest! {
        #[test]
        fn merged_lines_are_all_lines_and_each_log_keeps_its_order(
            seconds in proptest::collection::vec(
                proptest::collection::vec(proptest::option::of(0..60u32), 0..20), 0..4),
        ) {
            let contents: Vec<(String, Vec<String>)> = seconds
                .iter()
                .enumerate()
                .map(|(log, lines)| {
                    let line = |(at, second): (usize, &Option<u32>)| match second {
                        Some(second) => format!("2026-11-29T10:00:{second:02}Z {at}"),
                        None => format!("no time {at}"),
                    };
                    (format!("w{log}"), lines.iter().enumerate().map(line).collect())
                })
                .collect();
            let lines: Vec<Vec<&str>> = contents
                .iter()
                .map(|(_, lines)| lines.iter().map(String::as_str).collect())
                .collect();
            let parts: Vec<(&str, &[&str])> = contents
                .iter()
                .zip(&lines)
                .map(|((name, _), lines)| (name.as_str(), lines.as_slice()))
                .collect();
            let found = read(&parts, Query::default());
            prop_assert_eq!(found.len(), lines.iter().map(Vec::len).sum::<usize>());
            for (name, lines) in parts {
                let of_log: Vec<&str> =
                    found.iter().filter_map(|line| line.strip_prefix(name)?.get(1..)).collect();
                prop_assert_eq!(of_log, lines.to_vec());
            }
        }
    }
}
