//! `stop` and `restart` warn before they lose data.

use crate::support::rig::{Ran, Rig};

fn start_workflow(rig: &Rig, id: &str) {
    let words = ["workflow", "start", "--type", "T", "--task-queue", "q", "--workflow-id", id];
    rig.cli(&words).exits(0);
}

#[track_caller]
fn announces_no_loss(ran: &Ran) {
    assert!(!ran.stderr.contains("LOST"), "{}", ran.stderr);
}

#[test]
fn restart_in_memory_warns_only_if_workflows_are_lost() {
    let rig = Rig::with(&[("in-memory", "true")]);
    rig.start();
    announces_no_loss(&rig.run(&["restart"]).exits(0));
    start_workflow(&rig, "a");
    let lost = "warning: 1 running workflow WILL BE LOST: the database is in memory";
    rig.run(&["restart", "--in-memory=false"]).exits(0).complains(&[lost]);
    start_workflow(&rig, "b");
    announces_no_loss(&rig.run(&["restart", "--yes"]).exits(0));
    announces_no_loss(&rig.stop());
}

#[test]
fn closed_workflows_of_any_namespace_count_as_lost() {
    let rig = Rig::with(&[("in-memory", "true"), ("namespace", "[\"default\", \"other\"]")]);
    rig.start();
    let temporal = |words: &[&str]| {
        rig.cli(&[words, &["--namespace", "other"]].concat()).exits(0);
    };
    temporal(&["workflow", "start", "--type", "T", "--task-queue", "q", "--workflow-id", "a"]);
    temporal(&["workflow", "terminate", "--workflow-id", "a"]);
    let lost = "1 closed workflow WILL BE LOST: the database is in memory";
    rig.stop().complains(&[lost]);
}

#[test]
fn loss_of_a_deleted_or_replaced_database_is_announced_with_and_without_a_host() {
    let rig = Rig::new();
    rig.start();
    start_workflow(&rig, "a");
    std::fs::remove_file(rig.database()).unwrap();
    let status = rig.wait_for("the report of the deleted database", |status| {
        status["temporal"]["database"]["detached"] == "deleted"
            && status["health"]["no_restart"] == "data_loss"
    });
    assert_eq!(status["state"], "degraded", "{status:#}");
    let deleted = "1 running workflow WILL BE LOST: the database file was deleted";
    rig.run(&["restart"]).exits(0).complains(&[deleted]);

    start_workflow(&rig, "b");
    rig.kill_host();
    std::fs::rename(rig.database(), rig.folder().join("elsewhere.db")).unwrap();
    std::fs::write(rig.database(), "").unwrap();
    let replaced = "1 running workflow WILL BE LOST: the database file was replaced";
    rig.run(&["stop"]).exits(0).complains(&[replaced]);
    assert!(rig.processes().is_empty());
}
