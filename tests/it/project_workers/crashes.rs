//! Workers that crash, exit or hang.

use crate::support::process::wait_gone;
use crate::support::rig::Rig;
use crate::support::sdk::Sdk;
use crate::support::shop::Shop;
use crate::support::wait_until;
use rustix::process::Signal;

/// Longer than the start of a worker on a busy machine, because a test waits this time for a restart.
const START_TIMEOUT: &str = "start-timeout = \"20s\"";

#[test]
fn worker_that_crashes_or_exits_is_restarted_and_its_workflow_completes() {
    let rig = Rig::new();
    let shop = Shop::of(&rig, Sdk::all(), "graceful", |_| String::new());
    shop.run(&[]).exits(0);
    for name in Sdk::all().iter().map(|sdk| sdk.name()) {
        shop.order(name, name);
        wait_until("the worker has the workflow in its cache", || {
            shop.history(name).contains("WORKFLOW_TASK_COMPLETED")
        });
        let first = shop.process(name);
        first.kill();
        wait_gone(&first);
    }
    for name in Sdk::all().iter().map(|sdk| sdk.name()) {
        let second = shop.wait_ready(name, 2);
        assert_eq!(second["restarts"]["total"], 1, "{second}");
        assert_eq!(second["restarts"]["last"]["cause"], "crash");
        assert_eq!(second["restarts"]["last"]["detail"], "signal 9 (SIGKILL)");
        assert!(second["restarts"]["last"]["recovery_ms"].is_u64());
        // Otherwise the task of the workflow would wait for the killed worker until it times out.
        wait_until("the sticky queue is reset", || {
            let log = rig.own_log();
            log.lines().any(|it| it.contains("reset the sticky queues") && it.contains(name))
        });
        shop.pay(name);
        shop.wait_packed(name);
        let history = shop.history(name);
        assert!(!history.contains("TIMED_OUT"), "{history}");
        shop.process(name).signal(Signal::USR2);
    }
    for name in Sdk::all().iter().map(|sdk| sdk.name()) {
        let last = &shop.wait_ready(name, 3)["restarts"]["last"];
        let exited = (&"exited".into(), &"exit 0".into());
        assert_eq!((&last["cause"], &last["detail"]), exited, "{}", shop.log(name));
    }
    assert_eq!(rig.status()["restarts"]["total"], 0, "the server was not restarted");
    rig.stop();
}

/// Lets the workers hang with a signal. They must be degraded with this message, and restarted. On a busy
/// machine, a start may exceed its time limit, and then another start follows.
fn hang_is_repaired(sdks: &[Sdk], mode: &str, signal: Signal, message: &str) {
    let rig = Rig::new();
    let shop = Shop::of(&rig, sdks, mode, |_| START_TIMEOUT.to_owned());
    shop.run(&[]).exits(0);
    let names: Vec<&str> = sdks.iter().map(|sdk| sdk.name()).collect();
    let generation = |name: &&str| shop.wait_state(name, "ready")["generation"].as_u64().unwrap();
    let generations: Vec<u64> = names.iter().map(generation).collect();
    let first: Vec<_> = names.iter().map(|name| shop.process(name)).collect();
    first.iter().for_each(|process| process.signal(signal));
    let degraded = shop.wait_state(names[0], "degraded");
    assert!(degraded["message"].as_str().unwrap().contains(message), "{degraded}");
    assert!(first[0].is_alive());
    for ((name, first), hung) in names.iter().zip(&first).zip(generations) {
        shop.wait_for(name, "another process is ready", |worker| {
            worker["state"] == "ready" && worker["pid"] != first.pid
        });
        assert!(!first.is_alive());
        let end = shop.ends(name).into_iter().find(|(generation, ..)| *generation == hung);
        let (_, cause, detail) = end.unwrap();
        assert!(cause == "unresponsive" && detail.contains(message), "{cause}: {detail}");
    }
    rig.stop();
}

#[test]
fn worker_that_a_signal_stops_is_degraded_and_restarted_after_its_start_timeout() {
    hang_is_repaired(&[Sdk::Python], "graceful", Signal::STOP, "a signal has stopped process");
}

#[test]
fn worker_that_runs_and_polls_no_more_is_degraded_and_restarted_after_its_start_timeout() {
    hang_is_repaired(Sdk::all(), "idle", Signal::USR2, "polls: not connected to the server");
}

#[test]
fn process_that_does_not_poll_is_not_ready_and_is_restarted_after_its_start_timeout() {
    let rig = Rig::new();
    let text = "[worker.idle]\nrun = \"sleep 1000\"\nstart-timeout = \"5s\"\nmax-restarts = 1\n\
                backoff-max = \"10ms\"";
    let shop = Shop::new(&rig, "shop", text);
    let words =
        ["worker `idle`", "start_timeout, not ready after 5s: polls: not connected to the server"];
    shop.run(&[]).exits(1).complains(&words);
    assert_eq!(shop.wait_state("idle", "failed")["restarts"]["total"], 1);
    rig.stop();
}
