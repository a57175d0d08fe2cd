//! Somebody else was there first.

use crate::support::ports;
use crate::support::process::Process;
use crate::support::rig::{READY, Rig, Running};
use crate::support::socket::{ask, ask_tcp};
use crate::support::{server, wait_until, wrapper};
use std::net::{Ipv4Addr, TcpListener};

/// A Temporal that is not ours on the rig's port.
fn strange_temporal(rig: &Rig) -> Running {
    let mut command = rig.command(server::program());
    command.env_remove("TEST_RIG").args(["server", "start-dev", "--log-level", "warn"]);
    command.args(["--port", &rig.port.to_string(), "--ui-port", &rig.ui_port.to_string()]);
    let running = Running::spawn(command);
    wait_until("somebody else's Temporal", || {
        Rig::is_listening(rig.port) && Rig::is_listening(rig.ui_port)
    });
    running
}

#[test]
fn a_temporal_that_somebody_else_runs_is_used_and_left_alone() {
    let rig = Rig::new();
    let theirs = strange_temporal(&rig);
    let line = format!(
        "Temporal is already running (started elsewhere, pid {}) - reusing existing instance",
        theirs.pid()
    );
    assert_eq!(rig.start().says(), line);
    assert_eq!(rig.start().says(), line);
    let status = rig.status();
    assert_eq!(status["state"], "ready");
    assert_eq!(status["managed"], false);
    assert_eq!(status["temporal"]["pid"], theirs.pid());
    assert_eq!(status["temporal"]["ui_url"], format!("http://127.0.0.1:{}", rig.ui_port));
    let status = rig.wait_for("its version", |status| status["temporal"]["version"].is_string());
    let server = status["temporal"]["server_version"].as_str().unwrap();
    assert_eq!(status["temporal"]["version"], format!("server {server}"));
    let told = rig.run(&["status"]).exits(0).stdout;
    assert!(told.contains(&format!("Temporal (server {server})")), "{told}");
    assert!(!rig.is_locked("temporal.lock"));
    for layer in ["lock", "process"] {
        let layers = status["health"]["layers"].as_array().unwrap();
        let found = layers.iter().find(|found| found["name"] == layer).unwrap();
        assert!(found["ok"].is_null(), "{found}");
    }

    let refused = format!(
        "cannot restart the server: it was started elsewhere (pid {}); restart it where",
        theirs.pid()
    );
    rig.run(&["restart"]).exits(1).complains(&[&refused]);
    let refused = ask(&rig, "POST", "/v1/stop?wait=true", "");
    refused.is_error(409, "external");
    assert!(refused.body.contains(&theirs.pid().to_string()), "{refused:?}");
    assert_eq!(rig.status()["state"], "ready");
    let stopped = rig.run(&["stop"]).exits(0);
    assert!(stopped.says().contains("left alone"), "{}", stopped.stdout);
    assert!(rig.processes().is_empty());
    assert!(theirs.process().is_alive());
    assert!(Rig::is_listening(rig.port));
}

#[test]
fn when_somebody_elses_temporal_vanishes_nothing_is_started_in_its_place() {
    let rig = Rig::with(&[("probe-period", "\"100ms\"")]);
    let theirs = strange_temporal(&rig);
    rig.start();
    drop(theirs);
    let status = rig.wait_state("stopped");
    assert!(status["message"].as_str().unwrap().contains("has ended"), "{status:#}");
    assert!(!Rig::is_listening(rig.port));
    assert_eq!(rig.start().says(), "Temporal is ready");
    assert_eq!(rig.status()["managed"], true);
}

#[test]
fn a_listener_that_is_no_temporal_is_named_with_the_option_that_avoids_it() {
    let rig = Rig::new();
    let me = std::process::id().to_string();
    let command = stigmer::process::memory::command_line(me.parse().unwrap());
    for (port, option) in [(rig.port, "--port"), (rig.ui_port, "--ui-port")] {
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        rig.run(&[]).exits(1).complains(&[&port.to_string(), &me, &command, option]);
        assert!(rig.processes().is_empty());
    }
    rig.start();
}

#[test]
fn a_listener_on_all_addresses_is_in_the_way_too() {
    let rig = Rig::new();
    let _listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, rig.port)).unwrap();
    rig.run(&[]).exits(1).complains(&[&rig.port.to_string()]);
}

#[test]
fn restart_with_another_port_moves_there() {
    let rig = Rig::new();
    rig.start();
    let port = ports::free();
    rig.run(&["--port", &port.to_string()]).exits(1).complains(&[
        &rig.port.to_string(),
        &port.to_string(),
        &format!("stigmer local restart --port {port}"),
    ]);
    rig.run(&["restart", "--port", &port.to_string()]).exits(0);
    let status = rig.wait_ready(2);
    assert_eq!(status["temporal"]["address"], format!("127.0.0.1:{port}"));
    assert!(Rig::is_listening(port) && !Rig::is_listening(rig.port));
    rig.run(&["stop"]).exits(0);
    assert!(!Rig::is_listening(port));
}

#[test]
fn a_restart_brings_options_of_the_host_itself_whatever_its_mode() {
    let rig = Rig::new();
    let host = rig.headless(&[]);
    host.wait_for(READY);
    let [first, second] = [ports::free(), ports::free()];
    let at = |port: u16| format!("127.0.0.1:{port}");
    rig.run(&["restart", "--http", &at(first)]).exits(0);
    rig.wait_for("health over TCP", |_| Rig::is_listening(first));
    rig.run(&["restart", "--http", &at(second), "--log-max", "2MiB"]).exits(0);
    let status = rig
        .wait_for("health elsewhere", |_| Rig::is_listening(second) && !Rig::is_listening(first));
    assert_eq!(status["options"]["http"], at(second));
    assert_eq!(status["options"]["log-max"], "2MiB");
    assert_eq!(status["host"]["pid"], host.pid());
    rig.stop();
    host.finish().exits(0);
    assert!(!Rig::is_listening(second));
}

#[test]
fn a_taken_port_for_health_is_said_and_bound_as_soon_as_it_is_free() {
    let rig = Rig::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    rig.run(&["--http", &address]).exits(0);
    let status = rig.wait_for("the word", |status| {
        status["message"].as_str().is_some_and(|said| said.contains(&address))
    });
    assert_eq!(status["state"], "ready");
    drop(taken);
    rig.wait_for("silence", |status| status["message"] == "");
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    assert_eq!(ask_tcp(port, "GET", "/healthz", &address).body, "ok\n");
}

#[test]
fn a_host_whose_socket_cannot_be_bound_supervises_all_the_same() {
    let rig = Rig::new();
    std::fs::create_dir(rig.path("stigmer.sock")).unwrap();
    let host = rig.headless(&[]);
    host.wait_for(READY);
    host.wait_for("/stigmer.sock: ");
    assert!(host.stdout().contains(READY));
    let pid = std::fs::read_to_string(rig.path("temporal.pid")).unwrap();
    Process::pin(pid.lines().next().unwrap().parse().unwrap()).unwrap().kill();
    host.wait_for("repaired");
    let status = rig.status();
    assert!(status["message"].as_str().unwrap().contains("host unresponsive"), "{status:#}");
    rig.run(&["stop"]).exits(0).complains(&["does not respond"]);
    std::fs::remove_dir(rig.path("stigmer.sock")).unwrap();
    host.finish();
    rig.assert_nothing_runs();
}

#[test]
fn a_socket_that_could_not_be_bound_at_the_start_is_bound_later() {
    let rig = Rig::new();
    std::fs::create_dir(rig.path("stigmer.sock")).unwrap();
    let host = rig.headless(&[]);
    host.wait_for("/stigmer.sock: ");
    std::fs::remove_dir(rig.path("stigmer.sock")).unwrap();
    rig.wait_for("an answer without a trouble", |status| {
        status["host"]["pid"] == host.pid() && status["message"] == ""
    });
    rig.run(&["stop"]).exits(0);
    host.finish();
    rig.assert_nothing_runs();
}

/// `status`, its JSON and `events` give the reason of the last failure, with no host left.
fn assert_told(rig: &Rig, reason: &[&str]) {
    let status = rig.status();
    assert!(status["host"].is_null() && status["state"] == "stopped", "{status:#}");
    let message = status["message"].as_str().unwrap();
    let screen = rig.run(&["status"]).exits(3).stdout;
    let events = rig.run(&["events", "-n", "1"]).exits(0).stdout;
    for words in reason {
        for told in [message, &screen, &events] {
            assert!(told.contains(words), "no {words:?} in {told:?}");
        }
    }
}

#[test]
fn a_port_that_needs_a_privilege_fails_at_once_with_the_option_that_avoids_it() {
    let mut rig = Rig::new();
    let script = "echo \"Error: can't set frontend port 80: listen tcp 127.0.0.1:80: bind: permission \
                  denied\"; exit 1";
    rig.set_program(&wrapper::executable(&rig, "forbidden", script));
    rig.run(&[]).exits(1).complains(&["port 80", "permission denied", "--port"]);
    assert_told(&rig, &["port 80", "permission denied"]);
    let all = rig.run(&["events"]).exits(0).stdout;
    // On a busy machine the request of the command comes after the first failure, and starts it once
    // more.
    assert!(!all.contains("generation 3"), "{all}");
}

#[test]
fn an_address_that_does_not_answer_is_named_with_what_to_do() {
    let rig = Rig::new();
    let address = format!("127.0.0.1:{}", ports::free());
    let start = rig.run(&["--address", &address, "--start-timeout", "1s"]).exits(1);
    start.complains(&[&address, "tcp: ", "leave out --address"]);
    assert_told(&rig, &[&address, "does not become ready"]);
}

#[test]
fn health_on_a_port_of_the_server_is_a_usage_error_that_names_both_options() {
    let rig = Rig::new();
    for (port, option) in [(rig.port, "--port"), (rig.ui_port, "--ui-port")] {
        rig.run(&["--http", &port.to_string()]).exits(2).complains(&["--http", option]);
    }
    assert!(rig.processes().is_empty());
}
