//! Where log lines come from.
//!
//! The store belongs to the caller; the view asks for the lines it is about to draw and for nothing else,
//! so 100,000 kept lines cost as much as twenty.

use std::ops::Range;

/// A bounded sequence of log lines, oldest first.
///
/// An *index* counts from the oldest line that is kept, a *number* from the first line ever seen:
/// `number = dropped() + index`.
pub trait LogSource {
    /// Lines kept now.
    fn len(&self) -> usize;
    /// Line `index`, 0 being the oldest kept.
    fn line(&self, index: usize) -> Option<LogLine<'_>>;
    /// Lines that were evicted from the front since the start, so that `dropped() + index` names a line for ever.
    fn dropped(&self) -> u64;
    /// What filters need of line `index`; cheap, for it is asked for every line.
    fn head(&self, index: usize) -> Option<LineHead>;
    /// Name of a component; may be empty.
    fn component(&self, id: u16) -> &str;
    /// All of line `index`.
    fn details(&self, index: usize) -> Option<Details>;
    /// Numbers of the lines within `numbers` that match a pattern, in their order.
    ///
    /// # Errors
    /// Why it is no pattern, as half a sentence.
    fn find(&self, pattern: &str, numbers: Range<u64>) -> Result<Vec<u64>, String>;
    /// Where a pattern matches in a text, as ranges of bytes in their order; nothing for a bad one.
    fn spans(&self, pattern: &str, text: &str) -> Vec<Range<usize>>;
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

impl LogLine<'_> {
    /// The whole line as text.
    #[must_use]
    pub fn plain(&self) -> String {
        match self.kind {
            LineKind::Raw | LineKind::GenerationMark => self.text.to_owned(),
            LineKind::Structured => {
                let Self { time, component, text, fields, .. } = self;
                let line = format!("{time} {} {component:<9} {text}  {fields}", self.level.word());
                line.trim().to_owned()
            }
        }
    }
}

/// What one can tell of a line without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineHead {
    /// Severity.
    pub level: Level,
    /// Who speaks: see [`LogSource::component`].
    pub component: u16,
    /// How to draw it.
    pub kind: LineKind,
    /// What every start or stop writes.
    pub noise: Option<Noise>,
}

/// Lines that are there each time and that nobody reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Of a start.
    StartUp,
    /// Of a stop.
    Shutdown,
    /// Of whichever it stands beside; news elsewhere.
    Beside,
    /// Of a stop where it stands beside others of a stop; news elsewhere.
    BesideShutdown,
}

/// A line in full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Names and values, in the order of the line.
    pub fields: Vec<(String, String)>,
    /// As it stands in the file, safe to print.
    pub raw: String,
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
