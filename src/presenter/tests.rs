use super::*;
use crate::protocol::START_HINT;
use std::sync::Arc;
use stigmer_ui::model::{FailureLimit, RestartLimit, StateView};

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
