//! The limit on open descriptors.

use crate::support::rig::{READY, Rig, Running};
use crate::support::wrapper;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::process::Signal;
use std::os::unix::process::CommandExt;
use std::process::Command;

const SOFT: u64 = 200;

/// The soft and the hard limit on descriptors of a process.
fn limits(pid: i32) -> Vec<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.unwrap().split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Returns the command with this soft limit on descriptors.
fn limited(mut command: Command, soft: u64) -> Command {
    // SAFETY: the closure runs between fork and exec, and only makes two system calls on plain
    // numbers.
    unsafe {
        command.pre_exec(move || {
            let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
            Ok(setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?)
        });
    }
    command
}

#[test]
fn host_raises_its_own_limit_and_passes_the_limit_of_the_user_to_programs() {
    let mut rig = Rig::new();
    let file = rig.folder().join("limits");
    // The script reads the limit before the server runs, because a Go program raises its own limit.
    let script = format!("ulimit -Sn >> '{}'; exec \"$real\" \"$@\"", file.display());
    wrapper::install(&mut rig, &script);
    let generations = |count| {
        let all = std::fs::read_to_string(&file).unwrap();
        assert_eq!(all, format!("{SOFT}\n").repeat(count));
    };

    let first = Running::spawn(limited(rig.local(&["--no-tui"]), SOFT));
    first.wait_for(READY);
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let raised = [hard.min(64 << 10), hard];
    assert_eq!(limits(first.pid()), raised);
    generations(1);

    first.process().signal(Signal::HUP);
    first.finish().exits(0);
    let second = rig.host();
    assert_eq!(limits(second.pid), raised, "the background host");
    rig.run(&["restart"]).exits(0);
    generations(2);
}
