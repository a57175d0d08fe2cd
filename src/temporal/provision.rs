//! Makes the namespaces of a server as a project needs them: registers missing ones, and sets their
//! retention and search attributes. Changes only what differs, so it can be repeated.
//!
//! The command line of the dev server cannot do this: `--search-attribute` has an effect only on
//! namespaces that the same start creates.

use super::connection::describe;
use super::health::Client;
use super::message::namespace::{
    AddSearchAttributesRequest, DescribedNamespace, ListSearchAttributesRequest,
    ListSearchAttributesResponse, NamespaceConfig, RegisterNamespaceRequest, Seconds,
    UpdateNamespaceRequest,
};
use super::message::{DescribeNamespaceRequest, Ignored};
use crate::harmless::quote;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tokio::time::Instant;
use tonic::{Code, Status};

pub use super::attribute::AttributeType;

/// Retention of a namespace that a project does not set. `temporal server start-dev` uses it too.
const RETENTION: Duration = Duration::from_secs(24 * 3600);
/// Delay before the second attempt. Each further one is twice as long, up to a second.
const DELAY: Duration = Duration::from_millis(50);
/// Longest delay between two attempts.
const DELAY_MAX: Duration = Duration::from_secs(1);

/// What namespaces must have.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NamespaceSpec {
    /// Names of the namespaces.
    pub names: Vec<String>,
    /// Time for which closed workflows are kept. `None`: unchanged.
    pub retention: Option<Duration>,
    /// Search attributes with their types.
    pub search_attributes: BTreeMap<String, AttributeType>,
}

/// A change of a namespace, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceChange {
    /// The namespace was missing and was registered.
    Registered,
    /// The retention was another one.
    Retention(Duration),
    /// These search attributes were missing and were added.
    Attributes(Vec<String>),
}

/// Why a namespace is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProvisionError {
    /// A search attribute exists with another type.
    #[error(
        "the search attribute `{}` of the namespace {} has the type {}, not {wanted:?}; change the \
         project file, or remove the search attribute with `temporal operator search-attribute remove \
         --name {} --namespace {} --address {address}`",
        quote(name), quote(namespace), type_name(*.found), quote(name), quote(namespace)
    )]
    Type {
        /// The namespace.
        namespace: String,
        /// The search attribute.
        name: String,
        /// Number of its type in the API of Temporal.
        found: i32,
        /// The type in the project file.
        wanted: AttributeType,
        /// `HOST:PORT` of the server.
        address: String,
    },
    /// The server refuses the change, or does not respond.
    #[error("cannot {action} the namespace {}: {why}", quote(namespace))]
    Server {
        /// What failed, such as `register`.
        action: &'static str,
        /// The namespace.
        namespace: String,
        /// The error of the server.
        why: String,
    },
}

impl AttributeType {
    /// The number of the type in the API of Temporal.
    fn number(self) -> i32 {
        match self {
            Self::Text => 1,
            Self::Keyword => 2,
            Self::Int => 3,
            Self::Double => 4,
            Self::Bool => 5,
            Self::Datetime => 6,
            Self::KeywordList => 7,
        }
    }
}

fn type_name(number: i32) -> String {
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let name = at.and_then(|at| AttributeType::NAMES.get(at));
    name.map_or_else(|| format!("number {number}"), |name| (*name).to_owned())
}

/// An error of one attempt, and whether a later attempt may succeed.
struct FailedAttempt {
    error: ProvisionError,
    is_temporary: bool,
}

impl Client {
    /// Makes these namespaces as the specification says. Repeats attempts that failed for a temporary
    /// reason until `limit` is over. Calls `changed` after each change, with the name of the namespace.
    /// An error in one namespace does not prevent the changes in the others.
    ///
    /// # Errors
    /// All errors, at most one for each namespace and each search attribute.
    pub async fn provision(
        &self,
        spec: &NamespaceSpec,
        limit: Duration,
        changed: impl Fn(&str, NamespaceChange),
    ) -> Result<(), Vec<ProvisionError>> {
        let deadline = Instant::now() + limit;
        let mut errors = Vec::new();
        for namespace in &spec.names {
            let mut delay = DELAY;
            let failures = loop {
                let failures = self.provision_one(namespace, spec, &changed).await;
                let is_over = Instant::now() + delay > deadline;
                if is_over || !failures.iter().any(|failure| failure.is_temporary) {
                    break failures;
                }
                tokio::time::sleep(delay).await;
                delay = (delay * 2).min(DELAY_MAX);
            };
            errors.extend(failures.into_iter().map(|failure| failure.error));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    async fn provision_one(
        &self,
        namespace: &str,
        spec: &NamespaceSpec,
        changed: &impl Fn(&str, NamespaceChange),
    ) -> Vec<FailedAttempt> {
        let mut failures = Vec::new();
        let retention = match self.retention(namespace, spec.retention).await {
            Ok(change) => change,
            Err(failure) => return vec![failure],
        };
        if let Some(change) = retention {
            changed(namespace, change);
        }
        if spec.search_attributes.is_empty() {
            return failures;
        }
        match self.attributes(namespace, &spec.search_attributes, &mut failures).await {
            Ok(added) if added.is_empty() => {}
            Ok(added) => changed(namespace, NamespaceChange::Attributes(added)),
            Err(failure) => failures.push(failure),
        }
        failures
    }

    /// Registers the namespace if it is missing, and sets its retention if it is another one.
    async fn retention(
        &self,
        namespace: &str,
        wanted: Option<Duration>,
    ) -> Result<Option<NamespaceChange>, FailedAttempt> {
        let request = DescribeNamespaceRequest { namespace: namespace.to_owned() };
        let described: DescribedNamespace = match self.call("DescribeNamespace", request).await {
            Ok(described) => described,
            Err(status) if status.code() == Code::NotFound => {
                let request = RegisterNamespaceRequest {
                    namespace: namespace.to_owned(),
                    retention: Some(seconds(wanted.unwrap_or(RETENTION))),
                };
                let registered: Result<Ignored, Status> =
                    self.call("RegisterNamespace", request).await;
                return match registered {
                    Ok(_) => Ok(Some(NamespaceChange::Registered)),
                    // Another program has registered it meanwhile. The next attempt describes it.
                    Err(status) if status.code() == Code::AlreadyExists => Err(FailedAttempt {
                        is_temporary: true,
                        ..failed("register", namespace, &status)
                    }),
                    Err(status) => Err(failed("register", namespace, &status)),
                };
            }
            Err(status) => return Err(failed("describe", namespace, &status)),
        };
        let Some(wanted) = wanted else { return Ok(None) };
        let found = described.config.and_then(|config| config.retention);
        if found == Some(seconds(wanted)) {
            return Ok(None);
        }
        let config = NamespaceConfig { retention: Some(seconds(wanted)) };
        let request =
            UpdateNamespaceRequest { namespace: namespace.to_owned(), config: Some(config) };
        let updated: Result<Ignored, Status> = self.call("UpdateNamespace", request).await;
        match updated {
            Ok(_) => Ok(Some(NamespaceChange::Retention(wanted))),
            Err(status) => Err(failed("set the retention of", namespace, &status)),
        }
    }

    /// Adds missing search attributes, and returns their names. The server would silently ignore a
    /// search attribute that exists with another type, so the types are compared here.
    async fn attributes(
        &self,
        namespace: &str,
        wanted: &BTreeMap<String, AttributeType>,
        failures: &mut Vec<FailedAttempt>,
    ) -> Result<Vec<String>, FailedAttempt> {
        let request = ListSearchAttributesRequest { namespace: namespace.to_owned() };
        let listed: ListSearchAttributesResponse = self
            .operate("ListSearchAttributes", request)
            .await
            .map_err(|status| failed("list the search attributes of", namespace, &status))?;
        let mut missing = HashMap::new();
        for (name, wanted) in wanted {
            match listed.custom.get(name) {
                Some(found) if *found == wanted.number() => {}
                Some(found) => failures.push(FailedAttempt {
                    error: ProvisionError::Type {
                        namespace: namespace.to_owned(),
                        name: name.clone(),
                        found: *found,
                        wanted: *wanted,
                        address: self.address().to_owned(),
                    },
                    is_temporary: false,
                }),
                None => _ = missing.insert(name.clone(), wanted.number()),
            }
        }
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let mut names: Vec<String> = missing.keys().cloned().collect();
        names.sort();
        let request =
            AddSearchAttributesRequest { attributes: missing, namespace: namespace.to_owned() };
        let added: Result<Ignored, Status> = self.operate("AddSearchAttributes", request).await;
        added
            .map(|_| names)
            .map_err(|status| failed("add search attributes to", namespace, &status))
    }
}

fn seconds(time: Duration) -> Seconds {
    Seconds { seconds: i64::try_from(time.as_secs()).unwrap_or(i64::MAX) }
}

fn failed(action: &'static str, namespace: &str, status: &Status) -> FailedAttempt {
    let is_temporary = match status.code() {
        // A namespace that was registered just now may be unknown to other services of the server.
        Code::NotFound
        | Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Cancelled
        | Code::Aborted
        | Code::Internal
        | Code::ResourceExhausted
        | Code::Unknown => true,
        Code::Ok
        | Code::InvalidArgument
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss
        | Code::Unauthenticated => false,
    };
    let error =
        ProvisionError::Server { action, namespace: namespace.to_owned(), why: describe(status) };
    FailedAttempt { error, is_temporary }
}
