//! Determines the settings with which a command starts or restarts the server of a home. They
//! depend on the running server, if there is one.

use super::notice::{Notice, Notify};
use super::unhosted::{UnknownServer, running};
use crate::config::{self, ConfigError, Different, EffectiveOptions, RequestedOptions, Settings};
use crate::paths::Home;

/// The reason why a command cannot determine the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// An option or the configuration file is not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The running server has other options than the requested ones.
    #[error(transparent)]
    Different(#[from] Different),
    /// The options cannot be serialized for a request to the host.
    #[error("cannot send the options to the host: {0}")]
    Send(#[from] serde_json::Error),
    /// The search for the server has failed. A server may run, and its options are unknown.
    #[error(transparent)]
    Unknown(#[from] UnknownServer),
}

/// Returns the settings for a new host. If a server runs without a host, the new host adopts the
/// server, so the settings contain the options of that server.
///
/// # Errors
/// If the requested options differ from the options of the running server, or if the home or the
/// configuration file cannot be read.
pub fn settings_to_host(
    home: &Home,
    requested: &RequestedOptions,
    notify: Notify<'_>,
) -> Result<Settings, SettingsError> {
    let settings = Settings::load(home, requested)?;
    let Some((_, options)) = running(home)? else { return Ok(settings) };
    let running = Settings::resolve(home.clone(), options)?;
    let in_force = running.in_force();
    config::agree(&requested.explicit, &in_force, true)?;
    warn_of_files(&settings, requested, &in_force, notify);
    Ok(running)
}

/// Returns the settings for a restart. Options that the user did not request are taken from the
/// running server. If no server runs, they are taken from the project file and the configuration
/// file.
///
/// # Errors
/// If the home or the configuration file cannot be read.
pub fn settings_to_restart(
    home: &Home,
    requested: &RequestedOptions,
) -> Result<Settings, SettingsError> {
    match running(home)? {
        Some((_, before)) => {
            Ok(Settings::resolve(home.clone(), requested.explicit.clone().or(before))?)
        }
        None => Ok(Settings::load(home, requested)?),
    }
}

/// Sends a notice for each option in the project file or the configuration file that differs from the
/// options of the running server. The explicit options must agree.
pub(super) fn warn_of_files(
    settings: &Settings,
    requested: &RequestedOptions,
    in_force: &EffectiveOptions,
    notify: Notify<'_>,
) {
    for difference in config::differences(&settings.options, in_force) {
        let origin = requested.file_of(difference.option());
        notify(&Notice::FileDiffers(difference, origin));
    }
}
