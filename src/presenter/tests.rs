use super::*;
use crate::protocol::{Layer, NoRestart, Problem, ProblemList, SCHEMA, START_HINT, WorkflowRef};
use crate::temporal::executions::{Execution, ExecutionStatus};
use crate::temporal::workflows::StatusCounts;
use std::sync::Arc;
use std::time::SystemTime;
use stigmer_ui::model::{
    ClosedCount, Dismissed, FailureLimit, ProblemKind, RestartLimit, StateView, WorkflowCounts,
};

#[test]
fn failed_start_can_be_stopped_and_a_failed_stop_can_be_tried_again() {
    let shown = |intent| {
        let mut snapshot = crate::protocol::tests::snapshot();
        (snapshot.status.state, snapshot.status.intent) = (State::Failed, intent);
        let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Up };
        let model = present(&view, &Viewer::default());
        (model.can.stop, model.message, model.failure.unwrap().hints[0].clone())
    };
    assert_eq!(shown(Want::Up), (true, String::new(), "s  try again".into()));
    let not_stopped = "the server is not stopped; press x to try again".to_owned();
    assert_eq!(shown(Want::Down), (true, not_stopped, "x  try again".into()));
}

#[test]
fn unresponsive_host_is_shown_and_accepts_no_commands() {
    let shown = |link| {
        let snapshot = Arc::new(crate::protocol::tests::snapshot());
        let view = View { snapshot, age: Duration::from_secs(7), link };
        let model = present(&view, &Viewer::default());
        (model.host_label, model.doing, model.message, model.can.start)
    };
    let (label, _, _, start) = shown(Link::Up);
    assert_eq!((label.as_str(), start), ("background host 7", true));
    let (label, doing, _, start) = shown(Link::Silent);
    assert_eq!((label.as_str(), start), ("host 7 unresponsive", false));
    assert_eq!(doing, "no response from the host for 7 s");
    let (label, doing, _, start) = shown(Link::Gone);
    assert_eq!((label.as_str(), start), ("host 7 is gone", false));
    assert_eq!(doing, "connection to the host lost, reconnecting");
    let (_, _, message, start) = shown(Link::Foreign("upgrade this stigmer".into()));
    assert_eq!((message.as_str(), start), ("upgrade this stigmer", false));
}

#[test]
fn layer_that_a_host_does_not_report_is_unknown() {
    let mut snapshot = crate::protocol::tests::running();
    snapshot.status.health.layers.remove(0);
    snapshot.status.health.layers[0].ok = Some(true);
    let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Up };
    let shown = present(&view, &Viewer::default()).health;
    assert_eq!(
        shown.each_ref().map(|layer| layer.name.as_str()),
        ["lock", "process", "tcp", "grpc", "store", "engine"]
    );
    assert_eq!((shown[0].ok, shown[1].ok), (None, Some(true)));
}

#[test]
fn start_is_offered_once_after_a_failure() {
    let hints = |hint: &str| {
        let mut snapshot = crate::protocol::tests::snapshot();
        (snapshot.status.state, snapshot.status.intent) = (State::Failed, Want::Up);
        snapshot.hint = Some(hint.to_owned());
        let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Up };
        present(&view, &Viewer::default()).failure.unwrap().hints
    };
    assert_eq!(hints(START_HINT), ["s  try again"]);
    assert_eq!(hints("use --db"), ["s  try again", "use --db"]);
}

#[test]
fn old_measurements_are_not_shown_as_current() {
    let mut snapshot = crate::protocol::tests::running();
    snapshot.status.health.latency_us.last = Some(210);
    snapshot.status.health.layers[0].ok = Some(true);
    let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Gone };
    let shown = |unwatched| present(&view, &Viewer { unwatched, ..Viewer::default() });
    let before = shown(None);
    assert!(before.watched && before.pid == Some(7));
    assert_eq!((before.probe.last_us, before.health[0].ok), (Some(210), Some(true)));
    assert_eq!(before.resources.rss_bytes, Some(5));
    let after = shown(Some(Unwatched::Serving));
    assert!(!after.watched && after.pid == Some(7));
    assert_eq!((after.probe.last_us, after.health[0].ok), (None, None));
    assert_eq!(after.resources.rss_bytes, None);
}

#[test]
fn server_without_a_host_has_its_observed_state() {
    let shown = |unwatched, before| {
        let mut snapshot = crate::protocol::tests::running();
        snapshot.status.state = before;
        snapshot.status.message = "grpc: no response".to_owned();
        let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Gone };
        let viewer = Viewer { unwatched: Some(unwatched), ..Viewer::default() };
        let model = present(&view, &viewer);
        (model.state, model.doing, model.message, model.can.start)
    };
    let unrepaired = "no host, a crash is not repaired; s starts a host";
    let silent = "no host, and the server does not respond; s starts a host";
    for (unwatched, before, expected, doing) in [
        (Unwatched::Serving, State::Ready, StateView::Ready, unrepaired),
        (Unwatched::Serving, State::Degraded, StateView::Ready, unrepaired),
        (Unwatched::Unknown, State::Ready, StateView::Ready, unrepaired),
        (Unwatched::Unknown, State::Starting, StateView::Degraded, unrepaired),
        (Unwatched::Failing, State::Ready, StateView::Degraded, silent),
    ] {
        let expected = (expected, doing.to_owned(), String::new(), true);
        assert_eq!(shown(unwatched, before), expected, "{unwatched:?} after {before}");
    }
    assert_eq!(shown(Unwatched::Stopped, State::Ready).0, StateView::Stopped);
}

#[test]
fn duration_of_failures_is_shown_if_it_decides_about_a_restart() {
    let shown = |span: Option<&str>| {
        let mut snapshot = crate::protocol::tests::running();
        snapshot.status.options.values.failure_threshold = Some(3);
        snapshot.status.options.failure_span = span.map(|span| span.parse().unwrap());
        let snapshot = Arc::new(snapshot);
        let view = View { snapshot, age: Duration::ZERO, link: Link::Up };
        present(&view, &Viewer::default()).probe.limit
    };
    assert_eq!(shown(Some("15s")), Some(FailureLimit::Span(15_000)));
    assert_eq!(shown(None), Some(FailureLimit::Count(3)));
}

#[test]
fn unknown_options_are_not_shown_as_defaults() {
    let view = |options: serde_json::Value| {
        let mut snapshot = crate::protocol::tests::snapshot();
        snapshot.status.options = serde_json::from_value(options).unwrap();
        let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Up };
        present(&view, &Viewer::default())
    };
    let unknown = view(serde_json::json!({}));
    assert_eq!((unknown.address, unknown.ui_url), (None, None));
    assert_eq!((unknown.restarts.limit, unknown.probe.limit), (None, None));
    assert_eq!(unknown.probe.period_ms, None);
    let known = view(serde_json::json!({
        "port": 7300, "max-restarts": 2, "restart-window": "1m 30s", "probe-period": "2s"
    }));
    assert_eq!(known.address.as_deref(), Some("127.0.0.1:7300"));
    assert_eq!(known.restarts.limit, Some(RestartLimit { max: 2, window_ms: 90_000 }));
    assert_eq!(known.probe.period_ms, Some(2_000));
}

#[test]
fn external_server_that_is_down_keeps_its_address() {
    let mut snapshot = crate::protocol::tests::snapshot();
    snapshot.status.managed = false;
    let options = serde_json::json!({"port": 7233, "ui-port": 8233, "address": "there:7300"});
    snapshot.status.options = serde_json::from_value(options).unwrap();
    let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Up };
    let model = present(&view, &Viewer::default());
    assert_eq!((model.address.as_deref(), model.ui_url), (Some("there:7300"), None));
}

#[test]
fn stopping_server_counts_no_failures() {
    let failures = |state| {
        let mut snapshot = crate::protocol::tests::running();
        snapshot.status.state = state;
        snapshot.status.health.consecutive_failures = 2;
        let snapshot = Arc::new(snapshot);
        let view = View { snapshot, age: Duration::ZERO, link: Link::Up };
        present(&view, &Viewer::default()).probe.consecutive_failures
    };
    assert_eq!(failures(State::Degraded), 2);
    assert_eq!(failures(State::Stopping), 0);
}

/// The model of a running server after a change of its snapshot.
fn shown(change: impl FnOnce(&mut Snapshot)) -> Model {
    let mut snapshot = crate::protocol::tests::running();
    change(&mut snapshot);
    let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Up };
    present(&view, &Viewer::default())
}

fn list(mut problems: Vec<Problem>) -> ProblemList {
    for problem in &mut problems {
        problem.id = problem.identity();
    }
    ProblemList { schema: SCHEMA, as_of_ms: Some(400), unknown: None, problems }
}

#[test]
fn problems_of_the_host_are_rows_that_can_be_dismissed() {
    let mut snapshot = crate::protocol::tests::running();
    snapshot.status.state = State::Ready;
    let server = snapshot.status.temporal.as_mut().unwrap();
    server.address = "127.0.0.1:7300".to_owned();
    let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Up };
    let mut viewer = Viewer::default();
    assert_eq!(present(&view, &viewer).problems, None, "not requested yet");
    let run = |run_id: &str| WorkflowRef {
        workflow_id: "refund".to_owned(),
        run_id: run_id.to_owned(),
        workflow_type: Some("Refund".to_owned()),
        attempt: Some(3),
        since_ms: Some(9_000),
    };
    viewer.problems.note(Some(list(vec![
        Problem::new(crate::protocol::ProblemKind::Data, "server"),
        Problem {
            workflow_type: Some("Refund\u{1b}[31m".to_owned()),
            run_id: Some("r1".to_owned()),
            others: vec![run("r2")],
            count: 2,
            cause: "BankUnavailable: 503".to_owned(),
            next_try_ms: Some(0),
            ..Problem::new(crate::protocol::ProblemKind::Retrying, "refund")
        },
        Problem {
            count: 7,
            others: vec![run("r3")],
            workflow_cause: Some("queue billing: nobody polls it".to_owned()),
            ..Problem::new(crate::protocol::ProblemKind::NoWorker, "billing")
        },
    ])));
    let rows = present(&view, &viewer).problems.unwrap();
    let shown: Vec<_> = rows
        .iter()
        .map(|row| (row.kind, row.type_name.as_str(), row.subject.as_str(), row.count))
        .collect();
    assert_eq!(
        shown,
        [
            (ProblemKind::Data, "server", "127.0.0.1:7300", 1),
            (ProblemKind::Retrying, "Refund", "refund", 2),
            (ProblemKind::NoWorker, "queue", "billing", 1),
        ]
    );
    let members: Vec<&str> = rows[1].members.iter().map(|it| it.run_id.as_str()).collect();
    assert_eq!(members, ["r1", "r2"]);
    assert_eq!(rows[1].members[1].attempt, Some(3));
    assert!(rows[1].members[1].since_ms >= Some(9_000));
    let waiting: Vec<_> = rows[2].members.iter().map(|it| (&*it.type_name, &*it.run_id)).collect();
    assert_eq!(waiting, [("Refund", "r3")]);
    assert_eq!(rows[2].workflow_cause, "queue billing: nobody polls it");
    viewer.problems.hide(vec![rows[1].id.clone()]);
    let model = present(&view, &viewer);
    let shown: Vec<_> = model.problems.unwrap().into_iter().map(|row| row.kind).collect();
    assert_eq!(shown, [ProblemKind::Data, ProblemKind::NoWorker]);
    assert_eq!(model.dismissed, Dismissed { problems: 1, workflows: 2 });
    viewer.problems.hide(rows.iter().map(|row| row.id.clone()).collect());
    let model = present(&view, &viewer);
    assert_eq!(
        (model.problems, model.dismissed),
        (Some(Vec::new()), Dismissed { problems: 3, workflows: 3 })
    );
    viewer.problems.note(None);
    assert_eq!(present(&view, &viewer).dismissed.problems, 3, "the next response changes nothing");
    viewer.problems.hide(Vec::new());
    assert_eq!(present(&view, &viewer).dismissed.problems, 0, "the host has not dismissed them");
}

#[test]
fn state_of_a_problem_is_the_same_word_on_the_screen_and_in_json() {
    let kinds = crate::protocol::ProblemKind::ALL;
    assert_eq!(kinds.map(ProblemKind::from), ProblemKind::ALL);
    for kind in kinds {
        let problem = Problem::new(kind, "x");
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["state"], ProblemKind::from(kind).label());
        assert_eq!(json["kind"], kind.as_str());
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }
}

#[test]
fn problems_that_cannot_be_refreshed_are_marked() {
    let mut viewer = Viewer::default();
    let view = View {
        snapshot: Arc::new(crate::protocol::tests::running()),
        age: Duration::ZERO,
        link: Link::Up,
    };
    let shown = |viewer: &Viewer| {
        let model = present(&view, viewer);
        (model.problems.map(|rows| rows.len()), model.as_of.is_some())
    };
    let unknown = |as_of_ms| ProblemList {
        as_of_ms,
        unknown: Some("the server has not responded yet".to_owned()),
        ..list(Vec::new())
    };
    viewer.problems.note(Some(unknown(None)));
    assert_eq!(shown(&viewer), (None, false));
    viewer.problems.note(Some(list(Vec::new())));
    assert_eq!(shown(&viewer), (Some(0), false));
    viewer.problems.note(None);
    assert_eq!(shown(&viewer), (Some(0), true));
    viewer.problems.note(Some(unknown(Some(5_000))));
    assert_eq!(shown(&viewer), (Some(0), true));
}

#[test]
fn recent_workflows_show_the_cause_of_a_dismissed_problem() {
    let mut snapshot = crate::protocol::tests::running();
    snapshot.status.state = State::Ready;
    let mut viewer = Viewer::default();
    let now = SystemTime::now();
    let execution = |run_id: &str, status| Execution {
        workflow_id: format!("id-{run_id}"),
        run_id: run_id.to_owned(),
        workflow_type: "Checkout".to_owned(),
        task_queue: "orders".to_owned(),
        status,
        started: now.checked_sub(Duration::from_secs(10)),
        closed: (!status.is_open()).then(|| now - Duration::from_secs(4)),
        parent: None,
        has_reported_problem: false,
    };
    viewer.problems.note(Some(list(vec![Problem {
        run_id: Some("r1".to_owned()),
        cause: "no signal".to_owned(),
        ..Problem::new(crate::protocol::ProblemKind::Stuck, "id-r1")
    }])));
    let counts = StatusCounts { open: 1, completed: 1, failed: 2, timed_out: 3, closed: 7 };
    viewer.workflows.note(WorkflowSample {
        server: CountedServer::of(&snapshot.status).unwrap(),
        found: Some(NamespaceSnapshot {
            namespace: snapshot.status.options.first_namespace().unwrap_or_default().to_owned(),
            counts,
            recent: vec![
                execution("r1", ExecutionStatus::Running),
                execution("r2", ExecutionStatus::Completed),
            ],
            closings: [("r2".to_owned(), "\"ch_o-312\"".to_owned())].into(),
            history: vec![counts],
        }),
        matches: None,
        holdings: None,
    });
    let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Up };
    let model = present(&view, &viewer);
    let counts = WorkflowCounts { running: 1, completed: 1, failed: 2, timed_out: 3, closed: 7 };
    let history = vec![ClosedCount { completed: 1, failed: 5 }];
    assert_eq!((model.counts, model.closed_history), (Some(counts), history));
    let runs: Vec<String> = model.recent.unwrap().into_iter().map(|row| row.run_id).collect();
    assert_eq!(runs, ["r2"], "r1 is in the list of problems");
    let rows = model.problems.unwrap();
    viewer.problems.hide(rows.iter().map(|row| row.id.clone()).collect());
    let recent = present(&view, &viewer).recent.unwrap();
    assert_eq!((recent[0].note.as_str(), recent[0].ended_ms), ("no signal", None));
    assert_eq!((recent[1].note.as_str(), recent[1].took_ms), ("\"ch_o-312\"", Some(6_000)));
    assert!(recent[1].ended_ms >= Some(4_000), "{recent:?}");
}

#[test]
fn start_names_what_it_waits_for() {
    let doing = |failing: usize| {
        shown(|snapshot| {
            snapshot.status.state = State::Starting;
            snapshot.status.temporal.as_mut().unwrap().address = "127.0.0.1:7300".to_owned();
            for (at, layer) in snapshot.status.health.layers.iter_mut().enumerate() {
                layer.ok = Some(at < failing);
            }
        })
        .doing
    };
    let shown: Vec<String> = (0..7).map(doing).collect();
    assert_eq!(
        shown,
        [
            "waiting for the process",
            "waiting for the process",
            "waiting for port 7300",
            "waiting for a response",
            "waiting for the database",
            "waiting for the workflow engine",
            "waiting for all checks to pass",
        ]
    );
}

#[test]
fn silent_server_shows_when_it_is_restarted() {
    let message = |no_restart| {
        shown(|snapshot| {
            let status = &mut snapshot.status;
            (status.state, status.managed) = (State::Degraded, true);
            status.message = "grpc: no response in time".to_owned();
            status.health.no_restart = no_restart;
            status.options.values.probe_period = Some("1s".parse().unwrap());
            status.options.values.failure_threshold = Some(3);
            status.options.failure_span = None;
            let grpc = status.health.layers.iter_mut().find(|layer| layer.name == Layer::Grpc);
            let grpc = grpc.unwrap();
            (grpc.ok, grpc.since_ms) = (Some(false), Some(2_000));
        })
        .message
    };
    assert_eq!(message(None), "no response for 2.0 s, restart in 1 s");
    assert_eq!(message(Some(NoRestart::DataLoss)), "grpc: no response in time");
}
