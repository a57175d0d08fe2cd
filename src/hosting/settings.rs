//! The settings for the server of a home, which may run already.

use super::notice::{Notice, Notify};
use super::unhosted::{UnknownServer, running};
use crate::config::{self, ConfigError, Different, EffectiveOptions, Options, Settings};
use crate::paths::Home;

/// The reason why the settings are unknown.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// An option or the configuration file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The running server has other options.
    #[error(transparent)]
    Different(#[from] Different),
    /// The options cannot be sent to a host.
    #[error("cannot send the options to the host: {0}")]
    Send(#[from] serde_json::Error),
    /// A server may run, with unknown options.
    #[error(transparent)]
    Unknown(#[from] UnknownServer),
}

/// The settings for a host. A server that runs without a host keeps its options.
///
/// # Errors
/// If that server contradicts the requested options, or the home or the configuration file cannot be
/// read.
pub fn settings_to_host(
    home: &Home,
    requested: &Options,
    notify: Notify<'_>,
) -> Result<Settings, SettingsError> {
    let settings = Settings::load(home, requested)?;
    let Some((_, options)) = running(home)? else { return Ok(settings) };
    let running = Settings::resolve(home.clone(), options)?;
    let in_force = running.in_force();
    config::agree(requested, &in_force, true)?;
    warn_of_file(&settings, &in_force, notify);
    Ok(running)
}

/// The settings for a restart: the requested options, and otherwise those of the running server.
///
/// # Errors
/// If the home or the configuration file cannot be read.
pub fn settings_to_restart(home: &Home, requested: &Options) -> Result<Settings, SettingsError> {
    match running(home)? {
        Some((_, before)) => Ok(Settings::resolve(home.clone(), requested.clone().or(before))?),
        None => Ok(Settings::load(home, requested)?),
    }
}

/// Sends a notice for each option of the configuration file that differs from the running server.
pub(super) fn warn_of_file(settings: &Settings, in_force: &EffectiveOptions, notify: Notify<'_>) {
    for difference in config::differences(&settings.options, in_force) {
        notify(&Notice::FileDiffers(difference));
    }
}
