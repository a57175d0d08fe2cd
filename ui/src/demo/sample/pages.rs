//! Sample pages of workflows.

use crate::model::{
    CauseRow, HistoryDetails, HistoryRow, HistoryState, Model, PendingRow, ProblemKind, RunFound,
    Severity, WorkflowPage, WorkflowStatus,
};

fn row(id: u64, name: &str, text: &str, state: HistoryState, from: u64, to: u64) -> HistoryRow {
    HistoryRow {
        id,
        name: name.into(),
        text: text.into(),
        state,
        routine: name == "workflow task" && state == HistoryState::Done,
        from_ms: Some(from),
        to_ms: Some(to),
        next_ms: None,
    }
}

/// Returns the data of a page for the run of a problem or a workflow.
fn of(model: &Model, workflow_id: &str, page: WorkflowPage) -> Option<WorkflowPage> {
    let problem = model.problems.iter().flatten().find(|row| row.subject == workflow_id);
    let workflow = model.recent.iter().flatten().find(|row| row.workflow_id == workflow_id);
    let of_problem = problem.and_then(|row| row.run_id.clone());
    let run_id = of_problem.or_else(|| workflow.map(|row| row.run_id.clone()))?;
    Some(WorkflowPage { run_id, found: RunFound::Yes, ..page })
}

fn with(model: Model, workflow_id: &str, page: WorkflowPage) -> Model {
    let page = of(&model, workflow_id, page);
    Model { page, ..model }
}

/// Adds the page of `refund-0`, whose activity is retried.
#[must_use]
pub fn retrying(model: Model) -> Model {
    let call = HistoryRow {
        to_ms: None,
        next_ms: Some(154_000),
        ..row(5, "call_bank", "7 attempts failed", HistoryState::Retrying, 20, 0)
    };
    let stack = [
        "  + 2 frames of temporalio",
        "  File \"/src/worker.py\", line 13, in call_bank",
        "    raise BankUnavailable(\"bank API answered 503 Service Unavailable\")",
    ];
    let page = WorkflowPage {
        problem: Some((ProblemKind::Retrying, Severity::Amber)),
        type_name: "Refund".into(),
        queue: "orders".into(),
        took_ms: Some(141_000),
        worker: "58@box".into(),
        causes: vec![CauseRow {
            text: "BankUnavailable: bank API answered 503 Service Unavailable".into(),
            place: "worker.py:13 in call_bank".into(),
            lines: stack.map(Into::into).into(),
        }],
        pending: vec![PendingRow {
            name: "call_bank".into(),
            text: "attempt 8 of 50, next try in 13 s".into(),
            failed: true,
        }],
        hint: "fix the cause; Temporal retries the activity call_bank".into(),
        events: 5,
        events_read: 5,
        started: "14:01:05".into(),
        history: [
            row(1, "started", "Refund(\"o-0\")", HistoryState::Done, 0, 0),
            row(2, "workflow task", "completed", HistoryState::Done, 12, 19),
            call,
        ]
        .into(),
        details: Some(HistoryDetails {
            id: 5,
            lines: vec![
                ("Input".into(), "\"o-0\"".into()),
                ("Events".into(), "     5  14:01:05.020  ActivityTaskScheduled".into()),
            ],
        }),
        input: "\"o-0\"".into(),
        started_by: "temporal-cli:root@box".into(),
        ..WorkflowPage::default()
    };
    with(model, "refund-0", page)
}

/// Adds the page of `unknown-14`, whose workflow task fails with a long message.
#[must_use]
pub fn stuck(model: Model) -> Model {
    let failure = "non-determinism: NotFoundError: Workflow class Unknown is not registered on this worker, available workflows: Approval, Batch, Cart, Checkout, Child, Drift, Fulfillment, Invoice, Parent, Refund, Shipment";
    let page = WorkflowPage {
        problem: Some((ProblemKind::Stuck, Severity::Red)),
        type_name: "Unknown".into(),
        queue: "orders".into(),
        took_ms: Some(130_000),
        worker: "58@box".into(),
        summary: "no worker on queue orders knows the type Unknown".into(),
        hint: "fix the code and restart the worker; to continue without waiting for the next attempt, reset the workflow to its last good workflow task".into(),
        causes: vec![CauseRow {
            text: failure.into(),
            place: "worker.py:91 in workflows_of_the_queue".into(),
            lines: vec!["  + 2 frames of temporalio".into()],
        }],
        pending: vec![PendingRow {
            name: "workflow task".into(),
            text: "failed 5 times, attempt 6 runs, or the worker did not report its failure".into(),
            failed: true,
        }],
        events: 7,
        events_read: 7,
        started: "14:01:05".into(),
        history: [
            row(1, "started", "Unknown()", HistoryState::Done, 0, 0),
            row(2, "workflow task", "failed: NotFoundError", HistoryState::Failed, 12, 19),
        ]
        .into(),
        started_by: "temporal-cli:root@box".into(),
        ..WorkflowPage::default()
    };
    with(model, "unknown-14", page)
}

/// Adds the page of `shipment-7`, which failed.
#[must_use]
pub fn failed(model: Model) -> Model {
    let cause = |text: &str, place: &str| CauseRow {
        text: text.into(),
        place: place.into(),
        lines: if place.is_empty() { Vec::new() } else { vec![format!("  at {place}")] },
    };
    let page = WorkflowPage {
        status: WorkflowStatus::Failed,
        type_name: "Shipment".into(),
        queue: "orders".into(),
        took_ms: Some(58),
        ended_ms: Some(125_000),
        worker: "58@box".into(),
        causes: vec![
            cause("ValueError: postcode '00000' is not deliverable", "worker.py:17 in ship"),
            cause("ShippingError: cannot ship order o-7", "worker.py:19 in ship"),
            cause("activity ship failed, not retryable", ""),
            cause("workflow Shipment failed", ""),
        ],
        hint: "fix the cause and start the workflow again, or reset the workflow".into(),
        events: 11,
        events_read: 11,
        started: "14:01:05".into(),
        history: [
            row(1, "started", "Shipment(\"o-7\")", HistoryState::Done, 0, 0),
            row(2, "workflow task", "completed", HistoryState::Done, 5, 13),
            row(5, "ship", "failed, attempt 1", HistoryState::Failed, 14, 35),
            row(8, "workflow task", "completed", HistoryState::Done, 49, 57),
            row(11, "failed", "ShippingError: cannot ship order o-7", HistoryState::Failed, 58, 58),
        ]
        .into(),
        input: "\"o-7\"".into(),
        started_by: "temporal-cli:root@box".into(),
        ..WorkflowPage::default()
    };
    with(model, "shipment-7", page)
}

/// Adds the page of `approval-9`, which waits for a timer, a child and a signal.
#[must_use]
pub fn running(model: Model) -> Model {
    let open = |row: HistoryRow| HistoryRow { to_ms: None, ..row };
    let pending =
        |name: &str, text: &str| PendingRow { name: name.into(), text: text.into(), failed: false };
    let page = WorkflowPage {
        type_name: "Approval".into(),
        queue: "orders".into(),
        took_ms: Some(131_000),
        worker: "58@box".into(),
        pending: vec![
            pending("timer", "fires in 57 min"),
            pending("child workflow Shipment", "shipment-8 runs for 1 min"),
        ],
        events: 14_350,
        events_read: 1_200,
        started: "14:01:05".into(),
        history: [
            row(1, "started", "Approval()", HistoryState::Done, 0, 0),
            open(row(5, "timer", "1 h waits", HistoryState::Open, 31, 0)),
            row(7, "quick", "completed", HistoryState::Done, 60, 40_000),
            open(row(11, "Shipment", "started, shipment-8", HistoryState::Open, 60_000, 0)),
            row(14, "proceed", "signal \"yes\"", HistoryState::Done, 90_000, 90_000),
            row(15, "change", "update completed", HistoryState::Done, 95_000, 99_000),
        ]
        .into(),
        children: vec!["shipment-8".into()],
        signals: 1,
        started_by: "58@box".into(),
        ..WorkflowPage::default()
    };
    with(model, "approval-9", page)
}

/// Adds the page of `checkout-0312`, which completed, with encrypted values.
#[must_use]
pub fn encrypted(model: Model) -> Model {
    let page = WorkflowPage {
        status: WorkflowStatus::Completed,
        type_name: "Checkout".into(),
        queue: "orders".into(),
        took_ms: Some(41),
        ended_ms: Some(2_000),
        worker: "58@box".into(),
        events: 11,
        events_read: 11,
        started: "14:03:04".into(),
        history: [
            row(1, "started", "Checkout(encrypted, 57 bytes)", HistoryState::Done, 0, 0),
            row(2, "workflow task", "completed", HistoryState::Done, 4, 9),
            row(5, "quick", "completed", HistoryState::Done, 9, 30),
            row(8, "workflow task", "completed", HistoryState::Done, 31, 40),
            row(11, "completed", "encrypted, 60 bytes", HistoryState::Done, 41, 41),
        ]
        .into(),
        input: "encrypted, 57 bytes".into(),
        result: "encrypted, 60 bytes".into(),
        started_by: "temporal-cli:root@box".into(),
        ..WorkflowPage::default()
    };
    with(model, "checkout-0312", page)
}

/// Adds a page of `refund-0` whose run the server does not have any more.
#[must_use]
pub fn missing(model: Model) -> Model {
    let model = with(model, "refund-0", WorkflowPage::default());
    let page = model.page.clone().map(|page| WorkflowPage { found: RunFound::No, ..page });
    Model { page, ..model }
}

/// Adds a page of `refund-0` that cannot be read, or that can no longer be refreshed.
#[must_use]
pub fn unreadable(model: Model, is_known: bool) -> Model {
    let model = retrying(model);
    let error = "no response within 5s".to_owned();
    let page = model.page.clone().map(|page| match is_known {
        true => WorkflowPage { error, ..page },
        false => WorkflowPage { run_id: page.run_id, error, ..WorkflowPage::default() },
    });
    Model { page, ..model }
}

/// Adds a page of `refund-0` with `n` rows.
#[must_use]
pub fn long(model: Model, n: u64) -> Model {
    let model = retrying(model);
    let rows = (0..n).map(|at| {
        let from = at * 1_000;
        row(at + 6, "ship", "completed", HistoryState::Done, from, from + 700)
    });
    let page = model.page.clone().map(|page| WorkflowPage {
        took_ms: Some(n * 1_000),
        events: n * 3,
        events_read: n * 3,
        history: page.history.iter().cloned().chain(rows).collect(),
        ..page
    });
    Model { page, ..model }
}
