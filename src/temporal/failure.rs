//! Why an activity or a workflow failed, in one line.

use super::message::failure::FailureInfo;
use crate::harmless::quote;

/// Maximum number of failures that are read from one chain. Real chains have fewer than ten.
const LINKS: usize = 32;

/// Why an activity or a workflow failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RootCause {
    /// The innermost failure that is not a wrapper: `Type: message`, in one line of at most 400
    /// characters.
    pub text: String,
    /// Whether a child workflow failed, and the workflow failed because of that.
    pub is_of_child: bool,
}

impl RootCause {
    /// Finds the root cause in the chain of failures that the server sent.
    pub(super) fn of(outermost: &FailureInfo) -> Self {
        let chain = std::iter::successors(Some(outermost), |info| info.cause.as_deref());
        let links: Vec<&FailureInfo> = chain.take(LINKS).collect();
        let innermost = links.iter().rev().find(|link| !is_wrapper(link)).or(links.last());
        Self {
            text: innermost.map_or_else(String::new, |link| quote(&line(link))),
            is_of_child: links.iter().any(|link| link.child.is_some()),
        }
    }
}

/// Whether a failure only says where its cause happened: in an activity, a child workflow or a Nexus
/// operation.
fn is_wrapper(info: &FailureInfo) -> bool {
    info.activity.is_some()
        || info.child.is_some()
        || info.nexus_operation.is_some()
        || info.nexus_handler.is_some()
}

/// `Type: message`, with the first line of the message that is not blank.
fn line(info: &FailureInfo) -> String {
    if info.encoded_attributes.is_some() {
        return "a codec of the user has encrypted the failure message".to_owned();
    }
    let message = info.message.lines().map(str::trim).find(|line| !line.is_empty());
    let message = match (message, info.timeout) {
        (None, Some(timeout)) => timeout_type(timeout.timeout_type),
        (message, _) => message.unwrap_or_default(),
    };
    match (error_type(info).as_str(), message) {
        ("", message) => message.to_owned(),
        (error_type, "") => error_type.to_owned(),
        // Some SDKs repeat the type at the start of the message.
        (error_type, message)
            if message.strip_prefix(error_type).is_some_and(|rest| rest.starts_with(": ")) =>
        {
            message.to_owned()
        }
        (error_type, message) => format!("{error_type}: {message}"),
    }
}

/// The type of the error, such as `ValueError`. Empty if unknown.
fn error_type(info: &FailureInfo) -> String {
    if let Some(application) = &info.application {
        return application.type_name.clone();
    }
    let has_kind = info.timeout.is_some()
        || info.canceled.is_some()
        || info.terminated.is_some()
        || info.server.is_some()
        || is_wrapper(info);
    // TypeScript sends the cause of an error without any kind. The first word of the stack is the
    // type.
    if has_kind { String::new() } else { type_in_stack(&info.stack_trace, &info.message) }
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

#[cfg(test)]
mod tests;
