//! The last words: the log lines in which a process explains its exit, and the choice of the lines
//! that are shown.

use crate::log::line::Level;

/// Maximum number of lines that are shown of the dump, and of the end of the log.
const SHOWN: usize = 8;

/// The log lines that explain the exit of a process, and the last lines of its log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// The line in which the process explains its exit.
    pub cause: Option<String>,
    /// The first lines of a crash dump.
    pub dump: Vec<String>,
    /// The last lines of the log.
    pub last: Vec<LastLine>,
}

impl Words {
    /// The lines that explain the exit. If the cause is known: the beginning of the crash dump, or
    /// the cause itself if there is no dump. If the cause is unknown: the end of the log.
    pub(crate) fn reason(&self) -> Vec<String> {
        match (&self.cause, self.dump.is_empty()) {
            (Some(_), false) => self.first_shown(),
            (Some(cause), true) => vec![cause.clone()],
            (None, _) => self.end(),
        }
    }

    /// The beginning of the crash dump. A dump may have 75,000 lines, and its first lines contain
    /// the cause.
    pub(crate) fn first_shown(&self) -> Vec<String> {
        self.dump.iter().take(SHOWN).cloned().collect()
    }

    /// The lines that are shown in addition to [`Self::first_shown`]. `by_kill` is whether SIGKILL
    /// ended the process. A killed process could not explain its exit, so only its newest warning
    /// or error is shown.
    pub(crate) fn last_shown(&self, by_kill: bool) -> Vec<String> {
        match (self.dump.is_empty(), &self.cause) {
            (false, _) => self.end(),
            (true, None) if by_kill => self.newest_complaint().into_iter().collect(),
            (true, _) => self.reason(),
        }
    }

    fn newest_complaint(&self) -> Option<String> {
        let is_complaint = |line: &&LastLine| matches!(line.level, Level::Warn | Level::Error);
        self.last.iter().rfind(is_complaint).map(|line| line.text.clone())
    }

    fn end(&self) -> Vec<String> {
        let first = self.last.len().saturating_sub(SHOWN);
        self.last[first..].iter().map(|line| line.text.clone()).collect()
    }
}

/// A line at the end of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastLine {
    /// The level of the line.
    pub level: Level,
    /// The line as it is shown, without control characters.
    pub text: String,
}

/// Reads the log of a program: finds the level of each line, and the lines that explain an exit.
/// Each kind of program has its own format.
pub(crate) trait LogFormat: Send + 'static {
    /// Reads the next line of the log, and returns its level. The mark of a generation is a line
    /// too; see [`mark`](super::mark).
    fn observe(&mut self, line: &str) -> Level;

    /// Returns the lines of the current generation that explain its exit: the cause, the crash dump
    /// and the end of the log.
    fn last_words(&self) -> Words;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: Level, text: &str) -> LastLine {
        LastLine { level, text: text.to_owned() }
    }

    #[test]
    fn first_and_last_lines_of_a_dump_are_shown() {
        let dump: Vec<String> = (0..40).map(|n| format!("first {n}")).collect();
        let last = (0..40).map(|n| line(Level::Unknown, &format!("last {n}"))).collect();
        let words = Words { cause: Some("panic".into()), dump, last };
        assert_eq!(words.first_shown()[0], "first 0");
        assert_eq!(words.first_shown().len(), SHOWN);
        assert!(words.last_shown(false)[SHOWN - 1].contains("last 39"));
        let refused = Words { cause: Some("Error: no".into()), ..Words::default() };
        assert_eq!(
            (refused.first_shown().len(), refused.last_shown(true)),
            (0, vec!["Error: no".into()])
        );
    }

    #[test]
    fn newest_warning_or_error_of_a_killed_process_is_shown() {
        let last = vec![
            line(Level::Warn, "old"),
            line(Level::Error, "disk is slow"),
            line(Level::Info, "another poll"),
        ];
        let words = Words { last, ..Words::default() };
        assert_eq!(words.last_shown(true), ["disk is slow"]);
        assert_eq!(words.last_shown(false).len(), 3);
        let quiet = Words { last: vec![line(Level::Info, "another poll")], ..Words::default() };
        assert_eq!(quiet.last_shown(true), Vec::<String>::new());
    }
}
