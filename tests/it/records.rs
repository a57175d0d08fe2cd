//! A server whose record (`temporal.pid`) is unusable. stigmer identifies this server by the lock
//! that the server still holds.

use crate::support::rig::{READY, REUSED, Rig, Running};
use crate::support::{ports, wait_until};

type Damage = (&'static str, fn(&Rig));

fn rewrite(rig: &Rig, key: &str, value: &str) {
    let path = rig.path("temporal.pid");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines = text.lines().map(|line| match line.split_once('=') {
        Some((found, _)) if found == key => format!("{key}={value}\n"),
        Some(_) | None => format!("{line}\n"),
    });
    std::fs::write(&path, lines.collect::<String>()).unwrap();
}

const DAMAGES: [Damage; 7] = [
    ("missing", |rig| std::fs::remove_file(rig.path("temporal.pid")).unwrap()),
    ("empty", |rig| std::fs::write(rig.path("temporal.pid"), "").unwrap()),
    ("garbled", |rig| std::fs::write(rig.path("temporal.pid"), b"12\0\xff\n=\n").unwrap()),
    ("of another boot", |rig| rewrite(rig, "boot_id", "00000000-0000")),
    ("of another pid namespace", |rig| rewrite(rig, "pid_namespace", "pid:[1]")),
    ("of another process", |rig| rewrite(rig, "start_ticks", "1")),
    // A folder makes the record unreadable. Permissions would not, because root can read any file.
    ("unreadable", |rig| {
        std::fs::remove_file(rig.path("temporal.pid")).unwrap();
        std::fs::create_dir(rig.path("temporal.pid")).unwrap();
    }),
];

fn orphan(rig: &Rig, damage: fn(&Rig)) {
    rig.kill_host();
    damage(rig);
}

#[test]
fn server_without_a_provable_record_is_adopted_with_its_options() {
    let mut rig = Rig::with(&[("namespace", "[\"default\", \"orders\"]")]);
    rig.start();
    let (temporal, port) = (rig.temporal(), rig.port);
    let generation = rig.status()["temporal"]["generation"].clone();
    // The configuration file now has another port. The adopting host must read the options from the
    // command line of the server.
    rig.set("port", &ports::free().to_string());
    for (what, damage) in DAMAGES {
        orphan(&rig, damage);
        let status = rig.status();
        assert_eq!(status["temporal"]["pid"], temporal.pid, "{what}: {status:#}");
        if rig.path("temporal.pid").is_dir() {
            std::fs::remove_dir(rig.path("temporal.pid")).unwrap();
        }
        assert_eq!(rig.start().says(), REUSED, "{what}");
        let status = rig.wait_ready(1);
        assert_eq!(status["temporal"]["pid"], temporal.pid, "{what}");
        assert_eq!(status["temporal"]["generation"], generation, "{what}");
        assert_eq!(status["temporal"]["address"], format!("127.0.0.1:{port}"), "{what}");
        assert_eq!(status["managed"], true, "{what}");
        assert_eq!(rig.record("port"), Some(port.to_string()), "{what}");
        assert!(rig.record("options").unwrap().contains("orders"), "{what}");
    }
    rig.stop();
    assert!(!temporal.is_alive());
}

#[test]
fn stop_ends_a_server_without_a_provable_record() {
    let rig = Rig::new();
    for (what, damage) in DAMAGES {
        rig.start();
        let temporal = rig.temporal();
        orphan(&rig, damage);
        let stopped = rig.run(&["stop"]).exits(0);
        assert_eq!(stopped.says(), "the server is stopped", "{what}");
        assert!(!temporal.is_alive(), "{what}");
        assert!(rig.processes().is_empty() && !rig.is_locked("temporal.lock"), "{what}");
        if rig.path("temporal.pid").is_dir() {
            std::fs::remove_dir(rig.path("temporal.pid")).unwrap();
        }
    }
}

#[test]
fn restart_replaces_a_server_without_a_record() {
    let rig = Rig::new();
    rig.start();
    let temporal = rig.temporal();
    orphan(&rig, DAMAGES[0].1);
    assert_eq!(rig.run(&["restart"]).exits(0).says(), READY);
    assert!(!temporal.is_alive());
    rig.wait_ready(2);
}

#[test]
fn unrelated_holder_of_the_server_lock_is_named_and_left_alone() {
    let rig = Rig::new();
    std::fs::write(rig.path("temporal.lock"), "").unwrap();
    let mut command = rig.command("flock");
    command
        .arg("--no-fork")
        .arg(rig.path("temporal.lock"))
        .args(["sleep", "300"])
        .env_remove("TEST_RIG");
    let stranger = Running::spawn(command);
    wait_until("the lock to be held", || rig.is_locked("temporal.lock"));
    let pid = stranger.pid().to_string();
    let record =
        "7\ntemporal\n0\nstart_ticks=1\nboot_id=x\npid_namespace=y\ngeneration=1\nport=1\n";
    std::fs::write(rig.path("temporal.pid"), record).unwrap();

    rig.run(&["stop"]).exits(1).complains(&["temporal.lock", &pid, "cannot verify", "--home"]);
    assert!(rig.path("temporal.pid").exists(), "the record stays while the lock is held");
    let status = rig.status();
    assert_eq!(status["state"], "stopped");
    assert!(status["message"].as_str().unwrap().contains(&pid), "{status:#}");
    for command in [&[][..], &["restart"]] {
        rig.run(command).exits(1).complains(&["temporal.lock", &pid, "--home"]);
    }
    assert!(stranger.process().is_alive());
    drop(stranger);
    wait_until("the lock to be free", || !rig.is_locked("temporal.lock"));
    rig.run(&["stop"]).exits(0);
}

/// Writes a record of a server that runs in another container.
fn write_record_of_another_container(rig: &Rig) {
    let boot_id = stigmer::process::identity::boot_id();
    let port = rig.port;
    let record = format!(
        "7\ntemporal\n0\nstart_ticks=1\nboot_id={boot_id}\npid_namespace=pid:[1]\ngeneration=1\n\
         port={port}\n"
    );
    std::fs::write(rig.path("temporal.pid"), record).unwrap();
}

#[test]
fn record_of_an_ended_container_means_no_server() {
    let rig = Rig::new();
    write_record_of_another_container(&rig);
    assert_eq!(rig.run(&["status"]).exits(3).stderr, "");
    assert_eq!(rig.run(&["stop"]).exits(0).says(), "the server is not running");
    assert_eq!(rig.record("port"), None, "the record is deleted");
    write_record_of_another_container(&rig);
    assert_eq!(rig.start().says(), READY);
    rig.stop();
}

#[test]
fn server_that_may_run_in_another_container_is_named_and_left_alone() {
    let rig = Rig::new();
    write_record_of_another_container(&rig);
    let theirs = std::net::TcpListener::bind(rig.address()).unwrap();
    rig.run(&["stop"]).exits(1).complains(&["records a server in another container", "pid 7"]);
    assert!(rig.record("port").is_some(), "the record stays");
    drop(theirs);
    rig.run(&["stop"]).exits(0);
}
