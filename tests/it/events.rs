//! The timeline, which the home keeps after all processes have ended.

use crate::support::process::wait_gone;
use crate::support::rig::Rig;
use crate::support::socket::{Reader, get};
use rustix::process::Signal;
use serde_json::Value;

fn events(rig: &Rig) -> Vec<Value> {
    let output = rig.run(&["events", "--json"]).exits(0).stdout;
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn happened<'e>(events: &'e [Value], what: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["happened"] == what).collect()
}

fn phases(event: &Value) -> Vec<&str> {
    let phases = event["phases"].as_array().unwrap();
    phases.iter().map(|phase| phase["name"].as_str().unwrap()).collect()
}

#[test]
fn crash_entry_has_first_and_last_lines_and_memory_without_a_host() {
    // This test ends the server by SIGQUIT, which makes the server write a long dump first. On a
    // busy machine the dump takes longer than three failed checks, and the host would kill the
    // server.
    let rig = Rig::with(&[("failure-threshold", "60")]);
    rig.start();
    // On SIGQUIT, the Go runtime writes a dump of many lines. Its first line has the reason.
    rig.temporal().signal(Signal::QUIT);
    rig.wait_ready(2);
    let (host, temporal) = (rig.host(), rig.temporal());
    host.kill();
    wait_gone(&host);
    assert!(temporal.is_alive());

    let events = events(&rig);
    let ended = happened(&events, "ended");
    let [crash] = ended[..] else { panic!("{events:#?}") };
    assert_eq!((&crash["cause"], &crash["detail"]), (&"crash".into(), &"exit 2".into()));
    assert!(crash["first_words"][0].as_str().unwrap().contains("SIGQUIT"), "{crash:#}");
    let last = crash["last_words"].as_array().unwrap();
    assert!(!last.is_empty() && crash["last_words"] != crash["first_words"], "{crash:#}");
    assert!(crash["uptime_ms"].is_u64(), "{crash:#}");
    assert!(crash["peak_rss_bytes"].as_u64().unwrap() > 10 << 20, "{crash:#}");

    let ready = happened(&events, "ready");
    assert_eq!(ready.len(), 2);
    for event in ready {
        let expected = ["cleaned", "spawned", "tcp", "grpc", "store", "engine"];
        assert_eq!(phases(event), expected, "{event:#}");
    }

    let output = rig.run(&["events"]).exits(0).stdout;
    for words in ["crash, exit 2", "SIGQUIT", "peak memory", "generation 2 ready, repaired in"] {
        assert!(output.contains(words), "no {words} in\n{output}");
    }
}

#[test]
fn requested_stop_has_no_last_lines_in_the_timeline() {
    let rig = Rig::new();
    rig.start();
    rig.run(&["restart"]).exits(0);
    let host = rig.host();
    host.signal(Signal::TERM);
    wait_gone(&host);
    let events = events(&rig);
    let ended = happened(&events, "ended");
    let causes: Vec<&Value> = ended.iter().map(|event| &event["cause"]).collect();
    assert_eq!(causes, ["operator", "shutdown"], "{events:#?}");
    for event in ended {
        assert!(event["last_words"].is_null() && event["first_words"].is_null(), "{event:#}");
    }
}

#[test]
fn hang_entry_has_the_time_until_its_detection() {
    let rig = Rig::with(&[("probe-period", "\"100ms\""), ("probe-timeout", "\"1s\"")]);
    rig.start();
    rig.temporal().signal(Signal::STOP);
    rig.wait_ready(2);
    let events = events(&rig);
    let repaired = happened(&events, "ready")[1];
    assert_eq!(repaired["cause"], "unresponsive");
    let expected = ["seen", "cleaned", "spawned", "tcp", "grpc", "store", "engine"];
    assert_eq!(phases(repaired), expected, "{repaired:#}");
}

#[test]
fn requested_restart_entry_has_the_stop_phase() {
    let rig = Rig::new();
    rig.start();
    rig.run(&["restart"]).exits(0);
    let events = events(&rig);
    let ready = happened(&events, "ready")[1];
    assert_eq!(ready["cause"], "operator");
    let expected = ["stopped", "cleaned", "spawned", "tcp", "grpc", "store", "engine"];
    assert_eq!(phases(ready), expected, "{ready:#}");
    let phases = ready["phases"].as_array().unwrap();
    let ms = |phase: &Value| phase["us"].as_u64().unwrap() / 1_000;
    let (sum, took) = (phases.iter().map(ms).sum::<u64>(), ready["took_ms"].as_u64().unwrap());
    // A busy machine may need time between two phases.
    assert!(sum <= took, "{sum} of {took}: {ready:#}");
}

#[test]
fn start_that_was_refused_at_first_is_recorded_as_a_repair() {
    let mut rig = Rig::with(&[("backoff-max", "\"20ms\""), ("max-restarts", "1000")]);
    let real = crate::support::server::program();
    let script = format!("exec '{}' \"$@\"", real.display());
    let program = crate::support::wrapper::executable(&rig, "replaced", &script);
    rig.set_program(&program);
    // The kernel does not execute a file that is open for writing. So the start is refused until
    // the test closes the file.
    let writing = std::fs::File::options().append(true).open(&program).unwrap();
    let start = crate::support::rig::Running::spawn(rig.local(&[]));
    let tries = |status: &Value| status["restarts"]["total"].as_u64().unwrap();
    let before = tries(&rig.wait_for("a host", |status| !status["host"].is_null()));
    rig.wait_for("two more tries", |status| tries(status) >= before + 2);
    drop(writing);
    start.finish().exits(0);
    let status = rig.wait_state("ready");
    let last = &status["restarts"]["last"];
    assert_eq!(last["cause"], "spawn_failed");
    assert!(last["detail"].as_str().unwrap().contains("replaced"), "{last:#}");
    assert!(last["recovery_ms"].is_u64(), "{last:#}");
    let events = events(&rig);
    assert_eq!(phases(happened(&events, "ready")[0])[0], "waited", "{events:#?}");
}

/// The entries of the timeline in the snapshot for viewers.
fn shown(rig: &Rig) -> Vec<Value> {
    let timeline = Reader::open(rig).until("snapshot")["timeline"].clone();
    timeline.as_array().unwrap().clone()
}

#[test]
fn next_host_shows_the_history_and_continues_the_counts() {
    let rig = Rig::new();
    rig.start();
    rig.temporal().kill();
    rig.wait_ready(2);
    let (before, host) = (events(&rig), rig.host());
    assert_eq!(before.len(), 3);
    assert_eq!(shown(&rig), before);
    host.kill();
    wait_gone(&host);

    rig.start();
    rig.wait_ready(2);
    let adopted = events(&rig);
    assert_eq!(shown(&rig), adopted);
    assert_eq!(&adopted[..3], &before[..]);
    let happened: Vec<&Value> = adopted[3..].iter().map(|entry| &entry["happened"]).collect();
    assert_eq!(happened, ["host_died", "adopted"]);
    let restarts = &rig.status()["restarts"];
    assert_eq!((&restarts["total"], &restarts["in_window"]), (&1.into(), &0.into()));
    let last = |key| (&restarts["last"][key], &before[2][key]);
    for (shown, recorded) in [last("cause"), last("detail"), last("downtime_ms")] {
        assert_eq!(shown, recorded);
    }
    let metrics = get(&rig, "/metrics").body;
    assert!(metrics.contains("stigmer_temporal_restarts_total{cause=\"crash\"} 1"), "{metrics}");

    // Another log limit makes this host hand over to another host. The other host must not add the
    // entries of the timeline again.
    rig.run(&["restart", "--log-max", "8MiB"]).exits(0);
    rig.wait_ready(3);
    assert_eq!(shown(&rig), events(&rig));

    rig.stop();
    assert_eq!(rig.status()["restarts"]["total"], 1);
    let stopped = events(&rig);
    rig.start();
    assert_eq!(shown(&rig)[..stopped.len()], stopped);
    assert_eq!(shown(&rig), events(&rig));
}

#[test]
fn unusable_timeline_file_does_not_prevent_a_start() {
    let rig = Rig::new();
    std::fs::create_dir_all(rig.path("logs/events.jsonl")).unwrap();
    rig.start();
    assert_eq!(shown(&rig).len(), 1);
}
