//! The log format of the dev server, for the log reader of its unit.

use crate::clock;
use crate::facts::{LoggedRun, LoggedRuns};
use crate::log::last_words::LastWords;
use crate::log::line::{Head, Level, LineParser, expand};
use crate::unit::words::{LastLine, LogFormat, Words};
use jiff::tz::TimeZone;

/// Parses the log lines of the dev server.
#[derive(Debug)]
pub(crate) struct ServerLog {
    parser: LineParser,
    words: LastWords,
    runs: LoggedRuns,
}

/// The message of the one line about a failure that has the level info.
const NON_DETERMINISM: &str = "Non-Deterministic Error";
/// The namespace of the server's own workflows.
const INTERNAL: &str = "temporal-system";

impl ServerLog {
    /// Creates a parser that can begin at any line of the log. `runs` gets the workflows that the log names
    /// with a failure.
    pub(crate) fn new(runs: LoggedRuns) -> Self {
        // UTC, because reading the time zone of the machine takes milliseconds, and neither the
        // level nor the last words depend on the time zone.
        Self { parser: LineParser::new(TimeZone::UTC), words: LastWords::default(), runs }
    }
}

impl LogFormat for ServerLog {
    fn observe(&mut self, line: &str) -> Level {
        let head = self.parser.scan(line);
        self.words.observe(&head, line);
        let level = head.level;
        let is_failure =
            matches!(level, Level::Warn | Level::Error) || line.contains(NON_DETERMINISM);
        if is_failure && self.runs.has_readers() {
            failing_run(line, head).into_iter().for_each(|run| self.runs.send(run));
        }
        level
    }

    fn last_words(&self) -> Words {
        let zone = clock::zone();
        let mut parser = LineParser::new(zone.clone());
        let shown = |line: String| {
            let line = parser.parse(line.as_bytes());
            LastLine { level: line.level, text: line.render_plain(&zone) }
        };
        Words {
            cause: self.words.cause(),
            dump: self.words.dump().to_vec(),
            last: self.words.last().into_iter().map(shown).collect(),
        }
    }
}

/// The workflow of a user that a line names.
fn failing_run(line: &str, head: Head) -> Option<LoggedRun> {
    let line = expand(line, head);
    let field = |name: &str| {
        let mut found = line.fields.iter().filter(|(key, value)| key == name && !value.is_empty());
        found.next().map(|(_, value)| value.clone())
    };
    if field("wf-namespace").is_some_and(|name| name == INTERNAL) {
        return None;
    }
    Some(LoggedRun { workflow_id: field("wf-id")?, run_id: field("wf-run-id")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::line::generation_mark;

    fn line(level: &str, text: &str) -> String {
        format!(r#"{{"time":"2026-11-24T10:00:00Z","level":"{level}","msg":"{text}"}}"#)
    }

    #[test]
    fn lines_have_their_level_and_are_shown_as_text() {
        let mut log = ServerLog::new(LoggedRuns::default());
        for (text, level) in [
            (line("WARN", "old"), Level::Warn),
            (line("ERROR", "disk is slow"), Level::Error),
            (line("INFO", "another poll"), Level::Info),
            ("usage".to_owned(), Level::Unknown),
        ] {
            assert_eq!(log.observe(&text), level, "{text}");
        }
        let words = log.last_words();
        assert_eq!(words.cause, None);
        let by_kill = words.last_shown(true);
        assert_eq!(by_kill.len(), 1);
        assert!(by_kill[0].ends_with("disk is slow"), "{by_kill:?}");
        let shown = words.last_shown(false);
        assert_eq!((shown.len(), shown[3].as_str()), (4, "usage"));
    }

    #[test]
    fn last_words_are_those_of_the_current_generation() {
        let mut log = ServerLog::new(LoggedRuns::default());
        log.observe("Error: no such file");
        assert_eq!(log.last_words().cause.as_deref(), Some("Error: no such file"));
        let mark = generation_mark(2, jiff::Timestamp::UNIX_EPOCH, "crash", "");
        assert_eq!(log.observe(&mark), Level::Info);
        assert_eq!(log.last_words(), Words::default());
        log.observe("panic: no");
        log.observe("goroutine 1 [running]:");
        assert_eq!(log.last_words().dump, ["panic: no", "goroutine 1 [running]:"]);
    }

    #[tokio::test]
    async fn workflow_of_a_failure_is_sent_to_readers() {
        let runs = LoggedRuns::default();
        let mut log = ServerLog::new(runs.clone());
        let fields = |level: &str, message: &str, fields: &str| {
            format!(
                r#"{{"time":"2026-11-24T10:00:00Z","level":"{level}","msg":"{message}",{fields}}}"#
            )
        };
        let of = |id: &str| format!(r#""wf-id":"{id}","wf-run-id":"r","attempt":1"#);
        log.observe(&fields("WARN", "workflow task failed", &of("before")));
        let mut reader = runs.read();
        for line in [
            fields("INFO", "started", &of("healthy")),
            fields("WARN", "slow", r#""wf-id":"without a run""#),
            fields("WARN", "x", &format!(r#"{},"wf-namespace":"temporal-system""#, of("internal"))),
            fields("INFO", "Non-Deterministic Error", &of("drift-11")),
            fields("WARN", "workflow task failed", &of("bug-1")),
            r#"time=2026-11-24T10:00:00.000 level=ERROR msg="no" wf-id=text wf-run-id=r"#
                .to_owned(),
        ] {
            log.observe(&line);
        }
        let mut ids = Vec::new();
        for _ in 0..3 {
            let run = reader.next().await;
            ids.push(run.workflow_id);
            assert_eq!(run.run_id, "r");
        }
        assert_eq!(ids, ["drift-11", "bug-1", "text"]);
        drop(reader);
        assert!(!runs.has_readers());
    }
}
