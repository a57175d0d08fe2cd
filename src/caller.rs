//! The program that has started stigmer.

use std::ffi::OsString;
use std::path::Path;

/// The name under which the Temporal CLI starts stigmer as an extension, for `temporal local`.
const EXTENSION: &str = "temporal-local";

/// The program that has started stigmer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Caller {
    /// A shell, or any other program.
    #[default]
    Shell,
    /// The Temporal CLI. After a signal to the Temporal CLI, it kills stigmer with SIGKILL at once.
    /// So stigmer must not be the host.
    TemporalCli,
}

impl Caller {
    /// Reads the caller from the name of the program in its command line.
    #[must_use]
    pub fn of(program: Option<&OsString>) -> Self {
        let name = program.map(Path::new).and_then(Path::file_name);
        if name.is_some_and(|name| name == EXTENSION) { Self::TemporalCli } else { Self::Shell }
    }
}
