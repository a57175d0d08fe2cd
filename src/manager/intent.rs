//! `intent.json`: what the operator wants of this home, and with which options.
//! It outlives hosts, so that a host that resumes after a death starts nothing
//! that the operator has stopped.

use crate::config::{Options, Settings};
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
    #[serde(default)]
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
            options: serde_json::from_str(&record.options).unwrap_or_default(),
            generation: None,
        })
    }

    /// Whether a host of this home ended before it had stopped this generation. The record is
    /// removed after a proven stop.
    pub(super) fn is_stop_under_way(home: &Home, last: Generation) -> bool {
        let is_down = matches!(
            Self::read(home),
            Ok(Some(Self { want: Want::Down, generation: Some(stopped), .. })) if stopped == last
        );
        is_down && (home.record().exists() || lock::is_held(&home.temporal_lock()).unwrap_or(false))
    }

    /// Whether the operator has stopped the server of this home. False if that is
    /// not known.
    #[must_use]
    pub fn is_down(home: &Home) -> bool {
        matches!(Self::read(home), Ok(Some(Self { want: Want::Down, .. })))
    }

    /// Writes the intent of a running host again if it was deleted.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn restore(home: &Home, want: Want, options: &Options) -> io::Result<()> {
        if home.intent().exists() {
            return Ok(());
        }
        Self { want, options: options.clone(), generation: None }.write(&home.intent())
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
    fn write(&self, path: &Path) -> io::Result<()> {
        paths::write_private(path, &serde_json::to_string(self)?)
    }
}

/// Keeps the file as the manager's intent is.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    /// Until the first command, a host wants nothing of its own.
    pub(super) decided: bool,
    written: Option<Intent>,
}

impl Keeper {
    /// Writes what differs from the file. Returns the trouble with that, which
    /// `None` ends; and nothing at all if nothing was to be written.
    pub(super) fn keep(
        &mut self,
        want: Want,
        generation: Generation,
        settings: &Settings,
    ) -> Option<Option<String>> {
        self.decided |= want == Want::Up;
        let is_written = self
            .written
            .as_ref()
            .is_some_and(|last| last.want == want && last.options == settings.options);
        if is_written || !self.decided {
            return None;
        }
        let path = settings.home.intent();
        let generation = (want == Want::Down).then_some(generation);
        let intent = Intent { want, options: settings.options.clone(), generation };
        match intent.write(&path) {
            Ok(()) => {
                self.written = Some(intent);
                Some(None)
            }
            Err(error) => Some(Some(format!(
                "cannot write {}: {error}; a host that is killed may not be replaced as it should",
                path.display()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: Generation = Generation(7);

    fn home() -> (tempfile::TempDir, Home, Settings) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let options = Options { port: Some(7300), ..Options::default() };
        let settings = Settings::resolve(home.clone(), options).unwrap();
        (folder, home, settings)
    }

    #[test]
    fn a_host_without_a_command_leaves_the_intent_of_the_last_host() {
        let (_folder, home, settings) = home();
        let mut keeper = Keeper::default();
        assert_eq!(keeper.keep(Want::Down, LAST, &settings), None);
        assert_eq!(Intent::read(&home).unwrap(), None);
        assert_eq!(keeper.keep(Want::Up, LAST, &settings), Some(None));
        assert_eq!(keeper.keep(Want::Up, LAST, &settings), None, "written already");
        let up = Intent { want: Want::Up, options: settings.options.clone(), generation: None };
        assert_eq!(Intent::read(&home).unwrap(), Some(up));
        assert!(!Intent::is_down(&home));
        assert_eq!(keeper.keep(Want::Down, LAST, &settings), Some(None));
        assert!(Intent::is_down(&home));
    }

    #[test]
    fn down_keeps_the_options() {
        let (_folder, home, settings) = home();
        Keeper::default().keep(Want::Up, LAST, &settings);
        Intent::write_down(&home).unwrap();
        let down = Intent { want: Want::Down, options: settings.options, generation: None };
        assert_eq!(Intent::read(&home).unwrap(), Some(down));
    }

    #[test]
    fn a_stop_is_under_way_until_the_server_it_was_about_is_gone() {
        let (_folder, home, settings) = home();
        let held = lock::InstanceLock::take(&home.temporal_lock()).unwrap();
        let mut keeper = Keeper::default();
        keeper.keep(Want::Up, LAST, &settings);
        assert!(!Intent::is_stop_under_way(&home, LAST));
        keeper.keep(Want::Down, LAST, &settings);
        assert!(Intent::is_stop_under_way(&home, LAST));
        assert!(!Intent::is_stop_under_way(&home, Generation(8)), "about an earlier one");
        drop(held);
        assert!(!Intent::is_stop_under_way(&home, LAST), "it has ended");
        std::fs::write(home.record(), "").unwrap();
        assert!(Intent::is_stop_under_way(&home, LAST), "not proven yet");
        Intent::write_down(&home).unwrap();
        assert!(!Intent::is_stop_under_way(&home, LAST), "a command stops it");
    }

    #[test]
    fn an_intent_of_an_earlier_version_has_no_generation() {
        let (_folder, home, _) = home();
        std::fs::write(home.intent(), r#"{"want":"down","options":{}}"#).unwrap();
        assert!(Intent::is_down(&home));
        assert!(!Intent::is_stop_under_way(&home, Generation(0)));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_reported_and_tried_again() {
        let (_folder, home, settings) = home();
        let blocked = home.intent();
        std::fs::create_dir(&blocked).unwrap();
        let mut keeper = Keeper::default();
        assert!(matches!(keeper.keep(Want::Up, LAST, &settings), Some(Some(_))));
        std::fs::remove_dir(&blocked).unwrap();
        assert_eq!(keeper.keep(Want::Up, LAST, &settings), Some(None));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_no_absent_one() {
        let (_folder, home, _) = home();
        std::fs::create_dir(home.intent()).unwrap();
        assert!(Intent::read(&home).is_err());
        assert!(!Intent::is_down(&home));
    }
}
