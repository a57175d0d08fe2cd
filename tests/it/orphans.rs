//! The host has died or hangs, or the process that a file names is not a host.

use crate::support::process::Process;
use crate::support::rig::{READY, REUSED, Rig, Running};
use crate::support::strangers::Strangers;
use crate::support::{quick, wait_until};
use rustix::process::Signal;
use std::time::Duration;

/// Time limit of a command that waits up to 2 s for the response of a host. A busy machine needs more.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn server_outlives_its_host_and_is_adopted_and_restarted_by_the_next_host() {
    let rig = Rig::new();
    rig.start();
    let temporal = rig.temporal();
    rig.kill_host();
    assert!(temporal.is_alive());
    assert!(rig.is_locked("temporal.lock") && !rig.is_locked("supervisor.lock"));
    let status = rig.status();
    assert!(status["host"].is_null());
    assert_eq!(status["temporal"]["pid"], temporal.pid);
    assert!(status["message"].as_str().unwrap().contains("no host"), "{status:#}");

    assert_eq!(rig.start().says(), REUSED);
    let status = rig.wait_ready(1);
    assert_eq!(status["temporal"]["pid"], temporal.pid);
    assert_eq!(status["temporal"]["adopted"], true);

    temporal.kill();
    let status = rig.wait_ready(2);
    assert_eq!(status["temporal"]["adopted"], false);
    assert_eq!(status["restarts"]["total"], 1);
    assert_eq!(status["restarts"]["last"]["cause"], "crash");
}

#[test]
fn hanging_orphan_is_restarted() {
    let rig = Rig::with(&[("probe-period", "\"200ms\""), ("probe-timeout", "\"1s\"")]);
    rig.start();
    let temporal = rig.temporal();
    rig.kill_host();
    temporal.signal(Signal::STOP);
    rig.start();
    assert_eq!(rig.wait_ready(2)["restarts"]["last"]["cause"], "unresponsive");
    assert!(!temporal.is_alive());
}

#[test]
fn stop_ends_an_orphan() {
    let rig = Rig::new();
    rig.start();
    rig.kill_host();
    assert_eq!(rig.run(&["stop"]).exits(0).says(), "the server is stopped");
    assert!(rig.processes().is_empty());
    assert!(!rig.is_locked("temporal.lock"));
    assert!(!Rig::is_listening(rig.port));
}

#[test]
fn restart_replaces_an_orphan_and_keeps_its_options() {
    let mut rig = Rig::new();
    rig.start();
    let temporal = rig.temporal();
    rig.kill_host();
    // The configuration file now has another port than the running server.
    let port = rig.port;
    rig.set("port", &crate::support::ports::free().to_string());
    assert_eq!(rig.run(&["restart"]).exits(0).says(), READY);
    let status = rig.wait_ready(2);
    assert!(!temporal.is_alive());
    assert_eq!(status["temporal"]["address"], format!("127.0.0.1:{port}"));
}

#[test]
fn status_works_while_the_host_is_frozen() {
    let rig = Rig::new();
    let (host, temporal) = rig.start_both();
    host.signal(Signal::STOP);
    let status = quick(SOON, || rig.status());
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("host unresponsive"), "{status:#}");
    rig.run(&["problems"]).exits(1).complains(&[message]);
    assert_eq!(status["temporal"]["pid"], temporal.pid);
    rig.run(&[]).exits(1).complains(&["does not respond", "restart", &host.pid.to_string()]);
    assert!(host.is_alive() && temporal.is_alive());

    host.signal(Signal::CONT);
    rig.wait_ready(1);
    assert_eq!(
        rig.temporal().pid,
        temporal.pid,
        "a host that was frozen does not restart the server"
    );
}

#[test]
fn stop_ends_a_frozen_host_and_its_server() {
    let rig = Rig::new();
    let (host, temporal) = rig.start_both();
    host.signal(Signal::STOP);
    rig.run(&["stop"]).exits(0);
    assert!(!host.is_alive() && !temporal.is_alive());
    assert!(rig.processes().is_empty());
    assert_eq!(rig.status()["state"], "stopped");
}

#[test]
fn restart_replaces_a_frozen_host_and_its_server() {
    let rig = Rig::new();
    let (host, temporal) = rig.start_both();
    host.signal(Signal::STOP);
    assert_eq!(rig.run(&["restart"]).exits(0).says(), READY);
    assert!(!host.is_alive() && !temporal.is_alive());
    rig.wait_ready(2);
}

#[test]
fn process_that_only_a_record_names_is_not_signalled() {
    let rig = Rig::new();
    rig.start();
    rig.power_cut();
    let record = std::fs::read_to_string(rig.path("temporal.pid")).unwrap();
    let mut strangers = Strangers::near(&rig);
    strangers.gather(1);
    let victim = strangers.pids()[0];
    let ticks = stigmer::process::linux::stat(victim).unwrap().unwrap().start_ticks;
    let replaced = |values: &[(&str, &str)]| -> String {
        let mut lines: Vec<String> = record.lines().map(str::to_owned).collect();
        lines[0] = victim.to_string();
        for line in &mut lines {
            for (key, value) in values {
                if line.starts_with(&format!("{key}=")) {
                    *line = format!("{key}={value}");
                }
            }
        }
        lines.join("\n") + "\n"
    };
    let ticks = ticks.to_string();
    let right = ("start_ticks", ticks.as_str());
    let forgeries = [
        ("the number of another process", replaced(&[])),
        ("no start", replaced(&[("start_ticks", "0")])),
        ("another boot", replaced(&[right, ("boot_id", "00000000-0000")])),
        ("no boot", replaced(&[right, ("boot_id", "")])),
        ("another pid namespace", replaced(&[right, ("pid_namespace", "pid:[1]")])),
        ("no pid namespace", replaced(&[right, ("pid_namespace", "")])),
        ("a bare number", format!("{victim}\n")),
        ("garbage", format!("{victim}\0\u{fffd}\n=\n=\n")),
    ];
    for (what, text) in forgeries {
        std::fs::write(rig.path("temporal.pid"), &text).unwrap();
        assert_eq!(rig.status()["state"], "stopped", "{what}");
        // The exit code is not checked, because it depends on the record: some records name a
        // server that may run in another container.
        rig.run(&["stop"]);
        std::fs::write(rig.path("temporal.pid"), &text).unwrap();
        assert_eq!(rig.start().says(), READY, "{what}");
        rig.stop();
        strangers.assert_unharmed(what);
    }
}

#[test]
fn lock_with_an_unproven_holder_is_an_error_and_no_process_is_signalled() {
    let rig = Rig::new();
    let mut strangers = Strangers::near(&rig);
    strangers.gather(1);
    let victim = strangers.pids()[0];
    let identity = stigmer::process::identity::Identity::of(victim).unwrap().unwrap();
    let path = rig.path("supervisor.lock");
    let lock = stigmer::process::lock::HostLock::take(&path).unwrap().unwrap();
    let text = |boot_id: &str| {
        format!(
            "pid={victim}\nstart_ticks={}\nboot_id={boot_id}\npid_namespace=pid:[1]\n\
             mode=background\nversion=0\n",
            identity.start_ticks
        )
    };
    // A host in another container of this machine, and a host on another machine that shares the
    // home.
    for boot_id in [identity.boot_id.as_str(), "00000000-0000"] {
        lock.write(&text(boot_id)).unwrap();
        for ran in rig.run_all(&[&[], &["stop"], &["restart"]]) {
            ran.exits(1).complains(&["supervisor.lock", "--home"]);
        }
        strangers.assert_unharmed(boot_id);
    }
}

#[test]
fn frozen_host_of_another_pid_namespace_is_left_alone() {
    let rig = Rig::new();
    let namespace = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    let mut attempt = rig.command("unshare");
    attempt.args(namespace).arg("true");
    if rig.finish(attempt).code != Some(0) {
        eprintln!("skipped: this user cannot create a pid namespace");
        return;
    }
    let mut command = rig.command("unshare");
    command.args(namespace).arg(rig.stigmer());
    command.args(["local", "--no-tui", "--home"]).arg(&rig.home);
    let outside = Running::spawn(command);
    outside.wait_for(READY);
    rig.wait_ready(1);

    let inside: Vec<Process> =
        rig.processes().into_iter().filter(|process| process.pid != outside.pid()).collect();
    let line = |process: &&Process| stigmer::process::memory::command_line(process.pid);
    let host = inside.iter().find(|process| line(process).contains("--no-tui")).unwrap();
    host.signal(Signal::STOP);
    wait_until("the host to be frozen", || host.is_stopped());
    for ran in rig.run_all(&[&[], &["stop"], &["restart"]]) {
        ran.exits(1).complains(&["cannot identify that process", "--home"]);
    }
    assert!(host.is_stopped());
    let server = inside.iter().find(|process| line(process).contains("start-dev")).unwrap();
    assert!(server.is_alive());

    // A host that responds on its socket can be stopped from any pid namespace.
    host.signal(Signal::CONT);
    rig.run(&["stop"]).exits(0);
    outside.finish().exits(0);
    rig.assert_nothing_runs();
}

#[test]
fn server_with_a_draft_of_its_record_is_proven_by_its_marker() {
    let rig = Rig::new();
    rig.start();
    let temporal = rig.temporal();
    rig.kill_host();
    // Write the record that a host writes before it starts the server process: this record names no
    // process.
    let path = rig.path("temporal.pid");
    let record = std::fs::read_to_string(&path).unwrap();
    let ticks = rig.record("start_ticks").unwrap();
    let draft = record.replacen(&format!("{}\ntemporal\n", temporal.pid), "0\n\n", 1).replacen(
        &format!("start_ticks={ticks}"),
        "start_ticks=0",
        1,
    );
    assert_ne!(draft, record);
    std::fs::write(&path, draft).unwrap();
    assert_eq!(rig.start().says(), REUSED);
    assert_eq!(rig.wait_ready(1)["temporal"]["pid"], temporal.pid);
    rig.stop();
    assert!(!temporal.is_alive());
}
