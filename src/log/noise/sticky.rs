//! Sticky queues of the internal workers of Temporal: only that worker takes tasks from the queue.
//!
//! A worker of a user in Go has such a queue too, with a name of the same form, in the same namespace and on the same
//! host. The difference is the line before: Temporal writes that it started a worker for the namespace, with the host.

use jiff::Timestamp;

use super::message;
use crate::log::line::Head;

/// The most time between the two lines. Measured: 0.1 s.
const PATIENCE: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

/// A queue that is about to be created.
#[derive(Debug)]
pub(super) struct Awaited {
    namespace: String,
    host: String,
    since: Option<Timestamp>,
}

impl Awaited {
    /// The queue that this line announces. `line` is known to be noise.
    pub(super) fn after(line: &str, head: &Head) -> Option<Self> {
        message(line)?.strip_prefix("Started Worker")?;
        if field(line, "TaskQueue")? != "temporal-sys-per-ns-tq" {
            return None;
        }
        let namespace = field(line, "Namespace")?;
        let host = field(line, "WorkerID")?.strip_prefix("temporal-system@")?;
        let host = host.strip_suffix(namespace)?.strip_suffix('@')?;
        // The internal namespace; its queues are recognised by its name.
        (namespace != "temporal-system").then(|| Self {
            namespace: namespace.to_owned(),
            host: host.to_owned(),
            since: head.time,
        })
    }

    /// Whether this line reports that the queue was created.
    pub(super) fn is(&self, line: &str, head: &Head) -> bool {
        let in_time = match (self.since, head.time) {
            (Some(since), Some(now)) => now.duration_since(since) <= PATIENCE,
            (_, _) => true,
        };
        let started =
            message(line).is_some_and(|said| said.starts_with("Started physicalTaskQueueManager"));
        let name =
            || field(line, "wf-task-queue-name")?.strip_prefix(&self.host)?.strip_prefix(':');
        in_time
            && started
            && name().is_some_and(is_uuid)
            && field(line, "wf-namespace") == Some(&self.namespace)
    }
}

/// The value of a field, in both formats, if it is a plain word.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let value = |key: &str, end: &[char]| {
        let value = line.get(line.find(key)? + key.len()..)?;
        value.split(end).next()
    };
    value(&format!("\"{name}\":\""), &['"']).or_else(|| value(&format!(" {name}="), &[' ']))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
