//! Access to the log lines of the caller.
//!
//! The caller owns the store. The view reads only the lines that it draws, so a frame costs the same with
//! 100,000 stored lines as with twenty.

use std::ops::Range;

/// Number of the server among the units of a [`LogSource`].
pub const SERVER: u16 = 0;
/// Number of stigmer itself, which is not one of the units of a [`LogSource`] but may have lines there.
pub const OWN: u16 = u16::MAX;

/// A bounded sequence of the log lines of one or several units, oldest first.
///
/// An *index* counts from the oldest stored line, a *number* from the first line that was ever stored:
/// `number = dropped() + index`. A number never changes.
pub trait LogSource {
    /// Returns the number of stored lines.
    fn len(&self) -> usize;
    /// Returns the line at `index`; 0 is the oldest stored line.
    fn line(&self, index: usize) -> Option<LogLine<'_>>;
    /// Returns the number of lines that were evicted from the front so far.
    fn dropped(&self) -> u64;
    /// Returns the properties of the line at `index` that filters use. Must be cheap: the view
    /// reads them for every line.
    fn head(&self, index: usize) -> Option<LineHead>;
    /// Returns the name of a component. Empty for lines without a component.
    fn component(&self, id: u16) -> &str;
    /// Returns all fields of the line at `index`, and its text in the file.
    fn details(&self, index: usize) -> Option<Details>;
    /// Returns the numbers of the lines within `numbers` that match a regular expression, in ascending order.
    ///
    /// # Errors
    /// The reason why `pattern` is not a regular expression, as a short phrase.
    fn find(&self, pattern: &str, numbers: Range<u64>) -> Result<Vec<u64>, String>;
    /// Returns the ranges of bytes in `text` that match a regular expression, in ascending order.
    /// Empty for an invalid pattern.
    fn spans(&self, pattern: &str, text: &str) -> Vec<Range<usize>>;
    /// Returns the numbers and the names of the units whose lines are stored, in the order of the screen. The
    /// first one is the server, with the number [`SERVER`].
    fn units(&self) -> &[(u16, String)];
    /// Returns the number of the unit with this name. `None` if its lines are not stored.
    fn unit(&self, name: &str) -> Option<u16> {
        self.units().iter().find(|(_, it)| it == name).map(|(number, _)| *number)
    }
    /// Returns the name of a unit or of stigmer. Empty if the lines of the unit are not stored.
    fn unit_name(&self, number: u16) -> &str {
        if number == OWN {
            return "stigmer";
        }
        self.units().iter().find(|(it, _)| *it == number).map_or("", |(_, name)| name)
    }
    /// Returns the numbers of the stored lines of a unit. Must be cheap: the view reads them for every frame.
    fn counts(&self, unit: u16) -> LineCounts;
    /// Whether no line is stored.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Returns the number of lines that were ever stored.
    fn total(&self) -> u64 {
        self.dropped().saturating_add(self.len() as u64)
    }
}

/// Numbers of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// All lines.
    pub lines: u64,
    /// The errors, without routine lines. The lines of a stack trace count once.
    pub errors: u64,
}

/// A parsed log line, as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// Time of day, `21:04:11.203`; empty if unknown.
    pub time: &'a str,
    /// Severity. Ignored for raw lines.
    pub level: Level,
    /// Component that wrote the line, such as `history`; may be empty.
    pub component: &'a str,
    /// Message. For a raw line, this is the whole line, or the line of a worker without its time.
    /// For a mark, this is for example `generation 3`.
    pub text: &'a str,
    /// The other fields as `key=value key=value`.
    pub fields: &'a str,
    /// Form of the line.
    pub kind: LineKind,
    /// Number of the unit that wrote the line.
    pub unit: u16,
    /// Whether the line belongs to the line of its unit before it, as the lines of a stack trace do.
    pub continues: bool,
}

impl LogLine<'_> {
    /// Returns the whole line as text, without a line feed.
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

/// The properties of a line that filters and folds use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineHead {
    /// Severity of the line, or of the line that it continues.
    pub level: Level,
    /// Number of the unit that wrote the line.
    pub unit: u16,
    /// Whether the line belongs to the line of its unit before it, as the lines of a stack trace do.
    pub continues: bool,
    /// Component that wrote the line: see [`LogSource::component`].
    pub component: u16,
    /// Form of the line.
    pub kind: LineKind,
    /// Set for a routine line of a start or a stop.
    pub noise: Option<Noise>,
    /// Whether the line names a workflow of the user. Such a line never folds.
    pub names_workflow: bool,
}

/// Kinds of routine lines, which every start or stop of the server causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// A line of a start.
    StartUp,
    /// A line of a stop.
    Shutdown,
    /// A line that is routine only directly after another routine line.
    Adjacent,
    /// A line that is routine only directly after a line of a stop.
    AdjacentToShutdown,
    /// A line of a worker that cannot poll, because the server is away.
    NoServer,
}

/// All content of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Names and values in the order of the line.
    pub fields: Vec<(String, String)>,
    /// The line as it is in the file, with visible symbols instead of control characters.
    pub raw: String,
}

/// Form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Not parsed: only `text` is set, and the time of a line of a worker.
    Raw,
    /// Parsed into time, level, component, text and fields.
    Structured,
    /// A mark between the lines of one server process and of the next.
    GenerationMark,
}

/// Severity of a line, ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Steps within an operation.
    Trace,
    /// Details for developers.
    Debug,
    /// Normal operation.
    Info,
    /// A problem that was handled.
    Warn,
    /// A failure.
    Error,
}

impl Level {
    /// Returns the level as the screen shows it in a log line, padded to five columns.
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
