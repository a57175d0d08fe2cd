//! Tests of the merging and the order of problems.

use crate::problems::group::group;
use crate::protocol::{Problem, ProblemKind};
use proptest::prelude::*;

fn any_problem() -> impl Strategy<Value = Problem> {
    let kinds = prop::sample::select(ProblemKind::ALL.to_vec());
    let texts = ("[ab]", "[ab]", "[ab]", prop::option::of("[abc]"), 0_u64..100);
    (kinds, texts).prop_map(|(kind, (workflow_type, subject, cause, run_id, since_ms))| Problem {
        workflow_type: Some(workflow_type),
        run_id,
        since_ms,
        cause,
        ..Problem::new(kind, &subject)
    })
}

proptest! {
    #[test]
    fn groups_lose_no_workflow_and_are_sorted(problems in prop::collection::vec(any_problem(), 0..40)) {
        let grouped = group(problems.clone());
        for problem in &problems {
            let is_there = grouped.iter().any(|row| {
                let others = row.others.iter().map(|it| Some(&it.run_id));
                row.kind == problem.kind
                    && row.cause == problem.cause
                    && (row.run_id == problem.run_id
                        || others.into_iter().any(|it| it == problem.run_id.as_ref()))
            });
            prop_assert!(is_there, "{problem:?}");
        }
        prop_assert!(grouped.is_sorted_by_key(|it| (it.kind, it.severity)));
        for row in &grouped {
            prop_assert!(row.run_id.is_none() || row.count == 1 + row.others.len() as u64);
        }
        prop_assert_eq!(group(grouped.clone()).len(), grouped.len());
    }
}

#[test]
fn each_workflow_of_a_group_keeps_its_attempt_and_its_age() {
    let problem = |run_id: &str, attempt, since_ms| Problem {
        run_id: Some(run_id.to_owned()),
        attempt: Some(attempt),
        since_ms,
        ..Problem::new(ProblemKind::Retrying, run_id)
    };
    let grouped = group(vec![problem("old", 9, 60_000), problem("new", 2, 5_000)]);
    let [row] = grouped.as_slice() else { panic!("{grouped:?}") };
    assert_eq!((row.run_id.as_deref(), row.attempt), (Some("new"), Some(2)));
    let [other] = row.others.as_slice() else { panic!("{row:?}") };
    assert_eq!((other.attempt, other.since_ms), (Some(9), Some(60_000)));
}

#[test]
fn one_change_of_code_is_one_problem_for_each_queue() {
    let problem = |run: &str, queue: &str, event: u32| Problem {
        run_id: Some(run.to_owned()),
        queue: Some(queue.to_owned()),
        cause: format!("non-determinism: the code expects a timer, history has X (event {event})"),
        ..Problem::new(ProblemKind::Stuck, run)
    };
    let problems =
        vec![problem("a", "orders", 5), problem("b", "orders", 11), problem("c", "shop", 5)];
    let counts: Vec<u64> = group(problems).iter().map(|row| row.count).collect();
    assert_eq!(counts, [2, 1]);
    // Other numbers of a cause are the cause.
    let cause =
        |cause: &str, run: &str| Problem { cause: cause.to_owned(), ..problem(run, "orders", 5) };
    let problems = vec![cause("no order (event 5", "a"), cause("no order (event 6", "b")];
    assert_eq!(group(problems).len(), 2);
}
