//! The settings for a server of a home, which may run already.

use super::notice::{Notice, Notify};
use super::unhosted::{UnknownServer, running};
use crate::config::{self, ConfigError, Different, EffectiveOptions, Options, Settings};
use crate::paths::Home;

/// Why the settings are not known.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// An option, or the configuration file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server runs with other options.
    #[error(transparent)]
    Different(#[from] Different),
    /// A server may run, with unknown options.
    #[error(transparent)]
    Unknown(#[from] UnknownServer),
}

/// The settings for a host. A server that runs without a host is adopted with the options that it
/// has.
///
/// # Errors
/// When that server has other options than those that are asked for, or the home or the
/// configuration file cannot be read.
pub fn settings_to_host(
    home: &Home,
    asked: &Options,
    notify: Notify<'_>,
) -> Result<Settings, SettingsError> {
    let settings = Settings::load(home, asked)?;
    let Some((_, options)) = running(home)? else { return Ok(settings) };
    let running = Settings::resolve(home.clone(), options)?;
    let in_force = running.in_force();
    config::agree(asked, &in_force, true)?;
    warn_of_file(&settings, &in_force, notify);
    Ok(running)
}

/// The settings for a restart: the options of the server that runs, replaced by those that are asked
/// for.
///
/// # Errors
/// When the home or the configuration file cannot be read.
pub fn settings_to_restart(home: &Home, asked: &Options) -> Result<Settings, SettingsError> {
    match running(home)? {
        Some((_, before)) => Ok(Settings::resolve(home.clone(), asked.clone().or(before))?),
        None => Ok(Settings::load(home, asked)?),
    }
}

/// Gives a notice for each option of the configuration file that is not in force.
pub(super) fn warn_of_file(settings: &Settings, in_force: &EffectiveOptions, notify: Notify<'_>) {
    for difference in config::differences(&settings.options, in_force) {
        notify(&Notice::FileDiffers(difference));
    }
}
