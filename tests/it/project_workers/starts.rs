//! Starts: the order, failures, and the commands for single workers.

use crate::support::process::Process;
use crate::support::rig::{Rig, Running};
use crate::support::shop::{Shop, python_worker, worker};
use crate::support::socket;
use serde_json::Value;

#[test]
fn worker_starts_when_the_server_is_ready_and_stops_before_it() {
    let rig = Rig::new();
    let text = format!(
        "[worker.orders]\nrun = {}\ntask-queues = [\"orders\"]\nenv = {{ MODE = \"x\" }}",
        python_worker(&["orders"])
    );
    let shop = Shop::new(&rig, "shop", &text);
    let ran = shop.run(&[]).exits(0);
    assert!(ran.stdout.contains("orders: ready, polls orders (pid "), "{}", ran.stdout);
    let status = rig.status();
    let orders = worker(&status, "orders").unwrap();
    assert_eq!((&orders["state"], &orders["intent"]), (&"ready".into(), &"up".into()), "{orders}");
    assert_eq!(orders["task_queues"], Value::from(vec!["orders"]));
    assert_eq!(orders["project"], shop.folder.to_str().unwrap());
    assert_eq!(orders["generation"], 1);
    shop.wait_for("orders", "memory and CPU are measured", |worker| {
        worker["rss_bytes"].as_u64() > Some(1 << 20) && worker["cpu_percent"].is_number()
    });
    let process = shop.process("orders");
    let variable = |name: &str| crate::support::process::environment(process.pid, name);
    assert_eq!(variable("TEMPORAL_ADDRESS"), Some(rig.address()));
    assert_eq!(variable("TEMPORAL_NAMESPACE").as_deref(), Some("default"));
    assert_eq!(variable("PYTHONUNBUFFERED").as_deref(), Some("1"));
    assert_eq!(variable("MODE").as_deref(), Some("x"));
    let folder = std::fs::read_link(format!("/proc/{}/cwd", process.pid)).unwrap();
    assert_eq!(folder, shop.folder);
    assert!(shop.log("orders").contains("starts to poll"));
    shop.order("orders", "o-1");
    shop.pay("o-1");

    let again = shop.run(&[]).exits(0);
    assert!(again.stdout.contains("orders: ready"), "{}", again.stdout);
    assert_eq!(shop.process("orders").pid, process.pid, "the start is idempotent");

    shop.run(&["stop"]).exits(0);
    rig.assert_nothing_runs();
    assert!(!rig.is_locked("workers/orders/lock"));
    let events = rig.run(&["events", "--json"]).exits(0).stdout;
    let entries: Vec<Value> =
        events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let described: Vec<(&str, Option<&str>)> = entries
        .iter()
        .map(|entry| (entry["happened"].as_str().unwrap(), entry["worker"].as_str()))
        .collect();
    let worker = Some("orders");
    assert_eq!(
        described,
        [("ready", None), ("ready", worker), ("ended", worker), ("ended", None)],
        "{events}"
    );
}

#[test]
fn worker_that_cannot_start_fails_with_its_reason_and_the_server_runs() {
    let rig = Rig::with(&[("backoff-max", "\"10ms\"")]);
    let (limits, quick) = ("max-restarts = 1", "backoff-max = \"10ms\"");
    for (name, run, reason) in [
        ("missing", "no-such-program", "there is no program `no-such-program` on PATH"),
        ("path", "./none", "none: No such file or directory"),
        ("denied", "./stigmer.toml", "stigmer.toml is not executable"),
        ("wrong", "[\"sh\", \"-c\", \"echo not-configured >&2; exit 3\"]", "crash, exit 3"),
        ("ends", "true", "exited, exit 0"),
    ] {
        let run = if run.starts_with('[') { run.to_owned() } else { format!("{run:?}") };
        let text = format!("[worker.{name}]\nrun = {run}\n{limits}\n{quick}");
        let shop = Shop::new(&rig, name, &text);
        let ran = shop.run(&[]).exits(1).complains(&[&format!("worker `{name}`"), reason]);
        assert_eq!(ran.stderr.matches(&format!("worker `{name}`")).count(), 1, "{}", ran.stderr);
        if name == "wrong" {
            assert!(ran.stderr.contains("not-configured"), "{}", ran.stderr);
        }
        let status = rig.status();
        let failed = worker(&status, name).unwrap();
        assert_eq!((&failed["state"], &status["state"]), (&"failed".into(), &"ready".into()));
        assert!(failed["message"].as_str().unwrap().contains(reason), "{failed}");
        assert!(failed["hint"].is_string() && failed["pid"].is_null(), "{failed}");
    }
    rig.stop();
}

#[test]
fn error_of_a_start_has_all_failed_workers_and_the_namespaces() {
    let rig = Rig::new();
    rig.start();
    let attribute = ["operator", "search-attribute", "create", "--name", "Region"];
    rig.cli(&[&attribute[..], &["--type", "Keyword"]].concat()).exits(0);
    let text = "[temporal]\nsearch-attributes = { Region = \"Double\" }\n\
                [worker.orders]\nrun = \"no-such-program\"\n\
                [worker.mail]\nrun = \"./none\"\n";
    let shop = Shop::new(&rig, "shop", text);
    shop.run(&[]).exits(1).complains(&[
        "Region",
        "the type Keyword, not Double",
        "worker `orders`",
        "there is no program `no-such-program` on PATH",
        "worker `mail`",
        "none: No such file or directory",
    ]);
    rig.stop();
}

#[test]
fn commands_start_stop_and_restart_workers_by_name() {
    let rig = Rig::new();
    let (orders, mail) = (python_worker(&["orders"]), python_worker(&["mail"]));
    let text =
        format!("[worker.orders]\nrun = {orders}\n\n[worker.mail]\nrun = {mail}\nstart = false");
    let shop = Shop::new(&rig, "shop", &text);
    let stopped = shop.run(&["stop", "orders"]).exits(0);
    assert_eq!(stopped.says(), "worker `orders` is not running");
    shop.run(&["start", "orders"]).exits(1).complains(&["the server is not running"]);
    shop.run(&["start"]).exits(0);
    shop.wait_ready("orders", 1);
    assert_eq!(shop.wait_state("mail", "stopped")["generation"], 0);
    let started = rig.run(&["start", "mail"]).exits(0);
    assert_eq!(started.says(), "worker `mail` is ready");
    let before = shop.process("orders");
    rig.run(&["restart", "orders"]).exits(0);
    assert!(!before.is_alive());
    assert_eq!(shop.wait_ready("orders", 2)["restarts"]["total"], 0);
    rig.run(&["stop", "orders", "mail"]).exits(0);
    rig.run(&["stop", "orders"]).exits(0);
    for name in ["orders", "mail"] {
        let stopped = shop.wait_state(name, "stopped");
        assert_eq!((&stopped["intent"], &stopped["pid"]), (&"down".into(), &Value::Null));
    }
    assert_eq!(rig.status()["state"], "ready");
    for command in ["start", "stop", "restart"] {
        // Nothing is done before all names are known.
        let ran = rig.run(&[command, "server", "mail", "order"]).exits(1);
        ran.complains(&["no worker `order`", "mean `orders`?"]);
    }
    rig.run(&["stop", "a b/ü"]).exits(1).complains(&["there is no worker `a b/ü`"]);
    assert_eq!(shop.wait_state("mail", "stopped")["generation"], 1);
    assert_eq!(rig.status()["temporal"]["generation"], 1);
    socket::ask(&rig, "POST", "/v1/workers/none/start", "").is_error(404, "unknown_worker");
    socket::ask(&rig, "POST", "/v1/workers/orders/jump", "").is_error(404, "not_found");
    assert_eq!(socket::ask(&rig, "POST", "/v1/workers/all/start?wait=true", "").code, 202);
    shop.wait_ready("orders", 3);
    shop.wait_ready("mail", 2);
    socket::ask(&rig, "POST", "/v1/project", "{\"file\": \"stigmer.toml\"}")
        .is_error(400, "bad_body");
    assert_eq!(socket::ask(&rig, "POST", "/v1/stop?wait=true", "").code, 202);
    rig.run(&["start", "orders"]).exits(1).complains(&["the server is stopped"]);
    assert_eq!(socket::ask(&rig, "POST", "/v1/start?wait=true", "").code, 202);
    shop.wait_ready("orders", 4);
    rig.stop();
}

#[test]
fn two_projects_share_a_home_and_a_taken_name_names_the_other_project() {
    let rig = Rig::new();
    let text = |name: &str| format!("[worker.{name}]\nrun = {}", python_worker(&[name]));
    let first = Shop::new(&rig, "first", &text("orders"));
    let second = Shop::new(&rig, "second", &text("mail"));
    let third = Shop::new(&rig, "third", &text("Orders"));
    first.run(&[]).exits(0);
    second.run(&[]).exits(0);
    let file = first.file().display().to_string();
    let short = file.strip_prefix(rig.folder().to_str().unwrap()).unwrap();
    third.run(&[]).exits(1).complains(&["worker `Orders`", short, "choose another name"]);
    first.wait_ready("orders", 1);
    second.wait_ready("mail", 1);
    assert_eq!(rig.status()["workers"].as_array().unwrap().len(), 2);
    second.run(&["stop"]).exits(0);
    rig.assert_nothing_runs();
}

#[test]
fn twenty_commands_at_once_start_each_worker_once() {
    let rig = Rig::new();
    let text = format!("[worker.orders]\nrun = {}", python_worker(&["orders"]));
    let shop = Shop::new(&rig, "shop", &text);
    let start = || {
        let mut command = rig.local(&[]);
        command.current_dir(&shop.folder);
        Running::spawn(command)
    };
    let all: Vec<Running> = (0..20).map(|_| start()).collect();
    for command in all {
        command.finish().exits(0);
    }
    assert_eq!(shop.wait_ready("orders", 1)["restarts"]["total"], 0);
    let is_worker = |it: &Process| it.describe().contains("shop.py");
    assert_eq!(rig.processes().iter().filter(|it| is_worker(it)).count(), 1);
    rig.stop();
}

/// The metrics have `my_dashed_queue` for this queue. A request for that name would create it in the
/// database.
#[test]
fn worker_without_named_queues_is_ready_and_no_other_name_of_its_queue_is_requested() {
    let rig = Rig::new();
    let text = format!("[worker.orders]\nrun = {}", python_worker(&["my-dashed.queue"]));
    let shop = Shop::new(&rig, "shop", &text);
    let ran = shop.run(&[]).exits(0);
    assert!(ran.stdout.contains("orders: ready, polls my-dashed.queue (pid "), "{}", ran.stdout);
    rig.problems().exits(0);
    let log = std::fs::read_to_string(rig.home.join("logs/temporal.log")).unwrap();
    assert!(log.contains("my-dashed.queue"), "{log}");
    assert!(!log.contains("my_dashed") && !log.contains("temporal_sys_per"), "{log}");
}
