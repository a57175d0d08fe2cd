//! Why an activity or a workflow failed: the chain of failures, and its root cause in one line.

use super::message::failure::FailureInfo;
use crate::harmless::harmless;

/// Maximum number of failures that are read from one chain. Real chains have fewer than ten.
const LINKS: usize = 32;
/// Maximum length of a message or a stack trace, in bytes. The rest is dropped.
const TEXT: usize = 64 * 1024;

/// A failure with all its causes, the outermost first. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureChain {
    /// The failures. The last one is the root cause.
    pub links: Vec<FailureLink>,
}

/// One failure of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureLink {
    /// The kind of the failure.
    pub kind: FailureKind,
    /// The type of the error, such as `ValueError`. Empty if unknown.
    pub type_name: String,
    /// The message, with all its lines.
    pub message: String,
    /// The stack trace. Empty if there is none.
    pub stack_trace: String,
    /// Whether a codec of the user encoded the message, so that stigmer cannot read it.
    pub is_encoded: bool,
}

/// The kind of a failure: who or what reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// An error of the user's code.
    Application,
    /// A timeout.
    Timeout,
    /// A cancellation.
    Canceled,
    /// A termination.
    Terminated,
    /// An error of the Temporal server.
    Server,
    /// An activity failed. The next failure in the chain has the reason.
    Activity,
    /// A child workflow failed. The next failure in the chain has the reason.
    ChildWorkflow,
    /// A Nexus operation failed. The next failure in the chain has the reason.
    Nexus,
}

impl FailureKind {
    /// Whether a failure of this kind only names the place of the next failure in the chain.
    fn is_wrapper(self) -> bool {
        match self {
            Self::Activity | Self::ChildWorkflow | Self::Nexus => true,
            Self::Application
            | Self::Timeout
            | Self::Canceled
            | Self::Terminated
            | Self::Server => false,
        }
    }
}

impl FailureChain {
    /// Converts a chain of failures that the server sent.
    pub(super) fn of(outermost: &FailureInfo) -> Self {
        let chain = std::iter::successors(Some(outermost), |info| info.cause.as_deref());
        Self { links: chain.take(LINKS).map(FailureLink::of).collect() }
    }

    /// The root cause in one line, as `Type: message`. The root cause is the innermost failure
    /// whose kind is not [`FailureKind::Activity`], [`FailureKind::ChildWorkflow`] or
    /// [`FailureKind::Nexus`].
    #[must_use]
    pub fn root(&self) -> String {
        let innermost = self.links.iter().rev().find(|link| !link.kind.is_wrapper());
        innermost.or(self.links.last()).map_or_else(String::new, FailureLink::line)
    }
}

impl FailureLink {
    fn of(info: &FailureInfo) -> Self {
        let (kind, type_name) = kind(info);
        let message = match info.timeout {
            Some(timeout) if info.message.is_empty() => timeout_type(timeout.timeout_type),
            Some(_) | None => &info.message,
        };
        Self {
            kind,
            type_name: clean(&type_name),
            message: clean(message),
            stack_trace: clean(&info.stack_trace),
            is_encoded: info.encoded_attributes.is_some(),
        }
    }

    /// The failure in one line, as `Type: message`, with the first line of the message that is not
    /// blank.
    #[must_use]
    pub fn line(&self) -> String {
        if self.is_encoded {
            return "the message is encrypted by a codec".to_owned();
        }
        let message = self.message.lines().map(str::trim).find(|line| !line.is_empty());
        match (self.type_name.as_str(), message.unwrap_or_default()) {
            ("", message) => message.to_owned(),
            (type_name, "") => type_name.to_owned(),
            // Some SDKs repeat the type at the start of the message.
            (type_name, message)
                if message.strip_prefix(type_name).is_some_and(|rest| rest.starts_with(": ")) =>
            {
                message.to_owned()
            }
            (type_name, message) => format!("{type_name}: {message}"),
        }
    }
}

/// The kind of a failure, and the type of its error.
fn kind(info: &FailureInfo) -> (FailureKind, String) {
    if let Some(application) = &info.application {
        return (FailureKind::Application, application.type_name.clone());
    }
    if info.timeout.is_some() {
        return (FailureKind::Timeout, String::new());
    }
    if info.canceled.is_some() {
        return (FailureKind::Canceled, String::new());
    }
    if info.terminated.is_some() {
        return (FailureKind::Terminated, String::new());
    }
    if info.activity.is_some() {
        return (FailureKind::Activity, String::new());
    }
    if info.child.is_some() {
        return (FailureKind::ChildWorkflow, String::new());
    }
    if info.nexus_operation.is_some() || info.nexus_handler.is_some() {
        return (FailureKind::Nexus, String::new());
    }
    if info.server.is_some() {
        return (FailureKind::Server, String::new());
    }
    // The TypeScript SDK sends the inner causes of an error without any of the fields above. The
    // first word of the stack trace is the type of the error.
    (FailureKind::Application, type_in_stack(&info.stack_trace, &info.message))
}

/// The type in the first line of a JavaScript stack trace, which has the form `TYPE: MESSAGE`.
/// Empty if the line has another form.
fn type_in_stack(stack_trace: &str, message: &str) -> String {
    let first = stack_trace.lines().next().unwrap_or_default();
    let Some((type_name, rest)) = first.split_once(": ") else { return String::new() };
    let is_name = type_name.chars().all(|c| c.is_alphanumeric() || "_$.".contains(c));
    let is_of_message = message.lines().next().is_some_and(|line| rest.trim() == line.trim());
    if is_name && is_of_message { type_name.to_owned() } else { String::new() }
}

fn timeout_type(number: i32) -> &'static str {
    match number {
        1 => "StartToClose timeout",
        2 => "ScheduleToStart timeout",
        3 => "ScheduleToClose timeout",
        4 => "Heartbeat timeout",
        _ => "timeout",
    }
}

/// Removes control characters, keeps the lines, and limits the length.
fn clean(text: &str) -> String {
    let end = (0..=TEXT.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let lines = text[..end].lines().map(harmless);
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
