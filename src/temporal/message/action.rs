//! Actions on a workflow: cancel, terminate, signal, query, update, reset, delete, and the retry of
//! an activity.

use super::history::{UpdateOutcome, UpdateRequest};
use super::{Payloads, WorkflowExecution};
use crate::temporal::run::RunRef;

/// Defines requests for one run. In each of them, the namespace is field 1 and the run field 2.
macro_rules! run_requests {
    ($($(#[$about:meta])* $name:ident {$($(#[$field_about:meta])* $field:ident: $type:ty,)*})*) => {$(
        $(#[$about])*
        #[derive(Clone, PartialEq, prost::Message)]
        pub(in crate::temporal) struct $name {
            #[prost(string, tag = "1")]
            pub(in crate::temporal) namespace: String,
            #[prost(message, optional, tag = "2")]
            pub(in crate::temporal) execution: Option<WorkflowExecution>,
            $($(#[$field_about])* pub(in crate::temporal) $field: $type,)*
        }

        impl $name {
            /// A request for this run, without the other fields.
            pub(in crate::temporal) fn on(run: &RunRef) -> Self {
                let (namespace, execution) = (run.namespace.clone(), Some(run.execution()));
                Self { namespace, execution, $($field: Default::default(),)* }
            }
        }
    )*};
}

run_requests! {
    CancelRequest {
        #[prost(string, tag = "3")]
        identity: String,
        #[prost(string, tag = "4")]
        request_id: String,
        #[prost(string, tag = "6")]
        reason: String,
    }

    TerminateRequest {
        #[prost(string, tag = "3")]
        reason: String,
        #[prost(string, tag = "5")]
        identity: String,
    }

    SignalWorkflowRequest {
        #[prost(string, tag = "3")]
        signal_name: String,
        #[prost(message, optional, tag = "4")]
        input: Option<Payloads>,
        #[prost(string, tag = "5")]
        identity: String,
        #[prost(string, tag = "6")]
        request_id: String,
    }

    QueryRequest {
        #[prost(message, optional, tag = "3")]
        query: Option<QueryCall>,
    }

    UpdateWorkflowRequest {
        #[prost(message, optional, tag = "4")]
        wait_policy: Option<WaitPolicy>,
        #[prost(message, optional, tag = "5")]
        request: Option<UpdateRequest>,
    }

    ResetRequest {
        #[prost(string, tag = "3")]
        reason: String,
        /// ID of the event that completed, failed or started a workflow task.
        #[prost(int64, tag = "4")]
        workflow_task_finish_event_id: i64,
        #[prost(string, tag = "5")]
        request_id: String,
        #[prost(string, tag = "9")]
        identity: String,
    }

    DeleteRequest {}

    ResetStickyRequest {}

    /// The request to pause an activity. The requests to unpause and to reset it have the same fields.
    ActivityRequest {
        #[prost(string, tag = "3")]
        identity: String,
        #[prost(string, tag = "4")]
        activity_id: String,
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct QueryCall {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) query_type: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) query_args: Option<Payloads>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct QueryResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) query_result: Option<Payloads>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(in crate::temporal) struct WaitPolicy {
    /// 1 is admitted, 2 is accepted, 3 is completed.
    #[prost(int32, tag = "1")]
    pub(in crate::temporal) lifecycle_stage: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct UpdateResponse {
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) outcome: Option<UpdateOutcome>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ResetResponse {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) run_id: String,
}
