//! Tests of the actions and of their messages.

use super::*;
use crate::temporal::actions::RetriedActivities;
use stigmer_ui::request::WorkflowCall;

fn request(action: WorkflowAction, ids: &[&str]) -> WorkflowRequest {
    let target =
        |id: &&str| WorkflowTarget { workflow_id: (*id).to_owned(), ..WorkflowTarget::default() };
    WorkflowRequest { action, targets: ids.iter().map(target).collect() }
}

#[test]
fn message_names_the_workflow_the_number_and_the_reason() {
    let one = request(WorkflowAction::Terminate, &["a"]);
    let three = request(WorkflowAction::Reset(ResetPoint::LastTask), &["a", "b", "c"]);
    let none = String::new;
    let error = |id| (id, "NotFound: gone".to_owned());
    let under_way = |request: &WorkflowRequest| ActionUnderWay::begin(request).text;
    assert_eq!(under_way(&one), "terminate a");
    assert_eq!(under_way(&three), "reset 3 workflows");
    let call = WorkflowCall { name: "items".into(), input: None };
    let query = request(WorkflowAction::Query(call), &["a"]);
    assert_eq!(under_way(&query), "query items of a");
    let report = |request: &WorkflowRequest, done: &[String], refused: &[(&str, String)]| {
        let (done, refused) = (done.to_vec(), refused.to_vec());
        report(request, &ActionResults { done, refused, ..ActionResults::default() })
    };
    assert_eq!(report(&one, &[none()], &[]), "terminated a");
    assert_eq!(report(&one, &[], &[error("a")]), "cannot terminate a: NotFound: gone");
    assert_eq!(report(&three, &[none(), none(), none()], &[]), "reset 3 workflows");
    let failed = [error("b"), error("c")];
    let partly = report(&three, &[none()], &failed);
    assert_eq!(partly, "reset 1 of 3 workflows; 2 refused, b: NotFound: gone");
    let all = report(&three, &[], &[error("a"), error("b"), error("c")]);
    assert_eq!(all, "cannot reset 3 workflows; a: NotFound: gone");
    let retry = request(WorkflowAction::Retry, &["a", "b", "c"]);
    let reset = attempts(RetriedActivities { count: 1, is_reset: true });
    assert_eq!(
        report(&retry, &[reset.clone(), reset.clone()], &[error("c")]),
        "2 of 3 workflows: next attempt started, counted from 1 again; \
         1 refused, c: NotFound: gone"
    );
    let continued = attempts(RetriedActivities { count: 1, is_reset: false });
    assert_eq!(
        report(&retry, &[reset, continued.clone(), continued], &[]),
        "3 workflows: next attempt started"
    );
    let saved = request(WorkflowAction::SaveHistory, &["a"]);
    assert_eq!(report(&saved, &["/x/a.json".into()], &[]), "saved the history of a: /x/a.json");
}

#[test]
fn message_counts_the_workflows_that_were_refused_unknown_and_not_tried() {
    let five = request(WorkflowAction::Terminate, &["a", "b", "c", "d", "e"]);
    let done = |n: usize| vec![String::new(); n];
    let refused = || vec![("b", "NotFound: gone".to_owned())];
    let stopped =
        ActionResults { done: done(1), refused: refused(), unknown: Some("c"), not_tried: 2 };
    assert_eq!(
        report(&five, &stopped),
        "terminated 1 of 5 workflows; 1 refused, b: NotFound: gone; \
         c unknown, no longer waiting; 2 not tried"
    );
    let late = ActionResults { done: done(3), not_tried: 2, ..ActionResults::default() };
    assert_eq!(report(&five, &late), "terminated 3 of 5 workflows; 2 not tried after 60 s");
    let first = ActionResults { unknown: Some("a"), not_tried: 4, ..ActionResults::default() };
    assert_eq!(
        report(&five, &first),
        "terminate 5 workflows: none done; a unknown, no longer waiting; 4 not tried"
    );
}

fn never() -> CancellationToken {
    CancellationToken::new()
}

#[tokio::test]
async fn user_need_not_wait_for_an_action() {
    // The peer accepts connections and never responds.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let place = ActionPlace { address, home, temporal_bin: None, tasks: TaskTracker::new() };
    for (action, ids, expected) in [
        (WorkflowAction::StackTrace, &["a"][..], "no longer waiting for a › stack trace"),
        (WorkflowAction::Cancel, &["a"][..], "cancel a: unknown, no longer waiting"),
        (
            WorkflowAction::Cancel,
            &["a", "b"][..],
            "cancel 2 workflows: none done; a unknown, no longer waiting; 1 not tried",
        ),
    ] {
        let stop = CancellationToken::new();
        let performing = perform(place.clone(), request(action, ids), stop.clone());
        let stopping = async {
            // The connection shows that the action has begun.
            let accepted = listener.try_clone().unwrap();
            let accepted = tokio::task::spawn_blocking(move || accepted.accept().unwrap());
            let connection = accepted.await.unwrap();
            stop.cancel();
            connection
        };
        let (outcome, _connection) = tokio::join!(performing, stopping);
        assert_eq!(outcome, ActionOutcome::Message(expected.to_owned()));
    }
}

#[tokio::test]
async fn server_that_is_down_is_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    let address = "127.0.0.1:1".to_owned();
    let place = ActionPlace { address, home, temporal_bin: None, tasks: TaskTracker::new() };
    let outcome = perform(place.clone(), request(WorkflowAction::Cancel, &["a"]), never()).await;
    let ActionOutcome::Message(message) = outcome else { panic!("{outcome:?}") };
    assert!(message.starts_with("cannot cancel a: ") && message.contains("refused"), "{message}");
    let outcome = perform(place, request(WorkflowAction::StackTrace, &["a"]), never()).await;
    let ActionOutcome::Answer { title, text: Err(error) } = outcome else { panic!() };
    assert_eq!(title, "a › stack trace");
    assert!(error.contains("refused"), "{error}");
}
