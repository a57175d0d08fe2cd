//! Commands that wait, because another command works on the same home.

use crate::support::process::{Process, wait_gone};
use crate::support::rig::{READY, Rig, Running};
use crate::support::{socket, wait_until, wrapper};
use inotify::{Inotify, WatchMask};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;
use stigmer::hosting;
use stigmer::paths::Home;
use stigmer::process::identity::Identity;
use stigmer::process::lock::HostLock;

#[test]
fn commands_wait_for_a_stop_without_a_host_and_do_not_end_it() {
    let mut rig = Rig::with(&[("stop-grace", "\"10m\"")]);
    // The last pause is longer than the time that a command waits for the end of a host.
    let slow =
        r#"trap : TERM; "$real" "$@"; until [ -e "$HOME/may-end" ]; do sleep 0.02; done; sleep 7"#;
    wrapper::install(&mut rig, slow);
    rig.start();
    rig.kill_host();

    let first = Running::spawn(rig.local(&["stop"]));
    let name = format!("pid {}", first.pid());
    let message = format!("another command ({name}) is stopping the server");
    // Before, the command looks for the server.
    let status = rig.wait_for("the stop", |status| status["message"] == message);
    assert_eq!(status["state"], "stopping");
    assert!(status["host"].is_null() && status["intent"] == "down", "{status:#}");
    let second = Running::spawn(rig.local(&["stop"]));
    wait_until("the second stop to wait", || second.stderr().contains("waiting for"));
    std::fs::write(rig.folder().join("may-end"), "").unwrap();
    assert_eq!(first.finish().exits(0).says(), "the server is stopped");
    let second = second.finish().exits(0);
    assert_eq!(second.stderr.matches("waiting for").count(), 1, "{}", second.stderr);
    assert!(second.stderr.contains(&format!("{name}, which is stopping the server (up to ")));
    rig.assert_nothing_runs();
}

#[test]
fn start_waits_for_the_work_of_a_command() {
    let rig = Rig::new();
    let home = Home::at(&rig.home).unwrap();
    let waiting = format!("waiting for pid {}, which is stopping the server", std::process::id());
    for arguments in [&[][..], &["restart"], &["--no-tui"]] {
        // The test holds the host lock in place of a command. The text of the lock says that this
        // command is stopping the server, so the start waits.
        let lock = HostLock::take(&home.supervisor_lock()).unwrap().unwrap();
        let limit = Duration::from_secs(600);
        hosting::sign(&lock, &home, Some(("stopping the server", limit))).unwrap();
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

/// The socket of a host that the test replaces.
fn listen(rig: &Rig) -> UnixListener {
    UnixListener::bind(rig.path("stigmer.sock")).unwrap()
}

/// Responds to clients as a background host with this status, until a client requests the end of
/// the host. `end` returns status code and body of the response to this request.
///
/// Returns a watch of the lock file of the host. The watch reports each command that opens the file
/// to wait for the lock.
fn host_until_shutdown(
    rig: &Rig,
    listener: &UnixListener,
    status: &Value,
    end: impl FnOnce() -> (&'static str, String),
) -> Inotify {
    loop {
        let (mut stream, request) = next_request(listener);
        if request.starts_with("POST /v1/shutdown") {
            let (code, body) = end();
            let opened = Inotify::init().unwrap();
            opened.watches().add(rig.path("supervisor.lock"), WatchMask::OPEN).unwrap();
            std::fs::remove_file(rig.path("stigmer.sock")).unwrap();
            respond(&mut stream, code, &body);
            return opened;
        }
        respond(&mut stream, "200 OK", &status.to_string());
    }
}

/// Waits for the next request of a client. Returns its stream and its first line.
fn next_request(listener: &UnixListener) -> (UnixStream, String) {
    listener.set_nonblocking(true).unwrap();
    let mut accepted = None;
    wait_until("a request", || {
        accepted = listener.accept().ok();
        accepted.is_some()
    });
    let mut stream = BufReader::new(accepted.unwrap().0);
    let mut request = String::new();
    stream.read_line(&mut request).unwrap();
    let mut line = String::new();
    while stream.read_line(&mut line).unwrap() > 2 {
        line.clear();
    }
    (stream.into_inner(), request)
}

fn respond(stream: &mut UnixStream, code: &str, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 {code}\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all((head + body).as_bytes()).unwrap();
}

#[track_caller]
fn is_not_opened(mut lock: Inotify) {
    let events = lock.read_events(&mut [0; 4096]).map(Iterator::count);
    assert!(events.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "waited");
}

/// The status of a real host of this rig while its server runs.
fn status_of_a_host(rig: &Rig) -> Value {
    rig.start();
    let status = socket::get(rig, "/v1/status").json();
    rig.stop();
    status
}

/// Starts a process that holds the lock of the host. The text of the lock names the process as a
/// host.
fn holder_of_the_lock(rig: &Rig) -> Running {
    let path = rig.path("supervisor.lock");
    let mut command = rig.command("flock");
    command.arg("--no-fork").arg(&path).args(["sleep", "300"]);
    let holder = Running::spawn(command);
    let identified = || Identity::of(holder.pid()).unwrap().unwrap();
    let home = Home::at(&rig.home).unwrap();
    wait_until("the holder", || hosting::prove_holder(&home, &identified()).unwrap().is_some());
    let Identity { pid, start_ticks, boot_id, pid_namespace } = identified();
    let text = format!(
        "pid={pid}\nstart_ticks={start_ticks}\nboot_id={boot_id}\npid_namespace={pid_namespace}\n\
         mode=background\nversion=0\n"
    );
    std::fs::write(path, text).unwrap();
    holder
}

#[test]
fn host_that_replaced_a_silent_host_gets_a_request_and_is_not_killed() {
    let rig = Rig::new();
    let mut status = status_of_a_host(&rig);
    let silent = holder_of_the_lock(&rig);
    let listener = listen(&rig);
    status["host"]["pid"] = silent.pid().into();
    let stop = Running::spawn(rig.local(&["stop"]));
    // First, `stop` requests the status, to count the workflows that a stop would lose.
    respond(&mut next_request(&listener).0, "200 OK", &status.to_string());
    let unanswered = next_request(&listener);
    // The next host must have its socket before `stop` stops waiting for a response.
    stop.process().signal(Signal::STOP);
    wait_until("`stop` to be stopped", || stop.process().is_stopped());
    let gone: Process = silent.process();
    gone.kill();
    wait_gone(&gone);
    let fresh = holder_of_the_lock(&rig);
    status["host"]["pid"] = fresh.pid().into();
    std::fs::remove_file(rig.path("stigmer.sock")).unwrap();
    let listener = listen(&rig);
    stop.process().signal(Signal::CONT);
    let is_alive = std::cell::Cell::new(false);
    let opened = host_until_shutdown(&rig, &listener, &status, || {
        is_alive.set(fresh.process().is_alive());
        fresh.process().kill();
        ("200 OK", status.to_string())
    });
    assert!(is_alive.get());
    drop((unanswered, opened));
    stop.finish().exits(0);
}

#[test]
fn stop_deletes_the_files_that_its_host_could_not_delete() {
    let rig = Rig::new();
    rig.start();
    let mut status = socket::get(&rig, "/v1/status").json();
    let record = std::fs::read(rig.path("temporal.pid")).unwrap();
    rig.stop();
    let host = holder_of_the_lock(&rig);
    status["host"]["pid"] = host.pid().into();
    let stop = Running::spawn(rig.local(&["stop"]));
    let opened = host_until_shutdown(&rig, &listen(&rig), &status, || {
        std::fs::write(rig.path("temporal.pid"), &record).unwrap();
        ("200 OK", status.to_string())
    });
    drop(UnixListener::bind(rig.path("stigmer.sock")).unwrap());
    host.process().kill();
    stop.finish().exits(0);
    drop(opened);
    rig.assert_nothing_runs();
}

#[test]
fn stop_that_a_start_superseded_does_not_wait_for_the_host() {
    let rig = Rig::new();
    let mut status = status_of_a_host(&rig);
    status["host"]["pid"] = std::process::id().into();
    let lock = HostLock::take(&rig.path("supervisor.lock")).unwrap().unwrap();
    let stop = Running::spawn(rig.local(&["stop"]));
    let error = json!({"code": "superseded", "message": "a start came after it", "hint": ""});
    let opened = host_until_shutdown(&rig, &listen(&rig), &status, || {
        ("409 Conflict", json!({ "error": error }).to_string())
    });
    stop.finish().exits(1).complains(&["a start came after it"]);
    is_not_opened(opened);
    drop(lock);
}

#[test]
fn stop_does_not_wait_for_the_next_host() {
    let rig = Rig::new();
    let mut status = status_of_a_host(&rig);
    let path = rig.path("supervisor.lock");
    let before = holder_of_the_lock(&rig);
    status["host"]["pid"] = before.pid().into();
    let stop = Running::spawn(rig.local(&["stop"]));
    let mut next = None;
    let opened = host_until_shutdown(&rig, &listen(&rig), &status, || {
        let host: Process = before.process();
        host.kill();
        wait_gone(&host);
        next = HostLock::take(&path).unwrap();
        ("200 OK", status.to_string())
    });
    assert!(next.is_some(), "the lock was free");
    assert_eq!(stop.finish().exits(0).says(), "the server is stopped");
    is_not_opened(opened);
}
