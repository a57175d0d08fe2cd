//! The error of a command, and its exit code.

use crate::config::ConfigError;
use crate::hosting::{
    ProgramError, SettingsError, StartError, StatusError, StopError, WorkerError,
};
use crate::paths::HomeError;
use crate::project::ProjectError;
use crate::runtime::RuntimeError;

/// The reason why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// An option or the configuration file is not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The home cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A runtime (tokio) cannot be created.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The settings of the server cannot be determined, or differ from those of the running server.
    #[error(transparent)]
    Settings(SettingsError),
    /// There is no usable Temporal CLI.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The server did not become ready.
    #[error(transparent)]
    Start(StartError),
    /// The server or its host did not end.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// The status cannot be determined.
    #[error(transparent)]
    Status(StatusError),
    /// The project file cannot be used.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A command for a worker failed.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// Any other error. The string is the complete message for the user.
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
            | Self::Project(_)
            | Self::Worker(_)
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
