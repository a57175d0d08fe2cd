//! Whoever is on the port: a peer that means harm, one of another user, one that is silent.

use crate::peer::{self, Answer, headers};
use crate::support::rig::{Ran, Rig};
use crate::support::users::may_become;
use crate::support::{quick, timed};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::Duration;

/// Sets the title of a terminal, turns it red in two ways, and turns the line around.
const EVIL: &str = "\u{1b}]0;owned\u{7}\u{1b}[31m\u{9b}31m\u{7f}evil\u{202e}\r\u{8}";

fn listener(port: u16) -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap()
}

#[track_caller]
fn is_harmless(ran: Ran) -> Ran {
    for said in [&ran.stdout, &ran.stderr] {
        let hostile = said.chars().find(|c| {
            (c.is_control() && !['\n', '\t'].contains(c)) || ('\u{202a}'..='\u{202e}').contains(c)
        });
        assert_eq!(hostile, None, "{said:?}");
    }
    ran
}

#[test]
fn what_a_hostile_server_says_never_reaches_the_terminal() {
    let rig = Rig::with(&[("probe-period", "\"100ms\"")]);
    let sick = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_sick = sick.clone();
    peer::serve(listener(rig.port), move |path| {
        match is_sick.load(std::sync::atomic::Ordering::SeqCst) {
            true => Answer::status("14", EVIL),
            false => peer::temporal(path, EVIL),
        }
    });
    is_harmless(rig.run(&[])).exits(0);
    rig.wait_for("its version", |status| {
        status["temporal"]["version"].as_str().is_some_and(|version| version.contains("evil"))
    });
    is_harmless(rig.run(&["status"])).exits(0);
    sick.store(true, std::sync::atomic::Ordering::SeqCst);
    rig.wait_for("its message", |status| {
        status["message"].as_str().is_some_and(|message| message.contains("evil"))
    });
    let follower = rig.headless(&[]);
    follower.wait_for("evil");
    assert!(is_harmless(rig.run(&["status"])).stdout.contains("evil"));
    is_harmless(rig.run(&["events"])).exits(0);
    is_harmless(rig.run(&["logs"]));
    is_harmless(rig.run(&["restart"])).exits(1);
    is_harmless(rig.run(&["stop"])).exits(0);
    is_harmless(follower.finish());
}

#[test]
fn a_trailer_that_breaks_the_grpc_library_is_a_layer_that_fails() {
    let rig = Rig::with(&[("start-timeout", "\"60s\"")]);
    let theirs = listener(0);
    let address = theirs.local_addr().unwrap().to_string();
    peer::serve(theirs, |_| {
        let bad = [("grpc-status", &b"13"[..]), ("grpc-status-details-bin", b"***")];
        Answer::Trailers(vec![], headers(&bad))
    });
    let host = rig.headless(&["--address", &address]);
    rig.wait_for("a layer that fails", |status| {
        let layers = status["health"]["layers"].as_array();
        layers.is_some_and(|layers| layers[3]["name"] == "grpc" && layers[3]["ok"] == false)
    });
    assert_eq!(rig.status()["host"]["pid"], host.pid());
    rig.run(&["stop"]).exits(0);
    assert!(!is_harmless(host.finish().exits(0)).stderr.contains("panicked"));
}

/// A server loads what its first calls need. Each call that times out would begin that again.
#[test]
fn a_server_whose_first_calls_take_longer_than_the_probe_timeout_becomes_ready() {
    const TIMEOUT: Duration = Duration::from_millis(200);
    let mut rig = Rig::with(&[("start-timeout", "\"60s\"")]);
    rig.set("probe-timeout", "\"200ms\"");
    let theirs = listener(0);
    let address = theirs.local_addr().unwrap().to_string();
    peer::serve(theirs, |path| match peer::temporal(path, "1.2.3") {
        engine if path.ends_with("DescribeWorkflowExecution") => {
            Answer::Late(TIMEOUT * 3, Box::new(engine))
        }
        prompt => prompt,
    });
    rig.run(&["--address", &address]).exits(0);
    rig.run(&["stop"]).exits(0);
}

/// Starts beside a silent listener whose program has this name. The start must fail within this time;
/// returns the time that it took.
fn start_beside_silent(name: &str, limit: Duration) -> Duration {
    let rig = Rig::new();
    let theirs = listener(rig.port);
    rustix::io::fcntl_setfd(&theirs, rustix::io::FdFlags::empty()).unwrap();
    let mut stranger = rig.command("sleep");
    stranger.arg0(name).arg("300").env_remove("TEST_RIG").stdout(Stdio::null());
    let mut stranger = stranger.spawn().unwrap();
    assert!(theirs.as_raw_fd() > 2);
    drop(theirs);
    let (ran, took) = quick(limit, || timed(|| is_harmless(rig.run(&[]))));
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    ran.exits(1).complains(&[&rig.port.to_string(), "evil", &stranger.id().to_string()]);
    took
}

#[test]
fn a_silent_listener_is_named_soon_and_its_command_line_is_harmless() {
    // A second alone; six were those of a server that is waited for.
    start_beside_silent(EVIL, Duration::from_secs(5));
}

#[test]
fn a_silent_listener_that_may_lead_to_a_server_has_more_time() {
    // Two seconds alone; at least the time in which a server that starts would answer.
    let took = start_beside_silent("ssh evil", Duration::from_secs(6));
    assert!(took > Duration::from_millis(1500), "{took:?}");
}

#[test]
fn a_server_of_another_user_is_used_only_where_that_is_asked_for() {
    const OTHER: u32 = 64_111;
    if !may_become(OTHER) {
        return;
    }
    let rig = Rig::new();
    let port = rig.port;
    let theirs = std::thread::spawn(move || {
        // SAFETY: it changes one number, of this thread alone, which ends after the next line.
        unsafe { libc::setfsuid(OTHER) };
        listener(port)
    });
    peer::serve(theirs.join().unwrap(), |path| peer::temporal(path, "1.2.3"));
    let other = format!("uid {OTHER}");
    rig.run(&[]).exits(1).complains(&[&other, "--allow-other-user", "--port"]);
    assert_eq!(rig.run(&["env"]).exits(3).stdout, "");
    rig.run(&["--allow-other-user"]).exits(0);
    assert_eq!(rig.status()["managed"], false);
    rig.run(&["stop"]).exits(0);
    rig.run(&["--address", &format!("127.0.0.1:{port}")]).exits(0);
    rig.run(&["stop"]).exits(0);
}
