//! What a manager keeps in the files of its home, and what it finds there.

use super::{Manager, intent};
use crate::facts::{chronicle, timeline};
use crate::log::own;
use crate::paths::Home;
use crate::process::record::Record;
use crate::protocol::Entry;
use crate::supervisor::Generation;
use std::time::Instant;

/// The timeline, by the name that people know.
const EVENTS: &str = "logs/events.jsonl";

impl Manager {
    /// Looks at the files of the home from time to time, and writes what waits.
    pub(super) fn keep_files(&mut self) {
        let now = Instant::now();
        self.files.receive();
        if self.files.is_due(now) && self.sweeps.is_in_place() && self.files.look(now) {
            let instance = self.running.as_ref().and_then(|running| running.instance.as_ref());
            if let Some(instance) = instance {
                self.log.inspect(&instance.leader);
            }
        }
        self.facts.trouble("files", self.files.trouble());
    }

    /// The logs of the host, which are kept from the beginning.
    pub(super) fn keep_logs(&mut self) {
        let chronicle = self.chronicle.clone();
        self.files.add(EVENTS, move || chronicle.retry());
        self.files.add("logs/stigmer.log", own::retry);
    }

    pub(super) fn keep_intent(&mut self) {
        let want = self.supervisor.want();
        let settings = self.next.as_deref().unwrap_or(&self.facts.settings);
        let path = settings.home.intent();
        let change = self.intent.change(want, self.facts.generation, &settings.options);
        // To look at the lock costs more than to see that nothing has changed.
        if let Some(intent) = change.filter(|_| self.sweeps.is_in_place()) {
            self.intent.made(intent.clone());
            self.files.keep("intent.json", intent::kept(intent, path));
        }
    }

    /// Into the timeline that viewers see, and into the one that outlives us.
    pub(super) fn remember(&mut self, entry: Entry) {
        let entry = Entry { restarts: self.facts.restarts.clone(), ..entry };
        match self.chronicle.add(&entry) {
            Ok(()) if self.sweeps.is_in_place() => self.files.check(EVENTS),
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "an entry of the timeline is not written"),
        }
        self.facts.remember_entry(entry);
    }
}

/// Hosts died one after the other, and no further one is started.
#[must_use]
pub fn gave_up(home: &Home, why: &str) -> Entry {
    timeline::failed(last_generation(home), why, Vec::new())
}

pub(super) fn last_generation(home: &Home) -> Generation {
    let locked = crate::process::lock::read_number(&home.temporal_lock());
    let recorded = Record::read(&home.record()).ok().flatten();
    let recorded = recorded.map_or(0, |record| record.generation.0);
    // Known better than by the lock only where a disk took no more than the timeline.
    let told = chronicle::recent(&home.events()).iter().map(|entry| entry.generation.0).max();
    Generation(locked.max(recorded).max(told.unwrap_or(0)))
}
