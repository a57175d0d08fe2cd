//! Tests of automatic restarts: immediate, delayed, or refused by the limit.

use super::rig::{SIGKILL, Sim, exited_fatally, frozen, launch_of, launched, refused, secs};
use crate::supervisor::{
    Cause, Effect, Exit, Failure, Generation, Input, Policy, Resource, State, Want,
};
use std::time::Duration;

fn near(delay: Duration, nominal: f64) -> bool {
    (secs(nominal * 0.8)..=secs(nominal * 1.2)).contains(&delay)
}

#[test]
fn sixth_crash_in_the_window_fails_with_the_reason_until_a_start() {
    let mut sim = Sim::ready(Policy::default());
    for _ in 0..5 {
        sim.wait(0.5).crash_and_repair();
    }
    assert_eq!(sim.generation(), Generation(6));
    let effects = sim.exit(SIGKILL);
    assert_eq!(effects, []);
    assert_eq!(
        sim.failure().reason,
        "gave up after 5 automatic restarts in 60 s; last cause: crash, signal 9 (SIGKILL)"
    );
    assert_eq!(sim.supervisor.poll_timeout(), None);

    let effects = sim.handle(Input::Start);
    assert_eq!(launch_of(&effects), Some(Generation(7)));
    sim.come_up();
    assert_eq!(sim.crash_and_repair(), Duration::ZERO, "an operator's start clears the counts");
}

/// With the defaults, only two such starts fit into the window.
#[test]
fn starts_that_time_out_again_and_again_fail_like_crashes() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    for number in 1..=6 {
        if matches!(sim.state(), State::Backoff { .. }) {
            sim.jump();
        }
        assert_eq!(sim.generation(), Generation(number));
        sim.handle(launched(Generation(number)));
        sim.jump();
        sim.exit(SIGKILL);
    }
    assert_eq!(
        sim.failure().reason,
        "gave up after 5 automatic restarts in a row; last cause: start_timeout, not ready after 30s"
    );
}

#[test]
fn limit_of_one_restart_is_reported_in_the_singular() {
    let mut sim = Sim::ready(Policy { max_restarts: 1, ..Policy::default() });
    sim.crash_and_repair();
    sim.exit(SIGKILL);
    let reason = &sim.failure().reason;
    assert!(reason.starts_with("gave up after 1 automatic restart in 60 s; "), "{reason}");
}

#[test]
fn restarts_older_than_the_window_do_not_count() {
    let mut sim = Sim::ready(Policy { backoff_max: Duration::ZERO, ..Policy::default() });
    for _ in 0..40 {
        sim.wait(12.0).crash_and_repair();
    }
    assert_eq!(sim.supervisor.schedule().in_window(sim.supervisor.policy(), sim.now), 5);
    sim.wait(11.9).exit(SIGKILL);
    assert!(matches!(sim.state(), State::Failed { .. }), "a sixth within 60 s");
}

#[test]
fn delays_start_at_zero_then_double_from_250_ms_with_20_percent_jitter() {
    let mut sim = Sim::ready(Policy { max_restarts: 100, ..Policy::default() });
    let delays: Vec<_> = (0..9).map(|_| sim.wait(1.0).crash_and_repair()).collect();
    assert_eq!(delays[0], Duration::ZERO);
    for (delay, nominal) in delays[1..].iter().zip([0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]) {
        assert!(near(*delay, nominal), "{delay:?} is not about {nominal} s");
    }
    assert!((secs(24.0)..=secs(30.0)).contains(&delays[8]), "{:?}", delays[8]);
}

#[test]
fn jitter_never_exceeds_the_longest_delay() {
    let policy = Policy { max_restarts: 1000, backoff_max: secs(2.0), ..Policy::default() };
    let mut sim = Sim::ready(policy);
    let delays: Vec<_> = (0..200).map(|_| sim.wait(1.0).crash_and_repair()).skip(5).collect();
    assert!(delays.iter().all(|delay| (secs(1.6)..=secs(2.0)).contains(delay)));
    assert!(delays.iter().any(|delay| *delay < secs(1.7)), "jitter shortens");
    assert!(delays.iter().any(|delay| *delay == secs(2.0)), "jitter is limited");
}

#[test]
fn crash_after_thirty_seconds_of_ready_is_a_first_crash() {
    let mut sim = Sim::ready(Policy { max_restarts: 100, ..Policy::default() });
    for _ in 0..4 {
        sim.crash_and_repair();
    }
    sim.wait(29.9);
    assert!(near(sim.crash_and_repair(), 2.0), "29.9 s are not enough");
    sim.wait(30.0);
    assert_eq!(sim.crash_and_repair(), Duration::ZERO);
}

#[test]
fn thirty_seconds_of_ready_count_before_a_hang() {
    let mut sim = Sim::ready(Policy { max_restarts: 100, ..Policy::default() });
    for _ in 0..4 {
        sim.crash_and_repair();
    }
    sim.wait(30.0).probe(frozen());
    sim.wait(1.0).probe(frozen());
    sim.wait(1.0).probe(frozen());
    let effects = sim.exit(SIGKILL);
    assert!(launch_of(&effects).is_some(), "{:?}", sim.state());
}

#[test]
fn restart_after_exit_code_zero_waits_250_ms_for_a_stop() {
    let mut sim = Sim::ready(Policy::default());
    assert_eq!(sim.exit(Exit::Code(0)), []);
    assert!(matches!(sim.state(), State::Backoff { cause: Cause::Exited, .. }));
    sim.wait(0.249);
    assert_eq!(sim.tick(), []);
    sim.stop_clear(Cause::Shutdown);
    assert!(sim.is_stopped());
    assert_eq!(sim.wait(60.0).tick(), []);

    let mut sim = Sim::ready(Policy::default());
    sim.exit(Exit::Code(0));
    let (pause, effects) = sim.jump();
    assert_eq!(pause, secs(0.25));
    assert!(
        matches!(effects[..], [Effect::Launch { cause: Cause::Exited, automatic: true, .. }]),
        "{effects:?}"
    );
}

#[test]
fn refused_launch_is_retried_only_if_that_may_help() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    let effects = sim.handle(refused(Generation(1), true));
    assert!(
        matches!(effects[..], [Effect::Launch { cause: Cause::SpawnFailed, automatic: true, .. }]),
        "{effects:?}"
    );
    assert_eq!(sim.handle(refused(Generation(2), false)), []);
    assert_eq!(sim.failure().reason, "port 7233 is taken by pid 4 (nc)");
    assert_eq!(sim.failure().hint, "`--port`");
    assert_eq!(sim.supervisor.want(), Want::Up);
}

#[test]
fn exit_with_a_fatal_error_fails_at_once() {
    let mut sim = Sim::ready(Policy::default());
    assert_eq!(sim.handle(exited_fatally(Generation(1))), []);
    assert_eq!(sim.failure().reason, "the database is unusable");
}

#[test]
fn stop_cancels_a_delayed_restart() {
    let mut sim = Sim::ready(Policy::default());
    sim.crash_and_repair();
    sim.exit(SIGKILL);
    assert!(matches!(sim.state(), State::Backoff { .. }));
    sim.stop_clear(Cause::Operator);
    assert!(sim.is_stopped());
    assert_eq!(sim.wait(60.0).tick(), []);
}

#[test]
fn repeated_start_does_not_disable_the_restart_limit() {
    let mut sim = Sim::ready(Policy::default());
    for _ in 0..5 {
        sim.crash_and_repair();
        assert_eq!(sim.handle(Input::Start), []);
    }
    sim.exit(SIGKILL);
    assert!(matches!(sim.state(), State::Failed { .. }));
}

#[test]
fn start_on_a_full_disk_is_retried_without_counting() {
    let mut sim = Sim::ready(Policy::default());
    let full = || Failure::new("the disk is full", "free some space").until_free(Resource::Disk);
    let mut delays = Vec::new();
    sim.handle(Input::Exited {
        generation: sim.generation(),
        exit: Exit::Code(1),
        fatal: Some(full()),
    });
    for _ in 0..12 {
        assert_eq!(sim.failure(), &full());
        let (delay, effects) = sim.jump();
        let generation = launch_of(&effects).expect("a try");
        assert!(matches!(effects[..], [Effect::Launch { automatic: false, .. }]), "{effects:?}");
        delays.push(delay);
        sim.handle(Input::LaunchRefused { generation, failure: full(), is_transient: false });
    }
    assert_eq!(delays[0], secs(1.0));
    assert!(delays.iter().all(|delay| (secs(1.0)..=secs(30.0)).contains(delay)), "{delays:?}");
    assert!(delays[11] >= secs(24.0), "{delays:?}");
    assert_eq!(sim.supervisor.schedule().in_window(sim.supervisor.policy(), sim.now), 0);

    let (_, effects) = sim.jump();
    assert!(launch_of(&effects).is_some());
    sim.come_up();
    sim.exit(SIGKILL);
    assert!(!matches!(sim.state(), State::Failed { .. }), "a crash is a first crash");
}

#[test]
fn launch_refused_for_a_missing_resource_is_retried_without_counting() {
    let mut sim = Sim::ready(Policy::default());
    let short = || Failure::new("no process is left", "`ulimit -u`").until_free(Resource::System);
    let refuse =
        |generation| Input::LaunchRefused { generation, failure: short(), is_transient: true };
    let effects = sim.exit(SIGKILL);
    let mut generation = launch_of(&effects).expect("a first crash is repaired at once");
    let mut delays = Vec::new();
    for tries in 1..=12 {
        sim.handle(refuse(generation));
        assert_eq!(matches!(sim.state(), State::Failed { .. }), tries > 4, "{:?}", sim.state());
        let (delay, effects) = sim.jump();
        assert!(matches!(effects[..], [Effect::Launch { automatic: false, .. }]), "{effects:?}");
        generation = launch_of(&effects).expect("a try");
        delays.push(delay);
    }
    assert!(delays[0] <= secs(0.3) && delays[11] >= secs(24.0), "{delays:?}");
    assert!(delays.iter().all(|delay| *delay <= secs(30.0)), "{delays:?}");
    assert_eq!(sim.supervisor.schedule().in_window(sim.supervisor.policy(), sim.now), 0);

    sim.come_up();
    sim.exit(SIGKILL);
    assert!(!matches!(sim.state(), State::Failed { .. }), "a crash is a first crash");
}

#[test]
fn stop_cancels_the_retry_on_a_full_disk() {
    let mut sim = Sim::ready(Policy::default());
    let fatal =
        Some(Failure::new("the disk is full", "free some space").until_free(Resource::Disk));
    sim.handle(Input::Exited { generation: sim.generation(), exit: Exit::Code(1), fatal });
    assert!(sim.supervisor.poll_timeout().is_some());
    sim.stop_clear(Cause::Operator);
    assert!(sim.is_stopped());
    assert_eq!(sim.supervisor.poll_timeout(), None);
}

#[test]
fn server_that_ends_for_a_missing_resource_is_retried_without_counting() {
    let mut sim = Sim::ready(Policy::default());
    sim.exit(SIGKILL);
    for tries in 1..=12 {
        sim.handle(launched(sim.generation()));
        let fatal = Failure::new("no thread is left", "`ulimit -u`").until_free(Resource::System);
        let (generation, exit) = (sim.generation(), Exit::Code(2));
        sim.handle(Input::Exited { generation, exit, fatal: Some(fatal) });
        assert_eq!(matches!(sim.state(), State::Failed { .. }), tries > 4, "{:?}", sim.state());
        let (delay, effects) = sim.jump();
        assert!(matches!(effects[..], [Effect::Launch { automatic: false, .. }]), "{effects:?}");
        assert!(delay <= secs(30.0));
    }
    assert_eq!(sim.supervisor.schedule().in_window(sim.supervisor.policy(), sim.now), 0);
}
