//! The log format of the dev server, for the log reader of its unit.

use crate::clock;
use crate::facts::{LoggedRun, LoggedRuns};
use crate::log::last_words::LastWords;
use crate::log::line::{Head, Kind, Level, LineParser, LogLine, expand};
use crate::log::{FollowError, Follower, StartAt};
use crate::temporal::polls::{LoadedQueues, PollTarget};
use crate::temporal::queues::QueueKind;
use crate::unit::words::{LastLine, LogFormat, Words};
use jiff::tz::TimeZone;
use std::path::Path;

/// Parses the log lines of the dev server.
#[derive(Debug)]
pub(crate) struct ServerLog {
    parser: LineParser,
    words: LastWords,
    runs: LoggedRuns,
    queues: LoadedQueues,
}

/// The message of the one line about a failure that has the level info.
const NON_DETERMINISM: &str = "Non-Deterministic Error";
/// The namespace of the server's own workflows.
const INTERNAL: &str = "temporal-system";
/// The end of the messages about a task queue that the server has loaded or unloaded.
const QUEUE_MANAGER: &str = " physicalTaskQueueManager";
/// The beginning of the names of the further partitions of a task queue. The first one has the name of the
/// queue, and is loaded with them.
const PARTITION: &str = "/_sys/";
/// Part of each line that marks the beginning of a generation.
const MARK: &str = "stigmer";

impl ServerLog {
    /// Creates a parser that can begin at any line of the log. `runs` gets the workflows that the log names
    /// with a failure, `queues` the task queues that the server loads.
    pub(crate) fn new(runs: LoggedRuns, queues: LoadedQueues) -> Self {
        // UTC, because reading the time zone of the machine takes milliseconds, and neither the
        // level nor the last words depend on the time zone.
        Self { parser: LineParser::new(TimeZone::UTC), words: LastWords::default(), runs, queues }
    }
}

/// Reads the task queues that the running server has loaded from its log, for a host that has not read the
/// log since the start of the server.
///
/// # Errors
/// If the log cannot be read.
pub(crate) fn read_queues(log: &Path) -> Result<LoadedQueues, FollowError> {
    let (mut parser, queues) = (LineParser::new(TimeZone::UTC), LoadedQueues::default());
    let read = Follower::new(log, StartAt::Beginning).patient().drain(|batch| {
        for line in batch.lines() {
            let line = String::from_utf8_lossy(line);
            // Parsing all lines would take five times as long.
            if names_queue(&line) || line.contains(MARK) {
                let head = parser.scan(&line);
                note_queue(&queues, &line, &head);
            }
        }
    });
    read.map(|()| queues)
}

impl LogFormat for ServerLog {
    fn observe(&mut self, line: &str) -> Level {
        let head = self.parser.scan(line);
        self.words.observe(&head, line);
        note_queue(&self.queues, line, &head);
        let level = head.level;
        let is_failure =
            matches!(level, Level::Warn | Level::Error) || line.contains(NON_DETERMINISM);
        if is_failure && self.runs.has_readers() {
            failing_run(line, head).into_iter().for_each(|run| self.runs.send(run));
        }
        level
    }

    fn last_words(&self) -> Words {
        let zone = clock::zone();
        let mut parser = LineParser::new(zone.clone());
        let shown = |line: String| {
            let line = parser.parse(line.as_bytes());
            LastLine { level: line.level, text: line.render_plain(&zone) }
        };
        Words {
            cause: self.words.cause(),
            dump: self.words.dump().to_vec(),
            last: self.words.last().into_iter().map(shown).collect(),
        }
    }
}

/// The workflow of a user that a line names.
fn failing_run(line: &str, head: Head) -> Option<LoggedRun> {
    let line = expand(line, head);
    if field(&line, "wf-namespace") == Some(INTERNAL) {
        return None;
    }
    let id = |name| field(&line, name).map(str::to_owned);
    Some(LoggedRun { workflow_id: id("wf-id")?, run_id: id("wf-run-id")? })
}

/// Takes note of the task queue that a line names.
fn note_queue(queues: &LoadedQueues, line: &str, head: &Head) {
    if head.kind == Kind::Mark {
        queues.clear();
    } else if names_queue(line) {
        let parsed = expand(line, head.clone());
        let Some(queue) = queue(&parsed).filter(|it| is_literal(line, &it.queue)) else { return };
        match parsed.message.strip_suffix(QUEUE_MANAGER) {
            Some("Started") => queues.add(queue),
            Some("Stopped") => queues.remove(&queue),
            Some(_) | None => {}
        }
    }
}

fn names_queue(line: &str) -> bool {
    line.contains(QUEUE_MANAGER)
}

/// The task queue of a user that a line names.
fn queue(line: &LogLine) -> Option<PollTarget> {
    let (namespace, queue) = (field(line, "wf-namespace")?, field(line, "wf-task-queue-name")?);
    let kind = match field(line, "wf-task-queue-type")? {
        "Workflow" => QueueKind::Workflow,
        "Activity" => QueueKind::Activity,
        _ => return None,
    };
    let is_shown = namespace != INTERNAL && !queue.starts_with(PARTITION);
    is_shown.then(|| PollTarget { namespace: namespace.to_owned(), queue: queue.to_owned(), kind })
}

/// Whether a line has exactly this name of a queue. A parsed name lacks control characters.
fn is_literal(line: &str, name: &str) -> bool {
    let forms = [format!("\":\"{name}\""), format!("={name} "), format!("=\"{name}\"")];
    forms.iter().any(|form| line.contains(&format!("wf-task-queue-name{form}")))
}

fn field<'a>(line: &'a LogLine, name: &str) -> Option<&'a str> {
    let mut found = line.fields.iter().filter(|(key, value)| key == name && !value.is_empty());
    found.next().map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::line::generation_mark;

    fn line(level: &str, text: &str) -> String {
        format!(r#"{{"time":"2026-11-24T10:00:00Z","level":"{level}","msg":"{text}"}}"#)
    }

    #[test]
    fn lines_have_their_level_and_are_shown_as_text() {
        let mut log = ServerLog::new(LoggedRuns::default(), LoadedQueues::default());
        for (text, level) in [
            (line("WARN", "old"), Level::Warn),
            (line("ERROR", "disk is slow"), Level::Error),
            (line("INFO", "another poll"), Level::Info),
            ("usage".to_owned(), Level::Unknown),
        ] {
            assert_eq!(log.observe(&text), level, "{text}");
        }
        let words = log.last_words();
        assert_eq!(words.cause, None);
        let by_kill = words.last_shown(true);
        assert_eq!(by_kill.len(), 1);
        assert!(by_kill[0].ends_with("disk is slow"), "{by_kill:?}");
        let shown = words.last_shown(false);
        assert_eq!((shown.len(), shown[3].as_str()), (4, "usage"));
    }

    #[test]
    fn last_words_are_those_of_the_current_generation() {
        let mut log = ServerLog::new(LoggedRuns::default(), LoadedQueues::default());
        log.observe("Error: no such file");
        assert_eq!(log.last_words().cause.as_deref(), Some("Error: no such file"));
        let mark = generation_mark(2, jiff::Timestamp::UNIX_EPOCH, "crash", "");
        assert_eq!(log.observe(&mark), Level::Info);
        assert_eq!(log.last_words(), Words::default());
        log.observe("panic: no");
        log.observe("goroutine 1 [running]:");
        assert_eq!(log.last_words().dump, ["panic: no", "goroutine 1 [running]:"]);
    }

    #[test]
    fn loaded_queues_are_those_that_the_log_names_since_the_start_of_the_server() {
        let event = |message: &str, namespace: &str, queue: &str, kind: &str| {
            format!(
                r#"{{"time":"2026-11-24T10:00:00Z","level":"INFO","msg":"{message}","wf-task-queue-name":"{queue}","wf-task-queue-type":"{kind}","wf-namespace":"{namespace}"}}"#
            )
        };
        let started =
            |queue: &str| event("Started physicalTaskQueueManager", "default", queue, "Workflow");
        let activities = |message: &str| event(message, "default", "gone", "Activity");
        let lines = [
            started("earlier"),
            generation_mark(2, jiff::Timestamp::UNIX_EPOCH, "crash", ""),
            started("fresh-orders"),
            started("/_sys/fresh-payments/3"),
            started(r"a\u001bb"),
            event("Started physicalTaskQueueManager", "temporal-system", "own_queue", "Workflow"),
            event("Started physicalTaskQueueManager", "default", "ne-xus", "Nexus"),
            event("loaded user data from db", "default", "other_queue", "Workflow"),
            activities("Started physicalTaskQueueManager"),
            activities("Stopped physicalTaskQueueManager"),
            "time=2026-11-24T10:00:00.000 level=INFO msg=\"Started physicalTaskQueueManager\" \
             wf-task-queue-name=as.text wf-task-queue-type=Activity wf-namespace=default"
                .to_owned(),
        ];
        let expected = [("as.text", QueueKind::Activity), ("fresh-orders", QueueKind::Workflow)];
        let expected = expected.map(|(queue, kind)| PollTarget {
            namespace: "default".to_owned(),
            queue: queue.to_owned(),
            kind,
        });
        let followed = LoadedQueues::default();
        let mut log = ServerLog::new(LoggedRuns::default(), followed.clone());
        lines.iter().for_each(|line| _ = log.observe(line));
        assert_eq!(followed.all(), expected.clone().into());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, lines.map(|line| line + "\n").concat()).unwrap();
        assert_eq!(read_queues(&path).unwrap().all(), expected.into());
        log.observe(&generation_mark(3, jiff::Timestamp::UNIX_EPOCH, "crash", ""));
        assert_eq!(followed.all(), [].into());
    }

    #[tokio::test]
    async fn workflow_of_a_failure_is_sent_to_readers() {
        let runs = LoggedRuns::default();
        let mut log = ServerLog::new(runs.clone(), LoadedQueues::default());
        let fields = |level: &str, message: &str, fields: &str| {
            format!(
                r#"{{"time":"2026-11-24T10:00:00Z","level":"{level}","msg":"{message}",{fields}}}"#
            )
        };
        let of = |id: &str| format!(r#""wf-id":"{id}","wf-run-id":"r","attempt":1"#);
        log.observe(&fields("WARN", "workflow task failed", &of("before")));
        let mut reader = runs.read();
        for line in [
            fields("INFO", "started", &of("healthy")),
            fields("WARN", "slow", r#""wf-id":"without a run""#),
            fields("WARN", "x", &format!(r#"{},"wf-namespace":"temporal-system""#, of("internal"))),
            fields("INFO", "Non-Deterministic Error", &of("drift-11")),
            fields("WARN", "workflow task failed", &of("bug-1")),
            r#"time=2026-11-24T10:00:00.000 level=ERROR msg="no" wf-id=text wf-run-id=r"#
                .to_owned(),
        ] {
            log.observe(&line);
        }
        let mut ids = Vec::new();
        for _ in 0..3 {
            let run = reader.next().await;
            ids.push(run.workflow_id);
            assert_eq!(run.run_id, "r");
        }
        assert_eq!(ids, ["drift-11", "bug-1", "text"]);
        drop(reader);
        assert!(!runs.has_readers());
    }
}
