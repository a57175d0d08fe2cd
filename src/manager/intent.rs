//! Decides when `intent.json` must change, and writes the file. The file shows the next host
//! whether the server is to run ("up") or not ("down").

use crate::config::Options;
use crate::facts::{Intent, WorkerIntent};
use crate::paths::files;
use crate::supervisor::{Generation, Want};
use std::io;
use std::path::PathBuf;

/// The last intent that this host has written, and whether this host may write an intent yet.
#[derive(Debug, Default)]
pub(super) struct Decision {
    /// Whether a command or a hand-over has set the intent. Before that, the file keeps the intent
    /// of the previous host.
    pub(super) is_made: bool,
    last: Option<Intent>,
}

impl Decision {
    /// Returns the new content of the file. `None` if the file needs no change: the intent is the
    /// same as the last one passed to [`Self::made`], or no command has set an intent yet.
    pub(super) fn change(
        &mut self,
        want: Want,
        generation: Generation,
        options: &Options,
        workers: WorkerIntent,
    ) -> Option<Intent> {
        self.is_made |= want == Want::Up;
        let is_same = self.last.as_ref().is_some_and(|last| {
            last.want == want && last.options == *options && last.workers == workers
        });
        if is_same || !self.is_made {
            return None;
        }
        let generation = (want == Want::Down).then_some(generation);
        Some(Intent { want, options: options.clone(), generation, workers })
    }

    /// Whether this intent is the last one that this host has written.
    pub(super) fn is_last(&self, intent: &Intent) -> bool {
        self.last.as_ref() == Some(intent)
    }

    /// Makes [`Self::change`] return the intent once more although the intent is unchanged: the
    /// file must get the number of another generation.
    pub(super) fn renew(&mut self) {
        self.is_made = true;
        self.last = None;
    }

    /// Remembers an intent that the caller writes into the file.
    pub(super) fn made(&mut self, intent: Intent) {
        self.last = Some(intent);
    }
}

/// Returns a function that writes the intent into the file. The first successful call always
/// writes. Later calls write only if the file was deleted, because a command that is about to end
/// this host may have written another intent.
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

    fn intent(want: Want, settings: &Settings) -> Intent {
        let (options, workers) = (settings.options.clone(), WorkerIntent::default());
        Intent { want, options, generation: None, workers }
    }

    /// Requests a change of the intent, and writes the file if the intent has changed. Returns
    /// whether the intent has changed.
    fn decide(decision: &mut Decision, want: Want, settings: &Settings) -> bool {
        let Some(intent) = decision.change(want, LAST, &settings.options, WorkerIntent::default())
        else {
            return false;
        };
        decision.made(intent.clone());
        kept(intent, settings.home.intent())().unwrap();
        true
    }

    #[test]
    fn host_without_a_command_keeps_the_intent_of_the_previous_host() {
        let (_folder, home, settings) = home();
        let mut decision = Decision::default();
        assert!(!decide(&mut decision, Want::Down, &settings));
        assert_eq!(Intent::read(&home).unwrap(), None);
        assert!(decide(&mut decision, Want::Up, &settings));
        assert!(!decide(&mut decision, Want::Up, &settings), "the file has this intent already");
        let up = intent(Want::Up, &settings);
        assert_eq!(Intent::read(&home).unwrap(), Some(up));
        assert!(!Intent::is_down(&home).unwrap());
        assert!(decide(&mut decision, Want::Down, &settings));
        assert!(Intent::is_down(&home).unwrap());
    }

    #[test]
    fn intent_down_keeps_the_options() {
        let (_folder, home, settings) = home();
        decide(&mut Decision::default(), Want::Up, &settings);
        Intent::write_down(&home).unwrap();
        let down = intent(Want::Down, &settings);
        assert_eq!(Intent::read(&home).unwrap(), Some(down));
    }

    #[test]
    fn deleted_intent_is_restored_and_the_intent_of_a_command_is_not_overwritten() {
        let (_folder, home, settings) = home();
        let up = Decision::default()
            .change(Want::Up, LAST, &settings.options, WorkerIntent::default())
            .unwrap();
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
    fn stop_is_in_progress_until_its_server_has_exited() {
        let (_folder, home, settings) = home();
        let held = lock::InstanceLock::take(&home.temporal_lock()).unwrap();
        let mut decision = Decision::default();
        decide(&mut decision, Want::Up, &settings);
        assert!(!Intent::is_stop_under_way(&home, LAST).unwrap());
        decide(&mut decision, Want::Down, &settings);
        assert!(Intent::is_stop_under_way(&home, LAST).unwrap());
        assert!(
            !Intent::is_stop_under_way(&home, Generation(8)).unwrap(),
            "the stop was for an earlier generation"
        );
        drop(held);
        lock::tests::until_free(&home.temporal_lock());
        assert!(!Intent::is_stop_under_way(&home, LAST).unwrap(), "the server has exited");
        std::fs::write(home.record(), "").unwrap();
        assert!(
            Intent::is_stop_under_way(&home, LAST).unwrap(),
            "the record cannot prove the exit"
        );
        Intent::write_down(&home).unwrap();
        assert!(!Intent::is_stop_under_way(&home, LAST).unwrap(), "a command stops the server");
    }

    #[test]
    fn stop_is_in_progress_while_the_lock_cannot_be_read() {
        let (_folder, home, settings) = home();
        let mut decision = Decision::default();
        decide(&mut decision, Want::Up, &settings);
        decide(&mut decision, Want::Down, &settings);
        assert!(!Intent::is_stop_under_way(&home, LAST).unwrap());
        std::fs::create_dir(home.temporal_lock()).unwrap();
        assert!(Intent::is_stop_under_way(&home, LAST).unwrap(), "the lock cannot be read");
    }

    #[test]
    fn intent_of_an_earlier_version_has_no_generation() {
        let (_folder, home, _) = home();
        std::fs::write(home.intent(), r#"{"want":"down","options":{}}"#).unwrap();
        assert!(Intent::is_down(&home).unwrap());
        assert!(!Intent::is_stop_under_way(&home, Generation(0)).unwrap());
    }

    #[test]
    fn failed_write_of_the_intent_is_retried() {
        let (_folder, home, settings) = home();
        let up = Decision::default()
            .change(Want::Up, LAST, &settings.options, WorkerIntent::default())
            .unwrap();
        let mut keep = kept(up.clone(), home.intent());
        std::fs::create_dir(home.intent()).unwrap();
        keep().unwrap_err();
        std::fs::remove_dir(home.intent()).unwrap();
        keep().unwrap();
        assert_eq!(Intent::read(&home).unwrap(), Some(up));
    }

    #[test]
    fn unreadable_intent_is_an_error_and_not_absent() {
        let (_folder, home, _) = home();
        std::fs::create_dir(home.intent()).unwrap();
        Intent::read(&home).unwrap_err();
        Intent::is_down(&home).unwrap_err();
    }
}
