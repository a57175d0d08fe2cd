//! The page of a workflow, with workers of the real Python SDK.

use crate::support::python;
use crate::support::rig::Rig;
use crate::terminal::{Dashboard, ESC};

fn start(rig: &Rig, workflow_type: &str, id: &str, input: &str) {
    let words = ["workflow", "start", "--type", workflow_type, "--task-queue", "orders"];
    rig.cli(&[&words[..], &["--workflow-id", id, "--input", input]].concat()).exits(0);
}

/// A dashboard on the tab of workflows.
fn on_workflows(rig: &Rig) -> Dashboard<'_> {
    let dashboard = Dashboard::open(rig);
    dashboard.until_shows(&["READY", "0 running"]);
    dashboard.press("2");
    dashboard
}

#[test]
fn page_of_a_retrying_workflow_has_cause_attempt_and_history_and_follows_it() {
    let rig = Rig::new();
    let dashboard = on_workflows(&rig);
    let _worker = python::worker(&rig, "default", "orders", "one");
    start(&rig, "Refund", "refund-0", "\"o-0\"");
    dashboard.until_shows(&["retrying", "refund-0", "BankUnavailable"]);
    dashboard.press("g\r");
    dashboard.until_shows(&["Refund › refund-0", "RETRYING", "running for", "queue orders"]);
    dashboard.until_shows(&["Cause", "BankUnavailable: bank API answered 503", "in call_bank"]);
    dashboard.until_shows(&["Pending", "call_bank: attempt", " of 50", "attempts failed"]);
    dashboard.until_shows(&["started", "Refund(\"o-0\")", "following", "last worker: "]);

    dashboard.press("j\r");
    dashboard.until_shows(&["› cause", "second line", "raise BankUnavailable", "of temporalio"]);
    dashboard.press(ESC);
    dashboard.until_shows(&["History"]);
    dashboard.press("G\r");
    dashboard.until_shows(&["› call_bank", "ActivityTaskScheduled", "\"o-0\""]);
    dashboard.press(ESC);
    dashboard.until_shows(&["History"]);

    rig.cli(&["workflow", "terminate", "-w", "refund-0", "--reason", "wrong queue"]).exits(0);
    dashboard.until_shows(&["TERMINATED", "ago, took", "terminated by", "wrong queue"]);
    dashboard.until_hides("Pending");
    dashboard.press(ESC);
    dashboard.until_hides("Refund › refund-0");
    dashboard.until_shows(&["2 Workflows"]);
}

#[test]
fn page_of_a_failed_workflow_has_the_chain_of_causes_and_its_children() {
    let rig = Rig::new();
    let dashboard = on_workflows(&rig);
    let _worker = python::worker(&rig, "default", "orders", "one");
    start(&rig, "Parent", "parent-7", "\"o-7\"");
    dashboard.until_shows(&["failed     Shipment", "failed     Parent"]);
    dashboard.press("/id:parent-7 !child");
    dashboard.press("\r");
    dashboard.until_hides("Shipment");
    dashboard.press("g\r");
    dashboard.until_shows(&["Parent › parent-7", "FAILED", "Parent(\"o-7\")"]);
    dashboard.until_shows(&[
        "ValueError: postcode '00000' is not deliverable",
        "ShippingError: cannot ship order o-7",
        "activity ship failed, not retryable",
    ]);
    dashboard.until_shows(&["Shipment", "failed, child-of-parent-7"]);
    dashboard.press("z");
    dashboard.until_shows(&["workflow task"]);
}

#[test]
fn long_history_is_read_in_pages_from_its_end() {
    let rig = Rig::new();
    let dashboard = on_workflows(&rig);
    python::script(&rig, "signals.py", &["default", "nowhere", "long-1", "1200"]).exits(0);
    dashboard.until_shows(&["running", "long-1"]);
    dashboard.press("/id:long-1");
    dashboard.press("\r");
    dashboard.press("G\r");
    dashboard.until_shows(&["Approval › long-1", "1,202 events in 1,201 rows", "nudge"]);
    dashboard.press("g");
    dashboard.until_shows(&["started", "Approval()", "signal 0"]);
    dashboard.press("G");
    rig.cli(&["workflow", "signal", "-w", "long-1", "--name", "latest"]).exits(0);
    dashboard.until_shows(&["1,203 events in 1,202 rows"]);
    dashboard.press("G");
    dashboard.until_shows(&["latest"]);
}
