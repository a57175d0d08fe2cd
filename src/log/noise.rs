//! Noise: the lines that the dev server writes at each start and at each stop, about 300 each time, and
//! those of a worker about a server that is away. Users do not read them, so the screen folds them.
//!
//! The lines are recognized by their text. The list has the lines that CLI 1.9.1 writes at the log
//! level `info`. Any line that is not in the list stays visible, for example a rare line, or a line
//! of another version.

mod sticky;

use super::line::{Head, Kind, Level};
use sticky::Awaited;

/// Kind of a line that the server writes at every start or stop, or a worker meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Noise of a start.
    StartUp,
    /// Noise of a stop.
    Shutdown,
    /// Noise only if the line is next to other noise.
    Adjacent,
    /// Noise only if the line is next to noise of a stop.
    AdjacentToShutdown,
    /// A worker cannot poll, because the server is away. It tries again by itself.
    NoServer,
}

/// Returns whether a line of a worker is noise. The SDKs of Python, TypeScript, .NET and Ruby have the
/// first form in common, the one of Go has the second. All other lines are of the user.
pub(super) fn of_worker(line: &str) -> Option<Noise> {
    let all = |parts: &[&str]| parts.iter().all(|part| line.contains(part));
    let is_noise = all(&["gRPC call poll_", " retried ", "code: Unavailable"])
        || all(&["Failed to poll for task.", "connection refused"]);
    is_noise.then_some(Noise::NoServer)
}

const START_UP: [&str; 22] = [
    "Acquired shard",
    "ContextMetadataInterceptor: ",
    "Created gRPC listener",
    "Frontend is now healthy",
    "Initialized lazy loaded",
    "Initialized service resolver",
    "PProf not started",
    "Quota changed",
    "Range updated for shardID",
    "Service is not requested",
    "Starting server for services",
    "Starting to serve on",
    "Task key range updated",
    "TrailerToContextMetadataInterceptor: ",
    "Use rpc address",
    "Warning: CHASM component",
    "Watch not supported by persistence",
    "creating new visibility manager",
    "historyClient: ownership caching",
    "initial shards ready",
    "loaded user data from db",
    // This line is a warning about the cluster id of a database in memory.
    "Cluster Id in Cluster Metadata config is not a valid uuid",
];

const SHUTDOWN: &str = "ShutdownHandler: ";

/// Lines that are noise only next to other noise. At a stop, the worker pools of the server shrink
/// to zero, and the server drains its task queues. A start also drains task queues that are not
/// needed.
const ADJACENT: [&str; 2] = ["Starting draining", "Update worker pool size"];

const ADJACENT_TO_SHUTDOWN: [&str; 3] =
    ["Failed to poll for task.", "Stopped physicalTaskQueueManager", "network dial error"];

/// Parts of the names of task queues and workflows that Temporal itself uses.
const OWN: [&str; 2] = ["temporal-sys", "default-worker-tq"];

/// Maximum number of queues whose creation is expected at a time. A start creates one queue for
/// each namespace.
const MOST: usize = 100;

/// Recognizes noise among the lines of a log, which must be passed in their order.
#[derive(Debug, Default)]
pub struct NoiseFilter {
    awaited: Vec<Awaited>,
}

impl NoiseFilter {
    /// Returns the kind of noise of the next line. `None` if the line is not noise. `head` must be
    /// the head of this line.
    pub fn classify(&mut self, line: &str, head: &Head) -> Option<Noise> {
        if head.kind == Kind::Mark {
            self.awaited.clear();
        }
        of(line, head).or_else(|| self.take(line, head)).inspect(|_| {
            if self.awaited.len() < MOST
                && let Some(awaited) = Awaited::after(line, head)
            {
                self.awaited.push(awaited);
            }
        })
    }

    /// If the line reports the creation of an expected queue, removes this queue from the expected
    /// queues and returns the kind of noise.
    fn take(&mut self, line: &str, head: &Head) -> Option<Noise> {
        let at = self.awaited.iter().position(|awaited| awaited.is(line, head))?;
        self.awaited.remove(at);
        Some(Noise::StartUp)
    }
}

fn of(line: &str, head: &Head) -> Option<Noise> {
    if !matches!(head.kind, Kind::Json | Kind::Text) || head.level >= Level::Error {
        return None;
    }
    let said = message(line)?;
    let begins = |starts: &[&str]| starts.iter().any(|start| said.starts_with(start));
    if begins(&START_UP) {
        return Some(Noise::StartUp);
    }
    if head.level == Level::Warn {
        return begins(&ADJACENT_TO_SHUTDOWN).then_some(Noise::AdjacentToShutdown);
    }
    // The message ends at the next quote, in both log formats.
    let words = said.split('"').next().unwrap_or(said).trim_end_matches('.');
    let own = || OWN.iter().any(|name| line.contains(name));
    match words {
        "Started physicalTaskQueueManager" | "Started Worker" | "workflow successfully started" => {
            own().then_some(Noise::StartUp)
        }
        // The server writes this line a minute after its start, once for each queue.
        "Drain completed, unloaded draining backlog manager" if own() => Some(Noise::StartUp),
        "Stopped physicalTaskQueueManager" | "Stopped Worker" if own() => Some(Noise::Shutdown),
        // The history service writes lines without a message when its parts start and stop.
        "" if line.contains("\"Stop") => Some(Noise::Shutdown),
        "" => Some(Noise::StartUp),
        _ if said.starts_with(SHUTDOWN) => Some(Noise::Shutdown),
        _ if begins(&ADJACENT) => Some(Noise::Adjacent),
        _ if begins(&ADJACENT_TO_SHUTDOWN) => Some(Noise::AdjacentToShutdown),
        _ if words.ends_with(" started") || words.ends_with(" starting") => Some(Noise::StartUp),
        _ if words.ends_with(" stopped") => Some(Noise::Shutdown),
        _ => None,
    }
}

/// The rest of a line from the beginning of its message, without an opening quote, in JSON or text
/// format.
fn message(line: &str) -> Option<&str> {
    let quoted = ["\"msg\":\"", " msg=\""];
    let begin = quoted.iter().find_map(|key| Some(line.find(key)? + key.len()));
    let bare = || Some(line.find(" msg=")? + " msg=".len());
    line.get(begin.or_else(bare)?..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::line::LineParser;
    use jiff::tz::TimeZone;

    fn noise(line: &str) -> Option<Noise> {
        classified(&[line])[0]
    }

    fn classified(lines: &[&str]) -> Vec<Option<Noise>> {
        let (mut parser, mut filter) = (LineParser::new(TimeZone::UTC), NoiseFilter::default());
        lines.iter().map(|line| filter.classify(line, &parser.scan(line))).collect()
    }

    const ANNOUNCED: &str = r#"{"time":"2026-11-23T06:41:45.433Z","level":"INFO","msg":"Started Worker","service":"worker","Namespace":"default","TaskQueue":"temporal-sys-per-ns-tq","WorkerID":"temporal-system@vm@default"}"#;

    fn queue(second: u8, host: &str, namespace: &str) -> String {
        format!(
            r#"{{"time":"2026-11-23T06:41:{second}.514Z","level":"INFO","msg":"Started physicalTaskQueueManager","component":"matching-engine","wf-task-queue-name":"{host}:576d0947-afab-48db-9f97-38225e213691","wf-task-queue-type":"Workflow","wf-namespace":"{namespace}","worker-version":"_unversioned_","lifecycle":"Started","cause":"Poll"}}"#
        )
    }

    #[test]
    fn sticky_queue_of_an_internal_worker_is_noise() {
        let own = queue(45, "vm", "default");
        assert_eq!(classified(&[ANNOUNCED, &own]), [Some(Noise::StartUp); 2]);
        let text = [
            "time=2026-11-22T20:53:38.023 level=INFO msg=\"Started Worker\" service=worker Namespace=default TaskQueue=temporal-sys-per-ns-tq WorkerID=temporal-system@vm@default",
            "time=2026-11-22T20:53:38.123 level=INFO msg=\"Started physicalTaskQueueManager\" component=matching-engine wf-task-queue-name=vm:4de9bf92-59a6-4432-aa65-3e04e5c002f9 wf-task-queue-type=Workflow wf-namespace=default worker-version=_unversioned_",
        ];
        assert_eq!(classified(&text), [Some(Noise::StartUp); 2]);
    }

    #[test]
    fn sticky_queue_of_a_users_worker_is_not_noise() {
        let own = queue(45, "vm", "default");
        assert_eq!(classified(&[&own]), [None], "nobody has announced it");
        let after = |line: &str| classified(&[ANNOUNCED, line])[1];
        assert_eq!(after(&queue(45, "laptop", "default")), None);
        assert_eq!(after(&queue(45, "vm", "orders")), None);
        assert_eq!(after(&queue(59, "vm", "default")), None, "long after the start");
        assert_eq!(after(&own.replace("576d0947", "billing!")), None, "a name like any other");
        assert_eq!(classified(&[ANNOUNCED, &own, &own])[2], None, "there is one a start");
        let next = r#"{"stigmer":"generation","n":3}"#;
        assert_eq!(classified(&[ANNOUNCED, next, &own])[2], None);
    }

    #[test]
    fn lines_of_every_start_and_stop_are_noise() {
        let cases = [
            (r#"{"level":"INFO","msg":"Quota changed","service":"history"}"#, Some(Noise::StartUp)),
            (r#"{"level":"INFO","msg":"fifo scheduler started"}"#, Some(Noise::StartUp)),
            (
                "time=2026-11-22T20:53:38.023 level=INFO msg=\"matching stopped\"",
                Some(Noise::Shutdown),
            ),
            (r#"{"level":"INFO","msg":"","lifecycle":"Starting"}"#, Some(Noise::StartUp)),
            (r#"{"level":"INFO","msg":"","lifecycle":"Stopped"}"#, Some(Noise::Shutdown)),
            (r#"{"level":"WARN","msg":"network dial error"}"#, Some(Noise::AdjacentToShutdown)),
            (r#"{"level":"INFO","msg":"Starting draining"}"#, Some(Noise::Adjacent)),
            (
                r#"{"level":"INFO","msg":"Drain completed, unloaded draining backlog manager","wf-task-queue-name":"/_sys/default-worker-tq/2"}"#,
                Some(Noise::StartUp),
            ),
            // The server writes these lines about five times a minute, because stigmer checks it.
            (
                r#"{"level":"INFO","msg":"ContextMetadataInterceptor: No metadata in context, not setting trailer","fullMethod":"/temporal.server.api.matchingservice.v1.MatchingService/DescribeTaskQueue"}"#,
                Some(Noise::StartUp),
            ),
            (
                r#"{"level":"INFO","msg":"TrailerToContextMetadataInterceptor: No metadata in trailer","service":"frontend","contextWrapped":true,"method":"/temporal.server.api.historyservice.v1.HistoryService/DescribeWorkflowExecution"}"#,
                Some(Noise::StartUp),
            ),
            (
                r#"{"level":"INFO","msg":"Stopped Worker","TaskQueue":"temporal-sys-x"}"#,
                Some(Noise::Shutdown),
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(noise(line), expected, "{line}");
        }
    }

    #[test]
    fn lines_of_a_worker_about_a_server_that_is_away_are_noise() {
        for (line, expected) in [
            (
                r#"2026-11-29T22:31:46.675022Z  WARN temporalio_client::retry: gRPC call poll_activity_task_queue retried 6 times error=Status { code: Unavailable, message: "tcp connect error", source: Some(tonic::transport::Error(Transport, ConnectError(ConnectError("tcp connect error", 127.0.0.1:7233, Os { code: 111, kind: ConnectionRefused, message: "Connection refused" })))) }"#,
                Some(Noise::NoServer),
            ),
            (
                r#"2026/11/29 22:31:46 WARN  Failed to poll for task. Namespace default TaskQueue orders WorkerID 7@vm@ WorkerType WorkflowWorker Error last connection error: connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:7233: connect: connection refused""#,
                Some(Noise::NoServer),
            ),
            (
                "2026-11-29T22:31:46.675022Z  WARN temporalio_client::retry: gRPC call poll_activity_task_queue retried 6 times error=Status { code: PermissionDenied }",
                None,
            ),
            ("call_bank retried 6 times: code: Unavailable", None),
            ("requests.ConnectionError: connection refused", None),
        ] {
            assert_eq!(of_worker(line), expected, "{line}");
        }
    }

    #[test]
    fn lines_about_work_of_users_and_errors_are_not_noise() {
        for line in [
            r#"{"level":"INFO","msg":"Started Worker","TaskQueue":"billing"}"#,
            r#"{"level":"INFO","msg":"Started physicalTaskQueueManager","wf-task-queue-name":"billing"}"#,
            r#"{"level":"ERROR","msg":"Quota changed"}"#,
            r#"{"level":"WARN","msg":"queue reader stopped"}"#,
            r#"{"level":"INFO","msg":"hello"}"#,
            r#"{"level":"INFO","msg":"Drain completed, unloaded draining backlog manager","wf-task-queue-name":"billing"}"#,
            r#"{"stigmer":"generation","n":3}"#,
            "Error: Quota changed",
            "",
        ] {
            assert_eq!(noise(line), None, "{line}");
        }
    }
}
