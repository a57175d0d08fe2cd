//! The file `intent.json`: whether the user wants the server of this home up or down, and with
//! which options.
//!
//! The file remains when a host dies. So the next host does not start a server that the user has
//! stopped.

use super::record;
use crate::config::Options;
use crate::paths::files::{self, Unreadable};
use crate::paths::{self, Home};
use crate::process::lock;
use crate::supervisor::{Generation, Want};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// Maximum size of the file, in bytes. It contains options of a project file, which has up to 1 MiB.
const TEXT_MAX: u64 = 8 << 20;

/// The content of `intent.json`; see the module documentation.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Intent {
    /// Whether the user wants the server up or down.
    pub want: Want,
    /// The options of the host that wrote the file.
    #[serde(default, deserialize_with = "Options::of_any_version")]
    pub options: Options,
    /// With [`Want::Down`]: the generation of the server that the host was stopping when it wrote
    /// the file. `None` if a command wrote the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
    /// The workers that are to run.
    #[serde(default)]
    pub workers: WorkerIntent,
}

/// Which workers are to run while the server is to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WorkerIntent {
    /// Paths of the project files.
    #[serde(default)]
    pub projects: BTreeSet<PathBuf>,
    /// Names of workers whose intent differs from `start` in their project file.
    #[serde(default)]
    pub intents: BTreeMap<String, Want>,
}

impl Intent {
    /// Reads the intent of this home. If there is no usable file but a record of a server, the
    /// intent is that this server runs. `None` if there is neither a file nor a record.
    ///
    /// # Errors
    /// If the file or the record exists and cannot be read.
    pub fn read(home: &Home) -> Result<Option<Self>, Unreadable> {
        if let Some(intent) = Self::written(home)? {
            return Ok(Some(intent));
        }
        let record = record::read(home).map_err(Unreadable::at(home.record()))?;
        Ok(record.map(|record| Self {
            want: Want::Up,
            options: Options::recorded(&record.options).unwrap_or_default(),
            generation: None,
            workers: WorkerIntent::default(),
        }))
    }

    /// The workers that are to run. Empty if the intent cannot be read: the workers that run have
    /// records.
    pub(crate) fn workers(home: &Home) -> WorkerIntent {
        let written = Self::written(home)
            .inspect_err(|error| tracing::warn!(%error, "cannot read which workers are to run"));
        written.ok().flatten().map(|intent| intent.workers).unwrap_or_default()
    }

    fn written(home: &Home) -> Result<Option<Self>, Unreadable> {
        let text = match files::read(&home.intent(), TEXT_MAX) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
            Err(source) => return Err(Unreadable { path: home.intent(), source }),
        };
        Ok(serde_json::from_str(&text)
            .inspect_err(|error| tracing::warn!(%error, "cannot parse intent.json"))
            .ok())
    }

    /// Whether an earlier host ended while it was stopping the server with the generation `last`.
    /// False if there is neither a record nor a lock of that server, because a host removes the
    /// record when the end of the server is proven.
    ///
    /// # Errors
    /// If the intent cannot be read, and a server may run.
    pub(crate) fn is_stop_under_way(home: &Home, last: Generation) -> Result<bool, Unreadable> {
        // After an error, the record may exist.
        let is_recorded = || home.record().try_exists().unwrap_or(true);
        if !is_recorded() && !lock::is_held(&home.temporal_lock()).unwrap_or(true) {
            return Ok(false);
        }
        Ok(matches!(
            Self::written(home)?,
            Some(Self { want: Want::Down, generation: Some(stopped), .. }) if stopped == last
        ))
    }

    /// Whether the user wants the server of this home down.
    ///
    /// # Errors
    /// If the intent cannot be read. Then the caller must not start a server, and must not assume
    /// that the server is stopped.
    pub fn is_down(home: &Home) -> Result<bool, Unreadable> {
        Ok(Self::down(home)?.is_some())
    }

    /// The intent of this home if the user wants the server down. `None` otherwise.
    ///
    /// # Errors
    /// See [`Self::is_down`].
    pub fn down(home: &Home) -> Result<Option<Box<Self>>, Unreadable> {
        Ok(Self::written(home)?.filter(|intent| intent.want == Want::Down).map(Box::new))
    }

    /// Writes that the user wants the server down. A command calls this function if no host can
    /// write the file: there is no host, or the host does not respond.
    ///
    /// # Errors
    /// If the home cannot be written.
    pub fn write_down(home: &Home) -> io::Result<()> {
        let options = Self::read(home).ok().flatten().map(|intent| intent.options);
        let (options, workers) = (options.unwrap_or_default(), WorkerIntent::default());
        Self { want: Want::Down, options, generation: None, workers }.write(&home.intent())
    }

    /// Replaces the whole file at once: a reader gets either the old text or the new text.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        paths::write_private(path, &serde_json::to_string(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::descriptors::tests::{in_own_process, without_descriptors};
    use std::os::unix::fs::symlink;

    const LAST: Generation = Generation(7);

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        (folder, home)
    }

    fn write(home: &Home, want: Want) {
        let (options, workers) = (Options::default(), WorkerIntent::default());
        let intent = Intent { want, options, generation: Some(LAST), workers };
        intent.write(&home.intent()).unwrap();
    }

    #[test]
    fn intent_that_cannot_be_read_is_neither_up_nor_down() {
        type Damage = fn(&Path);
        // A file without read permission is not in this list, because the test may run as root, and
        // root can read any file.
        let damages: [(&str, Damage); 2] = [
            ("a folder", |path| std::fs::create_dir(path).unwrap()),
            ("a symbolic link", |path| symlink("/dev/null", path).unwrap()),
        ];
        for (what, damage) in damages {
            let (_folder, home) = home();
            assert!(!Intent::is_down(&home).unwrap(), "{what}: not written yet");
            damage(&home.intent());
            let error = Intent::is_down(&home).unwrap_err();
            assert_eq!(error.path, home.intent(), "{what}");
            Intent::read(&home).unwrap_err();
            assert!(!Intent::is_stop_under_way(&home, LAST).unwrap(), "{what}: no server");
            std::fs::write(home.record(), "").unwrap();
            Intent::is_stop_under_way(&home, LAST).unwrap_err();
        }
    }

    #[test]
    fn intent_is_unknown_without_descriptors() {
        if !in_own_process("facts::intent::tests::intent_is_unknown_without_descriptors") {
            return;
        }
        let (_folder, home) = home();
        for (want, is_down) in [(Want::Up, false), (Want::Down, true)] {
            write(&home, want);
            std::fs::write(home.record(), "").unwrap();
            let (down, under_way) = without_descriptors(|| {
                (Intent::is_down(&home), Intent::is_stop_under_way(&home, LAST))
            });
            for unknown in [down, under_way] {
                let code = unknown.unwrap_err().source.raw_os_error();
                assert_eq!(code, Some(libc::EMFILE));
            }
            assert_eq!(Intent::is_down(&home).unwrap(), is_down);
            assert_eq!(Intent::is_stop_under_way(&home, LAST).unwrap(), is_down);
        }
    }

    #[test]
    fn record_that_cannot_be_read_is_an_error_only_without_an_intent() {
        let (_folder, home) = home();
        std::fs::create_dir(home.record()).unwrap();
        assert_eq!(Intent::read(&home).unwrap_err().path, home.record());
        assert!(!Intent::is_down(&home).unwrap(), "a record is of a server that was to run");
        write(&home, Want::Down);
        assert!(Intent::read(&home).unwrap().is_some());
    }

    #[test]
    fn intent_of_a_later_version_is_understood_without_its_unknown_options() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        home.prepare(true).unwrap();
        let text =
            r#"{"want":"down","options":{"port":7300,"weather":[1]},"generation":3,"later":1}"#;
        paths::write_private(&home.intent(), text).unwrap();
        assert!(Intent::is_down(&home).unwrap());
        let intent = Intent::read(&home).unwrap().unwrap();
        assert_eq!(intent.options, Options { port: Some(7300), ..Options::default() });
    }
}
