//! The restart window on its way from one host to the next.

use super::rig::{SIGKILL, Sim, found, secs};
use crate::supervisor::{Found, Generation, Policy, Round, Schedule, ScheduleAges, State};
use std::time::{Duration, Instant};

/// Another process, with another clock, adopts what this one hands over.
fn handed_over(old: &Sim) -> Sim {
    let ages = serde_json::to_string(&old.supervisor.hand_over(old.now)).unwrap();
    let ages: ScheduleAges = serde_json::from_str(&ages).unwrap();
    let mut new = Sim::new(old.supervisor.policy().clone());
    new.now += secs(1000.0);
    new.supervisor.resume(Schedule::from_ages(&ages, 8, new.now));
    new.handle(found(old.generation(), Found::Ours));
    new.probe(Round::Pass);
    new
}

#[test]
fn a_hand_over_keeps_window_and_delay() {
    let mut sim = Sim::ready(Policy::default());
    for _ in 0..3 {
        sim.wait(1.0).crash_and_repair();
    }
    sim.wait(1.0);
    let mut new = handed_over(&sim);
    assert_eq!(new.supervisor.schedule().in_window(new.supervisor.policy(), new.now), 3);
    assert_eq!(new.supervisor.schedule().in_a_row(), 3);
    assert!(new.crash_and_repair() >= secs(0.8), "the delay goes on where it was");
    new.crash_and_repair();
    new.exit(SIGKILL);
    assert!(matches!(new.state(), State::Failed { .. }), "the sixth end within the window");
}

#[test]
fn a_hand_over_does_not_make_the_window_longer() {
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
fn a_stable_life_counts_though_the_host_changed_in_it() {
    let mut sim = Sim::ready(Policy::default());
    for _ in 0..4 {
        sim.crash_and_repair();
    }
    sim.wait(30.0);
    assert_eq!(handed_over(&sim).crash_and_repair(), Duration::ZERO);
}

#[test]
fn numbers_go_on_after_the_recorded_one() {
    let mut sim = Sim::ready(Policy::default());
    sim.crash_and_repair();
    let mut new = handed_over(&sim);
    new.crash_and_repair();
    assert_eq!(new.generation(), Generation(3));
}

#[test]
fn ages_from_before_the_machine_was_up_are_dropped() {
    let now = Instant::now();
    let ages = serde_json::from_str(r#"{"spawns_ago_ms":[18446744073709551615,5],"in_a_row":1}"#);
    let schedule = Schedule::from_ages(&ages.unwrap(), 0, now);
    assert_eq!(schedule.in_window(&Policy::default(), now), 1);
}
