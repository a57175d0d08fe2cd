//! Levels of log lines.

use std::fmt;
use std::str::FromStr;

/// Level of a log line, in ascending order of severity.
///
/// A line without a level (banner, usage, stack frame) is `Unknown`. `Unknown` is above `Info`: a
/// filter for warnings hides such a line, and a filter for information shows such a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Details for the developers of Temporal.
    Debug,
    /// Normal operation.
    Info,
    /// The line has no level.
    #[default]
    Unknown,
    /// A possible problem.
    Warn,
    /// A failure. Also the level of fatal errors, panics and failed starts of the server.
    Error,
}

impl Level {
    /// All levels in ascending order. [`Level::index`] is the position in this list.
    pub const ALL: [Self; 5] = [Self::Debug, Self::Info, Self::Unknown, Self::Warn, Self::Error];

    /// The lower-case name, as in options and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Unknown => "unknown",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// Position in [`Level::ALL`]. Arrays of counters by level use it as their index.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The level for a word of a log line. An unknown word is [`Level::Unknown`].
    pub(super) fn named(word: &str) -> Self {
        const NAMES: [(&str, Level); 7] = [
            ("DEBUG", Level::Debug),
            ("INFO", Level::Info),
            ("WARN", Level::Warn),
            ("WARNING", Level::Warn),
            ("ERROR", Level::Error),
            // Only the logger of the web UI uses this level. The server logs its fatal errors as
            // ERROR.
            ("FATAL", Level::Error),
            ("PANIC", Level::Error),
        ];
        let found = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        found.map_or(Self::Unknown, |(_, level)| *level)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The error of a text that does not name a log level.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a log level: use debug, info, warn or error")]
pub struct UnknownLevel(String);

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match Self::named(word) {
            Self::Unknown => Err(UnknownLevel(word.to_owned())),
            level => Ok(level),
        }
    }
}
