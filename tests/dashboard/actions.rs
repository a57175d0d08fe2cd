//! Actions on workflows by keys and by the mouse.

use crate::support::python::worker;
use crate::support::rig::Rig;
use crate::support::server;
use crate::support::wait_until;
use crate::terminal::{Dashboard, ESC, TAB};
use rustix::process::Signal;

fn start(rig: &Rig, workflow_type: &str, id: &str, input: &[&str]) {
    let words = ["workflow", "start", "--type", workflow_type, "--task-queue", "orders"];
    rig.cli(&[&words[..], &["--workflow-id", id], input].concat()).exits(0);
}

/// Waits until the description of a workflow has one of these words.
#[track_caller]
fn wait_for(rig: &Rig, id: &str, words: &[&str]) {
    wait_until(&format!("{words:?} {id}"), || {
        let words_of = ["workflow", "describe", "--output", "json", "--workflow-id", id];
        let described = rig.cli(&words_of);
        words.iter().any(|word| described.stdout.contains(word) || described.stderr.contains(word))
    });
}

/// Runs a copied command in a shell.
#[track_caller]
fn run_in_shell(rig: &Rig, line: &str) {
    let folder = server::program().parent().unwrap().display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = rig.command("/bin/sh");
    command.env("PATH", format!("{folder}:{path}")).args(["-c", line]);
    rig.finish(command).exits(0);
}

#[test]
fn keys_act_on_the_selected_workflow() {
    let rig = Rig::new();
    let dashboard = Dashboard::ready(&rig);
    let worker = worker(&rig, "default", "orders", "one");
    start(&rig, "Approval", "approval-9", &[]);
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
    wait_for(&rig, "approval-9", &["STATUS_CANCELED"]);
    worker.process().signal(Signal::INT);
    worker.finish();
}

#[test]
fn mouse_sends_a_signal_and_deletes_and_keys_send_queries_and_updates() {
    let rig = Rig::new();
    let dashboard = Dashboard::ready(&rig);
    let worker = worker(&rig, "default", "orders", "one");
    start(&rig, "Basket", "basket-1", &[]);
    dashboard.press("2");
    dashboard.until_shows(&["running    Basket", "basket-1"]);
    dashboard.click("basket-1");
    dashboard.until_shows(&["▸● running"]);

    dashboard.click("a actions");
    dashboard.click("send a signal …");
    dashboard.until_shows(&["Signal basket-1", "--name NAME"]);
    dashboard.press("add");
    dashboard.click("JSON  ");
    dashboard.press("\"pear\"");
    dashboard.until_shows(&["--name add --input", "'\"pear\"'"]);
    dashboard.click("Enter send");
    dashboard.until_shows(&["sent the signal to basket-1"]);

    dashboard.press(&format!("aqitems_of{TAB}\"p\"\r"));
    dashboard.until_shows(&["basket-1 › query items_of", "\"pear\""]);
    dashboard.press(ESC);
    dashboard.until_hides("query items_of");
    dashboard.press(&format!("auclose{TAB}\"\"\r"));
    dashboard.until_shows(&["basket-1 › update close", "nobody cannot close a basket"]);
    dashboard.press(ESC);
    dashboard.until_hides("update close");
    dashboard.press(&format!("auclose{TAB}\"me\"\r"));
    dashboard.until_shows(&["basket-1 › update close", "closed by me"]);
    dashboard.press(ESC);
    dashboard.until_shows(&["▸✓ completed"]);

    dashboard.press("ac");
    dashboard.until_shows(&["the workflow has ended"]);
    dashboard.click("delete …");
    dashboard.until_shows(&["Delete basket-1?"]);
    dashboard.click("delete the workflow");
    dashboard.until_shows(&["deleted basket-1"]);
    wait_for(&rig, "basket-1", &["not found"]);
    worker.process().signal(Signal::INT);
    worker.finish();
}

#[test]
fn marked_rows_and_all_rows_of_a_filter_are_acted_on_together() {
    let rig = Rig::new();
    let dashboard = Dashboard::ready(&rig);
    let worker = worker(&rig, "default", "orders", "one");
    for id in ["a-1", "a-2", "b-1", "b-2", "c-1", "c-2"] {
        start(&rig, "Approval", id, &[]);
    }
    dashboard.press("2");
    dashboard.until_shows(&["a-1", "a-2", "b-1", "b-2", "c-1", "c-2"]);
    for id in ["a-1", "a-2"] {
        dashboard.click(id);
        dashboard.press(" ");
    }
    dashboard.until_shows(&["2 rows marked"]);
    dashboard.press("at");
    dashboard.until_shows(&["Type 2 to terminate them", "RunId IN"]);
    dashboard.press("\r");
    dashboard.until_shows(&["type the number of workflows"]);
    dashboard.press("2\r");
    dashboard.until_shows(&["terminated 2 workflows"]);
    for id in ["a-1", "a-2"] {
        wait_for(&rig, id, &["STATUS_TERMINATED"]);
    }

    dashboard.press("/id:b-\rAc");
    dashboard.until_shows(&["Type 2 to cancel them"]);
    dashboard.press("2\r");
    dashboard.until_shows(&["requested the cancellation of 2 workflows"]);
    for id in ["b-1", "b-2"] {
        wait_for(&rig, id, &["STATUS_CANCELED"]);
    }

    // One of them ends while the question is open.
    dashboard.press(ESC);
    dashboard.until_shows(&["c-1"]);
    dashboard.press("/id:c-\rAt");
    dashboard.until_shows(&["Type 2 to terminate them", "c-1", "c-2"]);
    rig.cli(&["workflow", "terminate", "--workflow-id", "c-1"]).exits(0);
    dashboard.press("2\r");
    dashboard.until_shows(&["terminated 1 of 2 workflows", "1 refused, c-1: NotFound"]);
    wait_for(&rig, "c-2", &["STATUS_TERMINATED"]);
    worker.process().signal(Signal::INT);
    worker.finish();
}

#[test]
fn page_retries_an_activity_and_copied_command_resets() {
    let rig = Rig::new();
    let dashboard = Dashboard::ready(&rig);
    let worker = worker(&rig, "default", "orders", "one");
    start(&rig, "Later", "later-1", &[]);
    dashboard.press("2");
    dashboard.until_shows(&["later-1"]);
    dashboard.click("later-1");
    dashboard.press("\r");
    dashboard.until_shows(&["› later-1", "attempt 2"]);
    dashboard.press("a");
    dashboard.until_shows(&["start the next attempt of second_try now"]);
    dashboard.click("start the next attempt");
    dashboard.until_shows(&["later-1: next attempt started"]);
    dashboard.until_shows(&["COMPLETED", "attempt 2"]);

    // The form names the events from which a reset can continue.
    dashboard.press("ae");
    dashboard.until_shows(&["(last good)", "--event-id EVENT_ID"]);
    dashboard.press("4");
    dashboard.until_shows(&["--event-id 4"]);
    dashboard.press("\x19");
    let command = dashboard.until_copied();
    assert!(command.contains(" workflow reset ") && command.contains("--event-id 4"), "{command}");
    run_in_shell(&rig, &command);
    dashboard.press("\r");
    dashboard.until_shows(&["Reset later-1?"]);
    dashboard.press("y");
    dashboard.until_shows(&["reset later-1: the new run is"]);
    wait_until("three runs of later-1", || {
        let list = rig.cli(&["workflow", "list", "--query", "WorkflowId='later-1'"]).exits(0);
        list.stdout.matches("later-1").count() == 3
    });
    worker.process().signal(Signal::INT);
    worker.finish();
}

#[test]
fn slow_query_is_shown_until_it_ends_or_esc() {
    let rig = Rig::new();
    let mut dashboard = Dashboard::ready(&rig);
    start(&rig, "Nobody", "nobody-1", &[]);
    dashboard.press("2");
    dashboard.until_shows(&["nobody-1"]);
    dashboard.press("/id:nobody\r");
    dashboard.press("G");
    dashboard.until_shows(&["▸"]);
    // Longer than a message is shown. On a busy machine, the query may end before the dashboard has drawn this
    // or has read the key, and the query is then repeated.
    let waits = |text: &str| {
        let wait = text.split_once("query items of nobody-1: ").map(|(_, rest)| rest);
        let seconds = wait.and_then(|wait| wait.split_once(" s so far")?.0.parse::<u32>().ok());
        seconds >= Some(5) && text.contains("Esc stop waiting")
    };
    let shows_before_the_end = |what: &str, wanted: &dyn Fn(&str) -> bool| {
        let is_over = |text: &str| text.contains("no worker responded");
        let text = dashboard.until(what, |screen| {
            let text = screen.contents();
            is_over(&text) || wanted(&text)
        });
        !is_over(&text)
    };
    let is_stopped = |_| {
        dashboard.press("aqitems\r");
        let is_stopped = shows_before_the_end("a wait of 5 s", &waits) && {
            dashboard.press(ESC);
            shows_before_the_end("the end of the wait", &|text| {
                text.contains("no longer waiting for nobody-1 › query items")
            })
        };
        if !is_stopped {
            dashboard.press(ESC);
            dashboard.until_hides("no worker responded");
        }
        is_stopped
    };
    assert!((0..3).any(is_stopped), "the query ended before its wait");
    dashboard.press("aqitems\r");
    dashboard.until_shows(&["no worker responded"]);

    // The message after the end names an action without a result.
    dashboard.press(ESC);
    dashboard.until_hides("no worker responded");
    dashboard.press("a");
    dashboard.until_shows(&["send an update"]);
    dashboard.press(&format!("unudge{TAB}\r"));
    dashboard.until_shows(&["update nudge of nobody-1"]);
    dashboard.press("q");
    dashboard.until_shows(&["keep the server running in the background"]);
    dashboard.press("b");
    dashboard.exits(0);
    dashboard.until_shows(&["in progress and maybe incomplete: update nudge of nobody-1"]);
}
