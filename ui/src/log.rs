//! Where log lines come from.
//!
//! The store belongs to the caller; the view asks for the lines it is about to draw and for nothing else,
//! so 100,000 kept lines cost as much as twenty.

/// A bounded sequence of log lines, oldest first.
pub trait LogSource {
    /// Lines kept now.
    fn len(&self) -> usize;
    /// Line `index`, 0 being the oldest kept.
    fn line(&self, index: usize) -> Option<LogLine<'_>>;
    /// Lines that were evicted from the front since the start, so that `dropped() + index` names a line for ever.
    fn dropped(&self) -> u64;
    /// Nothing is kept.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// All lines ever seen.
    fn total(&self) -> u64 {
        self.dropped().saturating_add(self.len() as u64)
    }
}

/// One line, parsed as far as it could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// `21:04:11.203`, or empty.
    pub time: &'a str,
    /// Ignored for raw lines.
    pub level: Level,
    /// `history`, `frontend`, …, or empty.
    pub component: &'a str,
    /// The message; the whole line when raw; "generation 3 · after crash" for a mark.
    pub text: &'a str,
    /// The remaining fields, rendered as `key=value key=value`.
    pub fields: &'a str,
    /// How to draw it.
    pub kind: LineKind,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Could not be parsed: `text` is all there is.
    Raw,
    /// Time, level, component, text, fields.
    Structured,
    /// The boundary between two generations.
    GenerationMark,
}

/// Severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Finest.
    Trace,
    /// For developers.
    Debug,
    /// Normal operation.
    Info,
    /// Odd, but handled.
    Warn,
    /// Failed.
    Error,
}

impl Level {
    /// As it stands in the log, padded to five columns.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO ",
            Self::Warn => "WARN ",
            Self::Error => "ERROR",
        }
    }
}
