//! Workers while hosts end and others take over.

use crate::support::process::{Process, wait_gone};
use crate::support::rig::{Rig, Running};
use crate::support::sdk::Sdk;
use crate::support::shop::{Shop, python_worker, worker};
use crate::support::wait_until;
use rustix::process::Signal;
use serde_json::{Value, json};

fn two_workers() -> String {
    let (orders, mail) = (python_worker(&["orders"]), python_worker(&["mail"]));
    format!("[worker.orders]\nrun = {orders}\n[worker.mail]\nrun = {mail}\nstart = false")
}

#[test]
fn next_host_adopts_the_workers_of_a_killed_host() {
    let rig = Rig::new();
    let shop = Shop::of(&rig, Sdk::all(), "graceful", |sdk| match sdk {
        Sdk::Python => "start = false".to_owned(),
        Sdk::TypeScript => String::new(),
    });
    let names: Vec<&str> = Sdk::all().iter().map(|sdk| sdk.name()).collect();
    shop.run(&[]).exits(0);
    rig.run(&["start", "python"]).exits(0);
    let pids = || names.iter().map(|name| shop.process(name).pid).collect::<Vec<_>>();
    let before = pids();
    rig.kill_host();
    // The project file is gone, and the next host is started elsewhere.
    std::fs::remove_file(shop.file()).unwrap();
    rig.start();
    for name in &names {
        let adopted = shop.wait_ready(name, 1);
        assert_eq!((&adopted["adopted"], &adopted["intent"]), (&true.into(), &"up".into()));
    }
    assert_eq!(pids(), before);
    for name in &names {
        shop.order(name, name);
        shop.pay(name);
        shop.wait_packed(name);
    }
    shop.process("python").kill();
    assert_eq!(shop.wait_ready("python", 2)["restarts"]["total"], 1);

    // The timeline has the counts of a host that left no state.
    rig.kill_host();
    rig.start();
    let restarts = shop.wait_ready("python", 2)["restarts"].clone();
    assert_eq!((&restarts["total"], &restarts["last"]["cause"]), (&1.into(), &"crash".into()));
    rig.stop();
}

#[test]
fn watchdog_starts_a_host_that_adopts_the_workers_and_starts_the_ended_ones() {
    let rig = Rig::with(&[("watchdog", "true")]);
    let shop = Shop::new(&rig, "shop", &two_workers());
    shop.run(&[]).exits(0);
    rig.run(&["start", "mail"]).exits(0);
    let (host, orders, mail) = (rig.host(), shop.process("orders"), shop.process("mail"));
    host.signal(Signal::STOP);
    mail.kill();
    host.kill();
    rig.wait_for("another host", |status| {
        status["host"]["pid"].as_i64().is_some_and(|pid| pid != i64::from(host.pid))
    });
    assert_eq!(shop.wait_ready("orders", 1)["pid"], orders.pid);
    shop.wait_ready("mail", 2);
    rig.stop();
}

#[test]
fn hand_over_keeps_the_workers_and_their_restart_counts() {
    let rig = Rig::new();
    let shop = Shop::new(&rig, "shop", &two_workers());
    let mut command = rig.local(&["--no-tui"]);
    command.current_dir(&shop.folder);
    let dashboard = Running::spawn(command);
    shop.wait_ready("orders", 1);
    shop.process("orders").kill();
    let before = shop.wait_ready("orders", 2);
    dashboard.process().signal(Signal::HUP);
    dashboard.finish();
    let after = shop.wait_for("orders", "adopted", |worker| {
        worker["adopted"] == true && worker["state"] == "ready"
    });
    assert_eq!(after["pid"], before["pid"]);
    assert_eq!(after["restarts"]["total"], 1);
    assert_eq!(rig.status()["host"]["mode"], "background");
    // The project is known to the new host.
    rig.run(&["start", "mail"]).exits(0);
    rig.stop();
}

#[test]
fn stop_without_a_host_stops_the_workers() {
    let rig = Rig::new();
    let shop = Shop::new(&rig, "shop", &two_workers());
    shop.run(&[]).exits(0);
    let process = shop.process("orders");
    rig.kill_host();
    assert!(process.is_alive());
    let status = rig.status();
    let orders = worker(&status, "orders").unwrap();
    assert_eq!((&orders["state"], &orders["pid"]), (&"degraded".into(), &process.pid.into()));
    assert_eq!(orders["message"], "no host supervises the worker");
    rig.stop();
    wait_until("the record of the worker is deleted", || !rig.path("workers/orders/pid").exists());
}

#[test]
fn restart_of_the_server_without_a_host_that_responds_keeps_the_workers() {
    let rig = Rig::new();
    let shop = Shop::new(&rig, "shop", &two_workers());
    shop.run(&[]).exits(0);
    let worker = shop.process("orders");
    let ends: [fn(&Rig); 2] = [Rig::kill_host, |rig| rig.host().signal(Signal::STOP)];
    for (ended, end) in ends.into_iter().enumerate() {
        let server = rig.temporal();
        end(&rig);
        rig.run(&["restart", "-y"]).exits(0);
        assert!(!server.is_alive(), "{ended}");
        let orders = shop.wait_ready("orders", 1);
        assert_eq!(orders["pid"], worker.pid, "{ended}");
    }
    rig.stop();
    assert!(!worker.is_alive());
}

#[test]
fn command_for_a_worker_needs_no_host_that_responds() {
    let rig = Rig::new();
    let shop = Shop::new(&rig, "shop", &two_workers());
    shop.run(&[]).exits(0);
    let server = rig.temporal();
    let ends: [fn(&Rig); 2] = [Rig::kill_host, |rig| rig.host().signal(Signal::STOP)];
    for end in ends {
        let worker = shop.process("orders");
        end(&rig);
        rig.run(&["restart", "orders", "ordes"]).exits(1).complains(&["did you mean `orders`?"]);
        assert!(worker.is_alive());
        end(&rig);
        rig.run(&["restart", "orders"]).exits(0);
        assert!(!worker.is_alive());
        let worker = shop.process("orders");
        end(&rig);
        let stopped = rig.run(&["stop", "orders"]).exits(0);
        assert_eq!(stopped.says(), "worker `orders` is stopped");
        assert!(!worker.is_alive());
        assert_eq!(shop.wait_state("orders", "stopped")["intent"], "down");
        end(&rig);
        // The worker that starts only on request has no record.
        rig.run(&["start", "mail", "orders"]).exits(0);
        rig.run(&["stop", "mail"]).exits(0);
        assert!(server.is_alive());
    }
    rig.stop();
}

#[test]
fn command_for_a_worker_and_the_watchdog_replace_a_host_only_once() {
    let rig = Rig::with(&[("watchdog", "true")]);
    let shop = Shop::new(&rig, "shop", &two_workers());
    shop.run(&[]).exits(0);
    let (host, server, orders) = (rig.host(), rig.temporal(), shop.process("orders"));
    host.signal(Signal::STOP);
    rig.run(&["start", "mail"]).exits(0);
    assert!(!host.is_alive());
    assert!(server.is_alive());
    assert_eq!(shop.wait_ready("orders", 1)["pid"], orders.pid);
    assert_eq!(rig.status()["state"], "ready");
    rig.stop();
}

#[test]
fn worker_without_a_host_and_a_server_can_only_be_stopped() {
    let rig = Rig::new();
    let shop = Shop::new(&rig, "shop", &two_workers());
    shop.run(&[]).exits(0);
    let (worker, server) = (shop.process("orders"), rig.temporal());
    rig.kill_host();
    server.kill();
    wait_gone(&server);
    rig.run(&["restart", "orders"]).exits(1).complains(&["the server is not running"]);
    assert!(worker.is_alive());
    assert_eq!(rig.run(&["stop", "mail"]).exits(0).says(), "worker `mail` is not running");
    assert_eq!(rig.run(&["stop", "orders"]).exits(0).says(), "worker `orders` is stopped");
    assert!(!worker.is_alive());
    assert_eq!(rig.run(&["stop", "orders"]).exits(0).says(), "worker `orders` is not running");
    assert_eq!(rig.status()["state"], "stopped");
    rig.stop();
}

#[test]
fn command_for_a_worker_starts_no_server_that_a_stop_without_a_host_ends() {
    let rig = Rig::new();
    let run = python_worker(&["orders", "stubborn"]);
    let shop = Shop::new(
        &rig,
        "shop",
        &format!("[worker.orders]\nrun = {run}\nstop-grace = \"10m\"\nlog-max = \"1MiB\""),
    );
    for command in ["stop", "start"] {
        shop.run(&[]).exits(0);
        let is_of_worker = |it: &Process| it.describe().contains("sleep 1000");
        let child = rig.processes().into_iter().find(is_of_worker).unwrap();
        let orders = shop.process("orders");
        rig.kill_host();
        let stopping = Running::spawn(rig.local(&["stop"]));
        wait_until("the stop waits for the worker", || {
            let lock = std::fs::read_to_string(rig.path("supervisor.lock"));
            lock.is_ok_and(|text| text.contains("stopping the workers"))
        });
        let waiting = Running::spawn(rig.local(&[command, "orders"]));
        wait_until("the other command waits for the stop", || {
            waiting.stderr().contains("which is stopping the workers")
        });
        [child, orders].iter().for_each(Process::kill);
        stopping.finish().exits(0);
        let ran = waiting.finish();
        if command == "stop" {
            assert_eq!(ran.exits(0).says(), "worker `orders` is not running");
        } else {
            ran.exits(1).complains(&["the server is not running"]);
        }
        assert_eq!(rig.status()["state"], "stopped", "{command}");
        rig.assert_nothing_runs();
    }
}

/// A host that leaves but does not end: it has the host lock and serves its status, and refuses each
/// request. Its arguments are the home, the status, and the text of the lock without pid and start time.
const LEAVING_HOST: &str = r#"
import fcntl, os, socket, sys
home, status, lock = sys.argv[1:]
held = open(f"{home}/supervisor.lock", "r+")
fcntl.flock(held, fcntl.LOCK_EX)
ticks = open("/proc/self/stat").read().rsplit(")", 1)[1].split()[19]
held.truncate()
held.write(f"pid={os.getpid()}\nstart_ticks={ticks}\n{lock}")
held.flush()
listener = socket.socket(socket.AF_UNIX)
listener.bind(f"{home}/stigmer.sock")
listener.listen()
print("leaves", flush=True)
gone = '{"error": {"code": "gone", "message": "the host is shutting down", "hint": "try again"}}'
while True:
    stream = listener.accept()[0]
    request = stream.recv(65536)
    is_status = request.startswith(b"GET")
    code, body = ("200 OK", status) if is_status else ("503 Service Unavailable", gone)
    head = f"HTTP/1.1 {code}\r\ncontent-length: {len(body.encode())}\r\nconnection: close\r\n\r\n"
    stream.sendall((head + body).encode())
    stream.close()
"#;

#[test]
fn command_replaces_a_host_that_leaves_and_does_not_end() {
    let rig = Rig::new();
    let shop = Shop::new(&rig, "shop", &two_workers());
    shop.run(&[]).exits(0);
    let orders = shop.process("orders");
    for command in [&["stop", "mail"][..], &["restart", "-y"], &["stop"]] {
        let status = rig.status().to_string();
        let text = std::fs::read_to_string(rig.path("supervisor.lock")).unwrap();
        let is_own = |line: &&str| !line.starts_with("pid=") && !line.starts_with("start_ticks=");
        let text: String = text.split_inclusive('\n').filter(is_own).collect();
        rig.kill_host();
        std::fs::remove_file(rig.path("stigmer.sock")).unwrap();
        let mut leaving = rig.command("python3");
        leaving.args(["-c", LEAVING_HOST]).arg(rig.path("")).args([status, text]);
        let leaving = Running::spawn(leaving);
        leaving.wait_for("leaves");
        let host = leaving.process();
        rig.run(command).exits(0).complains(&["does not respond"]);
        assert!(!host.is_alive(), "{command:?}");
        assert_eq!(orders.is_alive(), command != ["stop"], "{command:?}");
    }
    rig.assert_nothing_runs();
}

#[test]
fn worker_whose_record_cannot_be_read_does_not_hinder_the_adoption_of_the_others() {
    let rig = Rig::new();
    let (orders, mail) = (python_worker(&["orders"]), python_worker(&["mail"]));
    let text = format!("[worker.orders]\nrun = {orders}\n[worker.mail]\nrun = {mail}\n");
    let shop = Shop::new(&rig, "shop", &text);
    shop.run(&[]).exits(0);
    let pids = ["orders", "mail"].map(|name| shop.process(name).pid);
    rig.kill_host();
    let (record, hidden) = (rig.path("workers/mail/pid"), rig.folder().join("pid"));
    std::fs::rename(&record, &hidden).unwrap();
    std::fs::create_dir(&record).unwrap();
    rig.start();
    let status = rig.status();
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("cannot search for running workers: mail: "), "{message}");
    assert_eq!(shop.wait_ready("orders", 1)["pid"], pids[0]);

    std::fs::remove_dir(&record).unwrap();
    std::fs::rename(&hidden, &record).unwrap();
    shop.run(&[]).exits(0);
    assert_eq!(shop.wait_ready("mail", 1)["pid"], pids[1]);
    rig.wait_for("the end of the message", |status| status["message"] == "");
    rig.stop();
}

/// The ends of the server: generation, cause and detail.
fn ends_of_the_server(rig: &Rig) -> Vec<Value> {
    let events = rig.run(&["events", "--json"]).exits(0).stdout;
    let entries = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ended = entries.filter(|it| it["worker"].is_null() && it["happened"] == "ended");
    ended.map(|it| json!([it["generation"], it["cause"], it["detail"]])).collect()
}

#[test]
fn ends_without_a_host_are_in_the_timeline_once() {
    let rig = Rig::new();
    let shop = Shop::new(&rig, "shop", &two_workers());
    shop.run(&[]).exits(0);
    let (server, orders) = (rig.temporal(), shop.process("orders"));
    rig.kill_host();
    for process in [&orders, &server] {
        process.kill();
        wait_gone(process);
    }
    for _ in 0..2 {
        shop.run(&[]).exits(0);
        let orders = shop.wait_ready("orders", 2);
        assert_eq!(orders["restarts"]["last"]["detail"], "ended while no host ran");
        assert_eq!((&orders["restarts"]["total"], shop.ends("orders").len()), (&1.into(), 1));
        assert_eq!(ends_of_the_server(&rig), [json!([1, "crash", "ended while no host ran"])]);
        assert_eq!(rig.status()["restarts"]["total"], 0, "the command has started the server");
        rig.kill_host();
    }
    rig.stop();
}
