//! Dismissed problems, which all dashboards of a home share.

use crate::support::python::worker;
use crate::support::rig::Rig;
use crate::support::{socket, wait_until};
use crate::terminal::Dashboard;
use rustix::process::Signal;
use serde_json::Value;

fn start(rig: &Rig, workflow_type: &str, queue: &str, id: &str, more: &[&str]) {
    let words =
        ["workflow", "start", "--type", workflow_type, "--task-queue", queue, "--workflow-id", id];
    rig.cli(&[&words[..], more].concat()).exits(0);
}

/// Starts a workflow that fails. All of them have the same cause.
fn fail(rig: &Rig, id: &str) {
    start(rig, "Shipment", "orders", id, &["--input", "\"o-7\""]);
}

#[test]
fn dismissed_problem_is_hidden_on_every_dashboard_until_it_happens_again() {
    let rig = Rig::new();
    let mut first = Dashboard::ready(&rig);
    let second = Dashboard::ready(&rig);
    let both_show = |first: &Dashboard<'_>, words: &[&str]| {
        first.until_shows(words);
        second.until_shows(words);
    };
    start(&rig, "Checkout", "nowhere", "checkout-1", &["--execution-timeout", "1s"]);
    both_show(&first, &["Problems 1", "timed out  Checkout"]);
    let worker = worker(&rig, "default", "orders", "one");
    fail(&rig, "shipment-1");
    both_show(&first, &["Problems 2", "failed     Shipment"]);

    // A failed workflow precedes one that timed out.
    first.press("j");
    first.until_shows(&["▸✗ failed     Shipment"]);
    first.press("d");
    both_show(&first, &["Problems 1", "1 dismissed, u shows them"]);
    second.press("u");
    both_show(&first, &["Problems 2"]);
    second.press("D");
    both_show(&first, &["Problems 0", "2 dismissed"]);

    let printed = rig.problems().exits(0).stdout;
    assert_eq!(printed, "no problems except 2 dismissed ones (--json lists them)\n");
    let listed = || {
        let list: Value = socket::get(&rig, "/v1/problems").json();
        let problems = list["problems"].as_array().unwrap().clone();
        let row = |it: &Value| (it["type"].as_str().map(str::to_owned), it["dismissed"] == true);
        problems.iter().map(row).collect::<Vec<_>>()
    };
    let row = |name: &str, is_dismissed| (Some(name.to_owned()), is_dismissed);
    assert_eq!(listed(), [row("Shipment", true), row("Checkout", true)]);

    fail(&rig, "shipment-2");
    both_show(&first, &["Problems 1", "failed     Shipment", "+1", "1 dismissed"]);

    // The next host hides the same problems.
    first.press("q");
    first.until_shows(&["keep the server running in the background"]);
    first.press("b");
    first.exits(0);
    wait_until("the next host", || rig.status()["host"]["mode"] == "background");
    wait_until("the problems of the next host", || {
        listed() == [row("Shipment", false), row("Checkout", true)]
    });

    socket::ask(&rig, "POST", "/v1/problems/dismiss", "{\"ids\": 1}").is_error(400, "bad_body");
    assert_eq!(socket::ask(&rig, "POST", "/v1/problems/dismiss", "").code, 200);
    second.until_shows(&["Problems 0", "2 dismissed"]);
    let undone = socket::ask(&rig, "POST", "/v1/problems/undo", "").json();
    assert_eq!(undone["problems"][0]["dismissed"], false, "{undone}");
    second.until_shows(&["Problems 2"]);
    worker.process().signal(Signal::INT);
    worker.finish();
}
