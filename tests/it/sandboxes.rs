//! Environments in which stigmer cannot identify processes or cannot open a pidfd. There stigmer
//! neither starts nor signals processes.

use crate::support::process::{self, wait_gone};
use crate::support::rig::{READY, Rig, Running};
use crate::support::server::program;
use crate::support::socket::ask;
use crate::support::wait_until;
use rustix::process::Signal;
use std::os::unix::process::CommandExt;
use std::process::Command;
use stigmer::process::linux;
use stigmer::process::table::Process;

/// Returns the command `stigmer local …` in new namespaces. `None` if this user cannot create them.
fn unshared(rig: &Rig, namespaces: &[&str], arguments: &[&str]) -> Option<Command> {
    let with_user = ["--user", "--map-root-user"];
    for extra in [&[][..], &with_user] {
        let mut attempt = rig.command("unshare");
        attempt.args(extra).args(namespaces).arg("true");
        if rig.finish(attempt).code != Some(0) {
            continue;
        }
        let mut command = rig.command("unshare");
        command.args(extra).args(namespaces).arg(rig.stigmer());
        command.arg("local").args(arguments).arg("--home").arg(&rig.home);
        return Some(command);
    }
    eprintln!("skipped: this user cannot create namespaces with {namespaces:?}");
    None
}

#[test]
fn commands_that_signal_are_refused_with_the_proc_of_another_pid_namespace() {
    let rig = Rig::new();
    let (host, temporal) = rig.start_both();
    for command in [&[][..], &["--no-tui"], &["stop"], &["restart"], &["status"]] {
        let Some(inside) = unshared(&rig, &["--pid", "--fork"], command) else { return };
        rig.finish(inside).exits(1).complains(&["/proc", "another pid namespace", "--mount-proc"]);
    }
    for command in [&["logs", "-n", "1"][..], &["events"]] {
        let inside = unshared(&rig, &["--pid", "--fork"], command).unwrap();
        rig.finish(inside).exits(0);
    }
    assert!(host.is_alive() && temporal.is_alive());
}

#[test]
fn server_is_recognised_in_another_time_namespace() {
    let rig = Rig::new();
    let (host, temporal) = rig.start_both();
    host.kill();
    wait_gone(&host);
    let ahead = ["--time", "--boottime", "100000", "--fork"];
    let Some(inside) = unshared(&rig, &ahead, &["status", "--json"]) else { return };
    let status = rig.finish(inside).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["temporal"]["pid"], temporal.pid);
    let uptime = status["temporal"]["uptime_ms"].as_u64().unwrap();
    assert!(uptime < 100_000_000, "{uptime} ms counts the offset of the namespace");

    // `stop` must identify the server by pid and start time alone, without the lock.
    let ticks = rig.record("start_ticks");
    let inside = unshared(&rig, &ahead, &["stop"]).unwrap();
    assert_eq!(rig.finish(inside).exits(0).says(), "the server is stopped");
    assert!(!temporal.is_alive());
    let inside = unshared(&rig, &ahead, &[]).unwrap();
    assert_eq!(rig.finish(inside).exits(0).says(), READY);
    assert_ne!(rig.record("start_ticks"), ticks);
    rig.stop();
}

/// The children of a process. Their pids are those of the namespace of the test.
fn children(parent: i32) -> Vec<Process> {
    let all = linux::processes().unwrap().into_iter();
    all.filter(|process| process.ppid == parent).collect()
}

/// Starts a host as init (process 1) of its own pid namespace. The host inherits a child process,
/// which ends once `file` exists.
fn init(rig: &Rig, arguments: &str, file: &std::path::Path) -> Option<Running> {
    let script = format!(
        "setsid sh -c 'while [ ! -e {file} ]; do sleep 0.05; done' & \
         exec {} local --no-tui --home {} {arguments}",
        rig.stigmer().display(),
        rig.home.display(),
        file = file.display(),
    );
    for extra in [&[][..], &["--user", "--map-root-user"]] {
        let namespaces = ["--pid", "--fork", "--kill-child", "--mount-proc"];
        let mut attempt = rig.command("unshare");
        attempt.args(extra).args(namespaces).arg("true");
        if rig.finish(attempt).code != Some(0) {
            continue;
        }
        let mut command = rig.command("unshare");
        command.args(extra).args(namespaces).args(["sh", "-c", &script]);
        return Some(Running::spawn(command));
    }
    eprintln!("skipped: this user cannot create pid namespaces");
    None
}

/// Ends the inherited child process, and waits until the host has reaped it.
fn is_reaped(outside: &Running, file: &std::path::Path) {
    let [host] = &children(outside.pid())[..] else { panic!("unshare has one child") };
    let inherited = || {
        let children = children(host.pid);
        children.into_iter().find(|child| child.session != host.session && child.name == "sh")
    };
    assert!(inherited().is_some());
    std::fs::write(file, "").unwrap();
    wait_until("the end of the zombie", || inherited().is_none());
}

/// Kills the host and waits for its end. The host is init of its namespace, and the kernel ends
/// init after all other processes of the namespace.
fn end(outside: Running) {
    let host = process::Process::pin(children(outside.pid())[0].pid).unwrap();
    drop(outside);
    wait_gone(&host);
}

#[test]
fn host_as_init_reaps_orphans_while_its_server_is_stopped() {
    let rig = Rig::new();
    let file = rig.folder().join("end");
    let Some(outside) = init(&rig, "", &file) else { return };
    outside.wait_for(READY);
    let stopped = ask(&rig, "POST", "/v1/stop?wait=true", "");
    assert!(stopped.head.contains("200") || stopped.head.contains("202"), "{stopped:?}");
    is_reaped(&outside, &file);
    end(outside);
}

#[test]
fn host_as_init_reaps_orphans_while_its_server_runs() {
    let rig = Rig::new();
    let file = rig.folder().join("end");
    let Some(outside) = init(&rig, "", &file) else { return };
    outside.wait_for(READY);
    is_reaped(&outside, &file);
    end(outside);
}

#[test]
fn host_as_init_reaps_orphans_while_it_only_watches_a_server() {
    let rig = Rig::new();
    let file = rig.folder().join("end");
    let (port, ui_port) = (rig.port.to_string(), rig.ui_port.to_string());
    let mut server = rig.command(program());
    server.args(["server", "start-dev", "--log-level", "error", "--port", &port]);
    let server = Running::spawn({
        server.args(["--ui-port", &ui_port]);
        server
    });
    wait_until("the server", || Rig::is_listening(rig.port));
    let Some(outside) = init(&rig, &format!("--address 127.0.0.1:{port}"), &file) else { return };
    outside.wait_for("(started elsewhere");
    is_reaped(&outside, &file);
    let host = children(outside.pid())[0].pid;
    process::Process::pin(host).unwrap().signal(Signal::TERM);
    outside.finish().exits(0);
    drop(server);
}

#[test]
fn error_explains_a_kernel_or_sandbox_without_pidfds() {
    let rig = Rig::new();
    for errno in [libc::ENOSYS, libc::EPERM] {
        let mut command = rig.local(&[]);
        // SAFETY: the closure only makes two system calls, on memory on the stack of the child.
        unsafe { command.pre_exec(move || refuse(libc::SYS_pidfd_open, errno)) };
        rig.finish(command).exits(1).complains(&["pidfd_open", "Linux 5.4", "sandbox"]);
    }
    rig.assert_nothing_runs();
}

/// Makes all calls of one system call fail in this process, by a seccomp filter.
fn refuse(call: libc::c_long, errno: i32) -> std::io::Result<()> {
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, call as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: (&raw mut filter).cast() };
    // SAFETY: `program` and its filter live until the call returns. The kernel copies them.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
    };
    if done { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}
