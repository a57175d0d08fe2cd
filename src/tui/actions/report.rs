//! The messages about the results of actions.

use super::TOTAL;
use crate::harmless::quote;
use crate::temporal::actions::RetriedActivities;
use stigmer_ui::human::counted;
use stigmer_ui::request::{WorkflowAction, WorkflowRequest, WorkflowTarget};

/// What an action has changed.
#[derive(Debug, Default)]
pub(super) struct ActionResults<'a> {
    /// A detail for each workflow that the action changed, or an empty string.
    pub(super) done: Vec<String>,
    /// The ID and the error of each workflow for which the action failed.
    pub(super) refused: Vec<(&'a str, String)>,
    /// The ID of the workflow whose response was missing when the user stopped waiting.
    pub(super) unknown: Option<&'a str>,
    /// Number of workflows for which nothing was sent to the server.
    pub(super) not_tried: usize,
}

/// Returns which attempt follows, if it is not the next one.
pub(super) fn attempts(retried: RetriedActivities) -> String {
    if retried.is_reset { "counted from 1 again".to_owned() } else { String::new() }
}

/// The verb of an action: present and past. The past of a retry follows its workflow.
pub(super) fn verbs(action: &WorkflowAction) -> (&'static str, &'static str) {
    match action {
        WorkflowAction::Cancel => ("cancel", "requested the cancellation of"),
        WorkflowAction::Terminate => ("terminate", "terminated"),
        WorkflowAction::Signal(_) => ("signal", "sent the signal to"),
        WorkflowAction::Query(_) => ("query", "queried"),
        WorkflowAction::StackTrace => ("read the stack trace of", "read the stack trace of"),
        WorkflowAction::Update(_) => ("update", "updated"),
        WorkflowAction::Reset(_) => ("reset", "reset"),
        WorkflowAction::Retry => ("retry the activity of", "next attempt started"),
        WorkflowAction::Delete => ("delete", "deleted"),
        WorkflowAction::SaveHistory => ("save the history of", "saved the history of"),
    }
}

/// The ID of one workflow, or the number of several.
pub(super) fn subject(targets: &[WorkflowTarget]) -> String {
    match targets {
        [one] => quote(&one.workflow_id),
        all => counted(all.len() as u64, "workflow", "workflows"),
    }
}

/// Returns the message about a request.
pub(super) fn report(request: &WorkflowRequest, results: &ActionResults<'_>) -> String {
    let ActionResults { done, refused, unknown, not_tried } = results;
    let present = verbs(&request.action).0;
    let all = subject(&request.targets);
    match (&request.targets[..], &refused[..]) {
        ([_], [(_, error)]) => return format!("cannot {present} {all}: {error}"),
        ([_], _) if unknown.is_some() => {
            return format!("{present} {all}: unknown, no longer waiting");
        }
        (targets, [(id, error), ..]) if refused.len() == targets.len() => {
            return format!("cannot {present} {all}; {}: {error}", quote(id));
        }
        _ => {}
    }
    let head = match done.len() {
        0 => format!("{present} {all}: none done"),
        n if n == request.targets.len() => changed(&request.action, &all, done),
        n => changed(&request.action, &format!("{n} of {all}"), done),
    };
    let refused = refused
        .first()
        .map(|(id, error)| format!("{} refused, {}: {error}", refused.len(), quote(id)));
    let unknown = unknown.map(|id| format!("{} unknown, no longer waiting", quote(id)));
    let not_tried = Some(*not_tried).filter(|n| *n > 0).map(|n| match unknown {
        Some(_) => format!("{n} not tried"),
        None => format!("{n} not tried after {} s", TOTAL.as_secs()),
    });
    let parts: Vec<String> =
        [Some(head), refused, unknown, not_tried].into_iter().flatten().collect();
    parts.join("; ")
}

/// Returns what has been done to these workflows, with the detail that is the same for all.
fn changed(action: &WorkflowAction, subject: &str, details: &[String]) -> String {
    let past = verbs(action).1;
    let detail = match details {
        [first, rest @ ..] if rest.iter().all(|it| it == first) => first.as_str(),
        _ => "",
    };
    match (action, detail) {
        (WorkflowAction::Retry, "") => format!("{subject}: {past}"),
        (WorkflowAction::Retry, detail) => format!("{subject}: {past}, {detail}"),
        (_, "") => format!("{past} {subject}"),
        (_, detail) => format!("{past} {subject}: {detail}"),
    }
}
