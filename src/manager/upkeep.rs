//! Keeps the files of the home up to date.

use super::{Manager, intent};
use crate::log::own;
use crate::protocol::Entry;
use crate::unit::log_reader::TroubleWords;
use std::time::Instant;

/// Name of the timeline file in messages.
const EVENTS: &str = "logs/events.jsonl";

/// The writer and the hint for messages about a server log that was lost.
pub(super) const LOG_WORDS: TroubleWords =
    TroubleWords { writer: "the server", hint: "run `stigmer local restart` for a new log" };

impl Manager {
    /// Checks the files of the home if a check is due. Writes the files that are missing or out of
    /// date.
    pub(super) fn keep_files(&mut self) {
        self.unit.keep(&mut self.files, Instant::now());
        self.facts.trouble("files", self.files.trouble());
    }

    /// Registers the timeline file and stigmer's own log, so that a write that has failed is
    /// repeated.
    pub(super) fn keep_logs(&mut self) {
        let chronicle = self.chronicle.clone();
        self.files.add(EVENTS, move || chronicle.retry());
        self.files.add("logs/stigmer.log", own::retry);
    }

    pub(super) fn keep_intent(&mut self) {
        let want = self.want();
        let settings = self.next.as_deref().unwrap_or(&self.facts.settings);
        let path = settings.home.intent();
        let workers = self.crew.intent();
        let change = self.intent.change(want, self.facts.generation, &settings.options, workers);
        // Test whether this host still has its lock, but only for a changed intent, because this
        // test costs more than the comparison.
        if let Some(intent) = change.filter(|_| self.sweeps.is_in_place()) {
            self.intent.made(intent.clone());
            self.files.keep("intent.json", intent::kept(intent, path));
        }
    }

    /// Adds an entry to the timeline in memory, which viewers see, and to the timeline file.
    pub(super) fn remember(&mut self, entry: Entry) {
        // The entry of a worker has the counts of that worker.
        let entry = match entry.worker {
            None => Entry { restarts: self.facts.restarts.clone(), ..entry },
            Some(_) => entry,
        };
        match self.chronicle.add(&entry) {
            Ok(()) if self.sweeps.is_in_place() => self.files.check(EVENTS),
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "cannot write an entry into the timeline file"),
        }
        self.facts.remember_entry(entry);
    }
}
