//! Temporal behind a script, as version managers put it.

use crate::support::process::{Process, environment};
use crate::support::rig::{READY, Rig};
use crate::support::wait_until;
use crate::support::wrapper::{self, Habit, MEMBERS};

/// The processes of the generation that runs, all of them there.
fn instance(rig: &Rig) -> Vec<Process> {
    let marker = rig.record("marker").unwrap();
    let mut members = Vec::new();
    wait_until("all processes behind the wrapper", || {
        members = rig.processes();
        members.retain(|process| {
            environment(process.pid, "STIGMER_INSTANCE").as_deref() == Some(&marker)
        });
        members.len() == MEMBERS
    });
    members
}

fn stop_ends_gently_and_leaves_nothing(habit: Habit) {
    let mut rig = Rig::new();
    let exits = wrapper::install_with(&mut rig, habit);
    assert_eq!(rig.start().says(), READY);
    let status = rig.status();
    assert_ne!(status["temporal"]["pid"], status["temporal"]["server_pid"], "it is behind it");
    instance(&rig);
    // An instance that closed the lock does not hold it: then that layer does not count.
    assert_eq!(rig.is_locked("temporal.lock"), habit != Habit::ClosesDescriptors);
    rig.stop();
    assert_eq!(std::fs::read_to_string(exits).unwrap(), "0\n", "it had its time");
}

fn nothing_survives_a_kill_of(habit: Habit) {
    let mut rig = Rig::new();
    wrapper::install_with(&mut rig, habit);
    rig.start();
    let before = instance(&rig);
    rig.temporal().kill();
    rig.wait_ready(2);
    for process in &before {
        assert!(!process.is_alive(), "{} survived", process.describe());
    }
    instance(&rig);
}

#[test]
fn nothing_behind_a_plain_wrapper_survives_a_stop() {
    stop_ends_gently_and_leaves_nothing(Habit::Plain);
}

#[test]
fn nothing_behind_a_wrapper_with_job_control_survives_a_stop() {
    stop_ends_gently_and_leaves_nothing(Habit::JobControl);
}

#[test]
fn nothing_behind_a_wrapper_that_closes_descriptors_survives_a_stop() {
    stop_ends_gently_and_leaves_nothing(Habit::ClosesDescriptors);
}

#[test]
fn nothing_of_a_plain_wrapper_survives_its_kill() {
    nothing_survives_a_kill_of(Habit::Plain);
}

#[test]
fn nothing_of_a_wrapper_with_job_control_survives_its_kill() {
    nothing_survives_a_kill_of(Habit::JobControl);
}

#[test]
fn nothing_of_a_wrapper_that_closes_descriptors_survives_its_kill() {
    nothing_survives_a_kill_of(Habit::ClosesDescriptors);
}
