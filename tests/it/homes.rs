//! A home that another user may have written, or that changes while a host runs.

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

/// Writes files that name the process `victim` as host and as server.
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
fn home_that_another_user_owns_or_may_write_is_refused() {
    let rig = Rig::new();
    let mut strangers = Strangers::near(&rig);
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
        eprintln!("skipped: only root can give a folder away");
    }
    strangers.assert_unharmed("every command");
    std::fs::remove_file(rig.path("temporal.pid")).unwrap();
}

#[test]
fn process_that_the_host_lock_only_names_is_not_signalled() {
    let rig = Rig::new();
    let mut strangers = Strangers::near(&rig);
    strangers.gather(1);
    plant(&rig, strangers.pids()[0]);
    std::fs::remove_file(rig.path("temporal.pid")).unwrap();
    // The lock file names the unrelated process, but this test holds the lock.
    let _lock = HostLock::take(&rig.path("supervisor.lock")).unwrap().unwrap();
    for ran in rig.run_all(&[&[], &["stop"], &["restart"]]) {
        let own = format!("pid {}", std::process::id());
        ran.exits(1).complains(&["supervisor.lock", "cannot verify", &own, "--home"]);
    }
    strangers.assert_unharmed("every command");
}

/// Deletes the home. Tries again while the server and its host write into the folder.
fn delete(home: &Path) {
    wait_until("the home to be deleted", || match std::fs::remove_dir_all(home) {
        Err(error) => error.kind() == ErrorKind::NotFound,
        Ok(()) => true,
    });
}

#[test]
fn server_stays_reachable_after_its_home_is_deleted() {
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
fn stop_right_after_the_home_is_deleted_finds_the_server() {
    let rig = Rig::new();
    rig.start();
    let temporal = rig.temporal();
    delete(&rig.home);
    stops(&rig, &temporal);
}

#[test]
fn command_waits_until_the_host_lock_is_restored() {
    let rig = Rig::new();
    let (host, temporal) = rig.start_both();
    host.signal(Signal::STOP);
    delete(&rig.home);
    // To restore its home, a host creates the folder and the lock file, and then locks the file.
    // Create the state between the creation and the lock.
    let mut folder = std::fs::DirBuilder::new();
    folder.mode(0o700).create(&rig.home).unwrap();
    std::fs::write(rig.path("supervisor.lock"), "").unwrap();
    let stop = Running::spawn(rig.local(&["stop"]));
    host.signal(Signal::CONT);
    assert_eq!(stop.finish().exits(0).says(), "the server is stopped");
    assert!(!temporal.is_alive());
    rig.assert_nothing_runs();
}

/// Renames the home while its host runs. Returns host, server and the new path.
fn renamed(rig: &Rig) -> (Process, Process, PathBuf) {
    let (host, temporal) = rig.start_both();
    let renamed = rig.folder().join("renamed");
    std::fs::rename(&rig.home, &renamed).unwrap();
    (host, temporal, renamed)
}

/// Checks that `stop` ends the server and leaves no process.
fn stops(rig: &Rig, temporal: &Process) {
    assert_eq!(rig.run(&["stop"]).exits(0).says(), "the server is stopped");
    assert!(!temporal.is_alive());
    rig.assert_nothing_runs();
}

#[test]
fn stop_finds_the_host_of_a_renamed_home_under_the_old_name() {
    let rig = Rig::new();
    let (_, temporal, _) = renamed(&rig);
    wait_until("the record", || rig.path("temporal.pid").exists());
    stops(&rig, &temporal);
}

#[test]
fn stop_right_after_a_rename_finds_the_host_under_the_old_name() {
    let rig = Rig::new();
    let (_, temporal, _) = renamed(&rig);
    stops(&rig, &temporal);
}

#[test]
fn stop_finds_the_host_of_a_renamed_home_under_the_new_name() {
    check_stop_under_the_new_name("false");
}

#[test]
fn stop_finds_a_host_with_a_watchdog_under_the_new_name() {
    check_stop_under_the_new_name("true");
}

fn check_stop_under_the_new_name(watchdog: &str) {
    let rig = Rig::with(&[("watchdog", watchdog)]);
    let (host, temporal, renamed) = renamed(&rig);
    wait_until("the record", || rig.path("temporal.pid").exists());
    let mut stop = rig.command(rig.stigmer());
    stop.args(["local", "stop", "--home"]).arg(&renamed);
    assert_eq!(rig.finish(stop).exits(0).says(), "the server is stopped");
    assert!(!temporal.is_alive());
    wait_gone(&host);
    rig.assert_nothing_runs();
    rig.stop();
}

/// Stops the host by SIGSTOP, calls `change`, and starts another host for the home. Returns the
/// stopped host.
fn taken_over(rig: &Rig, change: impl FnOnce()) -> Process {
    let host = rig.host();
    host.signal(Signal::STOP);
    wait_until("the host to be stopped", || host.is_stopped());
    change();
    rig.start();
    host
}

#[test]
fn host_ends_after_another_host_took_its_home_and_adopted_the_server() {
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
fn host_stops_its_server_after_another_host_took_its_home_without_the_server() {
    let rig = Rig::new();
    rig.start();
    let temporal = rig.temporal();
    let config = std::fs::read(rig.path("config.toml")).unwrap();
    let mut other = None;
    let old = taken_over(&rig, || {
        delete(&rig.home);
        std::fs::create_dir(&rig.home).unwrap();
        // Change the ports in the configuration, so that the new host does not find the server.
        let config = String::from_utf8(config).unwrap();
        let second = rig.second();
        let config = config
            .replace(&rig.port.to_string(), &second.port.to_string())
            .replace(&rig.ui_port.to_string(), &second.ui_port.to_string());
        std::fs::write(rig.path("config.toml"), config).unwrap();
        other = Some(second);
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
