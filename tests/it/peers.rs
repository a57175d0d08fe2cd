//! Foreign programs that listen on the port: a hostile peer, a server of another user, a listener
//! that does not respond.

use crate::peer::{self, Answer, headers};
use crate::support::rig::{Ran, Rig};
use crate::support::users::may_become;
use crate::support::{quick, timed};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::Duration;

/// A text with control characters: it sets the title of a terminal, changes colours in two ways,
/// and reverses the line.
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
fn text_of_a_hostile_server_reaches_the_terminal_without_control_characters() {
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
    rig.wait_for("the version of the server", |status| {
        status["temporal"]["version"].as_str().is_some_and(|version| version.contains("evil"))
    });
    is_harmless(rig.run(&["status"])).exits(0);
    sick.store(true, std::sync::atomic::Ordering::SeqCst);
    rig.wait_for("the error of the server", |status| {
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
fn trailer_that_the_grpc_library_cannot_read_fails_the_check() {
    let rig = Rig::with(&[("start-timeout", "\"60s\"")]);
    let theirs = listener(0);
    let address = theirs.local_addr().unwrap().to_string();
    peer::serve(theirs, |_| {
        let bad = [("grpc-status", &b"13"[..]), ("grpc-status-details-bin", b"***")];
        Answer::Trailers(vec![], headers(&bad))
    });
    let host = rig.headless(&["--address", &address]);
    rig.wait_for("a failed check", |status| {
        let layers = status["health"]["layers"].as_array();
        layers.is_some_and(|layers| layers[3]["name"] == "grpc" && layers[3]["ok"] == false)
    });
    assert_eq!(rig.status()["host"]["pid"], host.pid());
    rig.run(&["stop"]).exits(0);
    assert!(!is_harmless(host.finish().exits(0)).stderr.contains("panicked"));
}

/// A server loads data during its first calls. If the host cancelled a call at the timeout, the
/// server would load the data again with each call.
#[test]
fn server_whose_first_calls_exceed_the_probe_timeout_becomes_ready() {
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

/// Starts while a program with this name listens on the port and does not respond. The start must
/// fail long before its time limit. Returns its duration.
fn start_with_silent_listener(name: &str) -> Duration {
    let rig = Rig::with(&[("start-timeout", "\"10m\"")]);
    let theirs = listener(rig.port);
    rustix::io::fcntl_setfd(&theirs, rustix::io::FdFlags::empty()).unwrap();
    let mut stranger = rig.command("sleep");
    stranger.arg0(name).arg("300").env_remove("TEST_RIG").stdout(Stdio::null());
    let mut stranger = stranger.spawn().unwrap();
    assert!(theirs.as_raw_fd() > 2);
    drop(theirs);
    let (ran, took) = quick(Duration::from_secs(20), || timed(|| is_harmless(rig.run(&[]))));
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    let reason = "which is not a Temporal server";
    ran.exits(1).complains(&[&rig.port.to_string(), "evil", &stranger.id().to_string(), reason]);
    took
}

#[test]
fn silent_listener_is_named_soon_and_without_control_characters() {
    // The start takes one second on an idle machine.
    start_with_silent_listener(EVIL);
}

#[test]
fn silent_listener_that_may_forward_to_a_server_has_more_time() {
    // The start takes two seconds on an idle machine. A server behind the forwarding program would
    // respond in this time.
    let took = start_with_silent_listener("ssh evil");
    assert!(took > Duration::from_millis(1500), "{took:?}");
}

#[test]
fn server_of_another_user_is_used_only_with_permission() {
    const OTHER: u32 = 64_111;
    if !may_become(OTHER) {
        return;
    }
    let rig = Rig::new();
    let port = rig.port;
    let theirs = std::thread::spawn(move || {
        // SAFETY: the call changes one number of this thread only. The thread ends after the next
        // line.
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
