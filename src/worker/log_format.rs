//! The log lines of a worker, for the log reader of its unit. Each SDK and each program has another
//! format, so only words that most of them use are known.

use crate::harmless::quote;
use crate::log::line::{Level, shortened};
use crate::unit::words::{LastLine, LogFormat, Words};
use std::collections::VecDeque;

/// Number of last lines that are kept.
const KEPT: usize = 40;

/// Number of characters that are kept of each line. A message shows at most 400 of them.
const MAX_CHARS: usize = 2_000;

/// Reads the output of a worker.
#[derive(Debug, Default)]
pub(crate) struct WorkerLogFormat {
    /// As the worker wrote them: a worker may write more lines than a host can examine, and almost none
    /// of them is shown.
    last: VecDeque<String>,
}

impl LogFormat for WorkerLogFormat {
    fn observe(&mut self, line: &str) -> Level {
        if line.starts_with('{') && line.contains("\"stigmer\":\"generation\"") {
            self.last.clear();
        } else if !line.trim().is_empty() {
            let mut oldest = match self.last.len() {
                KEPT => self.last.pop_front().unwrap_or_default(),
                _ => String::new(),
            };
            oldest.clear();
            oldest.push_str(&shortened(line, MAX_CHARS));
            self.last.push_back(oldest);
        }
        // Nothing counts the lines of a worker by level.
        Level::Unknown
    }

    fn last_words(&self) -> Words {
        // Without a level, no line of a worker that was killed is shown: its last warning may be hours old,
        // and has nothing to do with the end.
        let shown = |line: &String| LastLine { level: Level::Unknown, text: quote(line) };
        Words { last: self.last.iter().map(shown).collect(), ..Words::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::line::generation_mark;

    #[test]
    fn killed_worker_has_no_last_words() {
        let mut log = WorkerLogFormat::default();
        log.observe("ERROR cannot pay");
        let words = log.last_words();
        assert_eq!(words.last_shown(true), Vec::<String>::new());
        assert_eq!(words.last_shown(false), ["ERROR cannot pay"]);
    }

    #[test]
    fn last_words_are_of_the_last_start_without_control_characters() {
        let mut log = WorkerLogFormat::default();
        log.observe("old");
        log.observe(&generation_mark(2, jiff::Timestamp::UNIX_EPOCH, "crash", "exit 1"));
        for n in 0..KEPT + 3 {
            log.observe(&format!("\u{1b}[31mline {n}\u{1b}[0m"));
            log.observe("");
        }
        log.observe(&"x".repeat(64 << 10));
        log.last.iter().for_each(|line| assert!(line.len() < MAX_CHARS + 40, "{}", line.len()));
        log.last.pop_back();
        log.observe(&format!("line {}", KEPT + 3));
        let words = log.last_words();
        assert_eq!(words.last.len(), KEPT);
        assert_eq!(words.last[0].text, "line 4");
        assert_eq!(words.reason().last().unwrap(), &format!("line {}", KEPT + 3));
    }
}
