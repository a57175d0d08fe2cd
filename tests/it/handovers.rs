//! A host hands over to the next host.

use crate::support::process::wait_gone;
use crate::support::rig::{READY, Rig, Running};
use crate::support::{server, wait_until, wrapper};
use rustix::process::Signal;
use serde_json::Value;

fn in_background(rig: &Rig, more: impl Fn(&Value) -> bool) -> Value {
    rig.wait_for("a background host", |status| {
        status["host"]["mode"] == "background" && more(status)
    })
}

#[test]
fn delayed_restart_and_its_count_survive_a_hand_over() {
    let mut rig = Rig::with(&[("max-restarts", "50")]);
    let broken = wrapper::executable(&rig, "broken", "exit 1");
    rig.set_program(&broken);
    let host = rig.headless(&[]);
    let before = rig.wait_for("a long pause", |status| {
        status["state"] == "backoff" && status["restarts"]["total"].as_u64() >= Some(5)
    });
    host.process().signal(Signal::HUP);
    host.finish().exits(0);
    let after = in_background(&rig, |_| true);
    let fixed = format!("exec '{}' \"$@\"", server::program().display());
    wrapper::executable(&rig, "broken", &fixed);
    assert_eq!(after["intent"], "up");
    assert!(after["restarts"]["total"].as_u64() >= before["restarts"]["total"].as_u64());
    assert!(after["restarts"]["in_window"].as_u64() >= before["restarts"]["in_window"].as_u64());
    rig.wait_for("the next try", |status| {
        status["restarts"]["total"].as_u64() > before["restarts"]["total"].as_u64()
    });
    rig.wait_state("ready");
    let output = rig.run(&["events", "-n", "1", "--json"]).exits(0).stdout;
    let output: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((&output["happened"], &output["cause"]), (&"ready".into(), &"crash".into()));
    assert_eq!(
        (&output["phases"][0]["name"], &output["phases"][1]["name"]),
        (&"waited".into(), &"cleaned".into())
    );
}

#[test]
fn crash_during_a_hand_over_is_repaired_and_counted() {
    let rig = Rig::new();
    let host = rig.headless(&[]);
    host.wait_for(READY);
    let temporal = rig.temporal();
    host.process().signal(Signal::STOP);
    host.process().signal(Signal::HUP);
    temporal.kill();
    wait_gone(&temporal);
    host.process().signal(Signal::CONT);
    host.finish().exits(0);
    let status = in_background(&rig, |status| status["state"] == "ready");
    assert_eq!(status["restarts"]["total"], 1, "{status:#}");
    assert_eq!(status["restarts"]["last"]["cause"], "crash");
    assert_eq!(status["temporal"]["generation"], 2);
}

#[test]
fn suspended_host_hands_over_and_attaches_after_it_continues() {
    use std::os::unix::process::CommandExt;
    let rig = Rig::new();
    let mut command = rig.local(&["--no-tui"]);
    // The host gets its own process group, because SIGTSTP makes the host stop its whole group.
    command.process_group(0);
    let program = Running::spawn(command);
    program.wait_for(READY);
    let temporal = rig.temporal();
    program.process().signal(Signal::TSTP);
    let status = in_background(&rig, |status| status["state"] == "ready");
    assert_eq!(status["temporal"]["pid"], temporal.pid);
    wait_until("the program to be stopped", || {
        stigmer::process::linux::stat(program.pid()).unwrap().is_some_and(|it| it.state == 'T')
    });
    program.process().signal(Signal::CONT);
    program.wait_for("attached to the background host");
    rig.run(&["stop"]).exits(0);
    program.finish().exits(0);
    rig.assert_nothing_runs();
}

#[test]
fn failed_hand_over_keeps_the_server_running_and_is_reported() {
    let rig = Rig::new();
    let host = rig.headless(&[]);
    host.wait_for(READY);
    let temporal = rig.temporal();
    // The next host cannot take its lock, because a folder has the name of the lock file.
    std::fs::remove_file(rig.path("supervisor.lock")).unwrap();
    std::fs::create_dir(rig.path("supervisor.lock")).unwrap();
    host.process().signal(Signal::HUP);
    let said = host.finish().exits(0).stdout;
    assert!(
        said.contains("the server keeps running without a host: the background host ended"),
        "{said}"
    );
    assert!(said.contains("supervisor.lock"), "the reason: {said}");
    std::fs::remove_dir(rig.path("supervisor.lock")).unwrap();
    let status = rig.status();
    assert_eq!((&status["host"], &status["state"]), (&Value::Null, &"ready".into()));
    assert_eq!(status["temporal"]["pid"], temporal.pid);

    rig.start();
    assert_eq!(rig.wait_ready(1)["temporal"]["adopted"], true);
}
