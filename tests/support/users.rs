//! Runs tests as another user: for limits that do not apply to root, and for files and servers of
//! someone else.

use super::process::Process;
use super::rig::Rig;
use nix::unistd::Uid;

/// Whether this process may become this user. Root of a user namespace may become only the users of
/// the map of this namespace. If this process may not become the user, prints a line.
pub fn may_become(uid: u32) -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    let mut ranges = map.lines().map(|line| {
        let numbers: Vec<u64> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
        numbers[0]..numbers[0] + numbers[2]
    });
    let may = Uid::effective().is_root() && ranges.any(|range| range.contains(&uid.into()));
    if !may {
        println!("skipped: this process cannot become uid {uid}");
    }
    may
}

/// A rig whose commands run as a user without other processes, because the limit on processes
/// counts all processes of a user. `None` if this process cannot become that user.
pub fn unused_user() -> Option<Rig> {
    let mut rig = Rig::new();
    let user = 1_000_000 + u32::from(rig.port);
    may_become(user).then(|| {
        rig.run_as(user);
        rig
    })
}

/// Sets the soft limit on processes for a process of the rig's user.
#[track_caller]
pub fn limit_processes(rig: &Rig, process: &Process, limit: &str) {
    let mut prlimit = rig.command("prlimit");
    prlimit.arg(format!("--pid={}", process.pid)).arg(format!("--nproc={limit}:"));
    rig.finish(prlimit).exits(0);
}
