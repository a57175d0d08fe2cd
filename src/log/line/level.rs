//! How bad a line is.

use std::fmt;
use std::str::FromStr;

/// How bad a line says it is, from harmless to bad.
///
/// `Unknown` (a line without a level: banners, usage, stack frames) stands above `Info`, so that
/// asking for warnings hides it and asking for information does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Details for who develops Temporal itself.
    Debug,
    /// Normal operation.
    Info,
    /// The line names no level.
    #[default]
    Unknown,
    /// Something that may need a look.
    Warn,
    /// Something failed. Also what the server calls fatal, panics and start errors.
    Error,
}

impl Level {
    /// Every level, in order; [`Level::index`] is the position here.
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

    /// Position in [`Level::ALL`], for counters by level.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The level that a log line names; words that are not Temporal's are `Unknown`.
    pub(super) fn named(word: &str) -> Self {
        const NAMES: [(&str, Level); 7] = [
            ("DEBUG", Level::Debug),
            ("INFO", Level::Info),
            ("WARN", Level::Warn),
            ("WARNING", Level::Warn),
            ("ERROR", Level::Error),
            // The web UI's logger still has this one; the server logs it as ERROR.
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

/// A word that names no level of Temporal's log.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no log level: use debug, info, warn or error")]
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
