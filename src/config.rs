//! Reads and checks the options. The sources of an option, from the highest priority to the lowest:
//! flag, environment variable, project file, `config.toml`, default. No other module parses option
//! values.

mod arguments;
mod difference;
mod effective;
mod explained;
mod options;
mod requested;
mod settings;
#[cfg(test)]
mod tests;
mod value;

pub use difference::{Difference, Different, agree, differences};
pub use effective::EffectiveOptions;
pub use explained::{ExplainedOption, explain};
pub use options::{DashboardOptions, NotifyMode, Options};
pub use requested::{FileOrigin, ProjectOptions, RequestedOptions};
pub use settings::{Database, Limits, Settings, errors};
pub use value::{HttpAddress, Size, Span, TemporalLogLevel};

use crate::harmless::{lines, quote};
use crate::paths::{Home, HomeError, files};
use std::path::PathBuf;

/// The reason why an option or the configuration file is not valid.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The home cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The configuration file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The configuration file cannot be parsed.
    #[error("cannot parse {path}:\n{message}")]
    File {
        /// Path of the file.
        path: PathBuf,
        /// The error with its line and column, and the known keys.
        message: String,
    },
    /// The value of an option is not valid.
    #[error("--{option}{}: {why}", shown(value))]
    Value {
        /// Name of the option.
        option: &'static str,
        /// The value that was set. Empty if the option itself is the mistake.
        value: String,
        /// Why the value is not valid, and what to use instead.
        why: String,
    },
}

/// The value of an option after its name.
fn shown(value: &str) -> String {
    if value.is_empty() { String::new() } else { format!(" {}", quote(value)) }
}

/// Reads the options in the configuration file of a home. A missing file counts as a file without
/// options.
///
/// # Errors
/// If the file cannot be read or parsed.
pub fn read_file(home: &Home) -> Result<Options, ConfigError> {
    let path = home.config();
    let text = match files::read_config(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Options::default());
        }
        Err(source) => return Err(ConfigError::Unreadable { path, source }),
    };
    let mut options: Options = toml::from_str(&text).map_err(|error| ConfigError::File {
        path: path.clone(),
        message: lines(&error.to_string()).into_owned(),
    })?;
    // A relative path in the configuration file is relative to the folder of that file.
    for path in [&mut options.db, &mut options.temporal_bin].into_iter().flatten() {
        *path = home.root().join(&*path);
    }
    Ok(options)
}
