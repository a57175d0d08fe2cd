//! Restarts after a change of a watched file, and the command that runs before a start.

use crate::support::rig::{Rig, Running};
use crate::support::sdk::Sdk;
use crate::support::shop::{Shop, python_worker};
use crate::support::wait_until;
use rustix::process::Signal;
use serde_json::Value;
use std::fs;

/// Waits until a worker is ready again with this number of changes so far. Returns the description of the
/// last change.
fn wait_reloaded(shop: &Shop<'_>, name: &str, changes: u64) -> String {
    let worker = shop.wait_ready(name, changes + 1);
    assert_eq!(worker["restarts"]["total"], 0, "a change is no automatic restart: {worker}");
    let (generation, cause, detail) = shop.ends(name).pop().unwrap();
    assert_eq!((generation, cause.as_str()), (changes, "changed"), "{detail}");
    detail
}

#[test]
fn changes_of_watched_files_restart_the_worker_once_with_its_new_code() {
    let rig = Rig::new();
    let watch = |sdk: Sdk| format!("watch = [\"{}\", \"src/**\"]", sdk.source());
    let shop = Shop::of(&rig, Sdk::all(), "graceful", watch);
    let write = |name: &str| fs::write(shop.folder.join(name), "x").unwrap();
    fs::create_dir(shop.folder.join("src")).unwrap();
    fs::write(shop.folder.join(".gitignore"), "*.log\n").unwrap();
    shop.run(&[]).exits(0);
    let (host, server) = (rig.host(), rig.temporal().pid);
    for sdk in Sdk::all() {
        let code = fs::read_to_string(shop.folder.join(sdk.source())).unwrap();
        shop.put(sdk.source(), &format!("{}\n{code}", sdk.print("new code")));
    }
    for sdk in Sdk::all() {
        assert_eq!(wait_reloaded(&shop, sdk.name(), 1), sdk.source());
        assert!(shop.log(sdk.name()).contains("new code"));
    }
    // Each worker sees ten changes at once, however slowly the test makes them: the host reads the
    // notifications of all ten at once.
    host.signal(Signal::STOP);
    wait_until("the host to be stopped", || host.is_stopped());
    (0..10).for_each(|number| shop.put(&format!("src/{number}.txt"), "x"));
    host.signal(Signal::CONT);
    for sdk in Sdk::all() {
        assert_eq!(wait_reloaded(&shop, sdk.name(), 2), "src/0.txt and 9 more");
    }
    for name in ["README", "src/a.log", "src/a.txt~", "src/4913"] {
        write(name);
    }
    shop.put("src/b.txt", "x");
    for sdk in Sdk::all() {
        assert_eq!(wait_reloaded(&shop, sdk.name(), 3), "src/b.txt");
    }
    assert_eq!(rig.temporal().pid, server);
    rig.stop();
}

#[test]
fn changed_run_with_a_mistake_keeps_the_running_worker_and_says_why() {
    let rig = Rig::new();
    let text = |run: &str| format!("[worker.orders]\nrun = {run}");
    let shop = Shop::new(&rig, "shop", &text(&python_worker(&["orders"])));
    shop.run(&[]).exits(0);
    let pid = shop.process("orders").pid;
    shop.put("stigmer.toml", &text("\"no-such-program\""));
    let kept = "there is no program `no-such-program` on PATH, so the running worker stays";
    let is_outdated =
        |it: &Value| it["outdated"]["reason"].as_str().is_some_and(|it| it.contains(kept));
    shop.wait_for("orders", "the mistake", is_outdated);
    shop.run(&[]).exits(1).complains(&[kept]);
    assert_eq!(shop.process("orders").pid, pid);

    shop.put("stigmer.toml", &text(&python_worker(&["parcels"])));
    let orders = shop.wait_ready("orders", 2);
    assert_eq!((&orders["outdated"], &orders["task_queues"][0]), (&Value::Null, &"parcels".into()));
    rig.stop();
}

#[test]
fn failing_before_keeps_the_running_worker_and_says_why() {
    let rig = Rig::new();
    let run = python_worker(&["orders"]);
    let before = r#"["sh", "-c", "echo built; echo x >> built; test ! -e broken"]"#;
    let text = format!("[worker.orders]\nrun = {run}\nbefore = {before}\nwatch = [\"*.txt\"]\n");
    let shop = Shop::new(&rig, "shop", &text);
    let path = |name: &str| shop.folder.join(name);
    let builds = || fs::read_to_string(path("built")).unwrap_or_default().lines().count();
    shop.run(&[]).exits(0);
    assert_eq!(builds(), 1);
    assert!(shop.log("orders").starts_with("built\n"), "{}", shop.log("orders"));
    let pid = shop.process("orders").pid;

    fs::write(path("broken"), "").unwrap();
    shop.put("a.txt", "");
    let orders = shop.wait_for("orders", "the failed build", |worker| {
        worker["message"].as_str().is_some_and(|it| it.contains("failed with exit 1"))
    });
    let message = orders["message"].as_str().unwrap();
    assert!(message.contains("so the running worker stays"), "{message}");
    assert!(message.contains("stigmer local logs orders"), "{message}");
    assert_eq!((orders["pid"].as_i64(), builds()), (Some(pid.into()), 2));

    fs::remove_file(path("broken")).unwrap();
    shop.put("b.txt", "");
    let orders = shop.wait_ready("orders", 2);
    assert_eq!((&orders["message"], builds()), (&"".into(), 3), "built once for the reload");
    rig.stop();
}

#[test]
fn before_that_fails_at_the_first_start_is_repaired_by_a_change() {
    let rig = Rig::new();
    let run = python_worker(&["orders"]);
    let text = |before: &str, more: &str| {
        format!("[worker.orders]\nrun = {run}\nbefore = {before}\nwatch = [\"*.txt\"]\n{more}\n")
    };
    let shop = Shop::new(&rig, "shop", &text("[\"test\", \"-e\", \"a.txt\"]", ""));
    shop.run(&[]).exits(1).complains(&["`before` of worker `orders` failed with exit 1", "logs"]);
    shop.wait_state("orders", "failed");
    shop.put("a.txt", "");
    shop.wait_state("orders", "ready");
    rig.stop();

    shop.write(&text("[\"sleep\", \"1000\"]", "start-timeout = \"200ms\""));
    shop.run(&[]).exits(1).complains(&["`before`", "has not ended within 200ms", "start-timeout"]);
    rig.stop();
    shop.write(&text("\"no-such-program\"", ""));
    shop.run(&[]).exits(1).complains(&["no program `no-such-program` on PATH", "into `before`"]);
    rig.stop();
}

#[test]
fn crash_while_before_runs_restarts_the_worker_at_once() {
    let rig = Rig::new();
    let run = python_worker(&["orders"]);
    let before = r#"["sh", "-c", "test ! -e slow || { touch begun; sleep 1000; }"]"#;
    let text = format!("[worker.orders]\nrun = {run}\nbefore = {before}\nwatch = [\"*.txt\"]\n");
    let shop = Shop::new(&rig, "shop", &text);
    shop.run(&[]).exits(0);
    fs::write(shop.folder.join("slow"), "").unwrap();
    shop.put("a.txt", "");
    wait_until("before has begun", || shop.folder.join("begun").exists());
    fs::remove_file(shop.folder.join("slow")).unwrap();
    shop.process("orders").signal(Signal::KILL);
    let orders = shop.wait_ready("orders", 2);
    assert_eq!(orders["restarts"]["total"], 1, "{orders}");
    assert_eq!(orders["restarts"]["last"]["cause"], "crash", "{orders}");
    rig.stop();
}

#[test]
fn stop_ends_before_with_all_its_processes() {
    let rig = Rig::new();
    let run = python_worker(&["orders"]);
    let before = r#"["sh", "-c", "sleep 1000 & touch begun; wait"]"#;
    let text = format!("[worker.orders]\nrun = {run}\nbefore = {before}\n");
    let shop = Shop::new(&rig, "shop", &text);
    let mut start = rig.local(&[]);
    start.current_dir(&shop.folder);
    let start = Running::spawn(start);
    wait_until("before has begun", || shop.folder.join("begun").exists());
    let orders = shop.wait_state("orders", "starting");
    assert_eq!(orders["message"], "running `before`");
    rig.stop();
    start.finish().exits(1);
}

#[test]
fn change_without_a_host_restarts_the_worker_when_the_next_host_adopts_it() {
    let rig = Rig::new();
    let run = python_worker(&["orders"]);
    let text = format!("[worker.orders]\nrun = {run}\nwatch = [\"*.txt\"]\n");
    let shop = Shop::new(&rig, "shop", &text);
    fs::write(shop.folder.join("a.txt"), "").unwrap();
    shop.run(&[]).exits(0);
    rig.kill_host();
    fs::write(shop.folder.join("a.txt"), "x").unwrap();
    rig.start();
    assert_eq!(wait_reloaded(&shop, "orders", 1), "a.txt");

    // No file has changed since the start of the second generation.
    rig.kill_host();
    rig.start();
    let adopted = shop.wait_ready("orders", 2);
    assert_eq!(adopted["adopted"], true);
    shop.put("b.txt", "x");
    assert_eq!(wait_reloaded(&shop, "orders", 2), "b.txt");
    rig.stop();
}

#[test]
fn before_of_a_killed_host_is_ended_by_a_stop_and_by_the_next_host() {
    let rig = Rig::new();
    let run = python_worker(&["orders"]);
    let before = r#"["sh", "-c", "test -e fast || exec sleep 1000"]"#;
    let text =
        format!("[worker.orders]\nrun = {run}\nbefore = {before}\nstart-timeout = \"10m\"\n");
    let shop = Shop::new(&rig, "shop", &text);
    let build = || rig.processes().into_iter().find(|it| it.describe().contains("sleep 1000"));
    let kill_host_during_build = || {
        let mut command = rig.local(&[]);
        command.current_dir(&shop.folder);
        let start = Running::spawn(command);
        wait_until("the build runs", || build().is_some());
        // The command would start the next host.
        drop(start);
        rig.kill_host();
        build().unwrap()
    };
    assert!(kill_host_during_build().is_alive());
    rig.stop();

    let old = kill_host_during_build();
    fs::write(shop.folder.join("fast"), "").unwrap();
    shop.run(&[]).exits(0);
    assert!(!old.is_alive());
    assert!(!rig.path("workers/orders/before").exists());
    rig.stop();
}
