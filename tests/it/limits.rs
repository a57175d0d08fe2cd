//! The limit on processes (which also counts threads), and low limits on descriptors.

use crate::peer;
use crate::support::process::Process;
use crate::support::rig::{READY, Rig, Running};
use crate::support::users::{limit_processes, unused_user};
use crate::support::wait_until;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::Value;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Returns the command with this limit, both soft and hard.
fn limited(mut command: Command, resource: Resource, limit: u64) -> Command {
    // SAFETY: the closure runs between fork and exec, and only makes a system call on plain
    // numbers.
    unsafe {
        command.pre_exec(move || Ok(setrlimit(resource, limit, limit)?));
    }
    command
}

#[test]
fn start_at_the_limit_of_processes_is_an_error() {
    let Some(mut rig) = unused_user() else { return };
    rig.set("max-restarts", "1");
    // With the smaller limits, no host can start. With the largest limit, a host can start, but no
    // server.
    for limit in [0, 3, 4, 5, 6, 7, 9] {
        for arguments in [&["--no-tui"][..], &[]] {
            let start = limited(rig.local(arguments), Resource::RLIMIT_NPROC, limit);
            let ran = rig.finish(start);
            assert!(!ran.stderr.contains("panicked"), "{limit}: {ran:?}");
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(said.contains("ulimit -u"), "{limit}: {said}");
            assert!(!said.contains("tries again"), "the host has ended: {said}");
            ran.exits(1);
            assert!(rig.processes().is_empty(), "{limit}");
        }
    }
    assert_eq!(rig.start().says(), READY);
    rig.stop();
}

fn threads(host: &Process) -> usize {
    std::fs::read_dir(format!("/proc/{}/task", host.pid)).unwrap().count()
}

/// Whether the last start failed because the system had no process or thread.
fn is_short(status: &Value) -> bool {
    let message = status["message"].as_str().unwrap();
    let down = ["backoff", "failed"].iter().any(|state| status["state"] == *state);
    down && (message.contains("temporarily unavailable") || message.contains("no free thread"))
}

#[test]
fn crash_at_the_limit_of_processes_is_repaired_once_there_is_room() {
    let Some(mut rig) = unused_user() else { return };
    rig.set("backoff-max", "\"1s\"");
    rig.set("max-restarts", "100");
    rig.set("restart-window", "\"1h\"");
    rig.start();
    let host = rig.host();
    let before = getrlimit(Resource::RLIMIT_NPROC).unwrap().0.to_string();
    let mut crashes = 0;
    for more in 0..=3 {
        loop {
            let temporal = rig.temporal();
            // After the end of the server its threads no longer count. So the limit allows only
            // `more` further threads.
            limit_processes(&rig, &host, &(threads(&host) + more).to_string());
            temporal.kill();
            crashes += 1;
            // The server may start at once: an idle thread of the host may have ended and made
            // room.
            let status = rig.wait_for("a refused start, or the next server", |status| {
                let pid = &status["temporal"]["pid"];
                is_short(status) || status["state"] == "ready" && *pid != temporal.pid
            });
            if is_short(&status) {
                break;
            }
        }
        // The server may have become ready meanwhile: a retry follows each second.
        let ran = rig.run(&["status"]);
        assert!(matches!(ran.code, Some(0 | 4)), "{ran:?}");
        limit_processes(&rig, &host, &before);
        rig.wait_state("ready");
        assert!(host.is_alive());
    }
    let in_window = &rig.status()["restarts"]["in_window"];
    assert_eq!(*in_window, crashes, "each crash counts, and no try without room");
    rig.stop();
}

#[test]
fn server_with_a_host_name_is_watched_at_the_limit_of_processes() {
    let Some(mut rig) = unused_user() else { return };
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    rig.set("address", &format!("\"localhost:{}\"", server.local_addr().unwrap().port()));
    rig.set("probe-period", "\"100ms\"");
    peer::serve(server, |path| peer::temporal(path, "1.0"));
    let is_up = |host: &Running| host.stdout().contains("(started elsewhere");
    let hosts = (4..16).map(|limit| {
        let host = limited(rig.local(&["--no-tui"]), Resource::RLIMIT_NPROC, limit);
        let host = Running::spawn(host);
        wait_until("a host, or an error", || is_up(&host) || !host.process().is_alive());
        assert!(!host.stderr().contains("panicked"), "{limit}: {}", host.stderr());
        host
    });
    // Continue with the host that has the lowest sufficient limit.
    let host = hosts.into_iter().find(is_up).unwrap();
    rig.run(&["status"]).exits(0);
    host.process().signal(rustix::process::Signal::TERM);
    let ran = host.finish().exits(0);
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
}

#[test]
fn every_command_with_few_descriptors_works_or_is_an_error() {
    let options = [("max-restarts", "1"), ("backoff-max", "\"1s\""), ("start-timeout", "\"5s\"")];
    let rig = Rig::with(&options);
    for limit in [16, 20, 24, 32, 48] {
        let run = |arguments: &[&str]| {
            let ran = rig.finish(limited(rig.local(arguments), Resource::RLIMIT_NOFILE, limit));
            assert!(!ran.stderr.contains("panicked"), "{limit}, {arguments:?}: {ran:?}");
            assert!(matches!(ran.code, Some(0 | 1 | 3 | 4)), "{limit}, {arguments:?}: {ran:?}");
            assert_eq!(ran.code == Some(1), ran.stderr.contains("stigmer: "), "{ran:?}");
            ran
        };
        if run(&[]).code == Some(0) {
            let temporal = rig.temporal();
            temporal.kill();
            run(&["status"]);
            rig.wait_for("another server, or none", |status| {
                let is_other = status["temporal"]["pid"] != temporal.pid;
                is_other && ["ready", "failed"].iter().any(|state| status["state"] == *state)
            });
        }
        run(&["status"]);
        run(&["stop"]);
        rig.stop();
    }
}
