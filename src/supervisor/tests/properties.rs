//! Property tests: random sequences of inputs, at random times. [`World`] checks the invariants
//! after each step.

use super::rig::{
    GRPC, PROCESS, SERVER, SIGKILL, STORE, TCP, absent, exited, exited_fatally, found, launched,
    probed, refused, search_failed,
};
use super::world::{Launch, World};
use crate::supervisor::{
    Cause, Checkpoint, Effect, Exit, Found, Generation, Input, Policy, RestartHelps, Round,
    Schedule, State, Supervisor, Want,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::{Duration, Instant};

#[derive(Debug, Clone)]
enum Step {
    Command(Input),
    Settle(Launch),
    End(Exit, bool),
    Die {
        handles_term: bool,
    },
    Probe(Round),
    Deliver(usize),
    Repeat(usize),
    /// Sends an input about another generation, or an input that cannot occur.
    Forge(Input),
    Wait(Duration),
    Tick,
    /// Advances the clock to the next deadline, this number of times.
    Jump(u32),
    /// Lets the launch succeed and the server become ready.
    ComeUp,
    Resume,
}

fn commands() -> impl Strategy<Value = Input> {
    prop_oneof![
        8 => Just(Input::Start),
        1 => Just(Input::Stop { cause: Cause::Operator }),
        1 => Just(Input::Stop { cause: Cause::Shutdown }),
        1 => Just(Input::EndGrace),
        1 => Just(Input::Restart),
        1 => Just(Input::Reload { detail: "main.py".into() }),
    ]
}

fn exits() -> impl Strategy<Value = Exit> {
    prop_oneof![Just(Exit::Code(0)), Just(Exit::Code(1)), Just(SIGKILL), Just(Exit::Unknown)]
}

fn founds() -> impl Strategy<Value = Found> {
    prop_oneof![Just(Found::Ours), Just(Found::External)]
}

fn rounds() -> impl Strategy<Value = Round> {
    let fail = |check, restart_helps| Round::Fail { check, detail: String::new(), restart_helps };
    prop_oneof![
        4 => Just(Round::Pass),
        1 => Just(Round::Void),
        4 => Just(fail(TCP, RestartHelps::Yes)),
        2 => Just(fail(GRPC, RestartHelps::Yes)),
        1 => Just(fail(STORE, RestartHelps::No)),
        1 => Just(fail(PROCESS, RestartHelps::NotYet)),
        1 => Just(fail(PROCESS, RestartHelps::Waiting)),
    ]
}

fn news() -> impl Strategy<Value = Input> {
    let generation = (0..40u64).prop_map(Generation);
    (generation, exits(), founds(), rounds(), 0..8, any::<bool>()).prop_map(
        |(generation, exit, whose, round, which, flag)| match which {
            0 => launched(generation),
            1 => refused(generation, flag),
            2 => exited(generation, exit),
            3 => exited_fatally(generation),
            4 => found(generation, whose),
            5 => absent(generation),
            6 => search_failed(generation),
            _ => probed(generation, round),
        },
    )
}

fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        4 => (0..400u64).prop_map(Duration::from_millis),
        4 => (0..5_000u64).prop_map(Duration::from_millis),
        1 => (0..7_200u64).prop_map(Duration::from_secs),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => commands().prop_map(Step::Command),
        6 => Just(Step::Settle(Launch::Works)),
        1 => any::<bool>().prop_map(|is_transient| Step::Settle(Launch::Refused { is_transient })),
        1 => founds().prop_map(|whose| Step::Settle(Launch::Meets(whose))),
        5 => (exits(), prop::bool::weighted(0.1)).prop_map(|(exit, fatal)| Step::End(exit, fatal)),
        2 => any::<bool>().prop_map(|handles_term| Step::Die { handles_term }),
        6 => rounds().prop_map(Step::Probe),
        12 => any::<usize>().prop_map(Step::Deliver),
        2 => any::<usize>().prop_map(Step::Repeat),
        2 => news().prop_map(Step::Forge),
        4 => durations().prop_map(Step::Wait),
        3 => Just(Step::Tick),
        6 => Just(Step::Jump(1)),
        1 => Just(Step::Jump(12)),
        6 => Just(Step::ComeUp),
        1 => Just(Step::Resume),
    ]
}

fn policies() -> impl Strategy<Value = Policy> {
    let backoff = prop_oneof![Just(0), Just(100), Just(1_000), Just(30_000)];
    let window = prop_oneof![Just(1), Just(60)];
    (0..7u32, 1..4u32, window, backoff, prop_oneof![Just(0), Just(15)]).prop_map(
        |(max_restarts, failure_threshold, window, backoff, span)| Policy {
            max_restarts,
            failure_threshold,
            restart_window: Duration::from_secs(window),
            backoff_max: Duration::from_millis(backoff),
            failure_span: Duration::from_secs(span),
            ..Policy::default()
        },
    )
}

fn play(world: &mut World, step: Step) {
    match step {
        Step::Command(input) => {
            world.receive(&input);
        }
        Step::Settle(how) => world.settle(how),
        Step::End(exit, fatal) => world.end(exit, fatal),
        Step::Die { handles_term } => world.die(handles_term),
        Step::Probe(round) => world.probe(round),
        Step::Deliver(which) => {
            world.deliver(which);
        }
        Step::Repeat(which) => world.repeat(which),
        Step::Forge(input) => {
            let about = match &input {
                Input::Start
                | Input::Stop { .. }
                | Input::EndGrace
                | Input::Restart
                | Input::Reload { .. } => None,
                Input::Found { generation, .. }
                | Input::Launched { generation }
                | Input::LaunchRefused { generation, .. }
                | Input::Absent { generation }
                | Input::SearchFailed { generation, .. }
                | Input::Exited { generation, .. }
                | Input::Probed { generation, .. } => Some(*generation),
            };
            let first = world.supervisor.fresh && matches!(input, Input::Found { .. });
            if about != world.supervisor.state().generation() && !first {
                world.receive(&input);
            }
        }
        Step::Wait(time) => world.now += time,
        Step::Tick => {
            world.tick();
        }
        Step::Jump(times) => (0..times).for_each(|_| jump(world)),
        Step::ComeUp => {
            world.settle(Launch::Works);
            while world.deliver(0) {}
            world.probe(Round::Pass);
            while world.deliver(0) {}
        }
        Step::Resume => world.hand_over_schedule(),
    }
}

fn jump(world: &mut World) {
    if let Some(due) = world.supervisor.poll_timeout() {
        world.now = world.now.max(due);
        world.tick();
    }
}

// Each test runs 256 random cases. The variable `PROPTEST_CASES` sets another number.
proptest! {

    /// No two generations run at the same time, and no external server gets a signal. Generation
    /// numbers grow, restarts and delays stay within their limits, and stale inputs change nothing.
    /// From every state that a sequence reaches, a stop leads to the state stopped.
    #[test]
    fn every_sequence_keeps_the_invariants_and_a_stop_ends_in_stopped(
        policy in policies(),
        already in prop::option::of(founds()),
        steps in vec(steps(), 0..120),
    ) {
        let grace = policy.stop_grace;
        let mut world = World::new(policy, already);
        for step in steps {
            play(&mut world, step);
        }
        // If the host was late, the deadline of a stop in progress moves. So the stop may take
        // twice the grace period.
        let took = world.goes_down();
        prop_assert!(took <= grace * 2 + Duration::from_secs(2), "took {took:?}");

        let watches = world.watches_stranger();
        let effects = world.receive(&Input::Start);
        let launches = matches!(effects[..], [Effect::Launch { automatic: false, .. }]);
        prop_assert!(launches || watches && effects.is_empty(), "{effects:?}");
    }

    /// A server that always crashes is restarted at most `max_restarts` times in any window. Then
    /// the state stays failed until the operator starts the server.
    #[test]
    fn repeated_crashes_fail_until_the_operator_starts_again(
        policy in policies(),
        lives in vec((0..3_000u64, exits()), 20),
    ) {
        let window = Duration::from_secs(3600);
        let mut world = World::new(Policy { restart_window: window, ..policy }, None);
        world.receive(&Input::Start);
        let mut restarts = 0;
        for (life, exit) in lives {
            world.settle(Launch::Works);
            while world.deliver(0) {}
            world.now += Duration::from_millis(life);
            world.end(exit, false);
            while world.deliver(0) {}
            jump(&mut world);
            restarts += u32::from(matches!(world.supervisor.state(), State::Starting(_)));
        }
        let given_up = matches!(world.supervisor.state(), State::Failed { .. });
        prop_assert!(given_up, "{world}");
        prop_assert_eq!(restarts, world.supervisor.policy().max_restarts);
        world.now += Duration::from_secs(1_000_000);
        prop_assert_eq!(world.tick(), []);
    }

    /// Inputs that no manager sends cause no panic, even at times that run backwards. The
    /// generation numbers still grow.
    #[test]
    fn impossible_inputs_cause_no_panic(
        policy in policies(),
        inputs in vec((prop_oneof![news(), commands()], -5_000..50_000i64), 0..200),
    ) {
        let mut now = Instant::now() + Duration::from_secs(10_000);
        let mut supervisor = Supervisor::new(SERVER, policy, Generation(10), 5, now);
        let mut last = Generation(0);
        for (input, step) in inputs {
            let by = Duration::from_millis(step.unsigned_abs());
            now = if step < 0 { now - by } else { now + by };
            let mut effects = supervisor.handle(input, now);
            effects.extend(supervisor.handle_timeout(now));
            for effect in effects {
                if let Effect::Launch { generation, .. } = effect {
                    prop_assert!(generation > last);
                    last = generation;
                }
            }
        }
    }

    /// A schedule keeps its counts when it is converted to ages and back.
    #[test]
    fn schedule_survives_conversion_to_ages(
        policy in policies(),
        pauses in vec(0..30_000u64, 0..20),
        later in 0..90_000u64,
    ) {
        let mut now = Instant::now() + Duration::from_secs(10_000);
        let mut schedule = Schedule::new(1);
        for pause in pauses {
            now += Duration::from_millis(pause);
            if schedule.next_delay(&policy, Cause::Crash, now).is_some() {
                schedule.record(now);
            }
        }
        let checkpoint = Checkpoint {
            want: Want::Up,
            spawns_ago_ms: schedule.spawns_ago(now),
            in_a_row: schedule.in_a_row(),
            waiting: None,
        };
        let mut copy = Schedule::new(1);
        copy.resume(&checkpoint, now);
        now += Duration::from_millis(later);
        prop_assert_eq!(copy.in_window(&policy, now), schedule.in_window(&policy, now));
        prop_assert_eq!(copy.in_a_row(), schedule.in_a_row());
        prop_assert_eq!(
            copy.next_delay(&policy, Cause::Crash, now).is_some(),
            schedule.next_delay(&policy, Cause::Crash, now).is_some()
        );
    }
}

#[test]
fn generated_sequences_reach_every_state() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeMap::<&str, u32>::new();
    for _ in 0..300 {
        let policy = policies().new_tree(&mut runner).unwrap().current();
        let steps = vec(steps(), 120).new_tree(&mut runner).unwrap().current();
        let mut world = World::new(policy, None);
        for step in steps {
            play(&mut world, step);
            let name = match (world.supervisor.state(), world.supervisor.want()) {
                (State::Stopped { .. }, _) => "stopped",
                (State::Starting(_), _) => "starting",
                (State::Ready(_), _) => "ready",
                (State::Degraded(..), _) => "degraded",
                (State::Stopping(_), Want::Up) => "stopping, up",
                (State::Stopping(_), Want::Down) => "stopping, down",
                (State::Backoff { .. }, _) => "backoff",
                (State::Failed { left: None, .. }, Want::Up) => "failed",
                (State::Failed { left: None, .. }, Want::Down) => "failed, not found",
                (State::Failed { left: Some(_), .. }, _) => "failed, left",
            };
            *seen.entry(name).or_default() += 1;
        }
    }
    assert_eq!(seen.len(), 10, "{seen:?}");
    assert!(seen.values().all(|steps| *steps >= 20), "{seen:?}");
}
