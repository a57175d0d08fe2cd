//! The state that a host hands over to the next host, stored as a file of the home. Only a process
//! that has the host lock may write, read or remove the file.

use super::{Facts, LeftDismissal, LeftWorker, RestartFacts, millis};
use crate::paths::{self, Home};
use crate::process::identity::Identity;
use crate::process::linux;
use crate::process::lock::HostLock;
use crate::protocol::{Entry, LastRestart, known};
use crate::supervisor::{Cause, Checkpoint, Generation};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The content of the hand-over file. All ages in it are relative to `made_ms`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct HandOver {
    /// The boot of the machine in which this state was created. After another boot, the ages have
    /// no meaning.
    boot_id: String,
    /// When this state was created, in milliseconds since the boot.
    made_ms: u64,
    /// Number of the latest start of the server when this state was created. If the server was
    /// started again after that, the file is outdated.
    pub generation: Generation,
    /// The state of the supervisor.
    pub supervisor: Checkpoint,
    /// Number of automatic restarts of this home, by cause.
    pub restarts: BTreeMap<Cause, u64>,
    /// The latest automatic restart.
    pub last_restart: Option<LastRestart>,
    /// Ages of the automatic restarts in milliseconds, oldest first.
    pub marks_ms: Vec<u64>,
    /// Latency of the `grpc` check for each round, in microseconds, oldest first. `None` if the
    /// check failed.
    pub probes: Vec<Option<u64>>,
    /// Entries of the timeline, oldest first.
    #[serde(deserialize_with = "known")]
    pub timeline: Vec<Arc<Entry>>,
    /// The problems that users have dismissed.
    #[serde(default)]
    pub dismissals: Vec<LeftDismissal>,
    /// The workers of projects.
    #[serde(default, deserialize_with = "known")]
    pub workers: Vec<LeftWorker>,
}

impl HandOver {
    /// Creates the state to hand over from the current facts.
    pub(crate) fn new(
        facts: &Facts,
        supervisor: Checkpoint,
        workers: Vec<LeftWorker>,
        now: Instant,
    ) -> Self {
        let snapshot = facts.snapshot(now);
        Self {
            boot_id: Identity::own().boot_id,
            made_ms: since_boot(),
            generation: facts.generation,
            supervisor,
            restarts: facts.restarts.clone(),
            last_restart: snapshot.status.restarts.last,
            marks_ms: snapshot.restart_ages_ms,
            probes: snapshot.probes,
            timeline: snapshot.timeline,
            dismissals: facts.dismissals.hand_over(now),
            workers,
        }
    }

    /// Writes the hand-over file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, home: &Home) -> io::Result<()> {
        paths::write_private(&home.hand_over(), &serde_json::to_string(self)?)
    }

    /// Writes the hand-over file again. Called if the next host has read and removed the file but
    /// ended at once, because another host is then started. Does nothing if another process is the
    /// host now.
    pub fn write_again(&self, home: &Home) {
        if let Ok(Some(_lock)) = HostLock::take(&home.supervisor_lock())
            && let Err(error) = self.write(home)
        {
            tracing::warn!(
                %error,
                "cannot write the hand-over file, which has the restart counts for the next host"
            );
        }
    }

    /// Reads the hand-over file and removes it. Returns `None` if there is no usable file, or if
    /// the file does not describe the latest generation of this home in this boot.
    ///
    /// # Errors
    /// If the file cannot be read now but may be readable later; see [`paths::is_passing`]. The
    /// file is then not removed, and the next attempt may read it.
    pub(crate) fn take(home: &Home, last: Generation) -> io::Result<Option<Self>> {
        let path = home.hand_over();
        let text = match paths::files::read(&path, 64 << 20) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if paths::is_passing(&error) => return Err(error),
            // The unreadable file is removed below. Otherwise a later host could use it.
            Err(error) => {
                tracing::warn!(
                    path = %path.display(), %error,
                    "cannot read the hand-over file of the last host"
                );
                String::new()
            }
        };
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(
                path = %path.display(), %error,
                "cannot delete the hand-over file of the last host"
            );
        }
        let found = serde_json::from_str(&text)
            .inspect_err(
                |error| tracing::warn!(%error, "cannot parse the hand-over file of the last host"),
            )
            .ok();
        let boot_id = Identity::own().boot_id;
        Ok(found.filter(|found: &Self| found.generation == last && found.boot_id == boot_id))
    }

    /// Removes the hand-over file. Called if no next host has started, because a later host must
    /// not use the file. Does nothing if another process is the host now, because that process
    /// reads and removes the file itself.
    pub fn discard(home: &Home) {
        let path = home.supervisor_lock();
        if let Ok(Some(_lock)) = HostLock::take(&path) {
            // The removal fails if there is no file.
            let _ = std::fs::remove_file(home.hand_over());
        }
    }

    /// Copies the counters and the timeline of the previous host into the facts of this host.
    pub(crate) fn restore(self, facts: &mut Facts, now: Instant) {
        let gap = self.age();
        let ago = |ms: u64| now.checked_sub(gap + Duration::from_millis(ms)).unwrap_or(now);
        facts.restarts = self.restarts;
        facts.last_restart = self.last_restart.map(|last| RestartFacts::recall(last, ago));
        facts.marks = self.marks_ms.into_iter().map(ago).collect();
        facts.probes = self.probes.into();
        facts.timeline = self.timeline.into();
        facts.dismissals.restore(self.dismissals, ago);
    }

    /// Time since this state was created.
    pub(crate) fn age(&self) -> Duration {
        Duration::from_millis(since_boot().saturating_sub(self.made_ms))
    }
}

fn since_boot() -> u64 {
    linux::since_boot().map_or(0, millis)
}

#[cfg(test)]
mod tests {
    use super::super::SERVER_KIND;
    use super::*;
    use crate::config::{Options, Settings};
    use crate::process::descriptors::tests::{in_own_process, without_descriptors};
    use crate::protocol::Mode;
    use crate::supervisor::Supervisor;

    fn left(generation: u64) -> (tempfile::TempDir, Home, HandOver) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let settings = Settings::resolve(home.clone(), Options::default()).unwrap();
        let now = Instant::now();
        let supervisor =
            Supervisor::new(SERVER_KIND, settings.policy.clone(), Generation(generation), 1, now);
        let schedule = supervisor.schedule().clone();
        let mut facts = Facts::new(settings.into(), Mode::Background, schedule, now);
        facts.generation = Generation(generation);
        let hand_over = HandOver::new(&facts, supervisor.hand_over(now), Vec::new(), now);
        hand_over.write(&home).unwrap();
        (folder, home, hand_over)
    }

    #[test]
    fn file_that_no_host_takes_is_discarded_but_not_under_a_host() {
        let (_folder, home, _) = left(3);
        let lock = HostLock::take(&home.supervisor_lock()).unwrap();
        HandOver::discard(&home);
        assert!(home.hand_over().exists());
        drop(lock);
        HandOver::discard(&home);
        assert!(!home.hand_over().exists());
    }

    #[test]
    fn file_is_written_again_but_not_under_a_host() {
        let (_folder, home, hand_over) = left(3);
        assert!(HandOver::take(&home, Generation(3)).unwrap().is_some());
        let lock = HostLock::take(&home.supervisor_lock()).unwrap();
        hand_over.write_again(&home);
        assert_eq!(HandOver::take(&home, Generation(3)).unwrap(), None);
        drop(lock);
        hand_over.write_again(&home);
        assert_eq!(HandOver::take(&home, Generation(3)).unwrap(), Some(hand_over));
    }

    #[test]
    fn file_is_taken_once() {
        let (_folder, home, hand_over) = left(3);
        assert_eq!(HandOver::take(&home, Generation(3)).unwrap(), Some(hand_over));
        assert_eq!(HandOver::take(&home, Generation(3)).unwrap(), None);
    }

    #[test]
    fn file_that_cannot_be_read_for_now_stays() {
        let name = "facts::hand_over::tests::file_that_cannot_be_read_for_now_stays";
        if !in_own_process(name) {
            return;
        }
        let (_folder, home, hand_over) = left(3);
        let error = without_descriptors(|| HandOver::take(&home, Generation(3)).unwrap_err());
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
        assert_eq!(HandOver::take(&home, Generation(3)).unwrap(), Some(hand_over));
    }

    #[test]
    fn file_of_another_generation_or_boot_and_other_text_are_dropped() {
        let (_folder, home, mut hand_over) = left(3);
        assert_eq!(HandOver::take(&home, Generation(4)).unwrap(), None);
        hand_over.boot_id = "another".into();
        hand_over.write(&home).unwrap();
        assert_eq!(HandOver::take(&home, Generation(3)).unwrap(), None);
        for text in [&b"{"[..], b"no text: \xff"] {
            std::fs::write(home.hand_over(), text).unwrap();
            assert_eq!(HandOver::take(&home, Generation(3)).unwrap(), None);
            assert!(!home.hand_over().exists());
        }
    }
}
