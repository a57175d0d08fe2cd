//! The command that runs before a start, while the old worker still runs.

use crate::support::process::Process;
use crate::support::rig::{Rig, Running};
use crate::support::shop::{Shop, python_worker};
use crate::support::wait_until;
use rustix::process::Signal;
use serde_json::Value;
use std::fs;

/// A `before` that adds its pid to the file `runs`, does not end while the file `slow` exists, and fails if the
/// file `broken` exists.
const BEFORE: &str = r#"["sh", "-c", "echo $$ >> runs; while test -e slow; do sleep 0.02; done; if test -e broken; then echo no such module; exit 1; fi"]"#;

/// The project file with a worker that polls this queue.
fn text(queue: &str) -> String {
    let run = python_worker(&[queue]);
    format!("[worker.orders]\nrun = {run}\nbefore = {BEFORE}\nwatch = [\"*.txt\"]\n")
}

/// A project whose worker runs.
fn started(rig: &Rig) -> Shop<'_> {
    let shop = Shop::new(rig, "shop", &text("orders"));
    shop.run(&[]).exits(0);
    assert_eq!(runs(&shop), 1);
    shop
}

fn runs(shop: &Shop<'_>) -> usize {
    fs::read_to_string(shop.folder.join("runs")).unwrap_or_default().lines().count()
}

/// The process of the last run.
fn last_run(shop: &Shop<'_>) -> Option<Process> {
    let pids = fs::read_to_string(shop.folder.join("runs")).unwrap();
    Process::pin(pids.lines().next_back().unwrap().parse().unwrap())
}

fn create(shop: &Shop<'_>, name: &str) {
    fs::write(shop.folder.join(name), "").unwrap();
}

fn delete(shop: &Shop<'_>, name: &str) {
    fs::remove_file(shop.folder.join(name)).unwrap();
}

/// Begins a restart whose `before` does not end. The old worker still runs.
fn restarting(shop: &Shop<'_>) -> (Running, Process) {
    preparing(shop, &["restart", "orders"])
}

/// Begins a restart of the worker with this command, as in [`restarting`].
fn preparing(shop: &Shop<'_>, command: &[&str]) -> (Running, Process) {
    create(shop, "slow");
    let restart = Running::spawn(shop.rig.local(command));
    wait_until("`before` has begun", || runs(shop) == 2);
    let orders = shop.wait_for("orders", "`before`", |it| it["message"] == "running `before`");
    assert_eq!((&orders["state"], &orders["generation"]), (&"ready".into(), &1.into()));
    (restart, last_run(shop).unwrap())
}

#[test]
fn failing_before_keeps_the_running_worker_at_a_restart_and_after_a_change_of_the_project_file() {
    let rig = Rig::new();
    let shop = started(&rig);
    let pid = shop.process("orders").pid;
    let failure = ["`before` of worker `orders` failed with exit 1", "so the running worker stays"];
    create(&shop, "broken");
    for name in ["orders", "all"] {
        let restart = rig.run(&["restart", name]).exits(1).complains(&failure);
        restart.complains(&["no such module", "stigmer local logs orders"]);
    }
    assert_eq!((shop.process("orders").pid, runs(&shop)), (pid, 3));

    shop.write(&text("parcels"));
    let orders = shop.wait_for("orders", "the failed change", |_| runs(&shop) == 4);
    assert_eq!((&orders["pid"], &orders["generation"]), (&pid.into(), &1.into()));
    let message = orders["message"].as_str().unwrap();
    assert!(failure.iter().all(|it| message.contains(it)), "{message}");

    delete(&shop, "broken");
    rig.run(&["restart", "orders"]).exits(0);
    let orders = shop.wait_ready("orders", 2);
    assert_eq!((&orders["message"], &orders["task_queues"][0]), (&"".into(), &"parcels".into()));
    assert_eq!(runs(&shop), 5, "once for the restart");
    rig.stop();
}

#[test]
fn stop_ends_before_of_a_restart() {
    let rig = Rig::new();
    let shop = started(&rig);
    let (restart, before) = restarting(&shop);
    rig.run(&["stop", "orders"]).exits(0);
    restart.finish().exits(1).complains(&["another command stopped it"]);
    assert!(!before.is_alive());
    delete(&shop, "slow");
    rig.run(&["start", "orders"]).exits(0);
    assert_eq!(runs(&shop), 3, "once more for the start");
    rig.stop();
}

#[test]
fn second_restart_begins_before_again_and_both_restarts_are_one() {
    let rig = Rig::new();
    let shop = started(&rig);
    let (first, before) = restarting(&shop);
    let second = Running::spawn(rig.local(&["restart", "orders"]));
    wait_until("`before` begins again", || runs(&shop) == 3);
    assert!(!before.is_alive());
    delete(&shop, "slow");
    first.finish().exits(0);
    second.finish().exits(0);
    shop.wait_ready("orders", 2);
    assert_eq!((runs(&shop), shop.ends("orders").len()), (3, 1));
    rig.stop();
}

#[test]
fn change_during_before_of_a_restart_runs_before_once_more() {
    let rig = Rig::new();
    let shop = started(&rig);
    let (restart, _) = restarting(&shop);
    shop.put("a.txt", "");
    wait_until("the change is noticed", || rig.own_log().contains("watched files changed"));
    delete(&shop, "slow");
    restart.finish().exits(0);
    shop.wait_ready("orders", 2);
    assert_eq!(runs(&shop), 3);
    let ends = shop.ends("orders");
    assert!(matches!(&ends[..], [(1, cause, _)] if cause == "operator"), "{ends:?}");
    rig.stop();
}

#[test]
fn change_of_the_project_file_during_before_runs_the_new_before() {
    let rig = Rig::new();
    let shop = started(&rig);
    let (restart, before) = restarting(&shop);
    shop.write(&text("parcels").replace(BEFORE, "\"true\""));
    restart.finish().exits(0);
    let orders = shop.wait_ready("orders", 2);
    assert_eq!((&orders["task_queues"][0], runs(&shop)), (&"parcels".into(), 2));
    assert!(!before.is_alive());
    rig.stop();
}

#[test]
fn crash_during_before_of_a_restart_starts_the_worker_at_once() {
    let rig = Rig::new();
    let shop = started(&rig);
    let (restart, before) = restarting(&shop);
    shop.process("orders").signal(Signal::KILL);
    wait_until("`before` of the next start", || runs(&shop) == 3);
    assert!(!before.is_alive());
    delete(&shop, "slow");
    restart.finish().exits(0);
    assert_eq!(shop.wait_ready("orders", 2)["restarts"]["total"], 1);
    rig.stop();
}

/// Waits until the next host has begun the restart again. The old worker still runs.
fn continued(shop: &Shop<'_>, pid: i32, before: &Process) {
    wait_until("`before` of the next host", || runs(shop) == 3);
    assert!(!before.is_alive());
    assert_eq!(shop.process("orders").pid, pid);
}

#[test]
fn restart_continues_with_the_next_host_if_the_host_is_killed_during_before() {
    let rig = Rig::new();
    let shop = started(&rig);
    let (restart, before) = restarting(&shop);
    let pid = shop.process("orders").pid;
    rig.kill_host();
    continued(&shop, pid, &before);
    delete(&shop, "slow");
    restart.finish().exits(0);
    shop.wait_ready("orders", 2);
    rig.stop();
}

/// Hands over while `before` of a restart runs, which this command has begun.
#[track_caller]
fn hand_over_during_before_of(command: &[&str]) {
    let rig = Rig::new();
    let shop = Shop::new(&rig, "shop", &text("orders"));
    let mut headless = rig.local(&["--no-tui"]);
    headless.current_dir(&shop.folder);
    let host = Running::spawn(headless);
    shop.wait_ready("orders", 1);
    let (restart, before) = preparing(&shop, command);
    let pid = shop.process("orders").pid;
    host.process().signal(Signal::HUP);
    host.finish().exits(0);
    continued(&shop, pid, &before);
    delete(&shop, "slow");
    restart.finish().exits(0);
    shop.wait_ready("orders", 2);
    rig.stop();
}

#[test]
fn restart_continues_with_the_next_host_after_a_hand_over_during_before() {
    for name in ["orders", "all"] {
        hand_over_during_before_of(&["restart", name]);
    }
}

#[test]
fn command_that_starts_the_project_waits_for_the_next_host_after_a_hand_over() {
    let rig = Rig::new();
    let shop = Shop::new(&rig, "shop", &text("orders"));
    let spawn = |arguments: &[&str]| {
        let mut command = rig.local(arguments);
        command.current_dir(&shop.folder);
        Running::spawn(command)
    };
    create(&shop, "slow");
    let host = spawn(&["--no-tui"]);
    wait_until("`before` has begun", || runs(&shop) == 1);
    let start = spawn(&[]);
    start.wait_for("address");
    host.process().signal(Signal::HUP);
    host.finish().exits(0);
    wait_until("`before` of the next host", || runs(&shop) == 2);
    delete(&shop, "slow");
    start.finish().exits(0);
    assert_eq!(shop.wait_for("orders", "its state", |_| true)["state"], "ready");
    rig.stop();
}

#[test]
fn before_that_writes_a_watched_file_is_reported_and_the_restart_ends() {
    let rig = Rig::new();
    let run = python_worker(&["orders"]);
    let before = r#"["sh", "-c", "echo $$ | tee -a runs > built.txt"]"#;
    let text = format!("[worker.orders]\nrun = {run}\nbefore = {before}\n");
    let shop = Shop::new(&rig, "shop", &text);
    shop.run(&[]).exits(0);
    let text = format!("{text}watch = [\"*.txt\"]\n");
    shop.write(&text);
    let later =
        |it: &Value, than: u64| it["state"] == "ready" && it["generation"].as_u64() > Some(than);
    shop.wait_for("orders", "the restart with the watched files", |it| later(it, 1));
    // On a busy machine, a run of `before` may write the file before it is watched, or the notification may be
    // late and cause one more restart.
    let mut generation = 0;
    wait_until("the report", || {
        rig.run(&["restart", "orders"]).exits(0);
        let orders = shop.wait_state("orders", "ready");
        generation = orders["generation"].as_u64().unwrap();
        let message = orders["message"].as_str().unwrap();
        message.contains("during each run of `before` (built.txt)")
    });

    shop.write(&text.replace("*.txt", "*.py"));
    shop.wait_for("orders", "a restart without the report", |it| {
        later(it, generation) && it["message"] == ""
    });
    rig.stop();
}

#[test]
fn output_of_a_before_that_fails_at_a_start_is_shown() {
    let rig = Rig::new();
    let shop = Shop::new(&rig, "shop", &text("orders"));
    create(&shop, "broken");
    let reason = "`before` of worker `orders` failed with exit 1";
    shop.run(&[]).exits(1).complains(&[reason, "no such module"]);
    let orders = shop.wait_state("orders", "failed");
    assert_eq!(orders["last_words"], serde_json::json!(["no such module"]));
    let events = rig.run(&["events"]).exits(0).stdout;
    assert!(events.contains(reason) && events.contains("| no such module"), "{events}");
    let problems = rig.run(&["problems"]).exits(4).stdout;
    assert!(problems.contains("no such module") && problems.contains(reason), "{problems}");
    rig.stop();
}
