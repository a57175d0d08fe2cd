//! Workflows that the lists do not have: queries of Temporal, look-ups by ID, and histories.

use crate::support::rig::Rig;
use crate::terminal::{Dashboard, ESC, TAB};

/// Starts a workflow that no worker runs, and terminates it. Returns its run ID.
fn ended(rig: &Rig, workflow_type: &str, id: &str) -> String {
    let start = ["workflow", "start", "--type", workflow_type, "--task-queue", "nobody"];
    let ran = rig.cli(&[&start[..], &["--workflow-id", id, "--output", "json"]].concat()).exits(0);
    rig.cli(&["workflow", "terminate", "-w", id, "--reason", "the test"]).exits(0);
    let started: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    started["runId"].as_str().unwrap().to_owned()
}

#[test]
fn server_runs_the_query_of_the_prompt_or_gives_the_reason() {
    let rig = Rig::new();
    let dashboard = Dashboard::ready(&rig);
    ended(&rig, "Refund", "refund-1");
    ended(&rig, "Checkout", "checkout-1");
    dashboard.press("2");
    dashboard.until_shows(&["refund-1", "checkout-1", "status: all"]);
    dashboard.press("/");
    dashboard.until_shows(&["Tab query"]);
    dashboard.press(TAB);
    dashboard.until_shows(&["query: ▏", "Tab filter"]);
    dashboard.press("WorkflowTypo = 'Refund'\r");
    dashboard.until_shows(&[
        "query: WorkflowTypo = 'Refund'▏ refused",
        "the server does not run the query: invalid search attribute: WorkflowTypo",
    ]);
    dashboard.press("\x15WorkflowType = 'Refund\r");
    dashboard.until_hides("invalid search attribute");
    dashboard.until_shows(&["query: WorkflowType = 'Refund▏", "syntax error"]);
    dashboard.press("'\r");
    dashboard.until_shows(&["query: WorkflowType = 'Refund'", "1 found", "refund-1"]);
    dashboard.until_hides("checkout-1");
    ended(&rig, "Refund", "refund-2");
    dashboard.until_shows(&["2 found", "refund-2"]);
    dashboard.press(ESC);
    dashboard.until_shows(&["status: all", "checkout-1", "refund-2"]);
}

#[test]
fn workflow_opens_by_its_id_or_run_id() {
    let rig = Rig::new();
    let dashboard = Dashboard::ready(&rig);
    let run = ended(&rig, "Refund", "refund-1");
    // From a tab without a list of workflows.
    dashboard.press("5");
    dashboard.press(":refund-1\r");
    dashboard.until_shows(&["Refund › refund-1", "TERMINATED", "the test"]);
    dashboard.press(ESC);
    dashboard.until_hides("Refund › refund-1");
    dashboard.press(&format!(":{run}\r"));
    dashboard.until_shows(&["Refund › refund-1", "TERMINATED"]);
    dashboard.press(ESC);
    dashboard.until_hides("Refund › refund-1");
    dashboard.press(":refund-9\r");
    dashboard.until_shows(&["no workflow refund-9 in namespace default"]);
    dashboard.press("2/refund-9\r");
    dashboard.until_shows(&["no workflow refund-9 in namespace default", "filter: refund-9"]);
    dashboard.press(&format!("/\x15{run}\r"));
    dashboard.until_shows(&["Refund › refund-1", "TERMINATED"]);
}

#[test]
fn history_of_a_page_opens_in_the_pager_as_json() {
    let rig = Rig::new();
    let pager = r#"export PAGER="sh -c 'echo this is \$0; grep -m1 -o eventType \$0; read key'""#;
    let dashboard = Dashboard::open_after(&rig, pager);
    dashboard.until_shows(&["READY", "0 running"]);
    let run = ended(&rig, "Refund", "refund-1");
    dashboard.press(":refund-1\r");
    dashboard.until_shows(&["TERMINATED", "e history as JSON"]);
    dashboard.press("e");
    dashboard.until_shows(&["this is ", &format!("refund-1-{run}.json"), "eventType"]);
    dashboard.assert_restored();
    dashboard.press("\n");
    dashboard.until_shows(&["Refund › refund-1", "TERMINATED"]);
    let logs = std::fs::read_dir(rig.path("logs")).unwrap();
    let left = logs.map(|it| it.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| name.starts_with("history")).collect();
    assert_eq!(left, Vec::<String>::new());

    rig.cli(&["workflow", "delete", "-w", "refund-1", "--yes"]).exits(0);
    crate::support::wait_until("the workflow is deleted", || {
        rig.cli(&["workflow", "describe", "-w", "refund-1"]).code != Some(0)
    });
    dashboard.press("e");
    dashboard.until_shows(&["cannot read the history of refund-1: "]);
}
