//! Recognizes the sticky task queues of the workers inside Temporal. Only the worker that created a
//! sticky queue takes tasks from the queue.
//!
//! A Go worker of the user also has a sticky queue. Its name has the same form, and namespace and
//! machine may be the same. Only an earlier line shows the difference: Temporal writes that it
//! started an internal worker for the namespace on this machine.

use jiff::Timestamp;

use super::message;
use crate::log::line::Head;

/// Maximum time from the start of the internal worker to the creation of its queue. Measured: 0.1
/// s.
const PATIENCE: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

/// A sticky queue that an internal worker of Temporal is about to create.
#[derive(Debug)]
pub(super) struct Awaited {
    namespace: String,
    host: String,
    since: Option<Timestamp>,
}

impl Awaited {
    /// The queue that an internal worker creates after its start. `None` if this line does not
    /// report such a start. The caller must have recognized the line as noise before.
    pub(super) fn after(line: &str, head: &Head) -> Option<Self> {
        message(line)?.strip_prefix("Started Worker")?;
        if field(line, "TaskQueue")? != "temporal-sys-per-ns-tq" {
            return None;
        }
        let namespace = field(line, "Namespace")?;
        let host = field(line, "WorkerID")?.strip_prefix("temporal-system@")?;
        let host = host.strip_suffix(namespace)?.strip_suffix('@')?;
        // Queues of the internal namespace are recognized by the name of the namespace instead.
        (namespace != "temporal-system").then(|| Self {
            namespace: namespace.to_owned(),
            host: host.to_owned(),
            since: head.time,
        })
    }

    /// Whether this line reports that this queue was created.
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

/// The value of a field, in JSON or text format. The value must be a single word.
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
