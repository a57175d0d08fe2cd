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
