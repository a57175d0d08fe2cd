//! `temporal local`: stigmer as an extension of the real Temporal CLI.

use crate::support::process::wait_gone;
use crate::support::rig::{READY, REUSED, Rig, Running};
use crate::support::server;
use rustix::process::Signal;
use serde_json::Value;

#[test]
fn temporal_local_is_stigmer_local() {
    let rig = Rig::new();
    let temporal = |arguments: &[&str]| rig.finish(rig.extension(arguments));
    temporal(&["status"]).exits(3);
    assert_eq!(temporal(&[]).exits(0).says(), READY);
    assert_eq!(temporal(&[]).exits(0).says(), REUSED);
    // The Temporal CLI moves its own options to the front.
    for arguments in [["-o", "json", "status"], ["status", "--output", "json"]] {
        let ran = temporal(&arguments).exits(0);
        let status: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(status["state"], "ready");
    }
    temporal(&["status", "--env", "dev"]).exits(2).complains(&["--env", "--home"]);
    temporal(&["status", "--no-such-option"]).exits(2).complains(&["Usage: temporal local status"]);
    temporal(&["stop"]).exits(0);
    rig.assert_nothing_runs();
}

#[test]
fn server_outlives_an_interrupted_temporal_local() {
    let rig = Rig::new();
    let follower = Running::spawn(rig.extension(&["--no-tui"]));
    let status = rig.wait_state("ready");
    assert_eq!(status["host"]["mode"], "background");
    let (host, server) = (rig.host(), rig.temporal());
    follower.wait_for("attached to the background host");
    assert!(follower.stderr().contains("temporal local stop"), "{}", follower.stderr());
    let children = |pid: i32| {
        let all = rig.processes().into_iter();
        let is_child = |pid_of: i32| {
            stigmer::process::linux::stat(pid_of).unwrap().is_some_and(|stat| stat.ppid == pid)
        };
        all.filter(|it| is_child(it.pid)).collect::<Vec<_>>()
    };
    let extension = children(follower.pid());
    assert_eq!(extension.len(), 1, "{extension:?}");

    follower.process().signal(Signal::INT);
    follower.finish().exits(1);
    wait_gone(&extension[0]);
    let status = rig.status();
    assert_eq!((&status["state"], &status["host"]["pid"]), (&"ready".into(), &host.pid.into()));
    assert_eq!(status["temporal"]["pid"], server.pid);
    rig.stop();
}

#[test]
fn every_global_option_of_the_temporal_cli_is_known() {
    let rig = Rig::new();
    let mut command = rig.command(server::program());
    command.arg("options");
    let options = rig.finish(command).exits(0).stdout;
    let (global, _) = options.split_once("Connection options").unwrap();
    let names: Vec<&str> = global
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--")?.split([' ', ',']).next())
        .collect();
    assert!(names.contains(&"env") && names.len() > 10, "{names:?}");
    for name in names {
        let option = format!("--{name}=1");
        let message = rig.finish(rig.extension(&["status", &option])).stderr;
        assert!(!message.contains("unexpected argument"), "{message}");
    }
}

#[test]
fn temporal_local_without_stigmer_names_the_missing_program() {
    let rig = Rig::new();
    let alone = rig.folder().join("temporal-local");
    std::fs::copy(assert_cmd::cargo::cargo_bin!("temporal-local"), &alone).unwrap();
    let mut command = rig.command(server::program());
    command.env("PATH", rig.folder()).arg("local");
    let missing = rig.folder().join("stigmer").display().to_string();
    rig.finish(command).exits(1).complains(&[&missing, "cargo install"]);
    // Through a symbolic link, the folder of the target counts.
    let bin = rig.folder().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let target = assert_cmd::cargo::cargo_bin!("temporal-local");
    std::os::unix::fs::symlink(target, bin.join("temporal-local")).unwrap();
    let mut command = rig.command(server::program());
    command.env("PATH", bin).args(["local", "status", "--home"]).arg(&rig.home);
    rig.finish(command).exits(3);
}
