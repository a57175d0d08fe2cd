//! The workers that the host reports, with workers of the real Python SDK.

use crate::support::process::wait_gone;
use crate::support::python::worker;
use crate::support::rig::{Rig, Running};
use crate::support::{socket, wait_until};
use rustix::process::Signal;
use serde_json::Value;
use std::time::{Duration, Instant};

/// The response of `GET /v1/workers`.
fn list(rig: &Rig) -> Value {
    socket::get(rig, "/v1/workers").json()
}

/// The response of `GET /v1/workers` once the server has responded to the host.
#[track_caller]
fn known_list(rig: &Rig) -> Value {
    let mut known = Value::Null;
    wait_until("a response of the server", || {
        known = list(rig);
        known["unknown"].is_null()
    });
    known
}

/// Waits until the list has this worker in this state.
#[track_caller]
fn wait_for(rig: &Rig, worker: &Running, state: &str) -> Value {
    let mut found = Value::Null;
    wait_until(&format!("the worker {} is {state}", worker.pid()), || {
        let list = list(rig);
        let is_wanted = |it: &&Value| it["pid"] == worker.pid() && it["state"] == state;
        found =
            list["workers"].as_array().unwrap().iter().find(is_wanted).cloned().unwrap_or_default();
        !found.is_null()
    });
    found
}

fn queues(worker: &Value) -> Vec<&str> {
    let queues = worker["queues"].as_array().unwrap().iter();
    queues.map(|queue| queue["name"].as_str().unwrap()).collect()
}

#[test]
fn worker_is_seen_with_its_process_and_queue_until_its_end() {
    let rig = Rig::new();
    rig.start();
    assert_eq!(known_list(&rig)["workers"], Value::Array(vec![]));
    // No workflow has used these queues, and the SDKs report for the first time after a minute.
    let orders = worker(&rig, "default", "orders", "one");
    let seen = wait_for(&rig, &orders, "polling");
    assert_eq!(queues(&seen), ["orders"]);
    assert_eq!((&seen["is_remote"], &seen["cause"]), (&Value::Bool(false), &Value::Null));
    let identity = seen["identity"].as_str().unwrap();
    assert!(identity.starts_with(&format!("{}@", orders.pid())), "{identity}");
    let command = seen["command"].as_str().unwrap();
    assert!(command.contains("worker.py") && command.contains("orders"), "{command}");
    let folder = std::fs::read_link(format!("/proc/{}/cwd", orders.pid())).unwrap();
    assert_eq!(seen["folder"], folder.to_str().unwrap());
    assert!(seen["rss_bytes"].as_u64().unwrap() > 1 << 20, "{seen}");
    wait_until("the CPU usage is measured", || {
        wait_for(&rig, &orders, "polling")["cpu_percent"].is_number()
    });
    let billing = worker(&rig, "default", "billing", "one");
    assert_eq!(queues(&wait_for(&rig, &billing, "polling")), ["billing"]);

    let process = orders.process();
    let begun = Instant::now();
    process.kill();
    wait_gone(&process);
    // The server lists a dead worker for five more minutes, which is longer than this wait.
    let ended = wait_for(&rig, &orders, "ended");
    assert_eq!((queues(&ended), &ended["command"]), (vec!["orders"], &seen["command"]));
    let since = Duration::from_millis(ended["since_ms"].as_u64().unwrap());
    assert!(since <= begun.elapsed(), "{ended}");
    assert!(ended["cpu_percent"].is_null() && ended["rss_bytes"].is_null(), "{ended}");
    assert_eq!(wait_for(&rig, &billing, "polling")["state"], "polling");
    let again = worker(&rig, "default", "orders", "one");
    wait_for(&rig, &again, "polling");
    for worker in [billing, again] {
        worker.process().signal(Signal::INT);
        worker.finish();
    }
}

/// The metrics of the server have `fresh_orders` for this queue. Its name is in the log.
#[test]
fn queue_that_no_workflow_has_used_is_known_by_its_name() {
    let rig = Rig::new();
    rig.start();
    let worker = worker(&rig, "default", "fresh-orders", "one");
    assert_eq!(queues(&wait_for(&rig, &worker, "polling")), ["fresh-orders"]);
    let words = ["--type", "Checkout", "--task-queue", "fresh-orderz", "--workflow-id", "typo-1"];
    rig.cli(&[&["workflow", "start"][..], &words].concat()).exits(0);
    wait_until("the problem names the queue with the similar name", || {
        let list = socket::get(&rig, "/v1/problems").json();
        let problems = list["problems"].as_array().unwrap();
        problems.iter().any(|it| it["hint"].to_string().contains("`fresh-orders`"))
    });
    // Another host reads the name from the existing log.
    rig.kill_host();
    rig.start();
    assert_eq!(queues(&wait_for(&rig, &worker, "polling")), ["fresh-orders"]);
    worker.process().signal(Signal::INT);
    worker.finish();
}

#[test]
fn workers_of_a_stopped_server_are_unknown() {
    let rig = Rig::new();
    rig.start();
    let known = known_list(&rig);
    assert!(known["as_of_ms"].is_u64(), "{known}");
    assert_eq!(socket::ask(&rig, "POST", "/v1/stop?wait=true", "").code, 202);
    let unknown = list(&rig);
    assert_eq!(unknown["unknown"], "the server is stopped");
    assert_eq!((&unknown["as_of_ms"], &unknown["workers"]), (&Value::Null, &Value::Array(vec![])));
}
