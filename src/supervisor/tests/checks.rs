//! Tests of failed checks: when a failure ends a server that runs or starts, and when it does not.

use super::rig::{
    GRPC, PROCESS, SIGKILL, Sim, TCP, WORKER, fail, frozen, launched, lost, on_its_way, secs,
};
use crate::supervisor::{
    Cause, Effect, Exit, Generation, Input, Policy, RestartHelps, Round, State,
};

#[test]
fn frozen_server_is_killed_at_the_threshold_and_replaced() {
    let mut sim = Sim::ready(Policy::default());
    for _ in 0..2 {
        assert_eq!(sim.wait(1.0).probe(frozen()), []);
        assert!(matches!(sim.state(), State::Degraded(..)));
    }
    assert_eq!(
        sim.wait(1.0).probe(frozen()),
        [Effect::Kill { generation: Generation(1) }],
        "SIGKILL at once, no grace"
    );
    let effects = sim.exit(SIGKILL);
    assert_eq!(
        effects,
        [Effect::Launch {
            generation: Generation(2),
            cause: Cause::Unresponsive,
            detail: "grpc: no response (3 failures in a row)".into(),
            automatic: true,
        }]
    );
}

#[test]
fn passing_round_resets_the_failure_count() {
    let mut sim = Sim::ready(Policy::default());
    for round in [frozen(), frozen(), Round::Pass, frozen(), frozen()] {
        assert_eq!(sim.wait(1.0).probe(round), []);
    }
    assert_eq!(sim.probe(frozen()), [Effect::Kill { generation: Generation(1) }]);
}

#[test]
fn void_round_does_not_change_the_failure_count() {
    let mut sim = Sim::ready(Policy::default());
    for round in [frozen(), Round::Void, Round::Void, Round::Void, frozen(), Round::Void] {
        assert_eq!(sim.wait(1.0).probe(round), []);
    }
    assert_eq!(sim.probe(frozen()), [Effect::Kill { generation: Generation(1) }]);
}

#[test]
fn deleted_database_is_degraded_and_never_restarted() {
    let mut sim = Sim::ready(Policy::default());
    for _ in 0..1000 {
        assert_eq!(sim.wait(1.0).probe(lost()), []);
    }
    assert!(matches!(sim.state(), State::Degraded(_, degradation) if degradation.failures == 1000));
    // Now the server also does not respond. The count of failures that a restart may fix begins
    // here.
    assert_eq!(sim.wait(1.0).probe(frozen()), []);
    assert_eq!(sim.wait(1.0).probe(frozen()), []);
    assert_eq!(sim.wait(1.0).probe(frozen()), [Effect::Kill { generation: Generation(1) }]);
}

#[test]
fn in_memory_failures_must_span_fifteen_seconds() {
    let mut sim = Sim::ready(Policy { failure_span: secs(15.0), ..Policy::default() });
    for second in 0..15 {
        assert_eq!(sim.probe(frozen()), [], "after {second} s");
        sim.wait(1.0);
    }
    assert_eq!(sim.probe(frozen()), [Effect::Kill { generation: Generation(1) }]);
}

#[test]
fn in_memory_a_pause_of_the_host_does_not_count_as_failures() {
    let mut sim = Sim::ready(Policy { failure_span: secs(15.0), ..Policy::default() });
    sim.probe(frozen());
    sim.wait(3600.0).probe(Round::Void);
    for second in 0..14 {
        assert_eq!(sim.wait(1.0).probe(frozen()), [], "{second} s after the pause");
    }
    sim.wait(1.0);
    assert_eq!(sim.probe(frozen()), [Effect::Kill { generation: Generation(1) }]);
}

#[test]
fn start_timeout_kills_at_once_and_counts_as_a_restart() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.wait(20.0).handle(launched(Generation(1)));
    let (wait, effects) = sim.jump();
    assert_eq!(wait, secs(30.0), "from the launch, not from the decision");
    assert_eq!(effects, [Effect::Kill { generation: Generation(1) }]);
    let effects = sim.exit(SIGKILL);
    assert!(
        matches!(&effects[..], [Effect::Launch { cause: Cause::StartTimeout, detail, automatic: true, .. }]
            if detail == "not ready after 30s"),
        "{effects:?}"
    );
    assert_eq!(sim.supervisor.schedule().in_window(sim.supervisor.policy(), sim.now), 1);
}

#[test]
fn start_timeout_names_the_check_that_failed_last() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(launched(Generation(1)));
    for check in [TCP, GRPC] {
        sim.probe(fail(check, RestartHelps::NotYet));
    }
    sim.probe(Round::Void);
    sim.jump();
    let effects = sim.exit(SIGKILL);
    assert!(
        matches!(&effects[..], [Effect::Launch { cause: Cause::StartTimeout, detail, .. }]
            if detail.starts_with("not ready after 30s: grpc: ")),
        "{effects:?}"
    );
}

#[test]
fn launch_has_no_time_limit() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    assert_eq!(sim.supervisor.poll_timeout(), None);
    assert_eq!(sim.wait(600.0).tick(), []);
    sim.come_up();
}

#[test]
fn failed_checks_of_a_start_change_nothing_before_its_deadline() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(launched(Generation(1)));
    for _ in 0..299 {
        assert_eq!(sim.wait(0.1).probe(on_its_way()), []);
        assert_eq!(sim.tick(), []);
    }
    assert!(matches!(sim.state(), State::Starting(_)));
    sim.probe(Round::Pass);
    assert!(matches!(sim.state(), State::Ready(_)));
}

#[test]
fn start_stopped_by_a_signal_has_as_long_as_a_ready_server() {
    let halted = || fail(PROCESS, RestartHelps::Yes);
    let mut sim = Sim::new(Policy { failure_span: secs(15.0), ..Policy::default() });
    sim.handle(Input::Start);
    sim.handle(launched(Generation(1)));
    assert_eq!(sim.wait(1.0).probe(halted()), []);
    assert_eq!(sim.wait(1.0).probe(halted()), []);
    let (wait, effects) = sim.jump();
    assert_eq!(wait, secs(3.0), "from the first round that saw it stopped");
    assert_eq!(effects, [Effect::Kill { generation: Generation(1) }]);
    let effects = sim.exit(SIGKILL);
    assert!(
        matches!(&effects[..], [Effect::Launch { cause: Cause::Unresponsive, detail, .. }]
            if detail == "stopped by a signal for 4s while starting"),
        "{effects:?}"
    );
}

#[test]
fn start_stopped_for_a_moment_keeps_its_deadline() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(launched(Generation(1)));
    sim.wait(1.0).probe(fail(PROCESS, RestartHelps::Yes));
    sim.wait(2.0).probe(on_its_way());
    let (wait, _) = sim.jump();
    assert_eq!(wait, secs(27.0));
}

#[test]
fn pause_of_the_host_does_not_kill_a_stopped_start() {
    let mut sim = Sim::new(Policy::default());
    sim.handle(Input::Start);
    sim.handle(launched(Generation(1)));
    sim.probe(fail(PROCESS, RestartHelps::Yes));
    assert_eq!(sim.wait(600.0).tick(), []);
    sim.probe(Round::Pass);
    assert!(matches!(sim.state(), State::Ready(_)));
}

#[test]
fn unrequested_shutdown_has_the_grace_period_and_counts_on_exit() {
    let mut sim = Sim::ready(Policy::default());
    for _ in 0..14 {
        assert_eq!(sim.wait(1.0).probe(on_its_way()), []);
        assert!(matches!(sim.state(), State::Degraded(..)));
    }
    sim.exit(Exit::Code(0));
    assert!(matches!(sim.state(), State::Backoff { cause: Cause::Exited, .. }));
}

#[test]
fn unrequested_shutdown_that_hangs_is_killed_with_cause_exited() {
    let mut sim = Sim::ready(Policy::default());
    sim.wait(1.0).probe(frozen());
    for _ in 0..15 {
        assert_eq!(sim.wait(1.0).probe(on_its_way()), []);
    }
    assert_eq!(sim.wait(1.0).probe(on_its_way()), [Effect::Kill { generation: Generation(1) }]);
    sim.exit(SIGKILL);
    assert!(
        matches!(sim.state(), State::Backoff { cause: Cause::Exited, detail, .. }
            if detail == "shutting down, and did not exit within 15s"),
        "{:?}",
        sim.state()
    );
}

#[test]
fn threshold_of_one_kills_at_the_first_failure() {
    let mut sim = Sim::ready(Policy { failure_threshold: 1, ..Policy::default() });
    assert_eq!(
        sim.probe(fail(PROCESS, RestartHelps::Yes)),
        [Effect::Kill { generation: Generation(1) }]
    );
}

#[test]
fn wait_for_another_unit_counts_neither_as_a_start_nor_as_a_failure() {
    let limit = secs(30.0);
    let (start_timeout, failure_span) = (limit, limit);
    let policy = Policy { start_timeout, failure_span, failure_threshold: 1, ..Policy::default() };
    let (waiting, silent) = (fail(TCP, RestartHelps::Waiting), fail(TCP, RestartHelps::Yes));
    let mut sim = Sim::of(WORKER, policy);
    sim.handle(Input::Start);
    sim.handle(launched(Generation(1)));
    for _ in 0..100 {
        assert_eq!(sim.wait(1.0).probe(waiting.clone()), []);
        assert!(matches!(sim.state(), State::Starting(_)));
    }
    assert_eq!(sim.supervisor.poll_timeout(), Some(sim.now + limit), "the limit begins again");
    sim.probe(Round::Pass);
    for round in [&silent, &waiting, &silent] {
        for _ in 0..25 {
            assert_eq!(sim.wait(1.0).probe(round.clone()), []);
            assert!(matches!(sim.state(), State::Degraded(..)));
        }
    }
    for _ in 0..5 {
        assert_eq!(sim.wait(1.0).probe(silent.clone()), []);
    }
    assert_eq!(sim.wait(1.0).probe(silent), [Effect::Kill { generation: Generation(1) }]);
}
