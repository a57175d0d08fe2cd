//! The control API, by requests on the socket.

use crate::support::ports;
use crate::support::rig::{READY, Ran, Rig, Running};
use crate::support::socket::{Reader, ask, ask_tcp, get};
use nix::sys::resource::{Resource, setrlimit};
use openmetrics_parser::{MetricsExposition, OpenMetricsType, OpenMetricsValue};
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;

#[test]
fn invalid_request_gets_an_error_object() {
    let rig = Rig::new();
    rig.start();
    get(&rig, "/v1/nothing").is_error(404, "not_found");
    get(&rig, "/v1/stop").is_error(405, "method_not_allowed");
    ask(&rig, "POST", "/v1/status", "").is_error(405, "method_not_allowed");
    ask(&rig, "DELETE", "/metrics", "").is_error(405, "method_not_allowed");
    ask(&rig, "POST", "/v1/start?wait=1", "").is_error(400, "bad_query");
    ask(&rig, "POST", "/v1/start?weit=true", "").is_error(400, "bad_query");
    get(&rig, "/v1/logs?tail=many").is_error(400, "bad_query");
    get(&rig, "/v1/logs?level=loud").is_error(400, "bad_query");
    get(&rig, "/v1/logs?grep=(").is_error(400, "bad_query");
    ask(&rig, "POST", "/v1/restart", "{\"port\": 0}").is_error(400, "bad_options");
    ask(&rig, "POST", "/v1/restart", "no json").is_error(400, "bad_options");
    ask(&rig, "POST", "/v1/restart", &" ".repeat(1 << 20)).is_error(413, "too_large");
    let status = rig.status();
    assert_eq!(status["temporal"]["generation"], 1, "no request had an effect: {status:#}");
    assert_eq!(get(&rig, "/healthz").body, "ok\n");
}

#[test]
fn tcp_serves_only_health_and_metrics_and_only_to_this_machine() {
    let rig = Rig::new();
    let port = ports::free();
    rig.run(&["--http", &format!("127.0.0.1:{port}")]).exits(0);
    let ask = |method: &str, path: &str, host: &str| ask_tcp(port, method, path, host);
    let own = format!("127.0.0.1:{port}");
    for host in [own.as_str(), "localhost", "[::1]:80"] {
        assert_eq!(ask("GET", "/healthz", host).body, "ok\n");
    }
    let ready = serde_json::json!({"state": "ready", "intent": "up", "managed": true});
    assert_eq!(ask("GET", "/readyz", &own).json(), ready);
    let metrics = ask("GET", "/metrics", &own).body;
    assert!(metrics.ends_with("# EOF\n"));
    assert!(!metrics.contains('/') && !metrics.contains("pid"), "{metrics}");
    ask("POST", "/metrics", &own).is_error(405, "method_not_allowed");
    assert_eq!(ask("HEAD", "/metrics", &own).code, 405);
    for (method, path) in [("GET", "/v1/status"), ("GET", "/v1/events"), ("POST", "/v1/stop")] {
        ask(method, path, &own).is_error(404, "not_found");
    }
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""] {
        ask("GET", "/metrics", host).is_error(403, "foreign_host");
    }
    assert_eq!(rig.status()["state"], "ready");
}

/// Number of silent clients: more connections than a host with this limit on descriptors allows.
const SILENT: usize = 300;
const DESCRIPTORS: u64 = 160;

#[test]
fn silent_clients_neither_block_commands_nor_get_the_host_killed() {
    let rig = Rig::new();
    let mut command = rig.local(&["--no-tui"]);
    // SAFETY: the closure runs between fork and exec, and only makes a system call on plain
    // numbers.
    unsafe {
        command.pre_exec(|| Ok(setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS, DESCRIPTORS)?));
    }
    let host = Running::spawn(command);
    host.wait_for(READY);
    let mut viewer = Reader::open(&rig);
    let silent: Vec<UnixStream> = (0..SILENT)
        .map(|number| {
            let mut stream = UnixStream::connect(rig.path("stigmer.sock")).unwrap();
            let sent = ["", "GET /v1/status HTTP/1.1\r\nhost:"][number % 2];
            stream.write_all(sent.as_bytes()).unwrap();
            stream
        })
        .collect();
    rig.wait_for("the status among the silent clients", |status| {
        status["state"] == "ready" && status["host"]["pid"] == host.pid()
    });
    // The silent clients do not end the stream of a viewer that reads.
    let stopping = Running::spawn(rig.local(&["stop"]));
    let stopped = |change: &Value| change["kind"] == "state" && change["state"] == "stopped";
    while !viewer.until("delta")["changes"].as_array().unwrap().iter().any(stopped) {}
    let stopped = stopping.finish().exits(0);
    assert!(!stopped.stderr.contains("does not respond"), "{stopped:?}");
    host.finish().exits(0);
    drop(silent);
    rig.assert_nothing_runs();
}

/// Stops a host while a client connects continuously.
fn stop_in_a_flood(rig: &Rig) -> Ran {
    rig.start();
    let host = rig.host();
    let path = rig.path("stigmer.sock");
    let flood = std::thread::spawn(move || {
        let mut silent = VecDeque::new();
        // The loop ends when the host has left.
        while let Ok(stream) = UnixStream::connect(&path) {
            silent.push_back(stream);
            if silent.len() > 2 * SILENT {
                silent.pop_front();
            }
        }
    });
    rig.wait_for("the status in the flood", |status| status["host"]["pid"] == host.pid);
    let stopped = rig.run(&["stop"]).exits(0);
    flood.join().unwrap();
    rig.assert_nothing_runs();
    stopped
}

#[test]
fn client_that_connects_continuously_does_not_block_commands() {
    let rig = Rig::new();
    // On a busy machine, a response may take longer than `stop` waits for it.
    let is_stopped = |_| !stop_in_a_flood(&rig).stderr.contains("does not respond");
    assert!((0..3).any(is_stopped), "`stop` ends a host that is flooded");
}

fn exposition(rig: &Rig) -> MetricsExposition<OpenMetricsType, OpenMetricsValue> {
    let response = get(rig, "/metrics");
    let head = &response.head;
    assert!(head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
    openmetrics_parser::openmetrics::parse_openmetrics(&response.body)
        .unwrap_or_else(|error| panic!("{error}\n{}", response.body))
}

/// The sum over all labels of a counter in the metrics.
fn counted(rig: &Rig, name: &str) -> f64 {
    let exposition = exposition(rig);
    let family = exposition.families.get(name).unwrap_or_else(|| panic!("no {name}"));
    family
        .iter_samples()
        .map(|sample| match &sample.value {
            OpenMetricsValue::Counter(counter) => counter.value.as_f64(),
            OpenMetricsValue::Histogram(histogram) => {
                histogram.count.map_or(0.0, |count| count as f64)
            }
            value => panic!("{name} is {value:?}"),
        })
        .sum()
}

#[test]
fn metrics_are_valid_openmetrics_and_counters_continue_across_generations() {
    let rig = Rig::with(&[("probe-period", "\"100ms\"")]);
    rig.start();
    rig.wait_for("a CPU value, and a passed check", |status| {
        status["temporal"]["cpu_percent"].is_number()
            && status["health"]["latency_us"]["last"].is_number()
    });
    let families: BTreeSet<String> = exposition(&rig).families.keys().cloned().collect();
    let promised = [
        "stigmer_build",
        "stigmer_log_lines",
        "stigmer_temporal_cpu_seconds",
        "stigmer_temporal_generation",
        "stigmer_temporal_probe_duration_seconds",
        "stigmer_temporal_probe_failures",
        "stigmer_temporal_recovery_seconds",
        "stigmer_temporal_resident_memory_bytes",
        "stigmer_temporal_restarts",
        "stigmer_temporal_state",
        "stigmer_temporal_up",
        "stigmer_temporal_uptime_seconds",
    ];
    assert_eq!(families.iter().map(String::as_str).collect::<Vec<_>>(), promised);
    let before = counted(&rig, "stigmer_temporal_probe_duration_seconds");
    let lines = counted(&rig, "stigmer_log_lines");
    assert!(before > 0.0 && lines > 0.0, "{before} probes, {lines} lines");
    assert_eq!(counted(&rig, "stigmer_temporal_restarts"), 0.0);

    rig.temporal().kill();
    rig.wait_ready(2);
    assert_eq!(counted(&rig, "stigmer_temporal_restarts"), 1.0);
    assert_eq!(counted(&rig, "stigmer_temporal_recovery_seconds"), 1.0);
    assert!(counted(&rig, "stigmer_temporal_probe_duration_seconds") >= before);
    assert!(counted(&rig, "stigmer_log_lines") > lines);
    let text = get(&rig, "/metrics").body;
    for line in [
        "stigmer_build_info{version=",
        "stigmer_temporal_restarts_total{cause=\"crash\"} 1\n",
        "stigmer_temporal_generation 2\n",
        "stigmer_temporal_state{state=\"ready\"} 1\n",
        "stigmer_temporal_up 1\n",
        "stigmer_log_lines_total{level=\"info\"}",
        "stigmer_temporal_cpu_seconds_total ",
        "stigmer_temporal_probe_failures_total{layer=\"grpc\"}",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
}
