//! Workers, as their SDKs report them.

use super::Timestamp;

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ListWorkersRequest {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) namespace: String,
    #[prost(int32, tag = "2")]
    pub(in crate::temporal) page_size: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ListWorkersResponse {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::temporal) workers: Vec<WorkerInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct WorkerInfo {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) heartbeat: Option<HeartbeatInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct HeartbeatInfo {
    #[prost(string, tag = "2")]
    pub(in crate::temporal) identity: String,
    #[prost(message, optional, tag = "3")]
    pub(in crate::temporal) host: Option<WorkerHostInfo>,
    #[prost(string, tag = "4")]
    pub(in crate::temporal) task_queue: String,
    #[prost(string, tag = "6")]
    pub(in crate::temporal) sdk_name: String,
    #[prost(string, tag = "7")]
    pub(in crate::temporal) sdk_version: String,
    /// 1 is running, 2 is shutting down, 3 is shut down.
    #[prost(int32, tag = "8")]
    pub(in crate::temporal) status: i32,
    #[prost(message, optional, tag = "9")]
    pub(in crate::temporal) start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "10")]
    pub(in crate::temporal) heartbeat_time: Option<Timestamp>,
    #[prost(message, optional, tag = "16")]
    pub(in crate::temporal) workflow_pollers: Option<PollerCount>,
    #[prost(message, optional, tag = "18")]
    pub(in crate::temporal) activity_pollers: Option<PollerCount>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct WorkerHostInfo {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) host_name: String,
    /// The process id as text.
    #[prost(string, tag = "2")]
    pub(in crate::temporal) process_id: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(in crate::temporal) struct PollerCount {
    #[prost(int32, tag = "1")]
    pub(in crate::temporal) current: i32,
}
