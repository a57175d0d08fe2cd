//! The events of a history, folded into one item per subject.

use crate::temporal::history::{EventFacts, RunEvent, Subject, SubjectPhase};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

/// Maximum size of all values and stack traces of a history that are kept, in bytes. Values of the events
/// that are read later are left out.
const KEPT: usize = 16_000_000;

/// All events about one subject: an activity, a timer, a child workflow, a signal, an update, a
/// workflow task, or the start or the end of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HistoryItem {
    pub(crate) subject: Subject,
    /// The phase of the newest event.
    pub(crate) phase: SubjectPhase,
    /// Time of the first event. `None` if that event is not read yet.
    pub(crate) begun: Option<SystemTime>,
    /// Time of the last event, if the subject is over.
    pub(crate) ended: Option<SystemTime>,
    /// Facts of all events. The failures are those of the newest event that has some.
    pub(crate) facts: EventFacts,
    /// Whether values or stack traces were left out because the history has too many.
    pub(crate) is_reduced: bool,
    /// Number, type and time of each event.
    pub(crate) events: Vec<(u64, &'static str, Option<SystemTime>)>,
    /// Number of the event with the failures.
    failed_at: u64,
}

/// The items of a history, by the number of their first event. The order in which events are added
/// makes no difference, so a reader can read the newest events first.
#[derive(Debug, Clone, Default)]
pub(crate) struct HistoryItems {
    items: BTreeMap<u64, Arc<HistoryItem>>,
    newest: u64,
    count: u64,
    size: usize,
}

impl HistoryItems {
    /// Adds an event. An event that was added before changes nothing.
    pub(crate) fn add(&mut self, event: RunEvent) {
        let RunEvent { id, first, at, type_name, subject, phase, mut facts } = event;
        let is_reduced = self.size >= KEPT && reduce(&mut facts);
        let size = size(&facts);
        let item = self.items.entry(first).or_insert_with(|| {
            Arc::new(HistoryItem {
                subject,
                phase,
                begun: None,
                ended: None,
                facts: EventFacts::default(),
                is_reduced: false,
                events: Vec::new(),
                failed_at: 0,
            })
        });
        let position = item.events.partition_point(|(known, ..)| *known < id);
        if item.events.get(position).is_some_and(|(known, ..)| *known == id) {
            return;
        }
        let item = Arc::make_mut(item);
        if position == item.events.len() {
            item.phase = phase;
            item.ended = at.filter(|_| phase.is_over());
        }
        item.events.insert(position, (id, type_name, at));
        if id == first {
            item.begun = at;
        }
        item.is_reduced |= is_reduced;
        item.merge(facts, id);
        self.count += 1;
        self.newest = self.newest.max(id);
        self.size += size;
    }

    /// The number of the newest event. 0 if there is none.
    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    /// The number of events.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The items with the numbers of their first events, in this order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &HistoryItem)> {
        self.items.iter().map(|(first, item)| (*first, &**item))
    }

    pub(crate) fn get(&self, first: u64) -> Option<&HistoryItem> {
        self.items.get(&first).map(|item| &**item)
    }
}

impl HistoryItem {
    /// Whether the item is a workflow task that did not fail. Most events of a history belong to such
    /// tasks, and none of them needs attention.
    pub(crate) fn is_routine_task(&self) -> bool {
        self.subject == Subject::WorkflowTask
            && !matches!(self.phase, SubjectPhase::Failed | SubjectPhase::TimedOut)
    }

    fn merge(&mut self, facts: EventFacts, id: u64) {
        let EventFacts { name, key, reason, identity, attempt, wait, input, result, failures } =
            facts;
        let known = &mut self.facts;
        for (known, new) in [
            (&mut known.name, name),
            (&mut known.key, key),
            (&mut known.reason, reason),
            (&mut known.identity, identity),
        ] {
            if !new.is_empty() {
                *known = new;
            }
        }
        known.attempt = attempt.or(known.attempt);
        known.wait = wait.or(known.wait);
        for (known, new) in [(&mut known.input, input), (&mut known.result, result)] {
            if !new.is_empty() {
                *known = new;
            }
        }
        if !failures.is_empty() && id > self.failed_at {
            known.failures = failures;
            self.failed_at = id;
        }
    }
}

fn size(facts: &EventFacts) -> usize {
    let values = facts.input.iter().chain(&facts.result).map(|value| value.text.len());
    let failures = facts.failures.iter().map(|it| it.stack.len() + it.message.len());
    values.chain(failures).sum()
}

/// Removes all long texts. Returns whether there was one.
fn reduce(facts: &mut EventFacts) -> bool {
    let has_some = size(facts) > 0;
    (facts.input, facts.result) = (Vec::new(), Vec::new());
    for failure in &mut facts.failures {
        (failure.stack, failure.message) = (String::new(), String::new());
    }
    has_some
}

#[cfg(test)]
mod tests;
