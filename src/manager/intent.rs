//! Decides when `intent.json` changes, and keeps the file.

use crate::config::Options;
use crate::facts::Intent;
use crate::paths::files;
use crate::supervisor::{Generation, Want};
use std::io;
use std::path::PathBuf;

/// What the manager wants, as far as it was told to want anything.
#[derive(Debug, Default)]
pub(super) struct Decision {
    /// Until the first command, a host wants nothing of its own.
    pub(super) is_made: bool,
    last: Option<Intent>,
}

impl Decision {
    /// The intent that the file must contain from now on; `None` if that has not changed since the
    /// last one that was [made](Self::made).
    pub(super) fn change(
        &mut self,
        want: Want,
        generation: Generation,
        options: &Options,
    ) -> Option<Intent> {
        self.is_made |= want == Want::Up;
        let is_same =
            self.last.as_ref().is_some_and(|last| last.want == want && last.options == *options);
        if is_same || !self.is_made {
            return None;
        }
        let generation = (want == Want::Down).then_some(generation);
        Some(Intent { want, options: options.clone(), generation })
    }

    /// The file is to contain this.
    pub(super) fn made(&mut self, intent: Intent) {
        self.last = Some(intent);
    }
}

/// Writes the intent once. Later it is written only where the file was deleted: one that differs is
/// a command's, which is about to end this host.
pub(super) fn kept(intent: Intent, path: PathBuf) -> impl FnMut() -> io::Result<()> + Send {
    let mut is_written = false;
    move || {
        if is_written {
            return files::write_absent(&path, &serde_json::to_string(&intent)?);
        }
        intent.write(&path)?;
        is_written = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::paths::Home;
    use crate::process::lock;

    const LAST: Generation = Generation(7);

    fn home() -> (tempfile::TempDir, Home, Settings) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let options = Options { port: Some(7300), ..Options::default() };
        let settings = Settings::resolve(home.clone(), options).unwrap();
        (folder, home, settings)
    }

    /// Wants this, and writes it where that is new. Returns whether it was.
    fn decide(decision: &mut Decision, want: Want, settings: &Settings) -> bool {
        let Some(intent) = decision.change(want, LAST, &settings.options) else { return false };
        decision.made(intent.clone());
        kept(intent, settings.home.intent())().unwrap();
        true
    }

    #[test]
    fn a_host_without_a_command_leaves_the_intent_of_the_last_host() {
        let (_folder, home, settings) = home();
        let mut decision = Decision::default();
        assert!(!decide(&mut decision, Want::Down, &settings));
        assert_eq!(Intent::read(&home).unwrap(), None);
        assert!(decide(&mut decision, Want::Up, &settings));
        assert!(!decide(&mut decision, Want::Up, &settings), "written already");
        let up = Intent { want: Want::Up, options: settings.options.clone(), generation: None };
        assert_eq!(Intent::read(&home).unwrap(), Some(up));
        assert!(!Intent::is_down(&home).unwrap());
        assert!(decide(&mut decision, Want::Down, &settings));
        assert!(Intent::is_down(&home).unwrap());
    }

    #[test]
    fn down_keeps_the_options() {
        let (_folder, home, settings) = home();
        decide(&mut Decision::default(), Want::Up, &settings);
        Intent::write_down(&home).unwrap();
        let down = Intent { want: Want::Down, options: settings.options, generation: None };
        assert_eq!(Intent::read(&home).unwrap(), Some(down));
    }

    #[test]
    fn an_intent_that_was_deleted_is_written_again_and_that_of_a_command_stays() {
        let (_folder, home, settings) = home();
        let up = Decision::default().change(Want::Up, LAST, &settings.options).unwrap();
        let mut keep = kept(up.clone(), home.intent());
        keep().unwrap();
        std::fs::remove_file(home.intent()).unwrap();
        keep().unwrap();
        assert_eq!(Intent::read(&home).unwrap(), Some(up));
        Intent::write_down(&home).unwrap();
        keep().unwrap();
        assert!(Intent::is_down(&home).unwrap());
    }

    #[test]
    fn a_stop_is_under_way_until_the_server_it_was_about_is_gone() {
        let (_folder, home, settings) = home();
        let held = lock::InstanceLock::take(&home.temporal_lock()).unwrap();
        let mut decision = Decision::default();
        decide(&mut decision, Want::Up, &settings);
        assert!(!Intent::is_stop_under_way(&home, LAST).unwrap());
        decide(&mut decision, Want::Down, &settings);
        assert!(Intent::is_stop_under_way(&home, LAST).unwrap());
        assert!(!Intent::is_stop_under_way(&home, Generation(8)).unwrap(), "about an earlier one");
        drop(held);
        assert!(!Intent::is_stop_under_way(&home, LAST).unwrap(), "it has ended");
        std::fs::write(home.record(), "").unwrap();
        assert!(Intent::is_stop_under_way(&home, LAST).unwrap(), "not proven yet");
        Intent::write_down(&home).unwrap();
        assert!(!Intent::is_stop_under_way(&home, LAST).unwrap(), "a command stops it");
    }

    #[test]
    fn a_stop_is_under_way_as_long_as_its_end_cannot_be_seen() {
        let (_folder, home, settings) = home();
        let mut decision = Decision::default();
        decide(&mut decision, Want::Up, &settings);
        decide(&mut decision, Want::Down, &settings);
        assert!(!Intent::is_stop_under_way(&home, LAST).unwrap());
        std::fs::create_dir(home.temporal_lock()).unwrap();
        assert!(Intent::is_stop_under_way(&home, LAST).unwrap(), "the lock cannot be asked");
    }

    #[test]
    fn an_intent_of_an_earlier_version_has_no_generation() {
        let (_folder, home, _) = home();
        std::fs::write(home.intent(), r#"{"want":"down","options":{}}"#).unwrap();
        assert!(Intent::is_down(&home).unwrap());
        assert!(!Intent::is_stop_under_way(&home, Generation(0)).unwrap());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_tried_again() {
        let (_folder, home, settings) = home();
        let up = Decision::default().change(Want::Up, LAST, &settings.options).unwrap();
        let mut keep = kept(up.clone(), home.intent());
        std::fs::create_dir(home.intent()).unwrap();
        keep().unwrap_err();
        std::fs::remove_dir(home.intent()).unwrap();
        keep().unwrap();
        assert_eq!(Intent::read(&home).unwrap(), Some(up));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_no_absent_one() {
        let (_folder, home, _) = home();
        std::fs::create_dir(home.intent()).unwrap();
        Intent::read(&home).unwrap_err();
        Intent::is_down(&home).unwrap_err();
    }
}
