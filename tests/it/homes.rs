//! A home that another user prepared, or that changes while a host runs.

use crate::support::rig::{REUSED, Rig};
use crate::support::strangers::Strangers;
use crate::support::wait_until;
use std::os::unix::fs::PermissionsExt;
use stigmer::process::lock::HostLock;

/// Every command that takes `--home`.
const COMMANDS: [&[&str]; 9] = [
    &[],
    &["--no-tui"],
    &["stop"],
    &["restart"],
    &["status"],
    &["logs"],
    &["events"],
    &["env"],
    &["install", "--version", "0.0.0"],
];

/// A home whose files name this process as host and as server.
fn plant(rig: &Rig, victim: i32) {
    let identity = stigmer::process::identity::Identity::of(victim).unwrap().unwrap();
    let same = format!(
        "start_ticks={}\nboot_id={}\npid_namespace={}\n",
        identity.start_ticks, identity.boot_id, identity.pid_namespace
    );
    let host = format!("pid={victim}\n{same}mode=background\nversion=0\n");
    std::fs::write(rig.path("supervisor.lock"), host).unwrap();
    let record = format!("{victim}\nx\n0\n{same}generation=1\nport={}\n", rig.port);
    std::fs::write(rig.path("temporal.pid"), record).unwrap();
}

#[test]
fn no_command_trusts_a_home_that_another_user_owns_or_may_write() {
    let rig = Rig::new();
    let mut strangers = Strangers::beside(&rig);
    strangers.gather(1);
    plant(&rig, strangers.pids()[0]);
    let set_mode = |mode| {
        std::fs::set_permissions(&rig.home, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode(0o777);
    for command in COMMANDS {
        rig.run(command).exits(1).complains(&["mode 777", "chmod 700", "--home"]);
    }
    set_mode(0o700);
    if std::os::unix::fs::chown(&rig.home, Some(4711), None).is_ok() {
        for command in COMMANDS {
            rig.run(command).exits(1).complains(&["belongs to user 4711", "--home"]);
        }
        std::os::unix::fs::chown(&rig.home, Some(0), None).unwrap();
    } else {
        eprintln!("not tested: only root can give a folder away");
    }
    strangers.assert_unharmed("every command");
    std::fs::remove_file(rig.path("temporal.pid")).unwrap();
}

#[test]
fn a_process_that_the_host_lock_names_but_that_does_not_hold_it_is_not_signalled() {
    let rig = Rig::new();
    let mut strangers = Strangers::beside(&rig);
    strangers.gather(1);
    plant(&rig, strangers.pids()[0]);
    std::fs::remove_file(rig.path("temporal.pid")).unwrap();
    // This test holds it instead.
    let _lock = HostLock::take(&rig.path("supervisor.lock")).unwrap().unwrap();
    for command in [&[][..], &["stop"], &["restart"]] {
        let own = format!("pid {}", std::process::id());
        rig.run(command).exits(1).complains(&["supervisor.lock", "not proven", &own, "--home"]);
    }
    strangers.assert_unharmed("every command");
}

#[test]
fn a_server_stays_reachable_when_its_home_is_deleted() {
    let rig = Rig::new();
    rig.start();
    let (host, temporal) = (rig.host(), rig.temporal());
    let config = std::fs::read(rig.path("config.toml")).unwrap();
    std::fs::remove_dir_all(&rig.home).unwrap();
    wait_until("the record", || rig.path("temporal.pid").exists());
    std::fs::write(rig.path("config.toml"), config).unwrap();
    assert_eq!(rig.start().says(), REUSED);
    assert_eq!(rig.host().pid, host.pid);
    assert_eq!(rig.temporal().pid, temporal.pid);
    rig.stop();
    assert!(!temporal.is_alive() && !host.is_alive());
}

#[test]
fn a_server_whose_home_was_deleted_is_found_at_once() {
    let rig = Rig::new();
    rig.start();
    let temporal = rig.temporal();
    std::fs::remove_dir_all(&rig.home).unwrap();
    assert_eq!(rig.run(&["stop"]).exits(0).says(), "Temporal is stopped");
    assert!(!temporal.is_alive());
    rig.assert_nothing_runs();
}

#[test]
fn a_host_of_a_renamed_home_is_found_under_the_old_name_and_stopped() {
    let rig = Rig::new();
    rig.start();
    let temporal = rig.temporal();
    std::fs::rename(&rig.home, rig.folder().join("renamed")).unwrap();
    wait_until("the record", || rig.path("temporal.pid").exists());
    assert_eq!(rig.run(&["stop"]).exits(0).says(), "Temporal is stopped");
    assert!(!temporal.is_alive());
    rig.assert_nothing_runs();
}
