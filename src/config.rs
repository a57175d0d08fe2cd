//! Resolves and checks the options. Flags beat the environment, the environment beats
//! `config.toml`, and that beats the defaults. No other module parses option strings.

mod arguments;
mod difference;
mod effective;
mod options;
mod settings;
#[cfg(test)]
mod tests;
mod value;

pub use difference::{Difference, Different, agree, differences};
pub use effective::EffectiveOptions;
pub use options::Options;
pub use settings::{Database, Settings};
pub use value::{HttpAddress, Size, Span, TemporalLogLevel};

use crate::harmless::{lines, quote};
use crate::paths::{Home, HomeError, files};
use std::path::PathBuf;

/// An option or the config file is not valid.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The home is not usable.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The config file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The config file cannot be parsed.
    #[error("cannot parse {path}:\n{message}")]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Line, column, and the known keys.
        message: String,
    },
    /// A value that is not valid.
    #[error("--{option} {}: {why}", quote(value))]
    Value {
        /// Name of the option.
        option: &'static str,
        /// The value that was set.
        value: String,
        /// Why it is not valid, and what to use instead.
        why: String,
    },
}

/// Reads `config.toml`. A missing file is an empty file.
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
    // A relative path in the file is relative to the folder of the file.
    for path in [&mut options.db, &mut options.temporal_bin].into_iter().flatten() {
        *path = home.root().join(&*path);
    }
    Ok(options)
}
