//! Actions on workflows by keys.

use crate::support::python::worker;
use crate::support::rig::Rig;
use crate::support::wait_until;
use crate::terminal::{Dashboard, ESC};
use rustix::process::Signal;

#[test]
fn keys_act_on_the_selected_workflow() {
    let rig = Rig::new();
    let dashboard = Dashboard::ready(&rig);
    let worker = worker(&rig, "default", "orders", "one");
    let start = ["workflow", "start", "--type", "Approval", "--task-queue", "orders"];
    rig.cli(&[&start[..], &["--workflow-id", "approval-9"]].concat()).exits(0);
    dashboard.press("2");
    dashboard.until_shows(&["status: all", "running    Approval    approval-9"]);
    dashboard.press("j");
    dashboard.until_shows(&["▸● running"]);

    dashboard.press("ak");
    dashboard.until_shows(&["approval-9 › stack trace", "workflow: Approval"]);
    dashboard.press(ESC);
    dashboard.until_hides("stack trace");
    dashboard.press("aqnothing\r");
    dashboard.until_shows(&["approval-9 › query nothing", "__stack_trace"]);
    dashboard.press(ESC);
    dashboard.until_hides("query nothing");
    dashboard.press("ah");
    dashboard.until_shows(&["saved the history of approval-9"]);
    let is_history = |name: String| name.starts_with("approval-9-") && name.ends_with(".json");
    let saved = std::fs::read_dir(rig.folder()).unwrap().map(|it| it.unwrap().file_name());
    assert!(saved.into_iter().any(|name| is_history(name.to_string_lossy().into_owned())));

    dashboard.press("at");
    dashboard.until_shows(&["Terminate approval-9?", "temporal workflow terminate"]);
    dashboard.press("\r");
    dashboard.until_shows(&["only y confirms"]);
    dashboard.press(ESC);
    dashboard.until_hides("Terminate approval-9?");
    dashboard.press("c");
    dashboard.until_shows(&["requested the cancellation of approval-9"]);
    dashboard.until_shows(&["canceled"]);
    wait_until("approval-9 is canceled", || {
        let described = rig.cli(&["workflow", "describe", "--workflow-id", "approval-9"]);
        described.stdout.contains("CANCELED") || described.stdout.contains("Canceled")
    });
    worker.process().signal(Signal::INT);
    worker.finish();
}
