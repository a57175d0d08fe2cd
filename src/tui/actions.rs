//! Performs the actions on workflows that the user requests. A task performs each request, so that
//! no key waits for the server.

mod report;
#[cfg(test)]
mod tests;

use crate::harmless::quote;
use crate::paths::Home;
use crate::temporal::actions::RunRef;
use crate::temporal::executions::{Execution, query_literal};
use crate::temporal::health::Client;
use crate::temporal::locate::locate;
use crate::temporal::saved_history::save_history;
use report::{ActionResults, attempts, report, subject, verbs};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use stigmer_ui::model::OpenWorkflow;
use stigmer_ui::request::{ResetPoint, WorkflowAction, WorkflowRequest, WorkflowTarget};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Time limit of one call. A query and an update wait for a worker.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time limit of a request for several workflows. The rest is not tried.
const TOTAL: Duration = Duration::from_secs(60);

/// What a request has resulted in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ActionOutcome {
    /// A short message.
    Message(String),
    /// A text for a page. `Err` is the reason why there is none.
    Answer { title: String, text: Result<String, String> },
    /// A workflow that the user has looked for.
    Found { run: OpenWorkflow, type_name: String },
    /// The history of a run, as JSON in this file.
    History { run: OpenWorkflow, file: TemporaryFile },
}

/// A file in a folder of its own. Both are deleted when the value is dropped.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TemporaryFile(PathBuf);

impl TemporaryFile {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // Ignore errors: the file may not exist.
        let _ = std::fs::remove_file(&self.0);
        let _ = self.0.parent().map(std::fs::remove_dir);
    }
}

/// The server, and the Temporal CLI.
#[derive(Debug, Clone)]
pub(super) struct ActionPlace {
    pub(super) address: String,
    pub(super) home: Home,
    /// The CLI that the user named.
    pub(super) temporal_bin: Option<PathBuf>,
    /// Completes calls that must not stop halfway.
    pub(super) tasks: TaskTracker,
}

/// A request that is being performed.
#[derive(Debug, Clone)]
pub(super) struct ActionUnderWay {
    /// What is done, such as `terminate approval-9`.
    pub(super) text: String,
    pub(super) since: Instant,
    /// Whether the action changes workflows or writes a file that the user wants.
    pub(super) has_effect: bool,
    /// Cancelled when the user does not want to wait any more.
    pub(super) stop: CancellationToken,
}

impl ActionUnderWay {
    pub(super) fn begin(request: &WorkflowRequest) -> Self {
        let name = match &request.action {
            WorkflowAction::Query(call) | WorkflowAction::Update(call) => {
                format!("{} of ", quote(&call.name))
            }
            _ => String::new(),
        };
        let text = format!("{} {name}{}", verbs(&request.action).0, subject(&request.targets));
        let is_question =
            matches!(request.action, WorkflowAction::Query(_) | WorkflowAction::StackTrace);
        Self { has_effect: !is_question, ..Self::new(text) }
    }

    pub(super) fn look_up(id: &str) -> Self {
        Self::new(format!("look for workflow {}", quote(id)))
    }

    pub(super) fn read_history(id: &str) -> Self {
        Self::new(format!("read the history of {}", quote(id)))
    }

    fn new(text: String) -> Self {
        let stop = CancellationToken::new();
        Self { text, since: Instant::now(), has_effect: false, stop }
    }
}

/// Performs a request until `stop` is cancelled.
pub(super) async fn perform(
    place: ActionPlace,
    request: WorkflowRequest,
    stop: CancellationToken,
) -> ActionOutcome {
    let client = match Client::new(&place.address, PATIENCE) {
        Ok(client) => client,
        Err(error) => return ActionOutcome::Message(error),
    };
    if let Some(title) = question(&request) {
        let Some(target) = request.targets.first() else {
            return ActionOutcome::Message("no workflow is selected".to_owned());
        };
        let run = run(target);
        let answer = stop.run_until_cancelled(answer(&client, &run, &request.action));
        return match answer.await {
            Some(text) => ActionOutcome::Answer { title, text },
            None => ActionOutcome::Message(format!("no longer waiting for {title}")),
        };
    }
    let begun = Instant::now();
    let mut results = ActionResults::default();
    for target in &request.targets {
        let id = target.workflow_id.as_str();
        if stop.is_cancelled() || begun.elapsed() > TOTAL {
            results.not_tried += 1;
            continue;
        }
        match stop.run_until_cancelled(act(&place, &client, target, &request.action)).await {
            Some(Ok(detail)) => results.done.push(detail),
            Some(Err(error)) => results.refused.push((id, error)),
            None => results.unknown = Some(id),
        }
    }
    ActionOutcome::Message(report(&request, &results))
}

/// Looks for a workflow by its workflow ID, then by its run ID, until `stop` is cancelled.
pub(super) async fn find(
    place: ActionPlace,
    namespace: String,
    id: String,
    stop: CancellationToken,
) -> ActionOutcome {
    let found = async {
        let client = Client::new(&place.address, PATIENCE)?;
        if let Some(found) = client.describe_run(&namespace, &id, "").await? {
            return Ok(Some(found.execution));
        }
        let query = format!("RunId = {}", query_literal(&id));
        let page = client.list(&namespace, &query, 1, &[]).await?;
        Ok::<_, String>(page.executions.into_iter().next())
    };
    match stop.run_until_cancelled(found).await {
        None => ActionOutcome::Message(format!("no longer looking for workflow {}", quote(&id))),
        Some(Ok(Some(Execution { workflow_id, run_id, workflow_type, .. }))) => {
            ActionOutcome::Found {
                run: OpenWorkflow { namespace, workflow_id, run_id, row: None },
                type_name: quote(&workflow_type),
            }
        }
        Some(Ok(None)) => {
            let (id, namespace) = (quote(&id), quote(&namespace));
            ActionOutcome::Message(format!("no workflow {id} in namespace {namespace}"))
        }
        Some(Err(error)) => {
            ActionOutcome::Message(format!("cannot look for workflow {}: {error}", quote(&id)))
        }
    }
}

/// Writes the history of a run into a temporary file, until `stop` is cancelled. The Temporal CLI
/// writes it.
pub(super) async fn read_history(
    place: ActionPlace,
    run: OpenWorkflow,
    stop: CancellationToken,
) -> ActionOutcome {
    let target = WorkflowTarget {
        namespace: run.namespace.clone(),
        workflow_id: run.workflow_id.clone(),
        run_id: run.run_id.clone(),
        ..WorkflowTarget::default()
    };
    // The folder of the logs is private. Each dashboard has a folder of its own.
    let folder = place.home.logs().join(format!("history-{}", std::process::id()));
    let file = TemporaryFile(folder.join(target.history_file()));
    let written = async {
        let created = tokio::fs::create_dir_all(&folder).await;
        created.map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        let program = cli(&place).await?;
        save_history(&program, &place.address, &self::run(&target), file.path()).await
    };
    let id = quote(&run.workflow_id);
    match stop.run_until_cancelled(written).await {
        Some(Ok(())) => ActionOutcome::History { run, file },
        Some(Err(error)) => {
            ActionOutcome::Message(format!("cannot read the history of {id}: {error}"))
        }
        None => ActionOutcome::Message(format!("no longer reading the history of {id}")),
    }
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
            let event = event.ok_or("the ID of the event is missing")?;
            client.reset(run, event).await.map(new_run)
        }
        WorkflowAction::Retry => {
            let activity = target.activity.as_ref().ok_or("no activity waits for a retry")?;
            client.retry_activities(run, &activity.type_name, &place.tasks).await.map(attempts)
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
    let program = cli(place).await?;
    let folder = std::env::current_dir().map_err(|error| format!("the current folder: {error}"))?;
    let file = folder.join(target.history_file());
    save_history(&program, &place.address, run, &file).await?;
    Ok(file.display().to_string())
}

/// Returns the path of the Temporal CLI.
async fn cli(place: &ActionPlace) -> Result<PathBuf, String> {
    let ActionPlace { home, temporal_bin, .. } = place.clone();
    let found = tokio::task::spawn_blocking(move || {
        let path = std::env::var_os("PATH");
        locate(temporal_bin.as_deref(), &home.temporal_bin(), path.as_deref())
    });
    let found = found.await.map_err(|error| error.to_string())?;
    Ok(found.map_err(|error| error.to_string())?.path)
}
