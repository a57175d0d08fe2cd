//! The options that a command requests, and the files that set them.

use super::Options;
use crate::harmless::harmless;
use crate::paths::shortened;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The options that a command requests. The configuration file of the home adds others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RequestedOptions {
    /// Options from flags and environment variables. A running server must have them.
    pub explicit: Options,
    /// Options of the project file. `None` without a project.
    pub project: Option<ProjectOptions>,
}

/// The options that a project file sets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProjectOptions {
    /// Absolute path of the file.
    pub file: PathBuf,
    /// The options.
    pub options: Options,
    /// The line of each option, from 1.
    pub lines: BTreeMap<String, usize>,
}

/// A file that sets an option. Prints its name, and the line if it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileOrigin<'a> {
    /// The project file, and the line of the option.
    Project(&'a Path, Option<usize>),
    /// The configuration file of the home.
    Home,
}

impl RequestedOptions {
    /// The options of all sources. Flags and environment variables beat the project file.
    #[must_use]
    pub fn merged(&self) -> Options {
        let explicit = self.explicit.clone();
        match &self.project {
            Some(project) => explicit.or(project.options.clone()),
            None => explicit,
        }
    }

    /// The file that sets an option. Only for an option that is set, and not by a flag or a variable.
    #[must_use]
    pub fn file_of(&self, option: &str) -> FileOrigin<'_> {
        match &self.project {
            Some(project) if project.options.to_map().contains_key(option) => {
                FileOrigin::Project(&project.file, project.lines.get(option).copied())
            }
            Some(_) | None => FileOrigin::Home,
        }
    }
}

impl FileOrigin<'_> {
    /// The file without the line.
    #[must_use]
    pub fn file(self) -> Self {
        match self {
            Self::Project(file, _) => Self::Project(file, None),
            Self::Home => Self::Home,
        }
    }
}

impl fmt::Display for FileOrigin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(file, line) => {
                write!(f, "{}", harmless(&shortened(file)))?;
                line.map_or(Ok(()), |line| write!(f, ":{line}"))
            }
            Self::Home => f.write_str("config.toml"),
        }
    }
}
