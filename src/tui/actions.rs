//! Performs the actions on workflows that the user requests. A task performs each request, so that
//! no key waits for the server.

use crate::harmless::quote;
use crate::paths::Home;
use crate::temporal::actions::RunRef;
use crate::temporal::health::Client;
use crate::temporal::locate::locate;
use crate::temporal::saved_history::save_history;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use stigmer_ui::human::counted;
use stigmer_ui::request::{ResetPoint, WorkflowAction, WorkflowRequest, WorkflowTarget};

/// Time limit of one call. A query and an update wait for a worker.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time limit of a request for several workflows. The rest is not tried.
const TOTAL: Duration = Duration::from_secs(60);

/// What a request has resulted in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ActionOutcome {
    /// A short message.
    Message(String),
    /// A text for a page. `Err` is the reason why there is none.
    Answer { title: String, text: Result<String, String> },
}

/// The server, and the Temporal CLI.
#[derive(Debug, Clone)]
pub(super) struct ActionPlace {
    pub(super) address: String,
    pub(super) home: Home,
    /// The CLI that the user named.
    pub(super) temporal_bin: Option<PathBuf>,
}

/// Returns the message while a request is performed, such as `terminate approval-9 …`.
pub(super) fn under_way(request: &WorkflowRequest) -> String {
    format!("{} {} …", verbs(&request.action).0, subject(&request.targets))
}

/// Performs a request.
pub(super) async fn perform(place: ActionPlace, request: WorkflowRequest) -> ActionOutcome {
    let client = match Client::new(&place.address, PATIENCE) {
        Ok(client) => client,
        Err(error) => return ActionOutcome::Message(error),
    };
    if let Some(title) = question(&request) {
        let text = match request.targets.first() {
            Some(target) => answer(&client, &run(target), &request.action).await,
            None => Err("no workflow is selected".to_owned()),
        };
        return ActionOutcome::Answer { title, text };
    }
    let begun = Instant::now();
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    for target in &request.targets {
        let result = if begun.elapsed() > TOTAL {
            Err(format!("not tried, because the others took {} s", TOTAL.as_secs()))
        } else {
            act(&place, &client, target, &request.action).await
        };
        match result {
            Ok(detail) => done.push(detail),
            Err(error) => failures.push((target.workflow_id.as_str(), error)),
        }
    }
    ActionOutcome::Message(report(&request, &done, &failures))
}

fn run(target: &WorkflowTarget) -> RunRef {
    let namespace = match target.namespace.as_str() {
        "" => "default",
        namespace => namespace,
    };
    RunRef {
        namespace: namespace.to_owned(),
        workflow_id: target.workflow_id.clone(),
        run_id: target.run_id.clone(),
    }
}

/// Returns the title of the page of the answer. `None` if the action has no answer.
fn question(request: &WorkflowRequest) -> Option<String> {
    let what = match &request.action {
        WorkflowAction::Query(call) => format!("query {}", call.name),
        WorkflowAction::Update(call) => format!("update {}", call.name),
        WorkflowAction::StackTrace => "stack trace".to_owned(),
        _ => return None,
    };
    Some(format!("{} › {}", subject(&request.targets), quote(&what)))
}

async fn answer(client: &Client, run: &RunRef, action: &WorkflowAction) -> Result<String, String> {
    match action {
        WorkflowAction::Query(call) => client.query(run, &call.name, call.input.as_deref()).await,
        WorkflowAction::Update(call) => client.update(run, &call.name, call.input.as_deref()).await,
        _ => client.stack_trace(run).await,
    }
}

/// Performs an action without an answer on one workflow. Returns a detail for the message, or an
/// empty string.
async fn act(
    place: &ActionPlace,
    client: &Client,
    target: &WorkflowTarget,
    action: &WorkflowAction,
) -> Result<String, String> {
    let run = &run(target);
    let no_detail = |()| String::new();
    let new_run = |id| format!("the new run is {id}");
    match action {
        WorkflowAction::Cancel => client.cancel(run).await.map(no_detail),
        WorkflowAction::Terminate => client.terminate(run).await.map(no_detail),
        WorkflowAction::Signal(call) => {
            client.signal(run, &call.name, call.input.as_deref()).await.map(no_detail)
        }
        WorkflowAction::Reset(ResetPoint::LastTask) => {
            client.reset_to_last_task(run).await.map(new_run)
        }
        WorkflowAction::Reset(ResetPoint::Event(event)) => {
            client.reset(run, *event).await.map(new_run)
        }
        WorkflowAction::Retry => {
            let activity = target.activity.as_ref().ok_or("no activity waits for a retry")?;
            client.retry_activities(run, &activity.type_name).await.map(|_| String::new())
        }
        WorkflowAction::Delete => client.delete(run).await.map(no_detail),
        WorkflowAction::SaveHistory => save(place, run, target).await,
        WorkflowAction::Query(_) | WorkflowAction::Update(_) | WorkflowAction::StackTrace => {
            Err("this action has an answer".to_owned())
        }
    }
}

/// Writes the history into the current folder. Returns the path of the file.
async fn save(
    place: &ActionPlace,
    run: &RunRef,
    target: &WorkflowTarget,
) -> Result<String, String> {
    let ActionPlace { home, temporal_bin, .. } = place.clone();
    let found = tokio::task::spawn_blocking(move || {
        let path = std::env::var_os("PATH");
        locate(temporal_bin.as_deref(), &home.temporal_bin(), path.as_deref())
    });
    let found = found.await.map_err(|error| error.to_string())?;
    let program = found.map_err(|error| error.to_string())?.path;
    let folder = std::env::current_dir().map_err(|error| format!("the current folder: {error}"))?;
    let file = folder.join(target.history_file());
    save_history(&program, &place.address, run, &file).await?;
    Ok(file.display().to_string())
}

/// The verb of an action: present and past.
fn verbs(action: &WorkflowAction) -> (&'static str, &'static str) {
    match action {
        WorkflowAction::Cancel => ("cancel", "requested the cancellation of"),
        WorkflowAction::Terminate => ("terminate", "terminated"),
        WorkflowAction::Signal(_) => ("signal", "sent the signal to"),
        WorkflowAction::Query(_) => ("query", "queried"),
        WorkflowAction::StackTrace => ("read the stack trace of", "read the stack trace of"),
        WorkflowAction::Update(_) => ("update", "updated"),
        WorkflowAction::Reset(_) => ("reset", "reset"),
        WorkflowAction::Retry => {
            ("retry the activity of", "started the next attempt of the activity of")
        }
        WorkflowAction::Delete => ("delete", "deleted"),
        WorkflowAction::SaveHistory => ("save the history of", "saved the history of"),
    }
}

/// The ID of one workflow, or the number of several.
fn subject(targets: &[WorkflowTarget]) -> String {
    match targets {
        [one] => quote(&one.workflow_id),
        all => counted(all.len() as u64, "workflow", "workflows"),
    }
}

/// Returns the message about a request. `done` has a detail for each workflow that the action
/// changed, `failures` the ID and the error of each other one.
fn report(request: &WorkflowRequest, done: &[String], failures: &[(&str, String)]) -> String {
    let (present, past) = verbs(&request.action);
    let subject = subject(&request.targets);
    let detail = match done {
        [one] if !one.is_empty() => format!(": {one}"),
        _ => String::new(),
    };
    match (done.len(), failures) {
        (_, []) => format!("{past} {subject}{detail}"),
        (0, [(_, error)]) => format!("cannot {present} {subject}: {error}"),
        (0, [(id, error), ..]) => format!("cannot {present} {subject}; {}: {error}", quote(id)),
        (done, [(id, error), ..]) => {
            format!("{past} {done} of {subject}; not {}: {error}", quote(id))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(action: WorkflowAction, ids: &[&str]) -> WorkflowRequest {
        let target = |id: &&str| WorkflowTarget {
            workflow_id: (*id).to_owned(),
            ..WorkflowTarget::default()
        };
        WorkflowRequest { action, targets: ids.iter().map(target).collect() }
    }

    #[test]
    fn message_names_the_workflow_the_number_and_the_reason() {
        let one = request(WorkflowAction::Terminate, &["a"]);
        let three = request(WorkflowAction::Reset(ResetPoint::LastTask), &["a", "b", "c"]);
        let none = String::new;
        let error = |id| (id, "NotFound: gone".to_owned());
        assert_eq!(under_way(&one), "terminate a …");
        assert_eq!(under_way(&three), "reset 3 workflows …");
        assert_eq!(report(&one, &[none()], &[]), "terminated a");
        assert_eq!(report(&one, &[], &[error("a")]), "cannot terminate a: NotFound: gone");
        assert_eq!(report(&three, &[none(), none(), none()], &[]), "reset 3 workflows");
        let failed = [error("b"), error("c")];
        let partly = report(&three, &[none()], &failed);
        assert_eq!(partly, "reset 1 of 3 workflows; not b: NotFound: gone");
        let all = report(&three, &[], &failed);
        assert_eq!(all, "cannot reset 3 workflows; b: NotFound: gone");
        let saved = request(WorkflowAction::SaveHistory, &["a"]);
        assert_eq!(report(&saved, &["/x/a.json".into()], &[]), "saved the history of a: /x/a.json");
    }

    #[tokio::test]
    async fn server_that_is_down_is_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        let address = "127.0.0.1:1".to_owned();
        let place = ActionPlace { address, home, temporal_bin: None };
        let outcome = perform(place.clone(), request(WorkflowAction::Cancel, &["a"])).await;
        let ActionOutcome::Message(message) = outcome else { panic!("{outcome:?}") };
        assert!(
            message.starts_with("cannot cancel a: ") && message.contains("refused"),
            "{message}"
        );
        let outcome = perform(place, request(WorkflowAction::StackTrace, &["a"])).await;
        let ActionOutcome::Answer { title, text: Err(error) } = outcome else { panic!() };
        assert_eq!(title, "a › stack trace");
        assert!(error.contains("refused"), "{error}");
    }
}
