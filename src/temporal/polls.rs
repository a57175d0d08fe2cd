//! The task queues that are polled now, from the metrics of a server.
//!
//! No call of Temporal's API lists task queues. The metrics have a line for each queue that is polled,
//! also for a queue that no workflow has used. A response has one megabyte and costs the server 12 ms.

use super::dial;
use super::queues::QueueKind;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// The metric with the number of open polls. The value stays above 0 for a minute after the end of a
/// worker.
const METRIC: &str = "pending_polls{";
/// The beginning of the labels of the server's own queues.
const INTERNAL: &str = "temporal_sys_";
/// Maximum size of a response, in bytes.
const MOST: usize = 32 << 20;

/// A task queue that is polled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PollTarget {
    /// Namespace of the queue.
    pub namespace: String,
    /// Name of the queue.
    pub queue: String,
    /// Kind of the tasks.
    pub kind: QueueKind,
}

/// The task queues that are polled now, by the labels of the metrics.
///
/// In a label, the server replaces each character other than an ASCII letter or digit by `_`. So the
/// name of a queue is known only if its label has no `_`. A request with another name would create a
/// queue in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolledQueues(BTreeSet<PollTarget>);

impl PolledQueues {
    /// The queues of a namespace whose names are known.
    pub fn named(&self, namespace: &str) -> impl Iterator<Item = PollTarget> {
        let own = self.of(namespace).filter(|it| !it.queue.contains('_'));
        own.map(|it| PollTarget { namespace: namespace.to_owned(), ..it.clone() })
    }

    /// Whether the namespace has a polled queue whose name is not known.
    pub fn has_unnamed(&self, namespace: &str) -> bool {
        self.of(namespace).any(|it| it.queue.contains('_'))
    }

    fn of(&self, namespace: &str) -> impl Iterator<Item = &PollTarget> {
        let replaced = |char: char| if char.is_ascii_alphanumeric() { char } else { '_' };
        let label: String = namespace.chars().map(replaced).collect();
        self.0.iter().filter(move |it| it.namespace == label)
    }
}

/// Reads the task queues that are polled now from the metrics at `HOST:PORT`, without the queues of
/// the server itself.
///
/// # Errors
/// If there is no response within `patience`, or if the response cannot be read.
pub async fn polled(address: &str, patience: Duration) -> Result<PolledQueues, String> {
    let read = tokio::time::timeout(patience, read(address, patience));
    read.await.map_err(|_| format!("no metrics within {patience:?}"))?
}

async fn read(address: &str, patience: Duration) -> Result<PolledQueues, String> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot read the metrics: {error}");
    let stream = dial::connect(address, patience).await.map_err(|error| failed(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let request = Request::get("/metrics").header("host", address).body(Empty::<Bytes>::new());
    let request = request.map_err(|error| failed(&error))?;
    let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
    let mut body = Limited::new(response.into_body(), MOST);
    let mut found = PollTargets::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failed(&error))?;
        frame.data_ref().into_iter().for_each(|data| found.add(data));
    }
    Ok(PolledQueues(found.end()))
}

/// Collects the queues from the parts of a text, line by line, because few of the lines are needed.
#[derive(Debug, Default)]
struct PollTargets {
    targets: BTreeSet<PollTarget>,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
}

impl PollTargets {
    fn add(&mut self, part: &[u8]) {
        for piece in part.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        self.targets.extend(target(String::from_utf8_lossy(&self.line).trim_end()));
        self.line.clear();
    }

    fn end(mut self) -> BTreeSet<PollTarget> {
        self.end_line();
        self.targets
    }
}

/// The queue in a line of the metrics. `None` for another metric, and for a queue without an open poll.
fn target(line: &str) -> Option<PollTarget> {
    let mut rest = line.strip_prefix(METRIC)?;
    let (mut namespace, mut queue, mut kind) = (None, None, None);
    while let Some((name, value)) = rest.split_once("=\"") {
        let (value, after) = label(value)?;
        match name {
            "namespace" => namespace = Some(value),
            "taskqueue" => queue = Some(value),
            "task_type" if value == "Workflow" => kind = Some(QueueKind::Workflow),
            "task_type" if value == "Activity" => kind = Some(QueueKind::Activity),
            _ => {}
        }
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    let count: f64 = rest.strip_prefix('}')?.trim().parse().ok()?;
    let queue = queue.filter(|name| count > 0.0 && !name.starts_with(INTERNAL))?;
    Some(PollTarget { namespace: namespace?, queue, kind: kind? })
}

/// Splits the value of a label, without its escape sequences, from the text after its closing quote.
fn label(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_queue_is_known_only_if_its_label_was_not_changed() {
        let text = "pending_polls{namespace=\"my_space\",taskqueue=\"x\",task_type=\"Workflow\"} 1\n\
                    pending_polls{namespace=\"other\",taskqueue=\"y_1\",task_type=\"Activity\"} 1";
        let mut found = PollTargets::default();
        found.add(text.as_bytes());
        let polled = PolledQueues(found.end());
        let x = PollTarget {
            namespace: "my-space".to_owned(),
            queue: "x".to_owned(),
            kind: QueueKind::Workflow,
        };
        assert_eq!(polled.named("my-space").collect::<Vec<_>>(), [x]);
        assert_eq!(polled.named("other").count(), 0);
        assert!(polled.has_unnamed("other"));
        assert!(!polled.has_unnamed("my-space") && !polled.has_unnamed("default"));
    }

    #[test]
    fn queues_are_read_from_a_text_that_comes_in_parts() {
        let text = "# TYPE pending_polls gauge\n\
                    pending_polls{namespace=\"a\",taskqueue=\"x\",task_type=\"Workflow\"} 1\n\
                    pending_polls{namespace=\"a\",taskqueue=\"\u{e4}\",task_type=\"Activity\"} 1";
        for at in 0..=text.len() {
            let mut found = PollTargets::default();
            let (first, second) = text.as_bytes().split_at(at);
            [first, second].into_iter().for_each(|part| found.add(part));
            let queues: Vec<String> = found.end().into_iter().map(|it| it.queue).collect();
            assert_eq!(queues, ["x", "\u{e4}"], "{at}");
        }
    }

    #[test]
    fn queue_is_read_from_a_line() {
        let line = |labels: &str| target(&format!("pending_polls{{{labels}}} 4"));
        let orders = PollTarget {
            namespace: "default".to_owned(),
            queue: "orders".to_owned(),
            kind: QueueKind::Activity,
        };
        let labels = r#"namespace="default",operation="TaskQueueMgr",task_type="Activity",taskqueue="orders",worker_version="""#;
        assert_eq!(line(labels), Some(orders.clone()));
        let quoted =
            line(r#"namespace="default",taskqueue="a\"b\\c\n,d=\"}",task_type="Workflow""#);
        let expected = PollTarget {
            queue: "a\"b\\c\n,d=\"}".to_owned(),
            kind: QueueKind::Workflow,
            ..orders.clone()
        };
        assert_eq!(quoted, Some(expected));
        let none = [
            r#"namespace="default",task_type="Nexus",taskqueue="orders""#,
            r#"namespace="default",task_type="Activity""#,
            r#"task_type="Activity",taskqueue="orders""#,
            r#"namespace="default",task_type="Workflow",taskqueue="temporal_sys_per_ns_tq""#,
            r#"namespace="default",task_type="Activity",taskqueue="orders"#,
            r#"namespace="default",task_type="Activity",taskqueue="orders\"#,
            "",
        ];
        for labels in none {
            assert_eq!(line(labels), None, "{labels}");
        }
        for line in [
            format!("pending_polls{{{labels}}} 0"),
            format!("pending_polls{{{labels}}} x"),
            format!("pending_polls{{{labels}}}"),
            format!("task_queue_started{{{labels}}} 1"),
            "pending_polls 1".to_owned(),
            String::new(),
        ] {
            assert_eq!(target(&line), None, "{line}");
        }
        assert_eq!(target(&format!("pending_polls{{{labels}}} 1e+06")), Some(orders));
    }
}
