//! A server behind a wrapper script, as the scripts of version managers.

use crate::support::process::{Process, environment};
use crate::support::rig::{READY, Rig};
use crate::support::wait_until;
use crate::support::wrapper::{self, Habit, MEMBERS};

/// Waits until the running server has all its processes, and returns them.
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

fn check_stop(habit: Habit) {
    let mut rig = Rig::new();
    let exits = wrapper::install_with(&mut rig, habit);
    assert_eq!(rig.start().says(), READY);
    let status = rig.status();
    assert_ne!(
        status["temporal"]["pid"], status["temporal"]["server_pid"],
        "the server is a child of the wrapper"
    );
    instance(&rig);
    // A wrapper that closes its descriptors also closes the lock, so no process holds it.
    assert_eq!(rig.is_locked("temporal.lock"), habit != Habit::ClosesDescriptors);
    rig.stop();
    assert_eq!(std::fs::read_to_string(exits).unwrap(), "0\n", "the server had its grace period");
}

fn check_kill(habit: Habit) {
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
fn stop_ends_all_processes_of_a_plain_wrapper() {
    check_stop(Habit::Plain);
}

#[test]
fn stop_ends_all_processes_of_a_wrapper_with_job_control() {
    check_stop(Habit::JobControl);
}

#[test]
fn stop_ends_all_processes_of_a_wrapper_that_closes_descriptors() {
    check_stop(Habit::ClosesDescriptors);
}

#[test]
fn kill_of_a_plain_wrapper_ends_all_its_processes() {
    check_kill(Habit::Plain);
}

#[test]
fn kill_of_a_wrapper_with_job_control_ends_all_its_processes() {
    check_kill(Habit::JobControl);
}

#[test]
fn kill_of_a_wrapper_that_closes_descriptors_ends_all_its_processes() {
    check_kill(Habit::ClosesDescriptors);
}
