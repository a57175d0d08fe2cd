//! Problems of workflows and workers of the real SDKs of Python and TypeScript.

use crate::support::process::wait_gone;
use crate::support::python::worker;
use crate::support::rig::{Rig, Running};
use crate::support::{python, socket, typescript, wait_until};
use rustix::process::Signal;
use serde_json::Value;

/// The problems, as `problems --json` prints them once the host knows those of workflows.
#[track_caller]
fn problems(rig: &Rig) -> Vec<Value> {
    let mut list = Value::Null;
    wait_until("the problems of workflows", || {
        let ran = rig.run(&["problems", "--json"]);
        list =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error} in {ran:?}"));
        list["unknown"].is_null()
    });
    list["problems"].as_array().unwrap().clone()
}

/// Kind, subject and cause of each problem.
fn rows(problems: &[Value]) -> Vec<(String, String, String)> {
    let text = |problem: &Value, key: &str| problem[key].as_str().unwrap_or_default().to_owned();
    let row = |it| (text(it, "kind"), text(it, "subject"), text(it, "cause"));
    problems.iter().map(row).collect()
}

/// Waits until the list has a problem of this kind and subject whose cause contains this text.
#[track_caller]
fn wait_for(rig: &Rig, kind: &str, subject: &str, cause: &str) -> Value {
    let mut last = Vec::new();
    let mut found = Value::Null;
    wait_until(&format!("{kind} {subject}: {cause}"), || {
        last = problems(rig);
        let is_wanted = |it: &&Value| {
            it["kind"] == kind
                && it["subject"] == subject
                && it["cause"].as_str().is_some_and(|text| text.contains(cause))
        };
        let wanted = last.iter().find(is_wanted).cloned();
        found = wanted.unwrap_or_default();
        !found.is_null()
    });
    found
}

/// Waits until no problem has this subject.
#[track_caller]
fn wait_gone_from_list(rig: &Rig, subject: &str) {
    wait_until(&format!("no problem {subject}"), || {
        problems(rig).iter().all(|problem| problem["subject"] != subject)
    });
}

fn start(rig: &Rig, workflow_type: &str, queue: &str, id: &str, more: &[&str]) {
    let words =
        ["workflow", "start", "--type", workflow_type, "--task-queue", queue, "--workflow-id", id];
    rig.cli(&[&words, more].concat()).exits(0);
}

/// Waits until the host has found the process of this worker, and thus has read its command line.
#[track_caller]
fn wait_found(rig: &Rig, worker: &Running) {
    wait_until("the process of the worker", || {
        let list = socket::get(rig, "/v1/workers").json();
        let mut workers = list["workers"].as_array().unwrap().iter();
        workers.any(|it| it["pid"] == worker.pid() && it["command"].is_string())
    });
}

/// Requests the end of a worker, which hands its workflows back to the server.
fn end(worker: Running) {
    worker.process().signal(Signal::INT);
    worker.finish();
}

fn kill(worker: &Running) {
    let process = worker.process();
    process.kill();
    wait_gone(&process);
}

/// Waits for the problem that the last worker of the queue, whose command has this word, has ended.
#[track_caller]
fn wait_for_end_of(worker: &Running, word: &str, rig: &Rig, queue: &str) {
    let ended = format!("last worker: pid {} ", worker.pid());
    let problem = wait_for(rig, "no_worker", queue, &ended);
    let cause = problem["cause"].as_str().unwrap();
    assert!(cause.contains(word) && cause.ends_with(", ended"), "{cause}");
}

#[test]
fn each_kind_of_problem_has_its_root_cause_until_it_is_over() {
    let rig = Rig::new();
    rig.start();
    assert!(rig.problems().exits(0).stdout.contains("no problems"));
    let old = worker(&rig, "default", "orders", "one");
    start(&rig, "Drift", "orders", "drift-11", &[]);
    wait_until("the activity of drift-11 has ended", || {
        let shown = rig.cli(&["workflow", "show", "--workflow-id", "drift-11"]).exits(0);
        shown.stdout.contains("ActivityTaskCompleted")
    });
    end(old);

    let current = worker(&rig, "default", "orders", "two");
    rig.cli(&["workflow", "signal", "--workflow-id", "drift-11", "--name", "proceed"]).exits(0);
    let order: &[&str] = &["--input", "\"o-7\""];
    start(&rig, "Refund", "orders", "refund-0", order);
    start(&rig, "Refund", "orders", "refund-1", order);
    start(&rig, "Shipment", "orders", "shipment-7", order);
    start(&rig, "Bug", "orders", "bug-1", &[]);
    start(&rig, "Unknown", "orders", "unknown-14", &[]);
    start(&rig, "Checkout", "ordres", "typo-1", order);
    start(&rig, "Checkout", "nowhere", "timeout-15", &["--execution-timeout", "1s"]);
    start(&rig, "Approval", "orders", "approval-9", &[]);

    let mismatch = "non-determinism: the code expects a timer, history has ActivityTaskScheduled";
    wait_for(&rig, "stuck", "drift-11", mismatch);
    let since = format!("since worker pid {} ", current.pid());
    wait_until("the hint names the worker with the new code", || {
        let drift = problems(&rig).into_iter().find(|it| it["subject"] == "drift-11");
        drift.is_some_and(|it| it["hint"].as_str().is_some_and(|hint| hint.starts_with(&since)))
    });
    let bug = wait_for(&rig, "stuck", "bug-1", "KeyError: 'missing-sku'");
    assert!(bug["attempt"].as_u64().unwrap() >= 2, "{bug}");
    wait_for(&rig, "stuck", "unknown-14", "no worker on queue orders knows the type Unknown");
    let near = wait_for(&rig, "no_worker", "ordres", "1 workflow task waits; did you mean orders?");
    assert!(near["hint"].as_str().unwrap().contains("`orders`"), "{near}");
    assert_eq!(near["state"], "no worker");
    assert_eq!(near["others"][0]["workflow_id"], "typo-1", "{near}");
    assert_eq!(near["others"][0]["type"], "Checkout", "{near}");
    let retrying = wait_for(
        &rig,
        "retrying",
        "refund-1",
        "BankUnavailable: bank API answered 503 Service Unavailable",
    );
    assert_eq!(
        (&retrying["activity"], &retrying["max_attempts"]),
        (&"call_bank".into(), &50.into())
    );
    wait_until("both refunds are one problem", || {
        problems(&rig).iter().any(|it| it["kind"] == "retrying" && it["count"] == 2)
    });
    wait_for(&rig, "failed", "shipment-7", "ValueError: postcode '00000' is not deliverable");
    wait_for(&rig, "timed_out", "timeout-15", "no worker polled queue nowhere within ");

    let found = rows(&problems(&rig));
    assert!(!found.iter().any(|row| row.1 == "approval-9"), "a timer is no problem: {found:?}");
    // The problems may change between two of these requests, so the requests are repeated.
    wait_until("the same rows in the API, in the human form and in the metrics", || {
        let found = rows(&problems(&rig));
        let list = socket::get(&rig, "/v1/problems").json();
        let through_api = rows(list["problems"].as_array().unwrap());
        let printed = rig.problems().exits(4).stdout;
        let is_shown = |row: &(String, String, String)| {
            through_api.contains(row) && printed.contains(&row.1) && printed.contains(&row.2)
        };
        let metrics = socket::get(&rig, "/metrics").body;
        found.iter().all(is_shown) && metrics.contains("stigmer_problems{kind=\"stuck\"} 3")
    });

    rig.cli(&["workflow", "terminate", "--workflow-id", "bug-1"]).exits(0);
    wait_gone_from_list(&rig, "bug-1");
    start(&rig, "Checkout", "orders", "shipment-7", order);
    wait_gone_from_list(&rig, "shipment-7");
    let typo = worker(&rig, "default", "ordres", "two");
    wait_gone_from_list(&rig, "ordres");
    end(typo);
    end(current);
}

#[test]
fn waiting_workflows_that_no_longer_replay_are_found_before_they_continue() {
    let rig = Rig::new();
    rig.start();
    let old = worker(&rig, "default", "orders", "one");
    let ids = ["drift-1", "drift-2", "drift-3"];
    for id in ids {
        start(&rig, "Drift", "orders", id, &[]);
    }
    let history = |id| rig.cli(&["workflow", "show", "--workflow-id", id]).exits(0).stdout;
    wait_until("the activities have ended", || {
        ids.iter().all(|id| history(id).contains("ActivityTaskCompleted"))
    });
    end(old);
    let changed = worker(&rig, "default", "orders", "two");
    let mismatch = "non-determinism: the code expects a timer, history has ActivityTaskScheduled";
    let since = format!("since worker pid {} ", changed.pid());
    wait_until("the three are one problem, whose hint names the worker", || {
        problems(&rig).iter().any(|it| {
            let starts_with =
                |key: &str, text: &str| it[key].as_str().is_some_and(|it| it.starts_with(text));
            it["kind"] == "stuck"
                && it["count"] == 3
                && starts_with("cause", mismatch)
                && starts_with("hint", &since)
        })
    });
    for id in ids {
        let history = history(id);
        assert!(!history.contains("WorkflowTaskFailed"), "the check wrote an event: {history}");
    }

    end(changed);
    let restored = worker(&rig, "default", "orders", "one");
    wait_until("the old code matches", || problems(&rig).is_empty());
    end(restored);
}

#[test]
fn end_of_the_last_worker_is_seen_without_the_server() {
    let rig = Rig::new();
    rig.start();
    let worker = worker(&rig, "default", "billing", "one");
    start(&rig, "Checkout", "billing", "checkout-1", &["--input", "\"o-1\""]);
    start(&rig, "Approval", "billing", "approval-1", &[]);
    wait_until("the server lists the worker", || {
        rig.cli(&["task-queue", "describe", "--task-queue", "billing"])
            .stdout
            .contains(&format!("{}@", worker.pid()))
    });
    assert_eq!(problems(&rig), [] as [Value; 0]);
    wait_found(&rig, &worker);
    kill(&worker);
    // For five more minutes, the server lists the dead worker as a worker of the queue.
    start(&rig, "Checkout", "billing", "checkout-2", &["--input", "\"o-2\""]);
    wait_for_end_of(&worker, "worker.py", &rig, "billing");
}

#[test]
fn activity_of_a_killed_worker_waits_for_its_timeout() {
    let rig = Rig::new();
    rig.start();
    let worker = worker(&rig, "default", "orders", "one");
    start(&rig, "Nap", "orders", "nap-1", &[]);
    wait_until("the worker runs the activity", || {
        let shown = rig.cli(&["workflow", "describe", "--workflow-id", "nap-1", "-o", "json"]);
        shown.stdout.contains("PENDING_ACTIVITY_STATE_STARTED")
    });
    assert_eq!(problems(&rig), [] as [Value; 0]);
    wait_found(&rig, &worker);
    kill(&worker);
    let started = format!("started by pid {} ", worker.pid());
    let orphan = wait_for(&rig, "retrying", "nap-1", &started);
    let cause = orphan["cause"].as_str().unwrap();
    assert!(cause.contains("worker.py"), "{cause}");
    assert!(cause.ends_with(", which has ended; the server waits for its timeout"), "{cause}");
    assert_eq!((&orphan["activity"], &orphan["attempt"]), (&"nap".into(), &1.into()), "{orphan}");
    let left = orphan["next_try_ms"].as_u64().unwrap();
    assert!((1..=300_000).contains(&left), "{orphan}");
}

#[test]
fn failure_in_the_log_of_the_server_is_examined_before_other_workflows() {
    let rig = Rig::new();
    // The server does not mark the failing workflow.
    let mark = "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=1000";
    let mut command = rig.local(&[]);
    command.args(["--", "--dynamic-config-value", mark]);
    rig.finish(command).exits(0);
    let worker = worker(&rig, "default", "orders", "one");
    // At most 20 of them are described per minute.
    python::script(&rig, "many.py", &["default", "orders", "100"]).exits(0);
    assert_eq!(problems(&rig), [] as [Value; 0]);
    start(&rig, "Bug", "orders", "bug-1", &[]);
    wait_for(&rig, "stuck", "bug-1", "KeyError: 'missing-sku'");
    end(worker);
}

#[test]
fn problems_of_typescript_have_their_root_causes_until_they_are_over() {
    let rig = Rig::new();
    rig.start();
    let Some(worker) = typescript::worker(&rig, "default", "orders") else { return };
    let start_with = |workflow_type, id, input| {
        start(&rig, workflow_type, "orders", id, &["--input", input]);
    };
    start_with("Drift", "drift-1", "\"good\"");
    start_with("Unknown", "unknown-1", "\"good\"");
    start_with("Bug", "bug-1", "{\"lines\":[]}");
    start_with("Refund", "refund-1", "\"good\"");
    start_with("Shipment", "shipment-1", "\"bad\"");
    start_with("Invoice", "invoice-1", "\"good\"");

    let expected = [
        (
            "stuck",
            "drift-1",
            "non-determinism: the code expects a timer, history has ActivityTaskScheduled (event 5)",
        ),
        ("stuck", "unknown-1", "no worker on queue orders knows the type Unknown"),
        ("stuck", "bug-1", "TypeError: Cannot read properties of undefined (reading 'sku')"),
        ("retrying", "invoice-1", "no worker on queue orders knows the activity sendInvoice"),
        ("retrying", "refund-1", "AggregateError [ECONNREFUSED]"),
        ("failed", "shipment-1", "RangeError: postcode '00000' is not deliverable"),
    ];
    for (kind, subject, cause) in expected {
        assert_eq!(wait_for(&rig, kind, subject, cause)["cause"], cause);
    }
    wait_until("no other problem is listed", || problems(&rig).len() == expected.len());
    // The exception failed the workflow task, not the workflow.
    let bug = ["workflow", "describe", "--workflow-id", "bug-1", "-o", "json"];
    let bug = rig.cli(&bug).exits(0).stdout;
    assert!(bug.contains("WORKFLOW_EXECUTION_STATUS_RUNNING"), "{bug}");

    std::fs::write(rig.folder().join("bank"), "").unwrap();
    wait_gone_from_list(&rig, "refund-1");
    start_with("Shipment", "shipment-1", "\"good\"");
    wait_gone_from_list(&rig, "shipment-1");

    kill(&worker);
    start_with("Shipment", "shipment-2", "\"good\"");
    wait_for_end_of(&worker, "worker.js", &rig, "orders");
}

#[test]
fn problems_of_every_configured_namespace_are_listed() {
    let rig = Rig::with(&[("namespace", r#"["default", "orders"]"#)]);
    rig.start();
    for namespace in ["default", "orders"] {
        start(&rig, "Invoice", "billing", "invoice-12", &["--namespace", namespace]);
    }
    let mut found = Vec::new();
    wait_until("both problems", || {
        found = problems(&rig);
        ["default", "orders"].iter().all(|name| found.iter().any(|it| it["namespace"] == *name))
    });
    let other = found.iter().find(|it| it["namespace"] == "orders").unwrap();
    assert!(other["command"].as_str().unwrap().contains("--namespace orders"), "{other}");
}

#[test]
fn no_request_is_sent_without_a_client_and_problems_need_a_server() {
    let rig = Rig::new();
    let ran = rig.run(&["problems"]).exits(3);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("the server is stopped"), "{ran:?}");
    rig.start();
    let metrics = socket::get(&rig, "/metrics").body;
    assert!(!metrics.contains("stigmer_problems"), "{metrics}");
    // The metrics have the problems for some seconds after a request for problems.
    wait_until("the problems in the metrics", || {
        rig.problems().exits(0);
        socket::get(&rig, "/metrics").body.contains("stigmer_problems{kind=\"failed\"} 0")
    });
    rig.stop();
    rig.run(&["problems", "--json"]).exits(3);
}
