//! Why an activity or a workflow failed: the root cause in one line, and the whole chain.

use super::message::failure::FailureInfo;
use crate::harmless::{block, quote};
use prost::Message as _;

/// Maximum number of failures that are kept from one chain. Real chains have fewer than ten.
const LINKS: usize = 32;
/// Maximum number of failures that are read from one chain to find its innermost failure.
const DEPTH: usize = 100_000;
/// Maximum length of a message or a stack trace in a chain, in bytes. The server limits a whole
/// failure to about as much.
const TEXT: usize = 16_384;

/// Why an activity or a workflow failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RootCause {
    /// The innermost failure that has a text and is not a wrapper: `Type: message`, in one line of
    /// at most 400 characters.
    pub text: String,
    /// Whether a child workflow failed, and the workflow failed because of that.
    pub is_of_child: bool,
}

impl RootCause {
    /// Finds the root cause in the chain of failures that the server sent.
    pub(super) fn of(outermost: &FailureInfo) -> Self {
        let links = links(outermost);
        let innermost = || links.iter().rev();
        let candidates = innermost().filter(|link| !is_wrapper(link)).chain(innermost());
        let text = candidates.map(line).find(|text| !text.is_empty());
        Self {
            text: quote(&text.unwrap_or_default()),
            is_of_child: links.iter().any(|link| link.child.is_some()),
        }
    }
}

/// One failure of a chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureLink {
    /// `Type: message`, or what failed because of the next failure of the chain, such as `activity
    /// ship failed, not retryable`. In one line of at most 400 characters.
    pub text: String,
    /// The whole message, if it has more than one line. Otherwise empty.
    pub message: String,
    /// Stack trace in the format of the SDK. Empty if there is none.
    pub stack: String,
}

impl FailureLink {
    /// Converts the chain of failures that the server sent. The outermost failure is the first.
    pub(super) fn chain(outermost: &FailureInfo) -> Vec<Self> {
        links(outermost).iter().map(Self::of).collect()
    }

    fn of(info: &FailureInfo) -> Self {
        let has_more = info.message.trim().contains('\n');
        Self {
            text: quote(&wrapper(info).unwrap_or_else(|| line(info))),
            message: if has_more { block(info.message.trim_end(), TEXT) } else { String::new() },
            stack: block(info.stack_trace.trim_end(), TEXT),
        }
    }
}

/// The failures of a chain, the outermost one first. Of a chain with more than [`LINKS`] failures: the
/// outer ones, and the innermost one.
fn links(outermost: &FailureInfo) -> Vec<FailureInfo> {
    let mut chain = std::iter::successors(Some(outermost.clone()), cause).take(DEPTH);
    let mut links: Vec<FailureInfo> = chain.by_ref().take(LINKS).collect();
    if let Some(innermost) = chain.last() {
        links[LINKS - 1] = innermost;
    }
    links
}

/// The cause of a failure. `None` if there is no cause, or if the peer has sent an invalid message.
fn cause(info: &FailureInfo) -> Option<FailureInfo> {
    let cause = Some(&info.cause).filter(|it| !it.is_empty())?;
    FailureInfo::decode(cause.clone()).ok()
}

/// What failed because of another failure. `None` if the failure is no wrapper of that kind.
fn wrapper(info: &FailureInfo) -> Option<String> {
    if let Some(activity) = &info.activity {
        let name = activity.activity_type.as_ref().map_or("", |it| &it.name);
        return Some(format!("activity {name} failed{}", retry_state(activity.retry_state)));
    }
    if let Some(child) = &info.child {
        let name = child.workflow_type.as_ref().map_or("", |it| &it.name);
        let id = child.execution.as_ref().map_or("", |it| &it.workflow_id);
        return Some(format!("child workflow {name} {id} failed"));
    }
    let operation = info.nexus_operation.as_ref()?;
    Some(format!("Nexus operation {}.{} failed", operation.service, operation.operation))
}

/// Why an activity is not tried again.
fn retry_state(number: i32) -> &'static str {
    match number {
        2 => ", not retryable",
        3 => ", no time for another attempt",
        4 => " at its last attempt",
        5 => ", no retry policy",
        7 => ", cancel requested",
        _ => "",
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
    // TypeScript sends the cause of an error, and an error of workflow code, without any kind. The
    // type is only in the stack trace.
    if has_kind { String::new() } else { type_in_stack(&info.stack_trace, &info.message) }
}

/// The type in a JavaScript stack trace, which has a line `TYPE: MESSAGE`, or `TYPE` without a message,
/// before its frames. Empty if there is no such line.
///
/// The line is not always the first one: if an error passes through the sandbox of workflows, Node
/// writes the position of the last `throw` above the line.
fn type_in_stack(stack_trace: &str, message: &str) -> String {
    let message = message.lines().next().unwrap_or_default().trim();
    let head = stack_trace.lines().take_while(|line| !line.trim_start().starts_with("at "));
    let mut names = head.filter_map(|line| {
        let before = line.trim_end().strip_suffix(message)?.trim_end();
        let name = before.strip_suffix(':').or(message.is_empty().then_some(before))?;
        is_type_name(name).then_some(name)
    });
    names.next().unwrap_or_default().to_owned()
}

/// Whether a text is a type of JavaScript such as `TypeError`, or such as `TypeError
/// [ERR_INVALID_ARG_TYPE]`, to which Node has added its error code.
fn is_type_name(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "_$.".contains(c))
    };
    let code = |text: &str| text.strip_prefix('[')?.strip_suffix(']').map(is_word);
    match text.split_once(' ') {
        Some((name, rest)) => is_word(name) && code(rest) == Some(true),
        None => is_word(text),
    }
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
