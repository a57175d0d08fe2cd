//! Samples for the tests of this module.

mod group;
mod judge;
mod of_server;
mod of_workers;
mod plan;
mod pollers;
mod queues;
mod replays;
mod units;
mod workers;

use super::sample::{NamespaceSample, PollerProcess, PollerSample, QueueSample};
use crate::temporal::executions::{
    Description, Execution, ExecutionStatus, NewestEvents, PendingActivity, PendingTask,
    TaskFailure,
};
use crate::temporal::failure::RootCause;
use crate::temporal::queues::{QueueKind, QueueState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const ADDRESS: &str = "127.0.0.1:7233";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(2_000_000_000)
}

fn ago(seconds: u64) -> SystemTime {
    now() - Duration::from_secs(seconds)
}

fn execution(id: &str, status: ExecutionStatus) -> Execution {
    Execution {
        workflow_id: id.to_owned(),
        run_id: format!("run-of-{id}"),
        workflow_type: "Refund".to_owned(),
        task_queue: "orders".to_owned(),
        status,
        started: Some(ago(60)),
        closed: (!status.is_open()).then(|| ago(10)),
        parent: None,
        has_reported_problem: false,
    }
}

fn description(id: &str) -> Description {
    Description {
        execution: execution(id, ExecutionStatus::Running),
        history_length: 5,
        activities: Vec::new(),
        operations: Vec::new(),
        task: None,
        children: Vec::new(),
    }
}

fn task(attempt: u32) -> PendingTask {
    PendingTask { is_started: false, attempt, scheduled: Some(ago(25)) }
}

fn activity(attempt: u32) -> PendingActivity {
    PendingActivity {
        id: "1".to_owned(),
        type_name: "call_bank".to_owned(),
        task_queue: "orders".to_owned(),
        is_started: false,
        is_paused: false,
        attempt,
        max_attempts: Some(50),
        scheduled: Some(ago(1)),
        next_attempt: Some(now() + Duration::from_secs(13)),
        last_failure: (attempt > 1).then(|| cause("BankUnavailable: 503")),
        failures: Vec::new(),
        worker: "58@box".to_owned(),
        last_started: None,
        times_out: None,
    }
}

fn ended(command: &str) -> PollerProcess {
    PollerProcess::Ended { pid: 4712, command: command.to_owned(), since: Some(ago(3)) }
}

fn cause(text: &str) -> RootCause {
    RootCause { text: text.to_owned(), is_of_child: false }
}

fn task_failure(reason: i32, text: &str) -> NewestEvents {
    let failure = Some(cause(text));
    let task_failure =
        Some(TaskFailure { reason, at: Some(ago(30)), failure, worker: "58@box".to_owned() });
    NewestEvents { task_failure, ..NewestEvents::default() }
}

fn sample() -> NamespaceSample {
    NamespaceSample { namespace: "default".to_owned(), ..NamespaceSample::default() }
}

fn queue(name: &str, waiting: u64, pollers: Vec<PollerSample>) -> QueueSample {
    let oldest = Duration::from_secs(if waiting > 0 { 40 } else { 0 });
    QueueSample {
        name: name.to_owned(),
        kind: QueueKind::Workflow,
        state: QueueState { pollers: Vec::new(), waiting, oldest },
        pollers,
    }
}

fn poller(seconds_ago: u64, process: PollerProcess) -> PollerSample {
    let (identity, last_poll) = ("58@box".to_owned(), Some(ago(seconds_ago)));
    PollerSample { identity, last_poll, has_shut_down: false, process }
}

fn runs() -> PollerProcess {
    PollerProcess::Runs { pid: 58, command: "python w.py".to_owned(), started: Some(ago(600)) }
}
