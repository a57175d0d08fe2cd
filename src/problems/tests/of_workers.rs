//! Tests of the problems of the workers of projects.

use crate::problems::of_workers::of_workers;
use crate::protocol::{
    BrokenProject, LastRestart, Outdated, ProblemKind, ProjectWorker, Severity, Snapshot, State,
    tests,
};
use crate::supervisor::Cause;

fn with(worker: ProjectWorker) -> Snapshot {
    let mut snapshot = tests::running();
    snapshot.status.workers = vec![tests::worker("orders"), worker];
    snapshot
}

#[test]
fn worker_that_stigmer_gave_up_is_a_problem_with_its_cause() {
    let is_fine = |state: &State| !matches!(state, State::Failed | State::Backoff);
    for state in State::ALL.into_iter().filter(is_fine) {
        let worker = ProjectWorker { state, ..tests::worker("emails") };
        assert_eq!(of_workers(&with(worker), 0), [], "{state}");
    }
    let failed = ProjectWorker {
        state: State::Failed,
        state_ms: 2_000,
        message: "exit code 1, 6 times in 40 s".to_owned(),
        last_words: vec!["ModuleNotFoundError: No module named 'smtp'".to_owned()],
        ..tests::worker("emails")
    };
    let found = of_workers(&with(failed.clone()), 5_000);
    let [problem] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((problem.kind, problem.severity), (ProblemKind::Worker, Severity::Red));
    assert_eq!((problem.subject.as_str(), problem.since_ms), ("emails", 7_000));
    assert!(problem.cause.contains("No module named 'smtp'"), "{}", problem.cause);
    assert!(problem.hint.as_deref().unwrap().contains("stigmer local start emails"));
    let hinted = ProjectWorker { hint: Some("install it".to_owned()), ..failed };
    assert_eq!(of_workers(&with(hinted), 0)[0].hint.as_deref(), Some("install it"));
}

#[test]
fn project_file_that_cannot_be_used_is_a_problem() {
    let still = "until it is repaired, its last content stays in force";
    for (reason, expected) in [
        (
            format!("~/shop/stigmer.toml:3: unknown key `wtch`; {still}"),
            format!("line 3: unknown key `wtch`; {still}"),
        ),
        (
            "~/shop/stigmer.toml:3: one; ~/shop/stigmer.toml:5: two".to_owned(),
            "line 3: one; line 5: two".to_owned(),
        ),
        ("~/shop/stigmer.toml was deleted".to_owned(), "was deleted".to_owned()),
        (
            "cannot read ~/shop/stigmer.toml: denied".to_owned(),
            "cannot read ~/shop/stigmer.toml: denied".to_owned(),
        ),
    ] {
        let mut snapshot = tests::running();
        let file = "/home/ann/shop/stigmer.toml".into();
        snapshot.status.broken_projects = vec![BrokenProject { file, reason, since_ms: 2_000 }];
        let found = of_workers(&snapshot, 500);
        let [problem] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((problem.kind, problem.severity), (ProblemKind::Project, Severity::Red));
        assert_eq!((problem.subject.as_str(), problem.since_ms), ("shop/stigmer.toml", 2_500));
        assert_eq!(problem.cause, expected);
    }
}

#[test]
fn worker_that_waits_for_its_restart_is_a_problem_with_its_cause() {
    let worker = ProjectWorker {
        state: State::Backoff,
        message: "restart after crash: exit 1".to_owned(),
        next_start_ms: Some(900),
        last_words: vec!["KeyError: 'region'".to_owned()],
        ..tests::worker("emails")
    };
    let found = of_workers(&with(worker), 0);
    let [problem] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((problem.kind, problem.severity), (ProblemKind::Backoff, Severity::Amber));
    assert_eq!(problem.cause, "exit code 1: KeyError: 'region'");
    assert_eq!(problem.next_try_ms, Some(900));
    assert_eq!(problem.command.as_deref(), Some("stigmer local logs emails -n 50"));
}

#[test]
fn running_worker_that_is_older_than_its_files_is_a_problem() {
    let reason = "`before` failed with exit 1\nsecond line".to_owned();
    let outdated = Some(Outdated { reason, since_ms: 2_000 });
    for state in [State::Ready, State::Degraded] {
        let worker = ProjectWorker { state, outdated: outdated.clone(), ..tests::worker("emails") };
        let found = of_workers(&with(worker), 500);
        let [problem] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((problem.kind, problem.severity), (ProblemKind::Outdated, Severity::Red));
        assert_eq!(
            (problem.cause.as_str(), problem.since_ms),
            ("`before` failed with exit 1", 2_500)
        );
        assert!(problem.hint.as_deref().unwrap().contains("stigmer local restart emails"));
    }
}

#[test]
fn recent_restart_of_a_worker_is_a_notice() {
    let restarted = |ago_ms, state| {
        let mut worker = ProjectWorker { state, ..tests::worker("emails") };
        worker.restarts.last = Some(LastRestart {
            cause: Cause::Crash,
            detail: "signal 9 (SIGKILL)".to_owned(),
            ago_ms,
            recovery_ms: Some(200),
            downtime_ms: None,
        });
        of_workers(&with(worker), 0)
    };
    let found = restarted(60_000, State::Ready);
    assert_eq!((found[0].kind, found[0].severity), (ProblemKind::Restarted, Severity::Notice));
    assert_eq!(found[0].cause, "killed by signal 9 (SIGKILL); down for 200 ms");
    assert_eq!(restarted(16 * 60_000, State::Ready), []);
    assert_eq!(restarted(60_000, State::Stopped), []);
}
