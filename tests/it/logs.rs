//! `logs` on a file that the test writes.

use crate::support::rig::{Rig, Running};
use crate::support::wait_until;

#[test]
fn unreadable_log_is_reported_once_and_followed_once_readable() {
    let rig = Rig::new();
    std::fs::create_dir(rig.path("logs")).unwrap();
    let log = rig.path("logs/temporal.log");
    // A symbolic link to itself is unreadable for every user, even for root.
    std::os::unix::fs::symlink(&log, &log).unwrap();
    rig.run(&["logs"]).exits(1).complains(&["cannot read the log", "temporal.log"]);

    let following = Running::spawn(rig.local(&["logs", "-f"]));
    let reports = || following.stderr().matches("cannot read the log").count();
    wait_until("the error message", || reports() > 0);
    let new = rig.folder().join("new");
    std::fs::write(&new, "one\n").unwrap();
    std::fs::rename(&new, &log).unwrap();
    following.wait_for("one\n");
    assert_eq!(reports(), 1, "{}", following.stderr());
}

#[test]
fn line_that_is_too_long_keeps_the_fields_of_its_beginning() {
    let rig = Rig::new();
    std::fs::create_dir(rig.path("logs")).unwrap();
    let long = "x".repeat(100_000);
    let time = "2026-11-22T10:00:01Z";
    let line = format!(r#"{{"time":"{time}","level":"ERROR","msg":"big {long}","a":1}}"#);
    std::fs::write(rig.path("logs/temporal.log"), line + "\n").unwrap();
    let output = rig.run(&["logs", "--level", "error"]).exits(0).stdout;
    assert!(output.contains(" ERROR ") && output.contains(" big xxx"), "{:?}", output.get(..100));
    assert!(output.ends_with("bytes cut\"\n"));
    let output = rig.run(&["logs", "--json"]).exits(0).stdout;
    let output: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!((&output["time"], &output["level"]), (&time.into(), &"error".into()));
    assert!(output["raw"].as_str().unwrap().ends_with(" bytes cut]"));
}

#[test]
fn deleted_log_is_reported_and_the_next_generation_writes_a_new_one() {
    let rig = Rig::new();
    rig.start();
    let is_reported = |status: &serde_json::Value| {
        status["message"].as_str().unwrap().contains("temporal.log was deleted or replaced")
    };
    std::fs::remove_file(rig.path("logs/temporal.log")).unwrap();
    let status = rig.wait_for("the trouble", is_reported);
    assert_eq!(status["state"], "ready", "{status:#}");
    rig.run(&["restart"]).exits(0);
    rig.wait_for("no trouble", |status| !is_reported(status));
    assert!(std::fs::read_to_string(rig.path("logs/temporal.log")).unwrap().contains("\"n\":2"));
    rig.stop();
}
