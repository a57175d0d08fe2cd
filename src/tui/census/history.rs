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
    /// The counts of all workflows at the time of this count. `None` if the time that this count covers had
    /// passed before.
    totals: Option<StatusCounts>,
}

impl StepCount {
    /// The count, with the workflows that have ended since. `totals` are the counts of all workflows now.
    fn now(&self, totals: StatusCounts) -> StatusCounts {
        let Some(before) = self.totals else { return self.counts };
        let more = |now: u64, before: u64| now.saturating_sub(before);
        StatusCounts {
            open: 0,
            completed: self.counts.completed + more(totals.completed, before.completed),
            failed: self.counts.failed + more(totals.failed, before.failed),
            timed_out: self.counts.timed_out + more(totals.timed_out, before.timed_out),
            closed: self.counts.closed + more(totals.closed, before.closed),
        }
    }
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
    /// The times that are not counted yet, newest first. The current time is counted again after its
    /// end. Until then its count follows from the counts of all workflows, because a count of one time
    /// makes the server read all workflows.
    pub(super) fn due(&self, now: SystemTime) -> impl Iterator<Item = StepRequest> {
        let current = step(now);
        let is_due = move |at: &u64| {
            self.0.get(at).is_none_or(|count| count.totals.is_some() && *at != current)
        };
        (first(current)..=current).rev().filter(is_due).map(StepRequest)
    }

    /// Takes note of the count of a time, which was requested at `now`. `totals` are the counts of all
    /// workflows then.
    pub(super) fn note(
        &mut self,
        request: StepRequest,
        counts: StatusCounts,
        totals: StatusCounts,
        now: SystemTime,
    ) {
        let totals = (now < request.end()).then_some(totals);
        self.0.insert(request.0, StepCount { counts, totals });
        let oldest = first(step(now));
        self.0.retain(|at, _| *at >= oldest);
    }

    /// The counts, oldest first. Empty until each time was counted. `totals` are the counts of all
    /// workflows now.
    pub(super) fn counts(&self, now: SystemTime, totals: StatusCounts) -> Vec<StatusCounts> {
        let current = step(now);
        let counts = (first(current)..=current).map(|at| Some(self.0.get(&at)?.now(totals)));
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

    fn closed(closed: u64) -> StatusCounts {
        StatusCounts { closed, ..StatusCounts::default() }
    }

    #[test]
    fn each_time_is_counted_once_and_again_after_its_end() {
        let mut history = EndedHistory::default();
        let mut now = UNIX_EPOCH + STEP * 1_000;
        let due: Vec<StepRequest> = history.due(now).collect();
        assert_eq!((due.len() as u64, due[0].begin(), due[0].end()), (STEPS, now, now + STEP));
        assert!(history.counts(now, closed(0)).is_empty());
        for (count, request) in due.into_iter().enumerate() {
            history.note(request, closed(count as u64), closed(500), now);
        }
        let counts = |history: &EndedHistory, now, totals| -> Vec<u64> {
            history.counts(now, closed(totals)).iter().map(|counts| counts.closed).collect()
        };
        assert_eq!(counts(&history, now, 500), (0..STEPS).rev().collect::<Vec<_>>());
        assert_eq!(history.due(now).count(), 0);
        assert_eq!(counts(&history, now, 507)[13..], [1, 7], "seven more have ended");
        assert_eq!(counts(&history, now, 400)[13..], [1, 0], "the server has deleted some");
        now += STEP;
        let due: Vec<StepRequest> = history.due(now).collect();
        assert_eq!(due, [StepRequest(1_001), StepRequest(1_000)], "the last count was incomplete");
        for request in due {
            history.note(request, closed(9), closed(510), now);
        }
        assert_eq!(counts(&history, now, 511)[13..], [9, 10]);
        assert_eq!(history.due(now).count(), 0);
    }

    #[test]
    fn clock_at_its_beginning_needs_few_counts() {
        assert_eq!(EndedHistory::default().due(UNIX_EPOCH).count(), 1);
    }
}
