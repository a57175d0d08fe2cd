//! The conversion of the events of the API.

use super::super::failure::FailureLink;
use super::super::message::failure::FailureInfo;
use super::super::message::history::{EventAttributes as Attributes, HistoryEvent, UpdateRequest};
use super::super::message::{Timestamp, TypeName, WireDuration, WorkflowExecution};
use super::super::payload::{DecodedPayload, decoded};
use super::{EventFacts, RunEvent, Subject, SubjectPhase};
use crate::harmless::quote;

/// The names of the types, by their numbers in the API.
const TYPES: [&str; 61] = [
    "Unspecified",
    "WorkflowExecutionStarted",
    "WorkflowExecutionCompleted",
    "WorkflowExecutionFailed",
    "WorkflowExecutionTimedOut",
    "WorkflowTaskScheduled",
    "WorkflowTaskStarted",
    "WorkflowTaskCompleted",
    "WorkflowTaskTimedOut",
    "WorkflowTaskFailed",
    "ActivityTaskScheduled",
    "ActivityTaskStarted",
    "ActivityTaskCompleted",
    "ActivityTaskFailed",
    "ActivityTaskTimedOut",
    "ActivityTaskCancelRequested",
    "ActivityTaskCanceled",
    "TimerStarted",
    "TimerFired",
    "TimerCanceled",
    "WorkflowExecutionCancelRequested",
    "WorkflowExecutionCanceled",
    "RequestCancelExternalWorkflowExecutionInitiated",
    "RequestCancelExternalWorkflowExecutionFailed",
    "ExternalWorkflowExecutionCancelRequested",
    "MarkerRecorded",
    "WorkflowExecutionSignaled",
    "WorkflowExecutionTerminated",
    "WorkflowExecutionContinuedAsNew",
    "StartChildWorkflowExecutionInitiated",
    "StartChildWorkflowExecutionFailed",
    "ChildWorkflowExecutionStarted",
    "ChildWorkflowExecutionCompleted",
    "ChildWorkflowExecutionFailed",
    "ChildWorkflowExecutionCanceled",
    "ChildWorkflowExecutionTimedOut",
    "ChildWorkflowExecutionTerminated",
    "SignalExternalWorkflowExecutionInitiated",
    "SignalExternalWorkflowExecutionFailed",
    "ExternalWorkflowExecutionSignaled",
    "UpsertWorkflowSearchAttributes",
    "WorkflowExecutionUpdateAccepted",
    "WorkflowExecutionUpdateRejected",
    "WorkflowExecutionUpdateCompleted",
    "WorkflowPropertiesModifiedExternally",
    "ActivityPropertiesModifiedExternally",
    "WorkflowPropertiesModified",
    "WorkflowExecutionUpdateAdmitted",
    "NexusOperationScheduled",
    "NexusOperationStarted",
    "NexusOperationCompleted",
    "NexusOperationFailed",
    "NexusOperationCanceled",
    "NexusOperationTimedOut",
    "NexusOperationCancelRequested",
    "WorkflowExecutionOptionsUpdated",
    "NexusOperationCancelRequestCompleted",
    "NexusOperationCancelRequestFailed",
    "WorkflowExecutionPaused",
    "WorkflowExecutionUnpaused",
    "WorkflowExecutionTimeSkippingTransitioned",
];

/// The type of the end of a run by a timeout. Its attributes are not read.
const TIMED_OUT: i32 = 4;

/// Subject and phase of an event, the number of the first event about the subject if it is another
/// one, and the facts.
type Meaning = (Subject, SubjectPhase, Option<i64>, EventFacts);

impl RunEvent {
    pub(super) fn of(event: HistoryEvent) -> Self {
        let id = number(event.event_id).unwrap_or(0);
        let number_of_type = usize::try_from(event.event_type).unwrap_or(0);
        let (subject, phase, first, facts) = match (event.attributes, event.event_type) {
            (Some(attributes), _) => meaning(attributes),
            (None, TIMED_OUT) => happened(Subject::Run, SubjectPhase::TimedOut),
            (None, _) => happened(Subject::Other, SubjectPhase::Happened),
        };
        Self {
            id,
            first: first.and_then(number).unwrap_or(id),
            at: event.event_time.and_then(Timestamp::time),
            type_name: TYPES.get(number_of_type).copied().unwrap_or("Unknown"),
            subject,
            phase,
            facts,
        }
    }
}

fn meaning(attributes: Attributes) -> Meaning {
    match attributes {
        Attributes::WorkflowStarted(_)
        | Attributes::WorkflowCompleted(_)
        | Attributes::WorkflowFailed(_)
        | Attributes::WorkflowTerminated(_)
        | Attributes::WorkflowCancelRequested(_)
        | Attributes::WorkflowCanceled(_)
        | Attributes::WorkflowContinued(_) => of_run(attributes),
        Attributes::ActivityScheduled(_)
        | Attributes::ActivityStarted(_)
        | Attributes::ActivityCompleted(_)
        | Attributes::ActivityFailed(_)
        | Attributes::ActivityTimedOut(_)
        | Attributes::ActivityCancelRequested(_)
        | Attributes::ActivityCanceled(_) => of_activity(attributes),
        Attributes::ChildInitiated(_)
        | Attributes::ChildStartFailed(_)
        | Attributes::ChildStarted(_)
        | Attributes::ChildCompleted(_)
        | Attributes::ChildFailed(_)
        | Attributes::ChildCanceled(_)
        | Attributes::ChildTimedOut(_)
        | Attributes::ChildTerminated(_) => of_child(attributes),
        Attributes::Signaled(_)
        | Attributes::UpdateAccepted(_)
        | Attributes::UpdateRejected(_)
        | Attributes::UpdateCompleted(_)
        | Attributes::UpdateAdmitted(_) => of_message(attributes),
        Attributes::NexusScheduled(_)
        | Attributes::NexusStarted(_)
        | Attributes::NexusCompleted(_)
        | Attributes::NexusFailed(_)
        | Attributes::NexusCanceled(_)
        | Attributes::NexusTimedOut(_)
        | Attributes::NexusCancelRequested(_) => of_operation(attributes),
        attributes => of_task_or_timer(attributes),
    }
}

fn of_run(attributes: Attributes) -> Meaning {
    use SubjectPhase::{
        CancelRequested, Canceled, Completed, Continued, Failed, Started, Terminated,
    };
    let (phase, facts) = match attributes {
        Attributes::WorkflowStarted(it) => (
            Started,
            EventFacts {
                input: decoded(it.input.as_ref()),
                identity: quote(&it.identity),
                attempt: attempt(it.attempt),
                ..named(it.workflow_type)
            },
        ),
        Attributes::WorkflowCompleted(it) => (Completed, result(decoded(it.result.as_ref()))),
        Attributes::WorkflowFailed(it) => (Failed, failed(it.failure.as_ref())),
        Attributes::WorkflowTerminated(it) => (Terminated, reason(&it.reason, &it.identity)),
        Attributes::WorkflowCancelRequested(it) => {
            (CancelRequested, reason(&it.cause, &it.identity))
        }
        Attributes::WorkflowCanceled(it) => (Canceled, result(decoded(it.details.as_ref()))),
        Attributes::WorkflowContinued(it) => (
            Continued,
            EventFacts {
                key: quote(&it.new_execution_run_id),
                input: decoded(it.input.as_ref()),
                ..failed(it.failure.as_ref())
            },
        ),
        _ => return happened(Subject::Run, SubjectPhase::Happened),
    };
    (Subject::Run, phase, None, facts)
}

fn of_activity(attributes: Attributes) -> Meaning {
    use SubjectPhase::{
        CancelRequested, Canceled, Completed, Failed, Scheduled, Started, TimedOut,
    };
    let (phase, first, facts) = match attributes {
        Attributes::ActivityScheduled(it) => (
            Scheduled,
            None,
            EventFacts {
                key: quote(&it.activity_id),
                input: decoded(it.input.as_ref()),
                ..named(it.activity_type)
            },
        ),
        Attributes::ActivityStarted(it) => (
            Started,
            Some(it.scheduled_event_id),
            EventFacts {
                identity: quote(&it.identity),
                attempt: attempt(it.attempt),
                ..failed(it.last_failure.as_ref())
            },
        ),
        Attributes::ActivityCompleted(it) => {
            (Completed, Some(it.scheduled_event_id), result(decoded(it.result.as_ref())))
        }
        Attributes::ActivityFailed(it) => {
            (Failed, Some(it.scheduled_event_id), failed(it.failure.as_ref()))
        }
        Attributes::ActivityTimedOut(it) => {
            (TimedOut, Some(it.scheduled_event_id), failed(it.failure.as_ref()))
        }
        Attributes::ActivityCancelRequested(it) => {
            (CancelRequested, Some(it.event_id), EventFacts::default())
        }
        Attributes::ActivityCanceled(it) => {
            (Canceled, Some(it.scheduled_event_id), EventFacts::default())
        }
        _ => return happened(Subject::Activity, SubjectPhase::Happened),
    };
    (Subject::Activity, phase, first, facts)
}

fn of_child(attributes: Attributes) -> Meaning {
    use SubjectPhase::{Canceled, Completed, Failed, Scheduled, Started, Terminated, TimedOut};
    let none = EventFacts::default;
    let (phase, first, facts) = match attributes {
        Attributes::ChildInitiated(it) => (
            Scheduled,
            None,
            EventFacts {
                key: quote(&it.workflow_id),
                input: decoded(it.input.as_ref()),
                ..named(it.workflow_type)
            },
        ),
        Attributes::ChildStartFailed(it) => (Failed, Some(it.initiated_event_id), none()),
        Attributes::ChildStarted(it) => (Started, Some(it.initiated_event_id), none()),
        Attributes::ChildCompleted(it) => {
            (Completed, Some(it.initiated_event_id), result(decoded(it.result.as_ref())))
        }
        Attributes::ChildFailed(it) => {
            (Failed, Some(it.initiated_event_id), failed(it.failure.as_ref()))
        }
        Attributes::ChildCanceled(it) => (Canceled, Some(it.initiated_event_id), none()),
        Attributes::ChildTimedOut(it) => (TimedOut, Some(it.initiated_event_id), none()),
        Attributes::ChildTerminated(it) => (Terminated, Some(it.initiated_event_id), none()),
        _ => return happened(Subject::Child, SubjectPhase::Happened),
    };
    (Subject::Child, phase, first, facts)
}

/// The meaning of a signal or an update.
fn of_message(attributes: Attributes) -> Meaning {
    use SubjectPhase::{Completed, Failed, Happened, Scheduled, Started};
    let (phase, first, facts) = match attributes {
        Attributes::Signaled(it) => {
            let facts = EventFacts {
                name: quote(&it.signal_name),
                input: decoded(it.input.as_ref()),
                identity: quote(&it.identity),
                ..EventFacts::default()
            };
            return (Subject::Signal, Happened, None, facts);
        }
        Attributes::UpdateAdmitted(it) => (Scheduled, None, requested(it.request)),
        Attributes::UpdateAccepted(it) => (Started, None, requested(it.request)),
        Attributes::UpdateRejected(it) => (
            Failed,
            None,
            EventFacts { failures: failed(it.failure.as_ref()).failures, ..requested(it.request) },
        ),
        Attributes::UpdateCompleted(it) => {
            let outcome = it.outcome.unwrap_or_default();
            let phase = if outcome.failure.is_some() { Failed } else { Completed };
            let result = decoded(outcome.success.as_ref());
            let facts = EventFacts { result, ..failed(outcome.failure.as_ref()) };
            (phase, Some(it.accepted_event_id), facts)
        }
        _ => return happened(Subject::Update, Happened),
    };
    (Subject::Update, phase, first, facts)
}

fn of_operation(attributes: Attributes) -> Meaning {
    use SubjectPhase::{
        CancelRequested, Canceled, Completed, Failed, Scheduled, Started, TimedOut,
    };
    let payload = |it: Option<_>| it.as_ref().map(DecodedPayload::of).into_iter().collect();
    let (phase, first, facts) = match attributes {
        Attributes::NexusScheduled(it) => (
            Scheduled,
            None,
            EventFacts {
                name: quote(&format!("{}.{}", it.service, it.operation)),
                input: payload(it.input),
                ..EventFacts::default()
            },
        ),
        Attributes::NexusStarted(it) => (Started, Some(it.event_id), EventFacts::default()),
        Attributes::NexusCompleted(it) => {
            (Completed, Some(it.scheduled_event_id), result(payload(it.result)))
        }
        Attributes::NexusFailed(it) => {
            (Failed, Some(it.scheduled_event_id), failed(it.failure.as_ref()))
        }
        Attributes::NexusCanceled(it) => {
            (Canceled, Some(it.scheduled_event_id), failed(it.failure.as_ref()))
        }
        Attributes::NexusTimedOut(it) => {
            (TimedOut, Some(it.scheduled_event_id), failed(it.failure.as_ref()))
        }
        Attributes::NexusCancelRequested(it) => {
            (CancelRequested, Some(it.event_id), EventFacts::default())
        }
        _ => return happened(Subject::Operation, SubjectPhase::Happened),
    };
    (Subject::Operation, phase, first, facts)
}

/// The meaning of the other events: workflow tasks, timers, calls to other workflows, markers.
fn of_task_or_timer(attributes: Attributes) -> Meaning {
    use Subject::{ExternalCancel, ExternalSignal, Marker, Timer, WorkflowTask};
    use SubjectPhase::{Canceled, Completed, Failed, Happened, Scheduled, Started, TimedOut};
    let none = EventFacts::default;
    match attributes {
        Attributes::TaskScheduled(_) => happened(WorkflowTask, Scheduled),
        Attributes::TaskStarted(it) => {
            let facts = EventFacts { identity: quote(&it.identity), ..none() };
            (WorkflowTask, Started, Some(it.scheduled_event_id), facts)
        }
        Attributes::TaskCompleted(it) => {
            (WorkflowTask, Completed, Some(it.scheduled_event_id), none())
        }
        Attributes::TaskTimedOut(it) => {
            (WorkflowTask, TimedOut, Some(it.scheduled_event_id), none())
        }
        Attributes::TaskFailed(it) => {
            let facts = EventFacts {
                reason: task_failure(it.cause).to_owned(),
                identity: quote(&it.identity),
                ..failed(it.failure.as_ref())
            };
            (WorkflowTask, Failed, Some(it.scheduled_event_id), facts)
        }
        Attributes::TimerStarted(it) => {
            let wait = it.start_to_fire_timeout.and_then(WireDuration::duration);
            let facts = EventFacts { key: quote(&it.timer_id), wait, ..none() };
            (Timer, Scheduled, None, facts)
        }
        Attributes::TimerFired(it) => (Timer, Completed, Some(it.started_event_id), none()),
        Attributes::TimerCanceled(it) => (Timer, Canceled, Some(it.started_event_id), none()),
        Attributes::MarkerRecorded(it) => {
            let facts = EventFacts { name: quote(&it.marker_name), ..failed(it.failure.as_ref()) };
            (Marker, Happened, None, facts)
        }
        Attributes::ExternalSignalInitiated(it) => {
            let facts = EventFacts {
                name: quote(&it.signal_name),
                input: decoded(it.input.as_ref()),
                ..other(it.workflow_execution)
            };
            (ExternalSignal, Scheduled, None, facts)
        }
        Attributes::ExternalSignalFailed(it) => {
            (ExternalSignal, Failed, Some(it.initiated_event_id), none())
        }
        Attributes::ExternalSignaled(it) => (ExternalSignal, Completed, Some(it.event_id), none()),
        Attributes::ExternalCancelInitiated(it) => {
            (ExternalCancel, Scheduled, None, other(it.workflow_execution))
        }
        Attributes::ExternalCancelFailed(it) => {
            (ExternalCancel, Failed, Some(it.initiated_event_id), none())
        }
        Attributes::ExternalCancelRequested(it) => {
            (ExternalCancel, Completed, Some(it.event_id), none())
        }
        _ => happened(Subject::Other, Happened),
    }
}

/// Why a workflow task failed. Empty if the failure itself says more.
fn task_failure(number: i32) -> &'static str {
    match number {
        20 => "reset",
        24 => "non-determinism",
        _ => "",
    }
}

fn happened(subject: Subject, phase: SubjectPhase) -> Meaning {
    (subject, phase, None, EventFacts::default())
}

fn named(type_name: Option<TypeName>) -> EventFacts {
    let name = quote(&type_name.unwrap_or_default().name);
    EventFacts { name, ..EventFacts::default() }
}

fn result(result: Vec<DecodedPayload>) -> EventFacts {
    EventFacts { result, ..EventFacts::default() }
}

fn failed(failure: Option<&FailureInfo>) -> EventFacts {
    let failures = failure.map(FailureLink::chain).unwrap_or_default();
    EventFacts { failures, ..EventFacts::default() }
}

fn reason(reason: &str, identity: &str) -> EventFacts {
    EventFacts { reason: quote(reason), identity: quote(identity), ..EventFacts::default() }
}

fn requested(request: Option<UpdateRequest>) -> EventFacts {
    let UpdateRequest { meta, input } = request.unwrap_or_default();
    let input = input.unwrap_or_default();
    EventFacts {
        name: quote(&input.name),
        input: decoded(input.args.as_ref()),
        identity: quote(&meta.unwrap_or_default().identity),
        ..EventFacts::default()
    }
}

/// Another workflow, to which this workflow sends a signal or a request to cancel.
fn other(execution: Option<WorkflowExecution>) -> EventFacts {
    let key = quote(&execution.unwrap_or_default().workflow_id);
    EventFacts { key, ..EventFacts::default() }
}

fn attempt(number: i32) -> Option<u32> {
    u32::try_from(number).ok().filter(|attempt| *attempt > 0)
}

fn number(id: i64) -> Option<u64> {
    u64::try_from(id).ok().filter(|id| *id > 0)
}
