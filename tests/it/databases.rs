//! The database file: one server locks it, and a deleted, replaced or damaged file is reported.

use crate::support::rig::{READY, Rig, Running};
use crate::support::wait_until;
use std::path::Path;
use std::time::Duration;
use stigmer::process::lock;

fn name(rig: &mut Rig, file: &Path) {
    rig.set("db", &format!("{:?}", file.display().to_string()));
}

#[test]
fn second_home_on_one_database_is_refused_under_any_name() {
    let one = Rig::new();
    let mut two = one.second();
    one.start();
    let temporal = one.temporal();
    let link = two.folder().join("link.db");
    std::os::unix::fs::symlink(one.database(), &link).unwrap();
    let folder = two.folder().join("data");
    std::os::unix::fs::symlink(one.path("temporal-data"), &folder).unwrap();
    for file in [one.database(), link, folder.join("temporal.db")] {
        name(&mut two, &file);
        let home = one.home.display().to_string();
        two.run(&[]).exits(1).complains(&["in use", &home, "--db"]);
        two.assert_nothing_runs();
    }
    assert_eq!(one.temporal().pid, temporal.pid);
    one.stop();
    assert_eq!(two.start().says(), READY);
}

#[test]
fn deleted_database_lock_is_restored_and_the_next_start_works() {
    let one = Rig::new();
    let mut two = one.second();
    name(&mut two, &one.database());
    one.start();
    let guard = one.path("temporal-data/temporal.db.stigmer");
    std::fs::remove_file(one.path("temporal.lock")).unwrap();
    std::fs::remove_file(&guard).unwrap();
    wait_until("the lock of the database", || lock::is_held(&guard).unwrap());
    two.run(&[]).exits(1).complains(&["in use", &one.home.display().to_string()]);
    wait_until("the lock of the server", || one.path("temporal.lock").exists());
    one.wait_for("no trouble", |status| status["message"] == "");
    // The server that the restart starts inherits the lock of the database. The lock is free after
    // the host has ended.
    one.run(&["restart"]).exits(0);
    assert!(lock::is_held(&guard).unwrap());
    one.stop();
    assert_eq!(two.start().says(), READY);
}

#[test]
fn start_works_after_a_kill_at_any_moment_of_the_first_start() {
    let base = Rig::new();
    for moment in [10, 25, 40, 55, 70, 90, 120] {
        let rig = base.second();
        let start = Running::spawn(rig.local(&[]));
        wait_until("the first spawn", || rig.record("generation").is_some());
        // Sleep for a fixed time, because the test varies the moment of the kill.
        std::thread::sleep(Duration::from_millis(moment));
        rig.power_cut();
        drop(start);
        let ran = rig.run(&[]);
        assert_eq!(ran.code, Some(0), "killed after {moment} ms: {ran:?}");
        assert_eq!(rig.status()["state"], "ready");
    }
}

#[test]
fn file_that_is_not_a_database_is_an_error_and_stays_unchanged() {
    let mut rig = Rig::new();
    let file = rig.folder().join("precious.db");
    name(&mut rig, &file);
    let bytes = "not a database, and must stay unchanged\n".repeat(500);
    std::fs::write(&file, &bytes).unwrap();
    rig.run(&[]).exits(1).complains(&["precious.db", "file is not a database", "--db"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), bytes);
    rig.assert_nothing_runs();
}

#[test]
fn empty_database_file_is_an_error_with_a_hint() {
    let mut rig = Rig::new();
    let file = rig.folder().join("empty.db");
    name(&mut rig, &file);
    std::fs::write(&file, "").unwrap();
    rig.run(&[]).exits(1).complains(&["empty.db", "empty file", "delete the file"]);
    assert_eq!(std::fs::metadata(&file).unwrap().len(), 0);
}

/// Checks that stigmer does not restart the server, because a restart would lose the data.
fn check_detached_database(detach: impl FnOnce(&Path), word: &str) {
    let rig = Rig::with(&[("probe-period", "\"100ms\"")]);
    rig.start();
    let temporal = rig.temporal();
    detach(&rig.database());
    let status = rig.wait_for("ten failures in a row", |status| {
        status["health"]["consecutive_failures"].as_u64() >= Some(10)
    });
    assert_eq!(status["state"], "degraded");
    let message = status["message"].as_str().unwrap();
    assert!(message.contains(word) && message.contains("a restart loses"), "{message}");
    assert_eq!(rig.run(&["status"]).code, Some(0));
    assert_eq!(status["temporal"]["pid"], temporal.pid);
    assert_eq!(status["restarts"]["total"], 0);
    assert!(temporal.is_alive());
}

#[test]
fn server_with_a_deleted_database_is_degraded_and_not_restarted() {
    check_detached_database(|file| std::fs::remove_file(file).unwrap(), "was deleted");
}

#[test]
fn server_with_a_replaced_database_is_degraded_and_not_restarted() {
    let replace = |file: &Path| {
        let other = file.with_extension("other");
        std::fs::copy(file, &other).unwrap();
        std::fs::rename(&other, file).unwrap();
    };
    check_detached_database(replace, "was replaced");
}

#[test]
fn server_in_memory_writes_no_database_file() {
    let rig = Rig::with(&[("in-memory", "true")]);
    rig.start();
    assert!(rig.status()["temporal"]["database"].is_null());
    rig.stop();
    assert!(!rig.database().exists());
}
