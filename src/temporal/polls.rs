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
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// The metric with the number of open polls. The value stays above 0 for a minute after the end of a
/// worker.
const METRIC: &str = "pending_polls{";
/// The beginning of the labels of the server's own queues.
const INTERNAL: &str = "temporal_sys_";
/// Maximum size of a response, in bytes.
const MOST: usize = 32 << 20;
/// Maximum number of loaded queues that are known. Each worker loads two or three.
const LOADED: usize = 10_000;

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

/// The task queues that a server has loaded into its memory, with their names. The log of the server names
/// them. A clone is the same list.
#[derive(Debug, Clone, Default)]
pub struct LoadedQueues(Arc<Mutex<BTreeSet<PollTarget>>>);

impl LoadedQueues {
    /// Adds a queue that the server has loaded.
    pub fn add(&self, queue: PollTarget) {
        self.change(|queues| {
            if queues.len() < LOADED {
                queues.insert(queue);
            }
        });
    }

    /// Adds the queues of another list.
    pub fn extend(&self, other: &Self) {
        let more = other.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        more.into_iter().for_each(|queue| self.add(queue));
    }

    /// Removes a queue that the server has unloaded: nobody used it for minutes.
    pub fn remove(&self, queue: &PollTarget) {
        self.change(|queues| _ = queues.remove(queue));
    }

    /// Removes all queues, at the start of another server.
    pub fn clear(&self) {
        self.change(BTreeSet::clear);
    }

    /// All queues of the list.
    #[cfg(test)]
    pub(crate) fn all(&self) -> BTreeSet<PollTarget> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<PollTarget>)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The queues of a namespace with these labels in the metrics.
    fn named(&self, namespace: &str, labels: &[&PollTarget]) -> Vec<PollTarget> {
        let queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_named = |it: &&PollTarget| {
            let name = label_of(&it.queue);
            it.namespace == namespace
                && labels.iter().any(|label| label.queue == name && label.kind == it.kind)
        };
        queues.iter().filter(is_named).cloned().collect()
    }
}

/// Both are the same list.
impl PartialEq for LoadedQueues {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for LoadedQueues {}

/// The task queues that are polled now, by the labels of the metrics.
///
/// In a label, the server replaces each character other than an ASCII letter or digit by `_`, also in the
/// name of the namespace. So a label with `_` is not enough: the log has the names. A request with a wrong
/// name would create a queue in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolledQueues(BTreeSet<PollTarget>);

impl PolledQueues {
    /// The queues of a namespace whose names are known.
    pub fn named(&self, namespace: &str, loaded: &LoadedQueues) -> BTreeSet<PollTarget> {
        let (changed, unchanged) = self.of(namespace);
        let unchanged = unchanged.into_iter().cloned();
        let named = unchanged.map(|it| PollTarget { namespace: namespace.to_owned(), ..it });
        named.chain(loaded.named(namespace, &changed)).collect()
    }

    /// Whether the namespace has a polled queue whose name is not known.
    pub fn has_unnamed(&self, namespace: &str, loaded: &LoadedQueues) -> bool {
        let (changed, _) = self.of(namespace);
        changed.into_iter().any(|label| loaded.named(namespace, &[label]).is_empty())
    }

    /// The labels of a namespace: those that may belong to other names, and the others.
    fn of(&self, namespace: &str) -> (Vec<&PollTarget>, Vec<&PollTarget>) {
        let label = label_of(namespace);
        let own = self.0.iter().filter(|it| it.namespace == label);
        own.partition(|it| label.contains('_') || it.queue.contains('_'))
    }
}

/// The label of a name in the metrics.
fn label_of(name: &str) -> String {
    name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect()
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

    fn polled(lines: &[(&str, &str, &str)]) -> PolledQueues {
        let mut found = PollTargets::default();
        for (namespace, queue, kind) in lines {
            let labels =
                format!("namespace=\"{namespace}\",taskqueue=\"{queue}\",task_type=\"{kind}\"");
            found.add(format!("pending_polls{{{labels}}} 1\n").as_bytes());
        }
        PolledQueues(found.end())
    }

    fn workflows(namespace: &str, queue: &str) -> PollTarget {
        let (namespace, queue) = (namespace.to_owned(), queue.to_owned());
        PollTarget { namespace, queue, kind: QueueKind::Workflow }
    }

    #[test]
    fn name_of_a_queue_is_known_if_its_label_was_not_changed_or_the_queue_is_loaded() {
        let polled = polled(&[
            ("plain", "x", "Workflow"),
            ("my_space", "x", "Workflow"),
            ("other", "y_1", "Activity"),
            ("other", "y_1", "Workflow"),
        ]);
        let loaded = LoadedQueues::default();
        let named = |namespace: &str| polled.named(namespace, &loaded).into_iter().collect();
        let has_unnamed = |namespace: &str| polled.has_unnamed(namespace, &loaded);
        let nothing: Vec<PollTarget> = Vec::new();
        assert_eq!((named("plain"), has_unnamed("plain")), (vec![workflows("plain", "x")], false));
        assert_eq!((named("my-space"), has_unnamed("my-space")), (nothing.clone(), true));
        assert_eq!((named("other"), has_unnamed("other")), (nothing.clone(), true));
        assert_eq!((named("default"), has_unnamed("default")), (nothing.clone(), false));
        for (namespace, queue) in
            [("other", "y-1"), ("my-space", "x"), ("my-space", "y_1"), ("other", "y-12")]
        {
            loaded.add(workflows(namespace, queue));
        }
        assert_eq!(
            (named("my-space"), named("my_space")),
            (vec![workflows("my-space", "x")], vec![])
        );
        assert_eq!((named("other"), has_unnamed("other")), (vec![workflows("other", "y-1")], true));
        let activities = PollTarget { kind: QueueKind::Activity, ..workflows("other", "y.1") };
        loaded.add(activities.clone());
        assert!(!has_unnamed("other"));
        loaded.remove(&workflows("other", "y-1"));
        assert_eq!((named("other"), has_unnamed("other")), (vec![activities], true));
        loaded.clear();
        assert_eq!(named("other"), nothing);
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
