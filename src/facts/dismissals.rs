//! The problems that users have dismissed. The host stores them, so all dashboards hide the same
//! problems.

use super::millis;
use crate::protocol::{DISMISSED_MAX, OTHERS, Problem, ProblemKind};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The age of a problem is imprecise by up to this time.
const IMPRECISION: Duration = Duration::from_secs(2);

/// The dismissed problems of a home. All clones share them.
#[derive(Debug, Clone, Default)]
pub struct Dismissals(Arc<Mutex<Vec<Dismissal>>>);

/// A dismissed problem.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Dismissal {
    seen: SeenProblem,
    at: Instant,
}

/// What is known about a problem when it is dismissed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeenProblem {
    /// Number of the request that dismissed the problem. One request may dismiss several problems.
    request: u64,
    /// See [`Problem::id`].
    id: String,
    /// Run IDs of the workflows with this problem, the newest first. Empty if the problem is not
    /// about a workflow.
    runs: Vec<String>,
    /// Number of the workflows with this problem. `runs` names at most [`OTHERS`] + 1 of them.
    #[serde(default)]
    count: u64,
    /// Number of the latest attempt of the newest workflow.
    attempt: Option<u32>,
}

/// A dismissed problem in the file of a hand-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftDismissal {
    /// Time since the problem was dismissed, in milliseconds.
    age_ms: u64,
    #[serde(flatten)]
    seen: SeenProblem,
}

impl Dismissals {
    /// Marks the dismissed problems of a list. A problem that happened again after its dismissal is
    /// not marked, and its dismissal ends. If the list is complete, the dismissals of queues, workers
    /// and the server end that have no problem in the list.
    pub fn mark(&self, problems: &mut [Problem], is_complete: bool) {
        let mut all = self.lock();
        all.retain_mut(|dismissal| {
            let Some(problem) = problems.iter_mut().find(|it| it.id == dismissal.seen.id) else {
                return !is_complete || !dismissal.seen.runs.is_empty();
            };
            problem.dismissed = dismissal.covers(problem);
            if problem.run_id.as_ref() == dismissal.seen.runs.first() {
                dismissal.seen.attempt = problem.attempt.or(dismissal.seen.attempt);
            }
            problem.dismissed
        });
    }

    /// Dismisses the problems of a list that have one of these IDs. Without IDs, dismisses all of
    /// them. If there are more than [`DISMISSED_MAX`], the oldest dismissals end.
    pub fn add(&self, problems: &[Problem], ids: Option<&[String]>) {
        let mut all = self.lock();
        let request = all.iter().map(|it| it.seen.request).max().unwrap_or(0) + 1;
        let is_meant = |it: &&Problem| ids.is_none_or(|ids| ids.contains(&it.id));
        for problem in problems.iter().filter(is_meant).take(DISMISSED_MAX) {
            all.retain(|it| it.seen.id != problem.id);
            all.push(Dismissal { seen: SeenProblem::of(problem, request), at: Instant::now() });
        }
        let surplus = all.len().saturating_sub(DISMISSED_MAX);
        all.drain(..surplus);
    }

    /// Ends the dismissals of the latest request that hides a problem of this list. The list is
    /// marked.
    pub fn undo(&self, problems: &[Problem]) {
        let mut all = self.lock();
        let hides = |it: &&Dismissal| problems.iter().any(|problem| problem.id == it.seen.id);
        let latest = all.iter().filter(hides).map(|it| it.seen.request).max();
        all.retain(|it| Some(it.seen.request) != latest);
    }

    pub(super) fn hand_over(&self, now: Instant) -> Vec<LeftDismissal> {
        let left = |it: &Dismissal| LeftDismissal {
            age_ms: millis(now.saturating_duration_since(it.at)),
            seen: it.seen.clone(),
        };
        self.lock().iter().map(left).collect()
    }

    /// Adds the dismissals of an earlier host. `ago` converts an age at the hand-over to a time.
    pub(super) fn restore(&self, left: Vec<LeftDismissal>, ago: impl Fn(u64) -> Instant) {
        let dismissal = |it: LeftDismissal| Dismissal { at: ago(it.age_ms), seen: it.seen };
        self.lock().extend(left.into_iter().take(DISMISSED_MAX).map(dismissal));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Dismissal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SeenProblem {
    fn of(problem: &Problem, request: u64) -> Self {
        let Problem { id, count, attempt, .. } = problem.clone();
        let runs = match &problem.run_id {
            Some(_) => runs(problem).map(str::to_owned).collect(),
            None => Vec::new(),
        };
        Self { request, id, runs, count, attempt }
    }
}

impl Dismissal {
    /// Whether the problem is still the dismissed one: no further workflow has it, its attempts
    /// have not begun again, and a problem of the server has not begun again.
    fn covers(&self, problem: &Problem) -> bool {
        let SeenProblem { runs: known, count, attempt, .. } = &self.seen;
        if problem.run_id.is_none() {
            // The age of this problem is the age of the oldest task, which may go away.
            return problem.kind == ProblemKind::NoWorker
                || Duration::from_millis(problem.since_ms) + IMPRECISION >= self.at.elapsed();
        }
        let begins_again = problem.run_id.as_ref() == known.first()
            && matches!((problem.attempt, attempt), (Some(now), Some(before)) if now < *before);
        let has_further = if *count > OTHERS as u64 + 1 {
            // Some of the workflows are not named, and others are named when one of them ends.
            problem.count > *count
        } else {
            !runs(problem).all(|run| known.iter().any(|it| it == run))
        };
        !begins_again && !has_further
    }
}

/// The run IDs of the workflows with a problem, the newest first.
fn runs(problem: &Problem) -> impl Iterator<Item = &str> {
    let others = problem.others.iter().map(|other| other.run_id.as_str());
    problem.run_id.as_deref().into_iter().chain(others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ProblemKind, WorkflowRef};

    fn problem(id: &str, runs: &[&str]) -> Problem {
        let workflow = |run: &&str| WorkflowRef {
            workflow_type: None,
            workflow_id: format!("id-{run}"),
            run_id: (*run).to_owned(),
            attempt: None,
            since_ms: None,
        };
        Problem {
            id: id.to_owned(),
            run_id: runs.first().map(|run| (*run).to_owned()),
            others: runs.iter().skip(1).map(workflow).collect(),
            ..Problem::new(ProblemKind::Retrying, "")
        }
    }

    /// The IDs of the problems that are shown.
    fn shown(dismissals: &Dismissals, problems: &[Problem]) -> Vec<String> {
        let mut problems = problems.to_vec();
        dismissals.mark(&mut problems, false);
        problems.into_iter().filter(|it| !it.dismissed).map(|it| it.id).collect()
    }

    fn dismiss(dismissals: &Dismissals, problems: &[Problem], ids: &[&str]) {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        dismissals.add(problems, Some(&ids));
    }

    #[test]
    fn undo_shows_the_problems_of_the_latest_request_that_hides_one() {
        let all = ["a", "b", "c", "d"].map(|id| problem(id, &[id]));
        let dismissals = Dismissals::default();
        dismiss(&dismissals, &all, &["b", "unknown"]);
        assert_eq!(shown(&dismissals, &all), ["a", "c", "d"]);
        dismiss(&dismissals, &all, &["a", "c"]);
        dismiss(&dismissals, &all, &["d"]);
        assert_eq!(shown(&dismissals, &all), [""; 0]);
        dismissals.undo(&all[..3]);
        assert_eq!(shown(&dismissals, &all), ["a", "c"], "d is not in the list");
        dismissals.undo(&all);
        assert_eq!(shown(&dismissals, &all), ["a", "c", "d"]);
        dismissals.undo(&all);
        dismissals.undo(&all);
        assert_eq!(shown(&dismissals, &all), ["a", "b", "c", "d"]);
        dismissals.add(&all, None);
        assert_eq!(shown(&dismissals, &all), [""; 0], "without IDs, all are dismissed");
    }

    #[test]
    fn further_workflow_is_shown_and_one_that_ends_changes_nothing() {
        let dismissals = Dismissals::default();
        dismiss(&dismissals, &[problem("a", &["2", "1"])], &["a"]);
        for runs in [&["2", "1"][..], &["1"], &["2"], &["2", "1"]] {
            assert_eq!(shown(&dismissals, &[problem("a", runs)]), [""; 0], "{runs:?}");
        }
        assert_eq!(shown(&dismissals, &[]), [""; 0]);
        assert_eq!(shown(&dismissals, &[problem("a", &["2", "1"])]), [""; 0], "it was unknown");
        assert_eq!(shown(&dismissals, &[problem("a", &["2", "1", "older"])]), ["a"]);
        assert_eq!(shown(&dismissals, &[problem("a", &["2"])]), ["a"], "the dismissal has ended");
    }

    #[test]
    fn dismissed_group_with_unnamed_workflows_is_hidden_until_it_grows() {
        // Problem with the workflows of these numbers. It names the newest ones.
        let group = |newest: u64, count: u64| {
            let named = count.min(OTHERS as u64 + 1);
            let runs: Vec<String> = (0..named).map(|it| (newest - it).to_string()).collect();
            let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
            Problem { count, ..problem("a", &runs) }
        };
        let dismissals = Dismissals::default();
        dismiss(&dismissals, &[group(160, 60)], &["a"]);
        for (newest, count) in [(160, 60), (158, 58), (108, 8), (160, 60)] {
            assert_eq!(shown(&dismissals, &[group(newest, count)]), [""; 0], "{newest} {count}");
        }
        assert_eq!(shown(&dismissals, &[group(161, 61)]), ["a"]);
        assert_eq!(shown(&dismissals, &[group(160, 60)]), ["a"], "the dismissal has ended");
        dismiss(&dismissals, &[group(151, 51)], &["a"]);
        assert_eq!(shown(&dismissals, &[group(151, 51)]), [""; 0]);
        assert_eq!(shown(&dismissals, &[group(152, 51)]), ["a"], "all of them were named");
    }

    #[test]
    fn dismissed_queue_is_hidden_until_a_complete_list_lacks_it() {
        let queue = |since_ms| {
            let waiting = problem("1", &["1"]).others;
            Problem {
                id: "queue".to_owned(),
                since_ms,
                others: waiting,
                ..Problem::new(ProblemKind::NoWorker, "orders")
            }
        };
        let dismissals = Dismissals::default();
        dismiss(&dismissals, &[queue(60_000)], &["queue"]);
        for dismissal in &mut *dismissals.lock() {
            dismissal.at = dismissal.at.checked_sub(Duration::from_secs(30)).unwrap();
        }
        assert_eq!(shown(&dismissals, &[queue(1_000)]), [""; 0], "the oldest task went away");
        dismissals.mark(&mut [], false);
        assert_eq!(shown(&dismissals, &[queue(2_000)]), [""; 0], "the list was incomplete");
        dismissals.mark(&mut [], true);
        assert_eq!(shown(&dismissals, &[queue(3_000)]), ["queue"]);

        // The dismissal of a workflow does not end with its absence.
        dismiss(&dismissals, &[problem("a", &["1"])], &["a"]);
        dismissals.mark(&mut [], true);
        assert_eq!(shown(&dismissals, &[problem("a", &["1"])]), [""; 0]);
    }

    #[test]
    fn problem_that_begins_again_is_shown() {
        let dismissals = Dismissals::default();
        let at = |attempt| Problem { attempt: Some(attempt), ..problem("a", &["1"]) };
        dismiss(&dismissals, &[at(3)], &["a"]);
        assert_eq!(shown(&dismissals, &[at(9)]), [""; 0]);
        assert_eq!(shown(&dismissals, &[at(4)]), ["a"], "a new attempt 4");
        assert_eq!(shown(&dismissals, &[at(10)]), ["a"]);

        let since = |since_ms| Problem { since_ms, ..problem("queue", &[]) };
        dismiss(&dismissals, &[since(60_000)], &["queue"]);
        assert_eq!(shown(&dismissals, &[since(60_000)]), [""; 0]);
        for dismissal in &mut *dismissals.lock() {
            dismissal.at = dismissal.at.checked_sub(Duration::from_secs(30)).unwrap();
        }
        assert_eq!(shown(&dismissals, &[since(91_000)]), [""; 0]);
        assert_eq!(shown(&dismissals, &[since(1_000)]), ["queue"]);
    }

    #[test]
    fn oldest_dismissals_end_first() {
        let dismissals = Dismissals::default();
        let all: Vec<Problem> =
            (0..DISMISSED_MAX).map(|n| problem(&n.to_string(), &["1"])).collect();
        dismissals.add(&all, None);
        dismiss(&dismissals, &[problem("late", &["1"])], &["late"]);
        assert_eq!(shown(&dismissals, &all), ["0"]);
        assert_eq!(dismissals.lock().len(), DISMISSED_MAX);
    }

    #[test]
    fn next_host_hides_the_same_problems() {
        let dismissals = Dismissals::default();
        let all = [problem("a", &["1"]), problem("queue", &[])];
        dismissals.add(&all, None);
        let left = serde_json::to_string(&dismissals.hand_over(Instant::now())).unwrap();
        let next = Dismissals::default();
        next.restore(serde_json::from_str(&left).unwrap(), |ms| {
            Instant::now().checked_sub(Duration::from_millis(ms)).unwrap()
        });
        assert_eq!(shown(&next, &all), [""; 0]);
        next.undo(&all);
        assert_eq!(shown(&next, &all), ["a", "queue"]);
    }
}
