//! The files of the home that the manager keeps up to date, and the history that it reads from
//! them.

use super::{Manager, intent};
use crate::facts::{chronicle, record, timeline};
use crate::log::own;
use crate::paths::files::Unreadable;
use crate::paths::{Home, is_passing};
use crate::process::lock;
use crate::protocol::Entry;
use crate::supervisor::Generation;
use crate::unit::log_reader::TroubleWords;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// Name of the timeline file in messages.
const EVENTS: &str = "logs/events.jsonl";

/// Words for messages about a lost log of the server.
pub(super) const LOG_WORDS: TroubleWords =
    TroubleWords { writer: "the server", hint: "run `stigmer local restart` for a new log" };

impl Manager {
    /// Checks the files of the home when a check is due, and writes those that are missing or out
    /// of date.
    pub(super) fn keep_files(&mut self) {
        let now = Instant::now();
        self.files.receive();
        if self.files.is_due(now)
            && self.sweeps.is_in_place()
            && self.files.look(now)
            && let Some(instance) = self.unit.instance()
        {
            self.unit.log.inspect(&instance.leader);
        }
        self.facts.trouble("files", self.files.trouble());
    }

    /// Adds the timeline and stigmer's own log to the files that are written again after an error.
    pub(super) fn keep_logs(&mut self) {
        let chronicle = self.chronicle.clone();
        self.files.add(EVENTS, move || chronicle.retry());
        self.files.add("logs/stigmer.log", own::retry);
    }

    pub(super) fn keep_intent(&mut self) {
        let want = self.unit.supervisor.want();
        let settings = self.next.as_deref().unwrap_or(&self.facts.settings);
        let path = settings.home.intent();
        let change = self.intent.change(want, self.facts.generation, &settings.options);
        // Test the lock only for a changed intent: the test costs more than the comparison.
        if let Some(intent) = change.filter(|_| self.sweeps.is_in_place()) {
            self.intent.made(intent.clone());
            self.files.keep("intent.json", intent::kept(intent, path));
        }
    }

    /// Adds an entry to the timeline in memory, which viewers see, and to the timeline file.
    pub(super) fn remember(&mut self, entry: Entry) {
        let entry = Entry { restarts: self.facts.restarts.clone(), ..entry };
        match self.chronicle.add(&entry) {
            Ok(()) if self.sweeps.is_in_place() => self.files.check(EVENTS),
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "cannot write an entry into the timeline file"),
        }
        self.facts.remember_entry(entry);
    }
}

/// Creates the timeline entry of a watchdog that starts no further host, because several hosts in a
/// row died or did not start.
#[must_use]
pub fn gave_up(home: &Home, why: &str) -> Entry {
    // Without a readable history, write the entry with generation 0. The entry matters more than
    // the number.
    let last = History::read(home).map_or_else(|_| Generation::default(), |history| history.last);
    timeline::failed(last, why, Vec::new())
}

/// The history of a home, according to its files.
#[derive(Debug)]
pub(super) struct History {
    /// Number of the last generation (start of the server). 0 if this home has had no server.
    pub(super) last: Generation,
    pub(super) timeline: VecDeque<Arc<Entry>>,
}

impl History {
    /// Reads the history. The last generation is the highest number in the lock of the server, its
    /// record and the timeline. A file that is missing or damaged does not count.
    ///
    /// # Errors
    /// If a file cannot be read for now, or if the lock cannot be read and no other file has a
    /// number. With a guess instead, the next generation could get a number that was used before.
    pub(super) fn read(home: &Home) -> Result<Self, Unreadable> {
        let timeline = chronicle::recent(&home.events()).map_err(Unreadable::at(home.events()))?;
        // Normally the lock has the highest number. On a full disk, the timeline may have stored a
        // number that the lock has not.
        let written = timeline.iter().map(|entry| entry.generation.0).max().unwrap_or(0);
        let recorded = match record::read(home) {
            Ok(record) => record.map_or(0, |record| record.generation.0),
            Err(source) if is_passing(&source) => {
                return Err(Unreadable { path: home.record(), source });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot read temporal.pid, the record of the server");
                0
            }
        };
        let known = written.max(recorded);
        let last = match lock::read_number(&home.temporal_lock()) {
            Ok(locked) => locked.max(known),
            Err(source) if is_passing(&source) || known == 0 => {
                return Err(Unreadable { path: home.temporal_lock(), source });
            }
            Err(error) => {
                tracing::warn!(%error, known, "cannot read temporal.lock, the lock of the server");
                known
            }
        };
        Ok(Self { last: Generation(last), timeline })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::descriptors::tests::{in_own_process, without_descriptors};
    use crate::process::record::{Record, tests::record};

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        home.prepare(true).unwrap();
        (folder, home)
    }

    fn last(home: &Home) -> Option<u64> {
        History::read(home).ok().map(|history| history.last.0)
    }

    fn write_entry(home: &Home, generation: u64) {
        let entry = timeline::failed(Generation(generation), "why", Vec::new());
        chronicle::Chronicle::open(&home.events()).write(&entry).unwrap();
    }

    #[test]
    fn last_generation_is_the_largest_number_that_can_be_read() {
        let (_folder, home) = home();
        assert_eq!(last(&home), Some(0), "a new home");
        write_entry(&home, 3);
        assert_eq!(last(&home), Some(3));
        std::fs::write(home.temporal_lock(), "5").unwrap();
        assert_eq!(last(&home), Some(5));
        Record { generation: Generation(7), ..record() }.write(&home.record()).unwrap();
        assert_eq!(last(&home), Some(7));
        // Make the files unreadable by folders at their paths: root can read a file without
        // permissions.
        std::fs::remove_file(home.temporal_lock()).unwrap();
        std::fs::create_dir(home.temporal_lock()).unwrap();
        assert_eq!(last(&home), Some(7), "the lock cannot be read");
        std::fs::remove_file(home.record()).unwrap();
        std::fs::create_dir(home.record()).unwrap();
        assert_eq!(last(&home), Some(3), "the record cannot be read");
        std::fs::remove_file(home.events()).unwrap();
        std::fs::create_dir(home.events()).unwrap();
        assert_eq!(last(&home), None, "nothing can be read");
        std::fs::remove_dir(home.temporal_lock()).unwrap();
        assert_eq!(last(&home), Some(0), "a home without a lock has had no server");
    }

    #[test]
    fn last_generation_is_an_error_without_descriptors() {
        if !in_own_process(
            "manager::upkeep::tests::last_generation_is_an_error_without_descriptors",
        ) {
            return;
        }
        let (_folder, home) = home();
        write_entry(&home, 3);
        let error = without_descriptors(|| History::read(&home).unwrap_err());
        assert_eq!(error.source.raw_os_error(), Some(libc::EMFILE), "{error}");
        assert_eq!(last(&home), Some(3));
    }
}
