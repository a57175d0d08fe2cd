//! The files of the home that the manager keeps up to date.

use super::{Manager, intent};
use crate::log::own;
use crate::protocol::Entry;
use crate::unit::log_reader::TroubleWords;
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
