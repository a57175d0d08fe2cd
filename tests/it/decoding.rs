//! The messages of the API, compared with what the CLI prints about the same workflows, queues and
//! workers. The CLI uses the generated code of the whole API.

use crate::stage::Stage;
use crate::support::python;
use crate::support::rig::Rig;
use crate::support::{LIMIT, within};
use rustix::process::Signal;
use serde_json::Value;
use std::fmt::Debug;
use std::time::{Duration, SystemTime};
use stigmer::temporal::executions::{
    Description, Execution, ExecutionStatus, PendingActivity, PendingTask,
};
use stigmer::temporal::queues::{QueueKind, QueuePoller, QueueState};
use stigmer::temporal::workers::WorkerHeartbeat;
use stigmer::temporal::workflows::StatusCounts;

const QUEUE: &str = "orders";

impl Stage {
    /// A server with workflows in many states, and their worker.
    fn with_states() -> Self {
        let rig = Rig::new();
        rig.start();
        let attribute = ["operator", "search-attribute", "create", "--name", "Region"];
        rig.cli(&[&attribute[..], &["--type", "Keyword"]].concat()).exits(0);
        let worker = python::running(&rig, "states.py", &["default", QUEUE]);
        worker.wait_for("ready");
        Self::of(rig, worker)
    }

    /// What a command of the CLI prints as JSON.
    fn cli(&self, words: &[&str]) -> Value {
        let ran = self.rig.cli(&[words, &["-o", "json"]].concat()).exits(0);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error} in {ran:?}"))
    }

    /// Compares the result of a call with the output of a command. The server works meanwhile, so the
    /// comparison is repeated until both show the same moment, at which the result is also the `expected` one.
    fn compare<T: PartialEq + Debug>(
        &self,
        words: &[&str],
        ours: impl Fn(&Self) -> T,
        theirs: impl Fn(&Value) -> T,
        expected: impl Fn(&T) -> bool,
    ) -> T {
        let mut last = None;
        let is_same = within(LIMIT, || {
            let pair = (ours(self), theirs(&self.cli(words)));
            let is_same = pair.0 == pair.1 && expected(&pair.0);
            last = Some(pair);
            is_same
        });
        let (ours, theirs) = last.unwrap();
        assert!(is_same, "{words:?}: stigmer reads\n{ours:#?}\nand the CLI\n{theirs:#?}");
        ours
    }

    fn description(&self, id: &str, expected: impl Fn(&Description) -> bool) -> Description {
        let ours = |stage: &Self| {
            stage
                .run(stage.client.describe_run("default", id, ""))
                .unwrap()
                .expect("the run exists")
        };
        let theirs = |shown: &Value| description(shown, &ours(self));
        self.compare(&["workflow", "describe", "-w", id], ours, theirs, expected)
    }

    fn queue(&self, name: &str, kind: &str, expected: impl Fn(&QueueState) -> bool) -> QueueState {
        let own_kind = if kind == "workflow" { QueueKind::Workflow } else { QueueKind::Activity };
        let is_of_kind = |it: &&Value| it["taskQueueType"] == kind;
        // The age of the oldest task grows all the time, so only its presence is compared.
        let is_some = |age: Duration| Duration::from_secs(u64::from(!age.is_zero()));
        self.compare(
            &["task-queue", "describe", "-t", name],
            |stage| {
                let queue = stage.run(stage.client.queue("default", name, own_kind)).unwrap();
                QueueState { oldest: is_some(queue.oldest), ..queue }
            },
            |shown| {
                let stats = list(&shown["stats"]).find(is_of_kind).unwrap_or(&Value::Null);
                let pollers = list(&shown["pollers"]).filter(is_of_kind);
                let poller = |it: &Value| QueuePoller {
                    identity: text(&it["identity"]),
                    last_poll: time(&it["lastAccessTime"]),
                };
                QueueState {
                    pollers: pollers.map(poller).collect(),
                    waiting: number(&stats["approximateBacklogCount"]),
                    oldest: is_some(duration(&stats["approximateBacklogAge"]).unwrap_or_default()),
                }
            },
            expected,
        )
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn time(value: &Value) -> Option<SystemTime> {
    Some(value.as_str()?.parse::<jiff::Timestamp>().unwrap().into())
}

/// A duration, which JSON has as `1.5s`.
fn duration(value: &Value) -> Option<Duration> {
    let seconds: f64 = value.as_str()?.strip_suffix('s')?.parse().unwrap();
    Some(Duration::from_secs_f64(seconds)).filter(|it| !it.is_zero())
}

fn number(value: &Value) -> u64 {
    // 64-bit numbers are strings in JSON, others are not.
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default()
}

fn status(value: &Value) -> ExecutionStatus {
    match value.as_str().unwrap_or_default().trim_start_matches("WORKFLOW_EXECUTION_STATUS_") {
        "RUNNING" => ExecutionStatus::Running,
        "COMPLETED" => ExecutionStatus::Completed,
        "FAILED" => ExecutionStatus::Failed,
        "CANCELED" => ExecutionStatus::Canceled,
        "TERMINATED" => ExecutionStatus::Terminated,
        "CONTINUED_AS_NEW" => ExecutionStatus::ContinuedAsNew,
        "TIMED_OUT" => ExecutionStatus::TimedOut,
        other => panic!("status {other}"),
    }
}

fn execution(shown: &Value) -> Execution {
    Execution {
        workflow_id: text(&shown["execution"]["workflowId"]),
        run_id: text(&shown["execution"]["runId"]),
        workflow_type: text(&shown["type"]["name"]),
        task_queue: text(&shown["taskQueue"]),
        status: status(&shown["status"]),
        started: time(&shown["startTime"]),
        closed: time(&shown["closeTime"]),
        parent: shown["parentExecution"]["workflowId"].as_str().map(str::to_owned),
        has_reported_problem: shown["searchAttributes"]["indexedFields"]
            .as_object()
            .is_some_and(|fields| fields.contains_key("TemporalReportedProblems")),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn description(shown: &Value, ours: &Description) -> Description {
    let info = &shown["workflowExecutionInfo"];
    let task = shown["pendingWorkflowTask"].as_object().map(|_| &shown["pendingWorkflowTask"]);
    Description {
        execution: execution(info),
        history_length: number(&info["historyLength"]),
        activities: list(&shown["pendingActivities"])
            .map(|it| {
                activity(it, ours.activities.iter().find(|own| own.id == text(&it["activityId"])))
            })
            .collect(),
        operations: vec![],
        task: task.map(|task| PendingTask {
            is_started: task["state"] == "PENDING_WORKFLOW_TASK_STATE_STARTED",
            attempt: number(&task["attempt"]).max(1) as u32,
            scheduled: time(&task["scheduledTime"]),
        }),
        children: list(&shown["pendingChildren"]).map(|it| text(&it["workflowId"])).collect(),
    }
}

fn activity(shown: &Value, ours: Option<&PendingActivity>) -> PendingActivity {
    let options = &shown["activityOptions"];
    let (started, heartbeat) = (time(&shown["lastStartedTime"]), time(&shown["lastHeartbeatTime"]));
    let end = |begun: Option<SystemTime>, name: &str| Some(begun? + duration(&options[name])?);
    let ends =
        [end(started, "startToCloseTimeout"), end(started.max(heartbeat), "heartbeatTimeout")];
    let mut failure = &shown["lastFailure"];
    let mut stacks = Vec::new();
    while !failure.is_null() {
        stacks.push(text(&failure["stackTrace"]).trim_end().to_owned());
        failure = &failure["cause"];
    }
    // What stigmer makes of a failure is compared only in its stacks.
    let (last_failure, failures) = match ours {
        Some(ours) if ours.failures.iter().map(|it| &it.stack).eq(&stacks) => {
            (ours.last_failure.clone(), ours.failures.clone())
        }
        _ => (None, vec![]),
    };
    PendingActivity {
        id: text(&shown["activityId"]),
        type_name: text(&shown["activityType"]["name"]),
        task_queue: text(&options["taskQueue"]["name"]),
        is_started: shown["state"] == "PENDING_ACTIVITY_STATE_STARTED",
        is_paused: shown["paused"] == true,
        attempt: number(&shown["attempt"]).max(1) as u32,
        max_attempts: Some(number(&shown["maximumAttempts"]) as u32).filter(|max| *max > 0),
        scheduled: time(&shown["scheduledTime"]),
        next_attempt: time(&shown["nextAttemptScheduleTime"]),
        last_failure,
        failures,
        worker: text(&shown["lastWorkerIdentity"]),
        last_started: started,
        times_out: ends.into_iter().flatten().min(),
    }
}

fn counts(shown: &Value) -> StatusCounts {
    let mut counts = StatusCounts::default();
    for group in list(&shown["groups"]) {
        let count = number(&group["count"]);
        let name = text(&group["groupValues"][0]);
        match name.trim_matches('"') {
            "Running" => {
                counts.open += count;
                continue;
            }
            "Completed" => counts.completed += count,
            "Failed" => counts.failed += count,
            "TimedOut" => counts.timed_out += count,
            _ => {}
        }
        counts.closed += count;
    }
    counts
}

fn worker(shown: &Value) -> WorkerHeartbeat {
    let polls = |name: &str| number(&shown[name]["currentPollers"]) > 0;
    let kinds = [
        (QueueKind::Workflow, polls("workflowPollerInfo")),
        (QueueKind::Activity, polls("activityPollerInfo")),
    ];
    WorkerHeartbeat {
        identity: text(&shown["workerIdentity"]),
        host: text(&shown["hostInfo"]["hostName"]),
        pid: text(&shown["hostInfo"]["processId"]).parse().ok(),
        task_queue: text(&shown["taskQueue"]),
        kinds: kinds.into_iter().filter(|(_, polls)| *polls).map(|(kind, _)| kind).collect(),
        sdk: format!("{} {}", text(&shown["sdkName"]), text(&shown["sdkVersion"])),
        is_running: shown["status"] == "WORKER_STATUS_RUNNING",
        started: time(&shown["startTime"]),
        at: time(&shown["heartbeatTime"]),
    }
}

#[test]
fn messages_of_the_server_are_read_like_the_cli_reads_them() {
    let stage = Stage::with_states();
    stage.rig.cli(&[
        "workflow",
        "reset",
        "-w",
        "signaled",
        "-t",
        "LastWorkflowTask",
        "--reason",
        "x",
    ]);
    // The worker has started the first activity, and the second one has failed once.
    let is_busy = |it: &Description| {
        it.children == ["busy-child"]
            && it.activities.len() == 3
            && it.activities.iter().any(|it| it.type_name == "beat" && it.is_started)
            && it.activities.iter().any(|it| it.next_attempt.is_some() && it.failures.len() == 2)
    };
    let busy = stage.description("busy", is_busy);
    let activity = |type_name: &str, queue: &str| {
        let mut found = busy.activities.iter();
        found.find(|it| it.type_name == type_name && it.task_queue == queue).unwrap()
    };
    let [beats, fails, waits] = [("beat", QUEUE), ("fail", QUEUE), ("fail", "nobody")]
        .map(|(type_name, queue)| activity(type_name, queue));
    assert!(beats.is_started && beats.times_out.is_some() && beats.max_attempts.is_none());
    assert!(fails.attempt > 1 && fails.next_attempt.is_some() && fails.failures.len() == 2);
    assert_eq!(fails.max_attempts, Some(9));
    assert!(fails.failures[0].message.ends_with("second line"), "{fails:?}");
    assert_eq!(fails.last_failure.as_ref().unwrap().text, "KeyError: 'missing'");
    assert!(waits.worker.is_empty() && waits.failures.is_empty() && !waits.is_started);
    stage.description("bug", |it| it.execution.has_reported_problem && it.task.is_some());
    stage.description("waits", |it| it.task.as_ref().is_some_and(|task| !task.is_started));
    stage.description("busy-child", |it| it.execution.parent.as_deref() == Some("busy"));
    for id in ["complete", "fail", "continue", "late", "canceled", "terminated", "signaled"] {
        stage.description(id, |_| true);
    }

    let listed = stage.compare(
        &["workflow", "list"],
        |stage| stage.run(stage.client.list("default", "", 50, &[])).unwrap().executions,
        |shown| list(shown).map(execution).collect(),
        |listed: &Vec<Execution>| {
            [
                ExecutionStatus::Running,
                ExecutionStatus::Completed,
                ExecutionStatus::Failed,
                ExecutionStatus::Canceled,
                ExecutionStatus::Terminated,
                ExecutionStatus::ContinuedAsNew,
                ExecutionStatus::TimedOut,
            ]
            .iter()
            .all(|status| listed.iter().any(|it| it.status == *status))
        },
    );
    stage.compare(
        &["workflow", "count", "-q", "GROUP BY ExecutionStatus"],
        |stage| stage.run(stage.client.status_counts("default")).unwrap(),
        counts,
        |counted| counted.open + counted.closed == listed.len() as u64,
    );

    for (name, kind) in [(QUEUE, "workflow"), (QUEUE, "activity"), ("nobody", "workflow")] {
        stage.queue(name, kind, |queue| {
            queue.pollers.len() == usize::from(name == QUEUE)
                && queue.waiting == u64::from(name != QUEUE)
        });
    }
    let kinds = [QueueKind::Workflow, QueueKind::Activity];
    stage.compare(
        &["worker", "list"],
        |stage| stage.run(stage.client.workers("default")).unwrap(),
        |shown| list(shown).map(|it| worker(&it["workerHeartbeat"])).collect(),
        |workers: &Vec<WorkerHeartbeat>| {
            workers.len() == 1
                && workers[0].pid == Some(stage.worker.pid())
                && workers[0].kinds == kinds
        },
    );

    stage.worker.process().signal(Signal::INT);
    stage.worker.finish();
}
