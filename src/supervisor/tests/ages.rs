//! Tests of the restart counts that a hand-over carries to the next host.

use super::rig::{SIGKILL, Sim, found, launch_of, secs};
use crate::supervisor::{Cause, Checkpoint, Found, Generation, Policy, Round, State, Want};
use std::time::Duration;

/// Hands over to the supervisor of a new host, which adopts the server.
fn handed_over(old: &Sim) -> Sim {
    let mut new = resumed(old, secs(0.0));
    new.handle(found(old.generation(), Found::Ours));
    new.probe(Round::Pass);
    new
}

/// Creates the supervisor of the next host, `gap` after the end of the previous host.
fn resumed(old: &Sim, gap: Duration) -> Sim {
    let checkpoint = serde_json::to_string(&old.supervisor.hand_over(old.now)).unwrap();
    let checkpoint: Checkpoint = serde_json::from_str(&checkpoint).unwrap();
    let mut new = Sim::new(old.supervisor.policy().clone());
    new.now += secs(1000.0);
    new.supervisor.resume(&checkpoint, gap, new.now);
    new
}

#[test]
fn hand_over_keeps_restart_window_and_delay() {
    let mut sim = Sim::ready(Policy::default());
    for _ in 0..3 {
        sim.wait(1.0).crash_and_repair();
    }
    sim.wait(1.0);
    let mut new = handed_over(&sim);
    assert_eq!(new.supervisor.schedule().in_window(new.supervisor.policy(), new.now), 3);
    assert_eq!(new.supervisor.schedule().in_a_row(), 3);
    assert!(new.crash_and_repair() >= secs(0.8), "the delay continues");
    new.crash_and_repair();
    new.exit(SIGKILL);
    assert!(matches!(new.state(), State::Failed { .. }), "the sixth end within the window");
}

#[test]
fn hand_over_does_not_extend_the_window() {
    let mut sim = Sim::ready(Policy::default());
    for _ in 0..5 {
        sim.crash_and_repair();
    }
    sim.wait(50.0);
    let mut new = handed_over(&sim);
    new.wait(10.0);
    assert_eq!(new.supervisor.schedule().in_window(new.supervisor.policy(), new.now), 0);
    new.crash_and_repair();
}

#[test]
fn time_in_ready_counts_across_a_change_of_host() {
    let mut sim = Sim::ready(Policy::default());
    for _ in 0..4 {
        sim.crash_and_repair();
    }
    sim.wait(30.0);
    assert_eq!(handed_over(&sim).crash_and_repair(), Duration::ZERO);
}

#[test]
fn delayed_spawn_waits_only_for_the_rest_of_its_delay() {
    let mut sim = Sim::ready(Policy::default());
    for _ in 0..3 {
        sim.crash_and_repair();
    }
    sim.exit(SIGKILL);
    let due = sim.supervisor.poll_timeout().expect("it waits") - sim.now;
    assert!(due > secs(0.5), "{due:?}");

    let new = resumed(&sim, secs(0.1));
    assert_eq!(new.supervisor.want(), Want::Up);
    assert!(matches!(new.state(), State::Backoff { cause: Cause::Crash, .. }));
    let left = new.supervisor.poll_timeout().expect("it still waits") - new.now;
    assert!(left <= due - secs(0.1) && left >= due - secs(0.102), "{left:?} of {due:?}");

    let mut late = resumed(&sim, secs(60.0));
    let effects = late.supervisor.handle_timeout(late.now);
    assert!(launch_of(&effects).is_some(), "overdue: {effects:?}");
}

#[test]
fn generation_numbers_continue_after_the_recorded_one() {
    let mut sim = Sim::ready(Policy::default());
    sim.crash_and_repair();
    let mut new = handed_over(&sim);
    new.crash_and_repair();
    assert_eq!(new.generation(), Generation(3));
}

#[test]
fn ages_from_before_the_boot_are_dropped() {
    let mut sim = Sim::new(Policy::default());
    let checkpoint = serde_json::from_str(
        r#"{"want":"up","spawns_ago_ms":[18446744073709551615,5],"in_a_row":1,"waiting":null}"#,
    );
    sim.supervisor.resume(&checkpoint.unwrap(), Duration::ZERO, sim.now);
    assert_eq!(sim.supervisor.schedule().in_window(&Policy::default(), sim.now), 1);
}
