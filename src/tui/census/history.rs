//! Counts of the workflows that ended within the last 30 minutes.

use crate::temporal::workflows::StatusCounts;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Length of the time that one count covers.
const STEP: Duration = Duration::from_secs(120);
/// Number of counts.
const STEPS: u64 = 15;

/// The counts so far. The key is the time of a count, in multiples of [`STEP`] since 1970.
#[derive(Debug, Default)]
pub(super) struct EndedHistory(BTreeMap<u64, StepCount>);

#[derive(Debug)]
struct StepCount {
    counts: StatusCounts,
    /// Whether the time of this count had passed when it was requested.
    is_final: bool,
}

/// The time of a count that is to be requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StepRequest(u64);

impl StepRequest {
    pub(super) fn begin(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0 * STEP.as_secs())
    }

    pub(super) fn end(self) -> SystemTime {
        self.begin() + STEP
    }
}

impl EndedHistory {
    /// The times that are not counted yet, newest first. The current time is always counted again.
    pub(super) fn due(&self, now: SystemTime) -> impl Iterator<Item = StepRequest> {
        let current = step(now);
        let is_due = |at: &u64| self.0.get(at).is_none_or(|count| !count.is_final);
        (first(current)..=current).rev().filter(is_due).map(StepRequest)
    }

    pub(super) fn note(&mut self, request: StepRequest, counts: StatusCounts, now: SystemTime) {
        let is_final = now >= request.end();
        self.0.insert(request.0, StepCount { counts, is_final });
        let oldest = first(step(now));
        self.0.retain(|at, _| *at >= oldest);
    }

    /// The counts, oldest first. Empty until each time was counted.
    pub(super) fn counts(&self, now: SystemTime) -> Vec<StatusCounts> {
        let current = step(now);
        let counts = (first(current)..=current).map(|at| Some(self.0.get(&at)?.counts));
        counts.collect::<Option<_>>().unwrap_or_default()
    }
}

fn step(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / STEP.as_secs())
}

fn first(current: u64) -> u64 {
    (current + 1).saturating_sub(STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_times_are_counted_once_and_the_current_time_again() {
        let mut history = EndedHistory::default();
        let mut now = UNIX_EPOCH + STEP * 1_000;
        let due: Vec<StepRequest> = history.due(now).collect();
        assert_eq!((due.len() as u64, due[0].begin(), due[0].end()), (STEPS, now, now + STEP));
        assert!(history.counts(now).is_empty());
        for (closed, request) in due.into_iter().enumerate() {
            let counts = StatusCounts { closed: closed as u64, ..StatusCounts::default() };
            history.note(request, counts, now);
        }
        let closed = |history: &EndedHistory, now| -> Vec<u64> {
            history.counts(now).iter().map(|counts| counts.closed).collect()
        };
        assert_eq!(closed(&history, now), (0..STEPS).rev().collect::<Vec<_>>());
        assert_eq!(history.due(now).collect::<Vec<_>>(), [StepRequest(1_000)]);
        now += STEP;
        let due: Vec<StepRequest> = history.due(now).collect();
        assert_eq!(due, [StepRequest(1_001), StepRequest(1_000)], "the last count was incomplete");
        for request in due {
            history.note(request, StatusCounts::default(), now);
        }
        assert_eq!(closed(&history, now)[13..], [0, 0]);
        assert_eq!(history.due(now).count(), 1);
    }

    #[test]
    fn clock_at_its_beginning_needs_few_counts() {
        assert_eq!(EndedHistory::default().due(UNIX_EPOCH).count(), 1);
    }
}
