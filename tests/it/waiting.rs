//! Commands that find another command at work on the same home.

use crate::support::rig::{READY, Rig, Running, wait_gone};
use crate::support::{server, wait_until, wrapper};
use std::time::Duration;
use stigmer::host;
use stigmer::paths::Home;
use stigmer::process::lock::HostLock;

/// Longer than a command waits for a host that leaves.
const GRACE: (&str, &str) = ("stop-grace", "\"7s\"");

#[test]
fn commands_wait_for_a_stop_without_a_host_and_do_not_end_it() {
    let mut rig = Rig::with(&[GRACE]);
    let script = format!(
        r#"[ "$1" = server ] || exec '{real}' "$@"
        trap '' TERM
        '{real}' "$@" &
        while :; do sleep 1; done
        "#,
        real = server::program().display()
    );
    let stubborn = wrapper::executable(&rig, "stubborn", &script);
    rig.set_program(&stubborn);
    rig.start();
    let host = rig.host();
    host.kill();
    wait_gone(&host);

    let first = Running::spawn(rig.local(&["stop"]));
    let name = format!("pid {}", first.pid());
    let status = rig.wait_for("the stop", |status| status["state"] == "stopping");
    assert_eq!(status["message"], format!("{name} is stopping the server"));
    assert!(status["host"].is_null() && status["intent"] == "down", "{status:#}");
    let second = Running::spawn(rig.local(&["stop"]));
    wait_until("the second stop to wait", || second.stderr().contains("waiting for"));
    assert_eq!(first.finish().exits(0).says(), "Temporal is stopped");
    let second = second.finish().exits(0);
    assert_eq!(second.stderr.matches("waiting for").count(), 1, "{}", second.stderr);
    assert!(second.stderr.contains(&format!("{name}, which is stopping the server (up to ")));
    rig.assert_nothing_runs();
}

#[test]
fn a_start_waits_for_the_work_of_a_command() {
    let rig = Rig::new();
    let home = Home::at(&rig.home).unwrap();
    let waiting = format!("waiting for pid {}, which is stopping the server", std::process::id());
    for arguments in [&[][..], &["restart"], &["--no-tui"]] {
        // This test is the command.
        let lock = HostLock::take(&home.supervisor_lock()).unwrap().unwrap();
        let limit = Duration::from_secs(600);
        host::sign(&lock, &home, Some(("stopping the server", limit))).unwrap();
        let starting = Running::spawn(rig.local(arguments));
        wait_until("the start to wait", || {
            (starting.stderr() + &starting.stdout()).contains(&waiting)
        });
        drop(lock);
        starting.wait_for(READY);
        rig.run(&["stop"]).exits(0);
        starting.finish().exits(0);
        rig.assert_nothing_runs();
    }
}
