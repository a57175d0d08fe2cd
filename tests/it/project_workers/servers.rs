//! Workers while the server crashes, hangs or is restarted.

use crate::support::process::wait_gone;
use crate::support::rig::Rig;
use crate::support::sdk::Sdk;
use crate::support::shop::{Shop, python_worker};
use rustix::process::Signal;

#[test]
fn crash_hang_and_restart_of_the_server_restart_no_worker_and_workflows_complete() {
    let rig = Rig::with(&[("probe-period", "\"200ms\""), ("probe-timeout", "\"1s\"")]);
    let more = |_| "start-timeout = \"1m\"".to_owned();
    let shop = Shop::of(&rig, Sdk::all(), "graceful", more);
    shop.run(&[]).exits(0);
    let names: Vec<&str> = Sdk::all().iter().map(|sdk| sdk.name()).collect();
    let processes: Vec<_> = names.iter().map(|name| shop.process(name)).collect();
    for (round, ends) in [Some(Signal::KILL), Some(Signal::STOP), None].into_iter().enumerate() {
        let ids: Vec<String> = names.iter().map(|name| format!("{name}-{round}")).collect();
        names.iter().zip(&ids).for_each(|(name, id)| shop.order(name, id));
        match ends {
            Some(signal) => {
                let server = rig.temporal();
                server.signal(signal);
                wait_gone(&server);
                rig.wait_for("another server", |status| {
                    let pid = &status["temporal"]["pid"];
                    status["state"] == "ready" && pid.is_i64() && *pid != server.pid
                });
            }
            None => _ = rig.run(&["restart"]).exits(0),
        }
        ids.iter().for_each(|id| shop.pay(id));
        ids.iter().for_each(|id| shop.wait_packed(id));
    }
    for (name, process) in names.iter().zip(&processes) {
        let worker = shop.wait_state(name, "ready");
        assert!(process.is_alive(), "{worker}");
        assert_eq!((&worker["generation"], &worker["restarts"]["total"]), (&1.into(), &0.into()));
    }
    rig.stop();
}

#[test]
fn worker_that_ends_while_the_server_is_away_starts_when_the_server_is_back() {
    // The server is not restarted, so it is away as long as the test needs.
    let rig = Rig::with(&[("failure-threshold", "1000")]);
    let text = format!("[worker.orders]\nrun = {}\nmax-restarts = 1", python_worker(&["orders"]));
    let shop = Shop::new(&rig, "shop", &text);
    shop.run(&[]).exits(0);
    let server = rig.temporal();
    server.signal(Signal::STOP);
    rig.wait_for("the server does not respond", |status| status["state"] != "ready");
    shop.process("orders").kill();
    let waiting = shop.wait_for("orders", "waits", |worker| worker["pid"].is_null());
    assert_eq!(waiting["message"], "waiting for the server", "{waiting}");
    server.signal(Signal::CONT);
    shop.wait_ready("orders", 2);
    rig.stop();
}
