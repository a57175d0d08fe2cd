//! The watchdog starts a new host after a host was killed, unless the operator has stopped the
//! server.

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

/// The watchdog process of the host.
fn watchdog(rig: &Rig) -> Process {
    let text = std::fs::read_to_string(rig.path("supervisor.lock")).unwrap();
    let pid = text.lines().find_map(|line| line.strip_prefix("watchdog_pid=")).unwrap();
    Process::pin(pid.parse().unwrap()).unwrap()
}

fn intent(rig: &Rig) -> Value {
    let text = std::fs::read_to_string(rig.path("intent.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["want"].clone()
}

/// Waits until another host than `dead` has a ready server. Returns the status of that host.
fn next_host(rig: &Rig, dead: &Process) -> Value {
    rig.wait_for("a new host", |status| {
        let pid = &status["host"]["pid"];
        pid.is_i64() && *pid != dead.pid && status["state"] == "ready"
    })
}

/// Kills the host. Checks that the next host adopts the server and restarts it after a crash.
fn is_replaced(rig: &Rig) {
    let (host, temporal) = (rig.host(), rig.temporal());
    let generation = rig.status()["temporal"]["generation"].as_u64().unwrap();
    host.kill();
    let status = next_host(rig, &host);
    assert_eq!(status["host"]["mode"], "background");
    assert_eq!(status["temporal"]["pid"], temporal.pid);
    assert_eq!(status["temporal"]["adopted"], true);
    assert_eq!(status["options"]["port"], rig.port);
    let output = rig.run(&["events"]).exits(0).stdout;
    assert!(output.contains(&format!("host pid {} died", host.pid)), "{output}");
    assert!(output.contains("new host after"), "{output}");
    let restarts = |status: &Value| status["restarts"]["total"].as_u64().unwrap();
    let repairs = output.lines().filter(|line| line.contains(" repaired in ")).count();
    assert_eq!(restarts(&status), repairs as u64, "{output}");
    temporal.kill();
    assert_eq!(restarts(&rig.wait_ready(generation + 1)), repairs as u64 + 1);
}

/// Waits until the watchdog has given up: only the server is left. A process is invisible for a
/// moment while it executes another program, so ten lists of processes in a row must agree.
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
fn killed_background_host_is_replaced_repeatedly() {
    let rig = guarded();
    rig.start();
    assert_eq!(intent(&rig), "up");
    is_replaced(&rig);
    is_replaced(&rig);
    rig.stop();
    assert_eq!(intent(&rig), "down");
}

#[test]
fn killed_headless_host_is_replaced() {
    let rig = guarded();
    let headless = rig.headless(&[]);
    rig.wait_ready(1);
    assert_eq!(rig.host().pid, headless.pid());
    is_replaced(&rig);
    rig.stop();
}

#[test]
fn server_that_is_killed_with_its_host_is_restarted() {
    let rig = guarded();
    let (host, temporal) = rig.start_both();
    host.kill();
    temporal.kill();
    next_host(&rig, &host);
    rig.wait_ready(2);
    rig.stop();
}

#[test]
fn stop_right_after_the_death_of_the_host_stays_in_force() {
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
fn hanging_host_that_stop_ended_is_not_replaced() {
    let rig = guarded();
    rig.start();
    let host = rig.host();
    host.signal(Signal::STOP);
    wait_until("the host to be stopped", || host.is_stopped());
    rig.stop();
    assert!(!host.is_alive());
}

#[test]
fn restart_replaces_a_hanging_host_by_exactly_one_host() {
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
fn hand_over_leaves_one_host_and_one_watchdog() {
    let rig = guarded();
    let headless = rig.headless(&[]);
    rig.wait_ready(1);
    let first = watchdog(&rig);
    headless.process().signal(Signal::HUP);
    assert_eq!(headless.finish().code, Some(0));
    wait_gone(&first);
    let second = watchdog(&rig);
    let mut expected = [rig.host().pid, rig.temporal().pid, second.pid];
    expected.sort_unstable();
    // For a moment there may be one more process: the host runs the CLI to read its version.
    wait_until("one host, one server, one watchdog", || {
        let mut running: Vec<i32> = rig.processes().iter().map(|it| it.pid).collect();
        running.sort_unstable();
        running == expected
    });
    rig.stop();
}

#[test]
fn watchdog_has_its_own_session_and_no_open_files() {
    let rig = guarded();
    rig.start();
    let watchdog = watchdog(&rig);
    let stat = linux::stat(watchdog.pid).unwrap().unwrap();
    assert_eq!((stat.session, stat.ppid), (watchdog.pid, rig.host().pid));
    assert_eq!(memory::command_line(watchdog.pid), "stigmer watchdog");
    let link = |name: &str| std::fs::read_link(format!("/proc/{}/{name}", watchdog.pid)).unwrap();
    assert_eq!(link("cwd").to_str(), Some("/"));
    let open: Vec<String> = std::fs::read_dir(format!("/proc/{}/fd", watchdog.pid))
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
fn watchdog_has_less_than_1_mib_of_private_memory() {
    let rig = guarded();
    rig.start();
    let path = format!("/proc/{}/smaps_rollup", watchdog(&rig).pid);
    let memory = std::fs::read_to_string(path).unwrap();
    let sizes = memory.lines().filter(|line| line.starts_with("Private_"));
    let kib: u64 =
        sizes.map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum();
    assert!(kib > 0 && kib < 1024, "{kib} KiB: {memory}");
    rig.stop();
}

#[test]
fn kernel_kills_the_server_before_host_and_watchdog() {
    let rig = guarded();
    rig.start();
    let score = |process: &Process| -> i32 {
        let path = format!("/proc/{}/oom_score_adj", process.pid);
        std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
    };
    let host = score(&rig.host());
    assert_eq!(score(&rig.temporal()), (host + 200).min(1000));
    assert_eq!(score(&watchdog(&rig)), host);
    rig.stop();
}

#[test]
fn killed_host_without_a_watchdog_is_not_replaced() {
    let rig = Rig::new();
    rig.start();
    assert_eq!(rig.status()["options"]["watchdog"], false);
    let (host, watchdog) = (rig.host(), watchdog(&rig));
    host.kill();
    wait_gone(&watchdog);
    assert!(rig.status()["host"].is_null());
    rig.stop();
}

#[test]
fn killed_watchdog_is_reported() {
    let rig = guarded();
    rig.start();
    watchdog(&rig).kill();
    rig.wait_for("the report", |status| {
        status["message"].as_str().unwrap().contains("watchdog has ended")
    });
    rig.stop();
}

#[test]
fn watchdog_gives_up_after_too_many_dead_hosts() {
    let rig = Rig::with(&[("watchdog", "true"), ("max-restarts", "1")]);
    rig.start();
    let first = rig.host();
    first.kill();
    let status = next_host(&rig, &first);
    let second = Process::pin(i32::try_from(status["host"]["pid"].as_i64().unwrap()).unwrap());
    let second = second.unwrap();
    second.kill();
    let output = || rig.run(&["events"]).exits(0).stdout;
    wait_until("giving up", || output().contains("failed: 2 hosts in a row died"));
    wait_until("no host", || hosts(&rig) == 0);
    assert!(within(crate::support::LIMIT, || !rig.is_locked("supervisor.lock")));
    rig.stop();
}

#[test]
fn watchdog_gives_up_after_max_restarts_failed_resumes_and_records_it() {
    let rig = Rig::with(&[("watchdog", "true"), ("max-restarts", "1")]);
    rig.start();
    let (host, temporal) = (rig.host(), rig.temporal());
    std::fs::remove_file(rig.path("intent.json")).unwrap();
    // An unreadable intent: no host knows whether the server should run, so each new host fails.
    std::fs::create_dir(rig.path("intent.json")).unwrap();
    host.kill();
    wait_given_up(&rig, &temporal);
    let output = rig.run(&["events"]).exits(0).stdout;
    assert!(
        output.contains("failed: 2 hosts in a row did not start: cannot become the host"),
        "{output}"
    );
    std::fs::remove_dir(rig.path("intent.json")).unwrap();
    rig.stop();
}

#[test]
fn watchdog_gives_up_after_repeated_failed_resumes() {
    let rig = guarded();
    let (host, temporal) = rig.start_both();
    let open = |mode| {
        std::fs::set_permissions(rig.path(""), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    // A host refuses a home that every user may write, so each new host fails.
    open(0o777);
    host.kill();
    wait_given_up(&rig, &temporal);
    open(0o700);
    assert!(rig.status()["host"].is_null());
    // The watchdog could not write into the timeline of the refused home. The next host writes the
    // entry.
    rig.start();
    let output = rig.run(&["events"]).exits(0).stdout;
    let expected = format!("host pid {} died (killed?), not replaced", host.pid);
    assert_eq!(output.matches(&expected).count(), 1, "{output}");
    rig.stop();
    rig.start();
    let output = rig.run(&["events"]).exits(0).stdout;
    assert_eq!(output.matches("not replaced").count(), 1, "{output}");
    rig.stop();
}
