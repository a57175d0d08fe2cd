use super::*;
use crate::protocol::{LastRestart, Layer, NoRestart, START_HINT};
use crate::supervisor::Cause;
use std::sync::Arc;
use stigmer_ui::model::{FailureLimit, ProblemKind, RestartLimit, StateView, WorkflowCounts};

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
fn duration_of_failures_is_shown_if_it_decides() {
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

#[test]
fn repaired_restart_is_a_notice_for_some_time() {
    let problems = |ago_ms, recovery_ms| {
        let model = shown(|snapshot| {
            snapshot.status.restarts.last = Some(LastRestart {
                cause: Cause::Crash,
                detail: "signal 9 (SIGKILL)".to_owned(),
                ago_ms,
                recovery_ms,
                downtime_ms: None,
            });
        });
        model.problems.map(|rows| rows.into_iter().map(|row| row.cause).collect::<Vec<_>>())
    };
    let killed = "killed by signal 9 (SIGKILL); down for 131 ms".to_owned();
    assert_eq!(problems(4_000, Some(131)), Some(vec![killed]));
    assert_eq!(problems(4_000, None), None, "not repaired yet");
    assert_eq!(problems(16 * 60_000, Some(131)), None);
}

#[test]
fn deleted_database_file_is_the_first_problem() {
    let model = shown(|snapshot| {
        let database = crate::protocol::DatabaseStatus {
            path: "/h/t.db".into(),
            bytes: None,
            detached: Some(crate::protocol::Detached::Deleted),
        };
        snapshot.status.temporal.as_mut().unwrap().database = Some(database);
    });
    let rows = model.problems.unwrap();
    assert_eq!((rows.len(), rows[0].kind), (1, ProblemKind::Data));
    assert!(rows[0].cause.contains("was deleted"), "{}", rows[0].cause);
}

#[test]
fn unserved_queues_are_problems_that_can_be_dismissed() {
    let mut snapshot = crate::protocol::tests::running();
    snapshot.status.state = State::Ready;
    let mut viewer = Viewer::default();
    viewer.workflows.note(WorkflowSample {
        server: CountedServer::of(&snapshot.status).unwrap(),
        found: Some(crate::temporal::workflows::Workflows {
            namespace: "default".to_owned(),
            running: 2,
            failed: 1,
            unserved: vec![("billing".to_owned(), 2)],
        }),
        holdings: None,
    });
    let view = View { snapshot: Arc::new(snapshot), age: Duration::ZERO, link: Link::Up };
    let model = present(&view, &viewer);
    let counts = WorkflowCounts { running: 2, completed: None, failed: 1 };
    assert_eq!(model.counts, Some(counts));
    let rows = model.problems.unwrap();
    assert_eq!((rows[0].kind, rows[0].subject.as_str()), (ProblemKind::NoWorker, "billing"));
    viewer.dismissed.handle(&stigmer_ui::DismissRequest::All, &rows);
    let model = present(&view, &viewer);
    assert_eq!((model.problems, model.dismissed), (Some(Vec::new()), 1));
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
