//! The log format of the dev server, for the log reader of its unit.

use crate::clock;
use crate::log::last_words::LastWords;
use crate::log::line::{Level, LineParser};
use crate::unit::words::{LastLine, LogFormat, Words};
use jiff::tz::TimeZone;

/// Parses the log lines of the dev server.
#[derive(Debug)]
pub(crate) struct ServerLog {
    parser: LineParser,
    words: LastWords,
}

impl ServerLog {
    /// Creates a parser that can begin at any line of the log.
    pub(crate) fn new() -> Self {
        // UTC, because reading the time zone of the machine takes milliseconds, and neither the
        // level nor the last words depend on the time zone.
        Self { parser: LineParser::new(TimeZone::UTC), words: LastWords::default() }
    }
}

impl LogFormat for ServerLog {
    fn observe(&mut self, line: &str) -> Level {
        let head = self.parser.scan(line);
        self.words.observe(&head, line);
        head.level
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::line::generation_mark;

    fn line(level: &str, text: &str) -> String {
        format!(r#"{{"time":"2026-11-24T10:00:00Z","level":"{level}","msg":"{text}"}}"#)
    }

    #[test]
    fn lines_have_their_level_and_are_shown_as_text() {
        let mut log = ServerLog::new();
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
        let mut log = ServerLog::new();
        log.observe("Error: no such file");
        assert_eq!(log.last_words().cause.as_deref(), Some("Error: no such file"));
        let mark = generation_mark(2, jiff::Timestamp::UNIX_EPOCH, "crash", "");
        assert_eq!(log.observe(&mark), Level::Info);
        assert_eq!(log.last_words(), Words::default());
        log.observe("panic: no");
        log.observe("goroutine 1 [running]:");
        assert_eq!(log.last_words().dump, ["panic: no", "goroutine 1 [running]:"]);
    }
}
