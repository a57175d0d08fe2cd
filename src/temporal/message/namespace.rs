//! Namespaces: their retention and search attributes. The messages for search attributes are of
//! `temporal.api.operatorservice.v1`.

use super::NamespaceInfo;
use std::collections::HashMap;

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct DescribedNamespace {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) info: Option<NamespaceInfo>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::temporal) config: Option<NamespaceConfig>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct NamespaceConfig {
    #[prost(message, optional, tag = "1")]
    pub(in crate::temporal) retention: Option<Seconds>,
}

/// A time, without its nanoseconds.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(in crate::temporal) struct Seconds {
    #[prost(int64, tag = "1")]
    pub(in crate::temporal) seconds: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct RegisterNamespaceRequest {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) namespace: String,
    #[prost(message, optional, tag = "4")]
    pub(in crate::temporal) retention: Option<Seconds>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct UpdateNamespaceRequest {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) namespace: String,
    #[prost(message, optional, tag = "3")]
    pub(in crate::temporal) config: Option<NamespaceConfig>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ListSearchAttributesRequest {
    #[prost(string, tag = "1")]
    pub(in crate::temporal) namespace: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct ListSearchAttributesResponse {
    /// The names and types of the attributes that a user has added.
    #[prost(map = "string, int32", tag = "1")]
    pub(in crate::temporal) custom: HashMap<String, i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::temporal) struct AddSearchAttributesRequest {
    #[prost(map = "string, int32", tag = "1")]
    pub(in crate::temporal) attributes: HashMap<String, i32>,
    #[prost(string, tag = "2")]
    pub(in crate::temporal) namespace: String,
}
