//! A home that another user prepared, or that changes while a host runs.

use crate::support::process::{Process, wait_gone};
use crate::support::rig::{REUSED, Rig, Running};
use crate::support::strangers::Strangers;
use crate::support::wait_until;
use rustix::process::Signal;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use stigmer::process::lock::HostLock;
use stigmer::process::record::Record;

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
    rig.every_command_complains(&["mode 777", "chmod 700", "--home"]);
    set_mode(0o700);
    if std::os::unix::fs::chown(&rig.home, Some(4711), None).is_ok() {
        rig.every_command_complains(&["belongs to user 4711", "--home"]);
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
    for ran in rig.run_all(&[&[], &["stop"], &["restart"]]) {
        let own = format!("pid {}", std::process::id());
        ran.exits(1).complains(&["supervisor.lock", "not proven", &own, "--home"]);
    }
    strangers.assert_unharmed("every command");
}

/// As `rm -r`, while the server and its host write into the folder.
fn delete(home: &Path) {
    let deleted = || std::fs::remove_dir_all(home);
    wait_until("the end of the home", || match deleted() {
        Err(error) => error.kind() == ErrorKind::NotFound,
        Ok(()) => true,
    });
}

#[test]
fn a_server_stays_reachable_when_its_home_is_deleted() {
    let rig = Rig::new();
    let (host, temporal) = rig.start_both();
    let config = std::fs::read(rig.path("config.toml")).unwrap();
    delete(&rig.home);
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
    delete(&rig.home);
    stops(&rig, &temporal);
}

#[test]
fn a_host_lock_that_is_being_restored_is_waited_for() {
    let rig = Rig::new();
    let (host, temporal) = rig.start_both();
    host.signal(Signal::STOP);
    delete(&rig.home);
    // So far the host gets with it before it locks the file.
    let mut folder = std::fs::DirBuilder::new();
    folder.mode(0o700).create(&rig.home).unwrap();
    std::fs::write(rig.path("supervisor.lock"), "").unwrap();
    let stop = Running::spawn(rig.local(&["stop"]));
    host.signal(Signal::CONT);
    assert_eq!(stop.finish().exits(0).says(), "Temporal is stopped");
    assert!(!temporal.is_alive());
    rig.assert_nothing_runs();
}

/// Renames the home under its host. Returns host, server and the new name.
fn renamed(rig: &Rig) -> (Process, Process, PathBuf) {
    let (host, temporal) = rig.start_both();
    let renamed = rig.folder().join("renamed");
    std::fs::rename(&rig.home, &renamed).unwrap();
    (host, temporal, renamed)
}

/// `stop` finds the server, and nothing is left.
fn stops(rig: &Rig, temporal: &Process) {
    assert_eq!(rig.run(&["stop"]).exits(0).says(), "Temporal is stopped");
    assert!(!temporal.is_alive());
    rig.assert_nothing_runs();
}

#[test]
fn a_host_of_a_renamed_home_is_found_under_the_old_name_and_stopped() {
    let rig = Rig::new();
    let (_, temporal, _) = renamed(&rig);
    wait_until("the record", || rig.path("temporal.pid").exists());
    stops(&rig, &temporal);
}

#[test]
fn a_host_of_a_home_that_was_just_renamed_is_found_at_once_under_the_old_name() {
    let rig = Rig::new();
    let (_, temporal, _) = renamed(&rig);
    stops(&rig, &temporal);
}

#[test]
fn a_host_of_a_renamed_home_is_stopped_under_the_new_name() {
    is_stopped_under_the_new_name("false");
}

#[test]
fn a_guarded_host_of_a_renamed_home_is_stopped_under_the_new_name() {
    is_stopped_under_the_new_name("true");
}

fn is_stopped_under_the_new_name(watchdog: &str) {
    let rig = Rig::with(&[("watchdog", watchdog)]);
    let (host, temporal, renamed) = renamed(&rig);
    wait_until("the record", || rig.path("temporal.pid").exists());
    let mut stop = rig.command(rig.stigmer());
    stop.args(["local", "stop", "--home"]).arg(&renamed);
    assert_eq!(rig.finish(stop).exits(0).says(), "Temporal is stopped");
    assert!(!temporal.is_alive());
    wait_gone(&host);
    rig.assert_nothing_runs();
    rig.stop();
}

/// Stops the host, lets `change` something in its home, and starts another host there.
fn taken_over(rig: &Rig, change: impl FnOnce()) -> Process {
    let host = rig.host();
    host.signal(Signal::STOP);
    wait_until("the host to be stopped", || host.is_stopped());
    change();
    rig.start();
    host
}

#[test]
fn a_host_whose_home_another_host_has_taken_with_the_server_ends_without_it() {
    let rig = Rig::new();
    rig.start();
    let temporal = rig.temporal();
    let old = taken_over(&rig, || {
        let away = rig.folder().join("away");
        std::fs::rename(&rig.home, &away).unwrap();
        let mut copy = rig.command("cp");
        copy.arg("-a").arg(&away).arg(&rig.home);
        rig.finish(copy).exits(0);
    });
    assert_eq!(rig.status()["temporal"]["adopted"], true);
    old.signal(Signal::CONT);
    wait_gone(&old);
    assert!(temporal.is_alive());
    assert_eq!(rig.temporal().pid, temporal.pid);
    rig.stop();
}

#[test]
fn a_host_whose_home_another_host_has_taken_without_the_server_stops_the_server() {
    let rig = Rig::new();
    rig.start();
    let temporal = rig.temporal();
    let config = std::fs::read(rig.path("config.toml")).unwrap();
    let mut other = None;
    let old = taken_over(&rig, || {
        delete(&rig.home);
        std::fs::create_dir(&rig.home).unwrap();
        // On its own ports it does not meet the server.
        let config = String::from_utf8(config).unwrap();
        let beside = rig.beside();
        let config = config
            .replace(&rig.port.to_string(), &beside.port.to_string())
            .replace(&rig.ui_port.to_string(), &beside.ui_port.to_string());
        std::fs::write(rig.path("config.toml"), config).unwrap();
        other = Some(beside);
    });
    let new = rig.temporal();
    assert_ne!(new.pid, temporal.pid);
    old.signal(Signal::CONT);
    wait_gone(&old);
    assert!(!temporal.is_alive());
    assert_eq!(Record::read(&rig.path("temporal.pid")).unwrap().unwrap().leader.pid, new.pid);
    let status = rig.status();
    assert_eq!((&status["intent"], &status["temporal"]["pid"]), (&"up".into(), &new.pid.into()));
    let intent = std::fs::read_to_string(rig.path("intent.json")).unwrap();
    assert!(intent.contains("\"up\""), "{intent}");
    rig.stop();
}
