//! Actions on one run of a workflow, each with the effect of a command of the Temporal CLI.

use super::connection::describe;
use super::executions::PendingActivity;
use super::failure::RootCause;
use super::health::Client;
use super::history::{EventOrder, Subject, SubjectPhase};
use super::message::action::{
    ActivityRequest, CancelRequest, DeleteRequest, QueryCall, QueryRequest, QueryResponse,
    ResetRequest, ResetResponse, SignalWorkflowRequest, TerminateRequest, UpdateResponse,
    UpdateWorkflowRequest, WaitPolicy,
};
use super::message::history::{UpdateInput, UpdateMeta, UpdateRequest};
use super::message::{Ignored, Payload, Payloads};
use super::payload::DecodedPayload;
pub use super::run::RunRef;
use crate::harmless;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio_util::task::TaskTracker;
use tonic::{Code, Status};

/// The name under which the server stores who requested an action.
pub const IDENTITY: &str = "stigmer";
/// The reason that the server stores with an action.
pub const REASON: &str = "requested in the stigmer dashboard";
/// The query that every SDK answers with the stacks of the workflow.
const STACK_TRACE: &str = "__stack_trace";
/// Number of events of one page while the last workflow task is searched.
const PAGE: u16 = 250;
/// Maximum number of calls to unpause an activity.
const UNPAUSES: u32 = 3;
/// Time between the first two calls to unpause an activity. The next one takes twice as long.
const UNPAUSE_DELAY: Duration = Duration::from_millis(250);
/// Maximum length of an answer, in bytes.
const ANSWER: usize = 64 * 1024;

/// The activities whose next attempt was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RetriedActivities {
    /// Number of activities.
    pub count: usize,
    /// Whether an activity was reset, so that its attempts start again at 1.
    pub is_reset: bool,
}

impl Client {
    /// Requests the cancellation of a workflow. Its code may clean up, and may ignore the request.
    ///
    /// # Errors
    /// The error of the server.
    pub async fn cancel(&self, run: &RunRef) -> Result<(), String> {
        let request = CancelRequest {
            identity: IDENTITY.to_owned(),
            request_id: unique_id(),
            reason: REASON.to_owned(),
            ..CancelRequest::on(run)
        };
        self.act("RequestCancelWorkflowExecution", request).await
    }

    /// Ends a workflow at once. Its code cannot clean up.
    ///
    /// # Errors
    /// The error of the server, also if the workflow has ended.
    pub async fn terminate(&self, run: &RunRef) -> Result<(), String> {
        let request = TerminateRequest {
            reason: REASON.to_owned(),
            identity: IDENTITY.to_owned(),
            ..TerminateRequest::on(run)
        };
        self.act("TerminateWorkflowExecution", request).await
    }

    /// Sends a signal. `input` is the argument as JSON, or `None` for a signal without an argument.
    /// The server accepts a signal that the workflow does not handle.
    ///
    /// # Errors
    /// The error of the server, also if the workflow has ended.
    pub async fn signal(
        &self,
        run: &RunRef,
        name: &str,
        input: Option<&str>,
    ) -> Result<(), String> {
        let request = SignalWorkflowRequest {
            signal_name: name.to_owned(),
            input: input.map(arguments),
            identity: IDENTITY.to_owned(),
            request_id: unique_id(),
            ..SignalWorkflowRequest::on(run)
        };
        self.act("SignalWorkflowExecution", request).await
    }

    /// Sends a query to a worker, and returns the result as indented JSON. A query of a workflow
    /// that has ended works too.
    ///
    /// # Errors
    /// The error of the server or of the worker. Without a worker, the end of the time limit.
    pub async fn query(
        &self,
        run: &RunRef,
        name: &str,
        input: Option<&str>,
    ) -> Result<String, String> {
        Ok(readable(&self.query_payloads(run, name, input).await?))
    }

    /// Returns where the code of a workflow waits now.
    ///
    /// # Errors
    /// Like [`Client::query`].
    pub async fn stack_trace(&self, run: &RunRef) -> Result<String, String> {
        let found = self.query_payloads(run, STACK_TRACE, None).await?;
        let text = found.first().and_then(|it| serde_json::from_slice::<String>(&it.data).ok());
        Ok(text.map_or_else(|| readable(&found), |text| harmless::block(&text, ANSWER)))
    }

    async fn query_payloads(
        &self,
        run: &RunRef,
        name: &str,
        input: Option<&str>,
    ) -> Result<Vec<Payload>, String> {
        let query = QueryCall { query_type: name.to_owned(), query_args: input.map(arguments) };
        let request = QueryRequest { query: Some(query), ..QueryRequest::on(run) };
        let response: QueryResponse =
            self.call("QueryWorkflow", request).await.map_err(|it| needs_worker(&it))?;
        Ok(response.query_result.unwrap_or_default().payloads)
    }

    /// Sends an update, waits until the workflow has handled it, and returns the result as indented
    /// JSON.
    ///
    /// # Errors
    /// The error of the server, or why the workflow rejected or failed the update. Without a
    /// worker, the end of the time limit.
    pub async fn update(
        &self,
        run: &RunRef,
        name: &str,
        input: Option<&str>,
    ) -> Result<String, String> {
        let request = UpdateWorkflowRequest {
            wait_policy: Some(WaitPolicy { lifecycle_stage: 3 }),
            request: Some(UpdateRequest {
                meta: Some(UpdateMeta { update_id: unique_id(), identity: IDENTITY.to_owned() }),
                input: Some(UpdateInput { name: name.to_owned(), args: input.map(arguments) }),
            }),
            ..UpdateWorkflowRequest::on(run)
        };
        let response: UpdateResponse =
            self.call("UpdateWorkflowExecution", request).await.map_err(|it| needs_worker(&it))?;
        let outcome = response.outcome.ok_or("the workflow has not completed the update yet")?;
        match outcome.failure {
            Some(failure) => Err(RootCause::of(&failure).text),
            None => Ok(readable(&outcome.success.unwrap_or_default().payloads)),
        }
    }

    /// Continues a workflow in a new run, from its last completed workflow task. Without one, from
    /// its first workflow task. Ends the old run. Returns the ID of the new run.
    ///
    /// # Errors
    /// The error of the server.
    pub async fn reset_to_last_task(&self, run: &RunRef) -> Result<String, String> {
        let event = self.last_task(run).await?;
        self.reset(run, event).await
    }

    /// Continues a workflow in a new run, from before the end of a workflow task. `event` is the ID
    /// of the event that completed, failed or started the workflow task. Ends the old run. Returns
    /// the ID of the new run.
    ///
    /// # Errors
    /// The error of the server, also if the event is of another type.
    pub async fn reset(&self, run: &RunRef, event: u64) -> Result<String, String> {
        let request = ResetRequest {
            reason: REASON.to_owned(),
            workflow_task_finish_event_id: i64::try_from(event).unwrap_or(i64::MAX),
            request_id: unique_id(),
            identity: IDENTITY.to_owned(),
            ..ResetRequest::on(run)
        };
        let response: ResetResponse =
            self.call("ResetWorkflowExecution", request).await.map_err(|it| describe(&it))?;
        Ok(harmless::quote(&response.run_id))
    }

    /// The ID of the event that completed the last workflow task. If no workflow task has
    /// completed: the ID of the event that started the first one.
    async fn last_task(&self, run: &RunRef) -> Result<u64, String> {
        let mut first_started = None;
        let mut next = Vec::new();
        loop {
            let id = (run.workflow_id.as_str(), run.run_id.as_str());
            let page = self.history_page(&run.namespace, id, EventOrder::NewestFirst, PAGE, &next);
            let page = page.await?.ok_or("the workflow does not exist")?;
            for event in page.events.iter().filter(|it| it.subject == Subject::WorkflowTask) {
                match event.phase {
                    SubjectPhase::Completed => return Ok(event.id),
                    SubjectPhase::Scheduled => first_started = Some(event.id + 1),
                    _ => {}
                }
            }
            next = page.next;
            if next.is_empty() {
                return first_started.ok_or_else(|| "it has no workflow task yet".to_owned());
            }
        }
    }

    /// Starts the next attempt of each activity of this type that waits for it. The number of
    /// attempts continues: a paused activity that is unpaused runs at once. If the server refuses
    /// this, resets the activity. `tasks` completes the calls of an activity that has been begun, also
    /// if the returned future is dropped. Otherwise the activity would stay paused.
    ///
    /// # Errors
    /// The error of the server, also whether an activity is still paused. Or that no such activity
    /// waits.
    pub async fn retry_activities(
        &self,
        run: &RunRef,
        type_name: &str,
        tasks: &TaskTracker,
    ) -> Result<RetriedActivities, String> {
        let described = self.describe_run(&run.namespace, &run.workflow_id, &run.run_id).await?;
        let activities = described.ok_or("the workflow does not exist")?.activities;
        let is_meant = |it: &&PendingActivity| it.type_name == type_name && it.waits_for_retry();
        let mut retried = RetriedActivities::default();
        for activity in activities.iter().filter(is_meant) {
            let (client, run, activity) = (self.clone(), run.clone(), activity.clone());
            let retry = tasks.spawn(async move { client.retry(&run, &activity).await });
            retried.is_reset |= retry.await.map_err(|error| error.to_string())??;
            retried.count += 1;
        }
        match retried.count {
            0 => Err(format!(
                "no activity {} waits for its next attempt",
                harmless::quote(type_name)
            )),
            _ => Ok(retried),
        }
    }

    /// Starts the next attempt of one activity. Returns whether it was reset.
    async fn retry(&self, run: &RunRef, activity: &PendingActivity) -> Result<bool, String> {
        let request = ActivityRequest {
            identity: IDENTITY.to_owned(),
            activity_id: activity.id.clone(),
            ..ActivityRequest::on(run)
        };
        if activity.is_paused {
            return self.unpause(run, activity, &request).await;
        }
        let paused: Result<Ignored, Status> = self.call("PauseActivity", request.clone()).await;
        match paused {
            Ok(_) => self.unpause(run, activity, &request).await,
            Err(status) if is_refusal(&status) => {
                self.act("ResetActivity", request).await.map(|()| true)
            }
            Err(status) if is_lost(&status) => {
                // The server may have paused the activity. It ignores an unpause without a pause.
                self.unpause(run, activity, &request).await?;
                Err(describe(&status))
            }
            Err(status) => Err(describe(&status)),
        }
    }

    /// Unpauses an activity, which starts its next attempt. If the server refuses this, resets the
    /// activity, which unpauses it too. Returns whether it was reset.
    async fn unpause(
        &self,
        run: &RunRef,
        activity: &PendingActivity,
        request: &ActivityRequest,
    ) -> Result<bool, String> {
        let mut calls = 0;
        let unpaused = loop {
            calls += 1;
            let response: Result<Ignored, Status> =
                self.call("UnpauseActivity", request.clone()).await;
            match response {
                Err(status) if is_lost(&status) && calls < UNPAUSES => {
                    tokio::time::sleep(UNPAUSE_DELAY * calls).await;
                }
                response => break response,
            }
        };
        let error = match unpaused {
            Ok(_) => return Ok(false),
            // The activity has ended meanwhile.
            Err(status) if status.code() == Code::NotFound => return Err(describe(&status)),
            Err(status) if is_refusal(&status) => {
                match self.act("ResetActivity", request.clone()).await {
                    Ok(()) => return Ok(true),
                    Err(error) => error,
                }
            }
            Err(status) => describe(&status),
        };
        let message = still_paused(self.address(), run, activity, &error);
        // The user may no longer wait for the result.
        tracing::warn!("{message}");
        Err(message)
    }

    /// Deletes a run with its history. Terminates the workflow before, if it is open. The server
    /// lists a deleted run for up to 34 s.
    ///
    /// # Errors
    /// The error of the server.
    pub async fn delete(&self, run: &RunRef) -> Result<(), String> {
        self.act("DeleteWorkflowExecution", DeleteRequest::on(run)).await
    }

    async fn act<Q: prost::Message + 'static>(
        &self,
        method: &'static str,
        request: Q,
    ) -> Result<(), String> {
        let response: Result<Ignored, Status> = self.call(method, request).await;
        response.map(drop).map_err(|status| describe(&status))
    }
}

/// Whether the server does not offer a call, or not in the state of the activity.
fn is_refusal(status: &Status) -> bool {
    matches!(status.code(), Code::Unimplemented | Code::FailedPrecondition | Code::InvalidArgument)
}

/// Whether the server may have performed a call, because its response is missing.
fn is_lost(status: &Status) -> bool {
    let codes = [Code::DeadlineExceeded, Code::Cancelled, Code::Unavailable, Code::Unknown];
    codes.contains(&status.code())
}

/// Describes that an activity is paused because of an error, and how to unpause it.
fn still_paused(address: &str, run: &RunRef, activity: &PendingActivity, error: &str) -> String {
    let [name, id, workflow, namespace] =
        [&activity.type_name, &activity.id, &run.workflow_id, &run.namespace]
            .map(|it| harmless::quote(it));
    format!(
        "the activity {name} is paused, because it was not unpaused: {error}; retry it again, or run \
         `temporal activity unpause --activity-id {id} --workflow-id {workflow} \
         --namespace {namespace} --address {address}`"
    )
}

/// Describes the failure of a call that a worker must answer.
fn needs_worker(status: &Status) -> String {
    match status.code() {
        Code::DeadlineExceeded | Code::Cancelled => {
            format!("no worker responded: {}", describe(status))
        }
        _ => describe(status),
    }
}

/// An ID by which the server recognises a request that it gets twice.
fn unique_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("stigmer-{}-{}-{count}", std::process::id(), now.as_nanos())
}

/// One argument from JSON.
fn arguments(json: &str) -> Payloads {
    let metadata = HashMap::from([("encoding".to_owned(), b"json/plain".to_vec())]);
    Payloads { payloads: vec![Payload { metadata, data: json.as_bytes().to_vec() }] }
}

/// Converts values to text: indented JSON, or a description of other data.
fn readable(payloads: &[Payload]) -> String {
    let texts = payloads.iter().map(|payload| {
        let is_json = DecodedPayload::of(payload).is_json;
        match serde_json::from_slice::<serde_json::Value>(&payload.data) {
            Ok(value) if is_json => format!("{value:#}"),
            Ok(_) | Err(_) => DecodedPayload::of(payload).text,
        }
    });
    harmless::block(&texts.collect::<Vec<_>>().join("\n"), ANSWER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(encoding: &str, data: &[u8]) -> Payload {
        let metadata = HashMap::from([("encoding".to_owned(), encoding.as_bytes().to_vec())]);
        Payload { metadata, data: data.to_vec() }
    }

    #[test]
    fn values_are_readable_and_harmless() {
        let cases: [(&[Payload], &str); 6] = [
            (&[], ""),
            (&[payload("json/plain", br#"{"a":[1]}"#)], "{\n  \"a\": [\n    1\n  ]\n}"),
            (&[payload("binary/null", b"")], "null"),
            (&[payload("json/plain", b"1"), payload("json/plain", b"\"x\"")], "1\n\"x\""),
            (&[payload("binary/encrypted", b"\x1b[31m")], "encrypted, 5 bytes"),
            (&[payload("binary/\x1b[31mred", b"\xff")], "encoding binary/red, 1 byte"),
        ];
        for (payloads, expected) in cases {
            assert_eq!(readable(payloads), expected);
        }
    }

    #[test]
    fn request_ids_differ() {
        assert_ne!(unique_id(), unique_id());
    }
}
