//! Stops of workers that do not want to end, or that have just begun.

use crate::support::process::{Process, wait_gone};
use crate::support::rig::{Rig, Running};
use crate::support::sdk::Sdk;
use crate::support::shop::{Shop, python_worker};
use crate::support::strangers::Strangers;
use crate::support::{typescript, wait_until};

fn names() -> impl Iterator<Item = &'static str> {
    Sdk::all().iter().map(|sdk| sdk.name())
}

#[test]
fn no_process_of_a_stubborn_worker_is_left_and_no_stranger_is_touched() {
    let rig = Rig::new();
    let more = |_| "stop-grace = \"300ms\"\nlog-max = \"1MiB\"".to_owned();
    let shop = Shop::of(&rig, Sdk::all(), "stubborn", more);
    shop.run(&[]).exits(0);
    let mut strangers = Strangers::near(&rig);
    strangers.gather_of_workers(&shop);
    let is_child = |it: &Process| it.describe().contains("sleep 1000");
    let running = || -> Vec<Process> {
        let children: Vec<Process> = rig.processes().into_iter().filter(is_child).collect();
        assert_eq!(children.len(), Sdk::all().len());
        names().map(|name| shop.process(name)).chain(children).collect()
    };
    // The log is bounded although the worker floods it. The host does this at intervals, so on a busy machine
    // the log may be longer for some time.
    for name in names() {
        use std::os::unix::fs::MetadataExt;
        shop.wait_for(name, "the log has many lines", |worker| {
            worker["log"]["lines"].as_u64() > Some(60_000)
        });
        let log = rig.path(&format!("workers/{name}/log"));
        wait_until("the log is short", || {
            std::fs::metadata(&log).unwrap().blocks() * 512 < 8 << 20
        });
    }
    let first = running();
    rig.run(&[&["stop"], &names().collect::<Vec<_>>()[..]].concat()).exits(0);
    assert!(first.iter().all(|process| !process.is_alive()));
    strangers.assert_unharmed("a stop");

    rig.run(&[&["start"], &names().collect::<Vec<_>>()[..]].concat()).exits(0);
    strangers.gather_of_workers(&shop);
    let second = running();
    shop.process("python").kill();
    shop.wait_ready("python", 3);
    assert_eq!(second.iter().filter(|process| process.is_alive()).count(), second.len() - 2);
    strangers.assert_unharmed("a crash");

    strangers.gather_of_workers(&shop);
    let third = running();
    rig.kill_host();
    rig.stop();
    assert!(third.iter().all(|process| !process.is_alive()));
    strangers.assert_unharmed("a stop without a host");
}

#[test]
fn stopped_worker_hands_its_activity_back() {
    let rig = Rig::new();
    let shop = Shop::of(&rig, Sdk::all(), "graceful", |_| String::new());
    shop.run(&[]).exits(0);
    for name in names() {
        shop.order_item(name, name, "slow");
        shop.pay(name);
    }
    for name in names() {
        wait_until("the activity runs", || shop.log(name).contains("packs slowly"));
    }
    rig.run(&[&["restart"], &names().collect::<Vec<_>>()[..]].concat()).exits(0);
    for name in names() {
        // A killed worker would have lost the activity for an hour.
        shop.wait_packed(name);
        assert_eq!(shop.wait_ready(name, 2)["restarts"]["total"], 0);
    }
    rig.stop();
}

#[test]
fn stop_during_a_start_leaves_no_process() {
    let rig = Rig::new();
    let shop = Shop::of(&rig, Sdk::all(), "waits", |_| String::new());
    rig.start();
    let mut command = rig.local(&[]);
    command.current_dir(&shop.folder);
    let starting = Running::spawn(command);
    for name in names() {
        shop.wait_for(name, "its process starts", |worker| {
            worker["state"] == "starting" && worker["pid"].is_i64()
        });
    }
    rig.stop();
    starting.finish().exits(1);
}

#[test]
fn processes_that_a_reloader_starts_are_part_of_the_worker() {
    if typescript::packages().is_none() {
        return;
    }
    let rig = Rig::new();
    let shop = Shop::of(&rig, &[Sdk::TypeScript], "graceful", |_| String::new());
    let script = r#"{"scripts": {"dev": "tsx watch --clear-screen=false shop.js typescript"}}"#;
    std::fs::write(shop.folder.join("package.json"), script).unwrap();
    // `tsx` makes a folder for each user id in the folder for temporary files.
    let env = format!("env = {{ TMPDIR = {:?} }}", rig.folder());
    shop.write(&format!("[worker.typescript]\nrun = \"npm run dev\"\n{env}\n"));
    shop.run(&[]).exits(0);
    let leader = shop.process("typescript");
    // npm starts a shell, which starts the reloader, which starts the worker.
    let worker = || {
        let is_worker = |it: &Process| it.describe().ends_with(".mjs shop.js typescript)");
        rig.processes().into_iter().find(is_worker).expect("a worker")
    };
    let first = worker();
    let source = Sdk::TypeScript.source();
    let code = std::fs::read_to_string(shop.folder.join(source)).unwrap();
    shop.put(source, &format!("{}\n{code}", Sdk::TypeScript.print("new code")));
    wait_until("the new code", || shop.log("typescript").contains("new code"));
    wait_gone(&first);
    shop.order_item("typescript", "slow", "slow");
    shop.pay("slow");
    wait_until("the activity runs", || shop.log("typescript").contains("packs slowly"));
    let second = worker();
    assert_eq!(shop.wait_ready("typescript", 1)["pid"], leader.pid);

    // The reloader may pass its signal on to the worker, which has its own. The SDK of TypeScript ends at
    // the second one, so whether the worker hands its activity back depends on the time between both.
    rig.run(&["restart", "typescript"]).exits(0);
    assert!(!second.is_alive());

    let third = worker();
    shop.process("typescript").kill();
    wait_gone(&third);
    rig.stop();
}

#[test]
fn wrapper_that_dies_early_does_not_leave_its_worker_behind() {
    let rig = Rig::new();
    // The leader ends on SIGINT at once. Its child needs a moment, and is not killed meanwhile.
    let child = "import signal, sys, time\n\
                 def drain(*_): time.sleep(0.5); print('drained'); sys.exit()\n\
                 signal.signal(signal.SIGINT, drain)\n\
                 print('works', flush=True)\n\
                 while True: signal.pause()";
    let leader = format!(
        "import subprocess, sys; subprocess.Popen([sys.executable, '-uc', {child:?}]).wait()"
    );
    let text = format!("[worker.drains]\nrun = [\"python3\", \"-c\", {leader:?}]");
    let shop = Shop::new(&rig, "shop", &text);
    rig.start();
    let mut command = rig.local(&[]);
    command.current_dir(&shop.folder);
    let starting = Running::spawn(command);
    wait_until("the child works", || shop.log("drains").contains("works"));
    rig.stop();
    starting.finish().exits(1);
    assert!(shop.log("drains").contains("drained"), "{}", shop.log("drains"));
}

#[test]
fn restart_of_all_leaves_out_a_stopped_worker_that_starts_only_on_request() {
    let rig = Rig::new();
    let (orders, mail) = (python_worker(&["orders"]), python_worker(&["mail"]));
    let text =
        format!("[worker.orders]\nrun = {orders}\n[worker.mail]\nrun = {mail}\nstart = false");
    let shop = Shop::new(&rig, "shop", &text);
    shop.run(&[]).exits(0);
    rig.run(&["start", "mail"]).exits(0);
    rig.run(&["restart", "all"]).exits(0);
    shop.wait_ready("mail", 2);
    rig.run(&["stop", "all"]).exits(0);
    rig.run(&["restart", "all"]).exits(0);
    shop.wait_ready("orders", 3);
    let mail = shop.wait_state("mail", "stopped");
    assert_eq!((&mail["generation"], &mail["intent"]), (&2.into(), &"down".into()));
    rig.stop();
}
