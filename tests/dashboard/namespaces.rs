//! Workflows of several namespaces.

use crate::support::rig::Rig;
use crate::terminal::{Dashboard, ESC};

fn start(rig: &Rig, namespace: &str, id: &str, queue: &str) {
    let words = ["workflow", "start", "--type", "T", "--task-queue", queue];
    rig.cli(&[&words[..], &["--workflow-id", id, "--namespace", namespace]].concat()).exits(0);
}

#[test]
fn lists_show_one_namespace_and_problems_those_of_all() {
    let rig = Rig::with(&[("namespace", "[\"default\", \"orders\"]")]);
    let dashboard = Dashboard::open(&rig);
    dashboard.until_shows(&["READY", "0 running", "namespace default"]);
    start(&rig, "default", "in-default", "nobody");
    start(&rig, "orders", "in-orders-1", "billing");
    start(&rig, "orders", "in-orders-2", "billing");
    // The problem of the other namespace names it.
    dashboard.until_shows(&["1 running", "no worker", "nobody", "billing", "in orders · "]);
    dashboard.press("2");
    dashboard.until_shows(&["namespace: default", "in-default"]);
    dashboard.until("the other namespace only in problems, which name it", |screen| {
        let text = screen.contents();
        let mut of_orders = text.lines().filter(|line| line.contains("in-orders-"));
        text.contains("1 running") && of_orders.all(|line| line.contains("in orders · "))
    });

    dashboard.press(":namespace orders\r");
    dashboard.until_shows(&["namespace: orders", "namespace orders", "2 running"]);
    dashboard.until_shows(&["in-orders-2  +1", "in default · "]);
    dashboard.until_hides("recent─");

    // A click on the namespace lists all of them.
    dashboard.click_until_shows("namespace orders", &["Commands", "the shown namespace"]);
    dashboard.press("\r");
    dashboard.until_shows(&["namespace: default", "1 running"]);

    // The page of a workflow of another namespace.
    rig.cli(&["workflow", "terminate", "-w", "in-default"]).exits(0);
    dashboard.until_shows(&["0 running", "terminated"]);
    dashboard.press(":namespace orders\r");
    dashboard.until_shows(&["namespace: orders", "2 running"]);
    dashboard.press("/id:in-orders-2\r");
    dashboard.until_hides("in-default");
    dashboard.press("G\r");
    dashboard.until_shows(&["in-orders-2", "NO WORKER", "namespace orders", "queue billing"]);
    dashboard.press(ESC);
    dashboard.until_shows(&["namespace: orders"]);
}
