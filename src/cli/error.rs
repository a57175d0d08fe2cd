//! The error of a command, and its exit code.

use crate::config::ConfigError;
use crate::hosting::{ProgramError, SettingsError, StartError, StatusError, StopError};
use crate::paths::HomeError;
use crate::runtime::RuntimeError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// An option is not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The home is not usable.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The settings for a server.
    #[error(transparent)]
    Settings(SettingsError),
    /// The program of the server.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A server that is not ready.
    #[error(transparent)]
    Start(StartError),
    /// A server or a host that is not ended.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// A status that is not known.
    #[error(transparent)]
    Status(StatusError),
    /// Another error. The text is complete.
    #[error("{0}")]
    Other(String),
}

impl CliError {
    pub(super) fn exit_code(&self) -> i32 {
        match self {
            Self::Config(ConfigError::Value { .. }) => 2,
            Self::Config(_)
            | Self::Home(_)
            | Self::Runtime(_)
            | Self::Settings(_)
            | Self::Program(_)
            | Self::Start(_)
            | Self::Stop(_)
            | Self::Status(_)
            | Self::Other(_) => 1,
        }
    }
}

impl From<SettingsError> for CliError {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Config(error) => error.into(),
            error => Self::Settings(error),
        }
    }
}

impl From<StartError> for CliError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Settings(error) => error.into(),
            error => Self::Start(error),
        }
    }
}

impl From<StatusError> for CliError {
    fn from(error: StatusError) -> Self {
        match error {
            StatusError::Config(error) => error.into(),
            error => Self::Status(error),
        }
    }
}
