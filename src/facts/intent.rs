//! `intent.json`: what the operator wants of this home, and with which options.
//! It outlives hosts, so that a host that resumes after a death starts nothing
//! that the operator has stopped.

use crate::config::Options;
use crate::paths::{self, Home, files};
use crate::process::lock;
use crate::process::record::Record;
use crate::supervisor::{Generation, Want};
use std::io;
use std::path::Path;

/// In bytes; options are small.
const TEXT_MAX: u64 = 64 << 10;

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Intent {
    /// Whether the server is to run.
    pub want: Want,
    /// The options of the host that wrote it.
    #[serde(default, deserialize_with = "Options::of_any_version")]
    pub options: Options,
    /// With [`Want::Down`]: the generation that the host was to stop. `None` if a command wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
}

impl Intent {
    /// Reads it. Where no host could write it, the record of the server counts:
    /// that server was to run. `None` if there is neither.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(home: &Home) -> io::Result<Option<Self>> {
        let text = match files::read(&home.intent(), TEXT_MAX) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::recorded(home));
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
            Err(error) => return Err(error),
        };
        Ok(serde_json::from_str(&text)
            .inspect_err(|error| tracing::warn!(%error, "the intent on disk is not understood"))
            .ok()
            .or_else(|| Self::recorded(home)))
    }

    fn recorded(home: &Home) -> Option<Self> {
        let record = Record::read(&home.record()).ok()??;
        Some(Self {
            want: Want::Up,
            options: Options::recorded(&record.options).unwrap_or_default(),
            generation: None,
        })
    }

    /// Whether a host of this home ended before it had stopped this generation. The record is
    /// removed after a proven stop.
    pub(crate) fn is_stop_under_way(home: &Home, last: Generation) -> bool {
        let is_down = matches!(
            Self::read(home),
            Ok(Some(Self { want: Want::Down, generation: Some(stopped), .. })) if stopped == last
        );
        // What cannot be looked at may be there.
        let is_recorded = || home.record().try_exists().unwrap_or(true);
        is_down && (is_recorded() || lock::is_held(&home.temporal_lock()).unwrap_or(true))
    }

    /// Whether the operator has stopped the server of this home. False if that is
    /// not known.
    #[must_use]
    pub fn is_down(home: &Home) -> bool {
        matches!(Self::read(home), Ok(Some(Self { want: Want::Down, .. })))
    }

    /// Records that the server is not to run, on behalf of a host that does not
    /// respond or does not exist.
    ///
    /// # Errors
    /// When the home cannot be written.
    pub fn write_down(home: &Home) -> io::Result<()> {
        let options = Self::read(home).ok().flatten().map(|intent| intent.options);
        let options = options.unwrap_or_default();
        Self { want: Want::Down, options, generation: None }.write(&home.intent())
    }

    /// A reader sees the old text or the new one.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        paths::write_private(path, &serde_json::to_string(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intent_of_a_later_version_is_understood_without_its_unknown_options() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        home.prepare(true).unwrap();
        let text =
            r#"{"want":"down","options":{"port":7300,"weather":[1]},"generation":3,"later":1}"#;
        paths::write_private(&home.intent(), text).unwrap();
        assert!(Intent::is_down(&home));
        let intent = Intent::read(&home).unwrap().unwrap();
        assert_eq!(intent.options, Options { port: Some(7300), ..Options::default() });
    }
}
