//! Many viewers of one host. No viewer can affect the host.

use crate::support::rig::{Rig, Running};
use crate::support::socket::{Reader, get, send};
use crate::support::{wait_until, wrapper};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use stigmer::process::lock::HostLock;

const MIB: u64 = 1 << 20;

/// The peak resident memory of a process in bytes.
fn peak(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn hundred_viewers_that_do_not_read_delay_nobody() {
    let rig = Rig::with(&[("probe-period", "\"100ms\"")]);
    rig.start();
    let host = rig.host().pid;
    let slow: Vec<UnixStream> = (0..100).map(|_| send(&rig, "GET", "/v1/events", "")).collect();
    let mut quick = Reader::open(&rig);
    assert_eq!(quick.event().0, "hello");
    assert_eq!(quick.event().0, "snapshot");
    for generation in 2..=4 {
        rig.temporal().kill();
        rig.wait_ready(generation);
    }
    let mut seq = 0;
    loop {
        let delta = quick.until("delta");
        assert!(seq == 0 || delta["seq"] == seq + 1, "after {seq}: {delta}");
        seq = delta["seq"].as_u64().unwrap();
        let ready = |change: &serde_json::Value| {
            change["kind"] == "entry" && change["happened"] == "ready" && change["generation"] == 4
        };
        if delta["changes"].as_array().unwrap().iter().any(ready) {
            break;
        }
    }
    assert_eq!(get(&rig, "/v1/status").json()["restarts"]["total"], 3);
    assert!(peak(host) < 96 * MIB, "{} MiB", peak(host) / MIB);
    // The host refuses further streams, and other requests still work.
    let more: Vec<UnixStream> = (0..64).map(|_| send(&rig, "GET", "/v1/events", "")).collect();
    wait_until("the bound on streams", || get(&rig, "/v1/events").code == 503);
    get(&rig, "/v1/events").is_error(503, "too_many_streams");
    assert_eq!(get(&rig, "/v1/status").code, 200);
    drop((slow, more));
    wait_until("room again", || {
        let mut head = [0; 12];
        send(&rig, "GET", "/v1/events", "").read_exact(&mut head).unwrap();
        &head == b"HTTP/1.1 200"
    });
}

#[test]
fn slow_reader_gets_a_new_snapshot_and_the_number_of_missed_events() {
    let mut rig = Rig::with(&[("start-timeout", "\"10m\""), ("stop-grace", "\"1s\"")]);
    // The server never becomes ready. A starting server is checked a hundred times a second, which
    // gives many events.
    rig.set_program(&wrapper::executable(&rig, "never", "exec sleep 600"));
    let start = Running::spawn(rig.local(&[]));
    wait_until("the host", || rig.path("stigmer.sock").exists());
    let mut slow = Reader::open(&rig);
    let mut quick = Reader::open(&rig);
    while quick.until("delta")["seq"].as_u64().unwrap() < 1_000 {}

    assert_eq!(slow.event().0, "hello");
    let mut seq = slow.until("snapshot")["seq"].as_u64().unwrap();
    let fresh = loop {
        let (kind, data) = slow.event();
        if kind == "snapshot" {
            break data;
        }
        seq += 1;
        assert_eq!(data["seq"], seq, "in order until the snapshot");
    };
    let missed = fresh["missed"].as_u64().unwrap();
    assert!(missed > 0);
    assert_eq!(fresh["seq"], seq + missed);
    assert_eq!(fresh["status"]["state"], "starting");
    assert_eq!(
        slow.until("delta")["seq"],
        seq + missed + 1,
        "the stream continues after the snapshot"
    );
    rig.run(&["stop"]).exits(0);
    start.finish().exits(1);
    rig.assert_nothing_runs();
}

#[test]
fn host_with_another_protocol_is_refused_with_a_hint_to_upgrade() {
    let rig = Rig::new();
    let lock = HostLock::take(&rig.path("supervisor.lock")).unwrap().unwrap();
    lock.write("pid=0\n").unwrap();
    let listener = UnixListener::bind(rig.path("stigmer.sock")).unwrap();
    let host = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let n = stream.read(&mut request).unwrap();
        assert!(request[..n].starts_with(b"GET /v1/events "));
        let hello = "event: hello\ndata: {\"protocol\": 7, \"version\": \"9.9.9\"}\n\n";
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        stream.write_all(format!("{head}{hello}").as_bytes()).unwrap();
    });
    let ran = rig.headless(&[]).finish().exits(1);
    host.join().unwrap();
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    ran.complains(&["9.9.9", "protocol 7", "upgrade this stigmer", "`stigmer local"]);
    std::fs::remove_file(rig.path("stigmer.sock")).unwrap();
}
