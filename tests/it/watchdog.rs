//! A host that is killed is replaced by its watchdog, unless the operator wants the server down.

use crate::support::process::{Process, wait_gone};
use crate::support::rig::{READY, Rig};
use crate::support::{wait_until, within};
use rustix::process::Signal;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use stigmer::hosting::background::SUBCOMMAND;
use stigmer::process::{linux, memory};

fn guarded() -> Rig {
    Rig::with(&[("watchdog", "true")])
}

/// The companion of the host.
fn companion(rig: &Rig) -> Process {
    let text = std::fs::read_to_string(rig.path("supervisor.lock")).unwrap();
    let pid = text.lines().find_map(|line| line.strip_prefix("watchdog_pid=")).unwrap();
    Process::pin(pid.parse().unwrap()).unwrap()
}

fn intent(rig: &Rig) -> Value {
    let text = std::fs::read_to_string(rig.path("intent.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["want"].clone()
}

/// Until another host than this one serves; the status then.
fn next_host(rig: &Rig, dead: &Process) -> Value {
    rig.wait_for("a new host", |status| {
        let pid = &status["host"]["pid"];
        pid.is_i64() && *pid != dead.pid && status["state"] == "ready"
    })
}

/// Kills the host; another one goes on with the same server and repairs it.
fn is_replaced(rig: &Rig) {
    let (host, temporal) = (rig.host(), rig.temporal());
    let generation = rig.status()["temporal"]["generation"].as_u64().unwrap();
    host.kill();
    let status = next_host(rig, &host);
    assert_eq!(status["host"]["mode"], "background");
    assert_eq!(status["temporal"]["pid"], temporal.pid);
    assert_eq!(status["temporal"]["adopted"], true);
    assert_eq!(status["options"]["port"], rig.port);
    let told = rig.run(&["events"]).exits(0).stdout;
    assert!(told.contains(&format!("host pid {} died", host.pid)), "{told}");
    assert!(told.contains("new host after"), "{told}");
    let restarts = |status: &Value| status["restarts"]["total"].as_u64().unwrap();
    let repairs = told.lines().filter(|line| line.contains(" repaired in ")).count();
    assert_eq!(restarts(&status), repairs as u64, "{told}");
    temporal.kill();
    assert_eq!(restarts(&rig.wait_ready(generation + 1)), repairs as u64 + 1);
}

/// Waits until nothing but the server is left: the last attempt to resume has failed. A process that
/// executes another program is not seen for a moment, so a single look is not enough.
fn wait_given_up(rig: &Rig, temporal: &Process) {
    let mut in_a_row = 0;
    wait_until("the last attempt", || {
        let only_server = rig.processes().iter().all(|it| it.pid == temporal.pid);
        in_a_row = if only_server { in_a_row + 1 } else { 0 };
        in_a_row == 10
    });
}

fn hosts(rig: &Rig) -> usize {
    let running = rig.processes();
    running.iter().filter(|it| memory::command_line(it.pid).contains(SUBCOMMAND)).count()
}

#[test]
fn a_background_host_that_is_killed_is_replaced_again_and_again() {
    let rig = guarded();
    rig.start();
    assert_eq!(intent(&rig), "up");
    is_replaced(&rig);
    is_replaced(&rig);
    rig.stop();
    assert_eq!(intent(&rig), "down");
}

#[test]
fn a_headless_host_that_is_killed_is_replaced() {
    let rig = guarded();
    let headless = rig.headless(&[]);
    rig.wait_ready(1);
    assert_eq!(rig.host().pid, headless.pid());
    is_replaced(&rig);
    rig.stop();
}

#[test]
fn a_server_that_is_killed_with_its_host_is_started_again() {
    let rig = guarded();
    let (host, temporal) = rig.start_both();
    host.kill();
    temporal.kill();
    next_host(&rig, &host);
    rig.wait_ready(2);
    rig.stop();
}

#[test]
fn a_stop_right_after_the_death_of_the_host_stays_a_stop() {
    let rig = guarded();
    for _ in 0..3 {
        rig.start();
        rig.host().kill();
        rig.stop();
        assert_eq!(intent(&rig), "down");
    }
    assert_eq!(rig.run(&["status"]).code, Some(3));
}

#[test]
fn a_host_that_hangs_is_ended_by_stop_and_does_not_come_back() {
    let rig = guarded();
    rig.start();
    let host = rig.host();
    host.signal(Signal::STOP);
    wait_until("the host to be stopped", || host.is_stopped());
    rig.stop();
    assert!(!host.is_alive());
}

#[test]
fn a_restart_replaces_a_host_that_hangs_by_one() {
    let rig = guarded();
    rig.start();
    let host = rig.host();
    host.signal(Signal::STOP);
    wait_until("the host to be stopped", || host.is_stopped());
    assert_eq!(rig.run(&["restart"]).exits(0).says(), READY);
    wait_until("one host", || hosts(&rig) == 1);
    assert_eq!(rig.status()["state"], "ready");
    rig.stop();
}

#[test]
fn a_hand_over_leaves_one_host_and_one_companion() {
    let rig = guarded();
    let headless = rig.headless(&[]);
    rig.wait_ready(1);
    let first = companion(&rig);
    headless.process().signal(Signal::HUP);
    assert_eq!(headless.finish().code, Some(0));
    wait_gone(&first);
    let second = companion(&rig);
    let mut expected = [rig.host().pid, rig.temporal().pid, second.pid];
    expected.sort_unstable();
    // The host asks the CLI for its version meanwhile.
    wait_until("one host, one server, one companion", || {
        let mut running: Vec<i32> = rig.processes().iter().map(|it| it.pid).collect();
        running.sort_unstable();
        running == expected
    });
    rig.stop();
}

#[test]
fn a_companion_is_no_part_of_its_hosts_session_and_holds_nothing() {
    let rig = guarded();
    rig.start();
    let companion = companion(&rig);
    let stat = linux::stat(companion.pid).unwrap().unwrap();
    assert_eq!((stat.session, stat.ppid), (companion.pid, rig.host().pid));
    assert_eq!(memory::command_line(companion.pid), "stigmer watchdog");
    let link = |name: &str| std::fs::read_link(format!("/proc/{}/{name}", companion.pid)).unwrap();
    assert_eq!(link("cwd").to_str(), Some("/"));
    let open: Vec<String> = std::fs::read_dir(format!("/proc/{}/fd", companion.pid))
        .unwrap()
        .map(|entry| std::fs::read_link(entry.unwrap().path()).unwrap())
        .map(|path| path.display().to_string())
        .collect();
    let (pipes, others): (Vec<_>, Vec<_>) = open.iter().partition(|it| it.starts_with("pipe:"));
    assert_eq!(pipes.len(), 1, "{open:?}");
    assert!(others.iter().all(|it| *it == "/dev/null"), "{open:?}");
    rig.stop();
}

#[test]
fn a_companion_has_less_than_1_mib_of_private_memory() {
    let rig = guarded();
    rig.start();
    let path = format!("/proc/{}/smaps_rollup", companion(&rig).pid);
    let memory = std::fs::read_to_string(path).unwrap();
    let sizes = memory.lines().filter(|line| line.starts_with("Private_"));
    let kib: u64 =
        sizes.map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum();
    assert!(kib > 0 && kib < 1024, "{kib} KiB: {memory}");
    rig.stop();
}

#[test]
fn the_kernel_ends_the_server_before_its_host_and_the_companion() {
    let rig = guarded();
    rig.start();
    let score = |process: &Process| -> i32 {
        let path = format!("/proc/{}/oom_score_adj", process.pid);
        std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
    };
    let host = score(&rig.host());
    assert_eq!(score(&rig.temporal()), (host + 200).min(1000));
    assert_eq!(score(&companion(&rig)), host);
    rig.stop();
}

#[test]
fn off_means_off() {
    let rig = Rig::new();
    rig.start();
    assert_eq!(rig.status()["options"]["watchdog"], false);
    let (host, companion) = (rig.host(), companion(&rig));
    host.kill();
    wait_gone(&companion);
    assert!(rig.status()["host"].is_null());
    rig.stop();
}

#[test]
fn a_companion_that_is_killed_is_reported() {
    let rig = guarded();
    rig.start();
    companion(&rig).kill();
    rig.wait_for("the report", |status| {
        status["message"].as_str().unwrap().contains("watchdog has ended")
    });
    rig.stop();
}

#[test]
fn hosts_that_die_again_and_again_are_given_up() {
    let rig = Rig::with(&[("watchdog", "true"), ("max-restarts", "1")]);
    rig.start();
    let first = rig.host();
    first.kill();
    let status = next_host(&rig, &first);
    let second = Process::pin(i32::try_from(status["host"]["pid"].as_i64().unwrap()).unwrap());
    let second = second.unwrap();
    second.kill();
    let told = || rig.run(&["events"]).exits(0).stdout;
    wait_until("giving up", || told().contains("failed: 2 hosts in a row died"));
    wait_until("no host", || hosts(&rig) == 0);
    assert!(within(crate::support::LIMIT, || !rig.is_locked("supervisor.lock")));
    rig.stop();
}

#[test]
fn resumes_that_fail_are_given_up_as_configured_and_the_timeline_tells_it() {
    let rig = Rig::with(&[("watchdog", "true"), ("max-restarts", "1")]);
    rig.start();
    let (host, temporal) = (rig.host(), rig.temporal());
    std::fs::remove_file(rig.path("intent.json")).unwrap();
    // It cannot be read, so that no host knows whether the server is to run.
    std::fs::create_dir(rig.path("intent.json")).unwrap();
    host.kill();
    wait_given_up(&rig, &temporal);
    let told = rig.run(&["events"]).exits(0).stdout;
    assert!(told.contains("failed: 2 hosts in a row did not start: cannot host"), "{told}");
    std::fs::remove_dir(rig.path("intent.json")).unwrap();
    rig.stop();
}

#[test]
fn resume_that_fails_each_time_is_given_up() {
    let rig = guarded();
    let (host, temporal) = rig.start_both();
    let open = |mode| {
        std::fs::set_permissions(rig.path(""), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    // A home that everybody may write is refused.
    open(0o777);
    host.kill();
    wait_given_up(&rig, &temporal);
    open(0o700);
    assert!(rig.status()["host"].is_null());
    // Nobody could write there; the next host tells it.
    rig.start();
    let told = rig.run(&["events"]).exits(0).stdout;
    let expected = format!("host pid {} died (killed?), not replaced", host.pid);
    assert_eq!(told.matches(&expected).count(), 1, "{told}");
    rig.stop();
    rig.start();
    let told = rig.run(&["events"]).exits(0).stdout;
    assert_eq!(told.matches("not replaced").count(), 1, "{told}");
    rig.stop();
}
