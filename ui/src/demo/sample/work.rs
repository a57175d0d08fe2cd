//! Sample problems, workflows and workers.

use crate::model::{
    ClosedCount, Member, Model, ProblemKind, ProblemRow, Severity, UnitCommands, WorkerRow,
    WorkerState, WorkflowCounts, WorkflowRow, WorkflowStatus,
};

/// Returns the work of a healthy server, without the server.
pub(super) fn healthy() -> Model {
    Model {
        namespace: "default".into(),
        namespaces: vec!["default".into()],
        problems: Some(vec![restarted()]),
        recent: Some(recent()),
        workers: Some(workers().into_iter().filter(|it| it.name != "emails").collect()),
        connected_workers: Some(4),
        counts: Some(counts(3, 0, 0)),
        closed_history: closed(&[]),
        ..Model::default()
    }
}

/// Adds problems of every kind to a server.
pub(super) fn in_trouble(server: Model) -> Model {
    Model {
        problems: Some(problems()),
        workers: Some(workers()),
        counts: Some(counts(7, 2, 1)),
        closed_history: closed(&[4, 9]),
        ..server
    }
}

/// Removes all work from a server.
pub(super) fn without_work(server: Model) -> Model {
    Model {
        problems: Some(Vec::new()),
        recent: Some(Vec::new()),
        workers: Some(Vec::new()),
        connected_workers: Some(0),
        counts: Some(WorkflowCounts::default()),
        closed_history: Vec::new(),
        ..server
    }
}

/// Adds `n` problems and `n` workflows to a server.
pub(super) fn with_rows(n: usize, server: Model) -> Model {
    let problems = problems().into_iter().skip(1).cycle().take(n).enumerate();
    let recent = recent().into_iter().cycle().take(n).enumerate();
    Model {
        problems: Some(
            problems.map(|(i, row)| ProblemRow { id: format!("p{i}"), ..row }).collect(),
        ),
        recent: Some(
            recent.map(|(i, row)| WorkflowRow { run_id: format!("r{i}"), ..row }).collect(),
        ),
        ..in_trouble(server)
    }
}

fn counts(running: u64, failed: u64, timed_out: u64) -> WorkflowCounts {
    let completed = 312;
    let closed = completed + failed + timed_out + 3;
    WorkflowCounts { running, completed, failed, timed_out, closed }
}

fn closed(failed: &[usize]) -> Vec<ClosedCount> {
    let completed = [9, 14, 40, 62, 22, 8, 7, 16, 6, 5, 9, 8, 15, 7, 9];
    let counts = completed.into_iter().enumerate();
    counts
        .map(|(at, completed)| ClosedCount { completed, failed: failed.contains(&at).into() })
        .collect()
}

fn row(
    kind: ProblemKind,
    type_name: &str,
    subject: &str,
    cause: &str,
    since_ms: u64,
) -> ProblemRow {
    ProblemRow {
        id: format!("{kind:?} {subject}"),
        kind,
        namespace: "default".into(),
        type_name: type_name.into(),
        subject: subject.into(),
        count: 1,
        cause: cause.into(),
        since_ms: Some(since_ms),
        ..ProblemRow::default()
    }
}

/// Adds the run and the queue of a workflow.
fn of_workflow(run: &str, row: ProblemRow) -> ProblemRow {
    ProblemRow {
        run_id: Some(format!("01a20e83-7c55-7d4a-{run}")),
        queue: "orders".into(),
        command: format!("temporal workflow show --workflow-id {}", row.subject),
        ..row
    }
}

fn restarted() -> ProblemRow {
    let cause = "killed by signal 9; down for 131 ms, no workflow lost";
    let row = row(ProblemKind::Restarted, "server", "127.0.0.1:7233", cause, 720_000);
    ProblemRow { severity: Severity::Notice, ..row }
}

fn problems() -> Vec<ProblemRow> {
    use ProblemKind::{Failed, NoWorker, Retrying, Stuck, TimedOut, Worker};
    let gave_up = "exit code 1, 6 times in 40 s: ModuleNotFoundError: No module named 'smtp'";
    let drift = "non-determinism: Timer machine does not handle event 5, ActivityTaskScheduled";
    let unknown = "no worker on queue orders knows the type Unknown";
    let refund = "BankUnavailable: bank API answered 503 Service Unavailable";
    let shipment = "ValueError: postcode '00000' is not deliverable";
    let member = |n: u64| Member {
        workflow_id: format!("refund-{n}"),
        run_id: format!("01a20e83-7c55-7d4a-000{n}"),
        type_name: "Refund".into(),
        attempt: Some(8 - n as u32),
        since_ms: Some(141_000 + n * 9_000),
    };
    let invoice = |n: u64| Member {
        workflow_id: format!("invoice-{n}"),
        run_id: format!("01a20e83-7c55-7d4a-00{n}"),
        type_name: "Invoice".into(),
        ..Member::default()
    };
    vec![
        row(Worker, "worker", "emails", gave_up, 11_000),
        ProblemRow {
            attempt: Some(4),
            hint: "reset the workflow to a point before the change, or restore the old code".into(),
            ..of_workflow("0011", row(Stuck, "Drift", "drift-11", drift, 25_000))
        },
        of_workflow("0014", row(Stuck, "Unknown", "unknown-14", unknown, 130_000)),
        ProblemRow {
            members: vec![invoice(13), invoice(12)],
            queue: "billing".into(),
            workflow_cause: "queue billing: nobody polls it".into(),
            ..row(
                NoWorker,
                "queue",
                "billing",
                "2 tasks wait; last worker: pid 4712 python billing.py, ended",
                190_000,
            )
        },
        ProblemRow {
            severity: Severity::Amber,
            count: 2,
            members: vec![member(0), member(1)],
            activity: Some("call_bank".into()),
            activity_id: "1".into(),
            attempt: Some(8),
            max_attempts: Some(50),
            next_try_ms: Some(13_000),
            ..of_workflow("0000", row(Retrying, "Refund", "refund-0", refund, 140_000))
        },
        of_workflow("0007", row(Failed, "Shipment", "shipment-7", shipment, 125_000)),
        of_workflow(
            "0015",
            row(
                TimedOut,
                "Checkout",
                "timeout-15",
                "no worker polled queue nowhere within 3 s",
                126_000,
            ),
        ),
        restarted(),
    ]
}

fn recent() -> Vec<WorkflowRow> {
    let closed = |n: u64, took, ended| WorkflowRow {
        status: WorkflowStatus::Completed,
        type_name: "Checkout".into(),
        workflow_id: format!("checkout-0{n}"),
        run_id: format!("01a20e83-7c55-7d4a-{n}"),
        queue: "orders".into(),
        note: format!("\"ch_o-{n}\""),
        took_ms: Some(took),
        ended_ms: Some(ended),
    };
    let approval = WorkflowRow {
        status: WorkflowStatus::Running,
        type_name: "Approval".into(),
        workflow_id: "approval-9".into(),
        note: "waits for a signal or a timer".into(),
        took_ms: Some(131_000),
        ended_ms: None,
        ..closed(9, 0, 0)
    };
    let invoice = WorkflowRow {
        status: WorkflowStatus::Terminated,
        type_name: "Invoice".into(),
        workflow_id: "invoice-11".into(),
        note: "by you: wrong queue".into(),
        ..closed(11, 184_000, 75_000)
    };
    vec![
        approval,
        closed(312, 41, 2_000),
        closed(311, 38, 2_400),
        closed(310, 44, 3_100),
        invoice,
        closed(309, 40, 90_000),
        closed(308, 39, 91_000),
    ]
}

fn workers() -> Vec<WorkerRow> {
    let own = |name: &str, script: &str, cpu, megabytes: u64| WorkerRow {
        id: name.into(),
        state: WorkerState::Running,
        name: name.into(),
        queues: vec![name.into()],
        command: format!("uv run {script}.py"),
        pid: Some(58),
        cpu_percent: Some(cpu),
        rss_bytes: Some(megabytes * 1_000_000),
        since_ms: Some(720_000),
        restarts: Some(0),
        generation: Some(1),
        can: UnitCommands { start: false, stop: true, restart: true },
        ..WorkerRow::default()
    };
    let external =
        |pid: u32, state, queue: &str, command: &str, folder: &str, since_ms| WorkerRow {
            id: pid.to_string(),
            state,
            name: format!("pid {pid}"),
            external: true,
            queues: vec![queue.into()],
            command: command.into(),
            folder: folder.into(),
            pid: Some(pid),
            since_ms: Some(since_ms),
            ..WorkerRow::default()
        };
    let reports = external(
        5120,
        WorkerState::Polling,
        "reports",
        "node dist/worker.js",
        "~/src/reports",
        2_040_000,
    );
    let billing = external(
        4712,
        WorkerState::Ended,
        "billing",
        "python billing.py",
        "~/src/billing",
        190_000,
    );
    let batch = WorkerRow {
        id: "7@ci-box".into(),
        name: "7@ci-box".into(),
        remote: true,
        pid: None,
        ..external(7, WorkerState::Polling, "batch", "", "", 540_000)
    };
    vec![
        own("orders", "worker", 3.0, 92),
        own("shipping", "ship", 0.2, 88),
        WorkerRow {
            state: WorkerState::GaveUp,
            cause: "exit code 1: No module named 'smtp'".into(),
            hint: "repair the cause, then start the worker".into(),
            last_lines: [
                "  File \"/src/emails.py\", line 2, in <module>",
                "ModuleNotFoundError: No module named 'smtp'",
            ]
            .map(Into::into)
            .into(),
            can: UnitCommands { start: true, ..UnitCommands::default() },
            pid: None,
            cpu_percent: None,
            rss_bytes: None,
            since_ms: Some(11_000),
            restarts: Some(6),
            generation: Some(7),
            ..own("emails", "emails", 0.0, 0)
        },
        WorkerRow { cpu_percent: Some(1.0), rss_bytes: Some(140_000_000), ..reports },
        billing,
        batch,
    ]
}
