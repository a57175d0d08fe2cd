//! Ports that another process uses, and addresses of external servers.

use crate::support::ports;
use crate::support::process::Process;
use crate::support::rig::{READY, Rig, Running};
use crate::support::socket::{ask, ask_tcp};
use crate::support::{server, wait_until, wrapper};
use std::net::{Ipv4Addr, TcpListener};

/// Starts a server on the rig's port without stigmer.
fn external_server(rig: &Rig) -> Running {
    let mut command = rig.command(server::program());
    command.env_remove("TEST_RIG").args(["server", "start-dev", "--log-level", "warn"]);
    command.args(["--port", &rig.port.to_string(), "--ui-port", &rig.ui_port.to_string()]);
    let running = Running::spawn(command);
    wait_until("the external server", || {
        Rig::is_listening(rig.port) && Rig::is_listening(rig.ui_port)
    });
    running
}

#[test]
fn external_server_is_used_and_left_alone() {
    let rig = Rig::new();
    let theirs = external_server(&rig);
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
    let status = rig.wait_for("the version", |status| status["temporal"]["version"].is_string());
    let server = status["temporal"]["server_version"].as_str().unwrap();
    assert_eq!(status["temporal"]["version"], format!("server {server}"));
    let output = rig.run(&["status"]).exits(0).stdout;
    assert!(output.contains(&format!("Temporal (server {server})")), "{output}");
    assert!(!rig.is_locked("temporal.lock"));
    for layer in ["lock", "process"] {
        let layers = status["health"]["layers"].as_array().unwrap();
        let found = layers.iter().find(|found| found["name"] == layer).unwrap();
        assert!(found["ok"].is_null(), "{found}");
    }

    let refused = format!(
        "cannot restart the server: it was started elsewhere (pid {}); restart the server where",
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
fn external_server_that_ends_is_not_replaced() {
    let rig = Rig::with(&[("probe-period", "\"100ms\"")]);
    let theirs = external_server(&rig);
    rig.start();
    drop(theirs);
    let status = rig.wait_state("stopped");
    assert!(status["message"].as_str().unwrap().contains("has ended"), "{status:#}");
    assert!(!Rig::is_listening(rig.port));
    assert_eq!(rig.start().says(), "Temporal is ready");
    assert_eq!(rig.status()["managed"], true);
}

#[test]
fn error_names_a_foreign_listener_and_the_option_to_avoid_it() {
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
fn listener_on_all_addresses_blocks_the_start() {
    let rig = Rig::new();
    let _listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, rig.port)).unwrap();
    rig.run(&[]).exits(1).complains(&[&rig.port.to_string()]);
}

#[test]
fn restart_with_another_port_uses_that_port() {
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
fn restart_applies_options_of_the_host_in_any_mode() {
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
fn used_health_port_is_reported_and_bound_once_free() {
    let rig = Rig::new();
    let port = ports::free();
    let address = format!("127.0.0.1:{port}");
    let taken = TcpListener::bind(&address).unwrap();
    rig.run(&["--http", &address]).exits(0);
    let status = rig.wait_for("the report", |status| {
        status["message"].as_str().is_some_and(|message| message.contains(&address))
    });
    assert_eq!(status["state"], "ready");
    drop(taken);
    rig.wait_for("no message", |status| status["message"] == "");
    assert_eq!(ask_tcp(port, "GET", "/healthz", &address).body, "ok\n");
}

#[test]
fn host_without_a_socket_supervises_its_server() {
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
fn socket_is_bound_later_if_the_start_cannot_bind_it() {
    let rig = Rig::new();
    std::fs::create_dir(rig.path("stigmer.sock")).unwrap();
    let host = rig.headless(&[]);
    host.wait_for("/stigmer.sock: ");
    std::fs::remove_dir(rig.path("stigmer.sock")).unwrap();
    rig.wait_for("a response without a trouble", |status| {
        status["host"]["pid"] == host.pid() && status["message"] == ""
    });
    rig.run(&["stop"]).exits(0);
    host.finish();
    rig.assert_nothing_runs();
}

/// Checks that `status`, `status --json` and `events` show the reason of the last failure after the
/// host has ended.
fn assert_reported(rig: &Rig, reason: &[&str]) {
    let status = rig.status();
    assert!(status["host"].is_null() && status["state"] == "stopped", "{status:#}");
    let message = status["message"].as_str().unwrap();
    let screen = rig.run(&["status"]).exits(3).stdout;
    let events = rig.run(&["events", "-n", "1"]).exits(0).stdout;
    for words in reason {
        for output in [message, &screen, &events] {
            assert!(output.contains(words), "no {words:?} in {output:?}");
        }
    }
}

#[test]
fn privileged_port_fails_at_once_with_a_hint() {
    let mut rig = Rig::new();
    let script = "echo \"Error: can't set frontend port 80: listen tcp 127.0.0.1:80: bind: permission \
                  denied\"; exit 1";
    rig.set_program(&wrapper::executable(&rig, "forbidden", script));
    rig.run(&[]).exits(1).complains(&["port 80", "permission denied", "--port"]);
    assert_reported(&rig, &["port 80", "permission denied"]);
    let all = rig.run(&["events"]).exits(0).stdout;
    assert!(!all.contains("generation 2"), "{all}");
}

#[test]
fn address_that_does_not_respond_is_an_error_with_a_hint() {
    let rig = Rig::new();
    let address = format!("127.0.0.1:{}", ports::free());
    let start = rig.run(&["--address", &address, "--start-timeout", "1s"]).exits(1);
    start.complains(&[&address, "tcp: ", "leave out --address"]);
    assert_reported(&rig, &[&address, "does not become ready"]);
}

#[test]
fn health_on_a_port_of_the_server_is_a_usage_error() {
    let rig = Rig::new();
    for (port, option) in [(rig.port, "--port"), (rig.ui_port, "--ui-port")] {
        rig.run(&["--http", &port.to_string()]).exits(2).complains(&["--http", option]);
    }
    assert!(rig.processes().is_empty());
}
