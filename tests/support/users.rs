//! Another user, for limits that do not bind root.

use super::process::Process;
use super::rig::Rig;
use nix::unistd::Uid;

/// A rig whose commands run as a user without any other process. `None`, and a line that says why,
/// if this user cannot become another one.
pub fn unused_user() -> Option<Rig> {
    if !Uid::effective().is_root() {
        println!("skipped: only root becomes another user, and other processes of this one count");
        return None;
    }
    let mut rig = Rig::new();
    rig.run_as(1_000_000 + u32::from(rig.port));
    Some(rig)
}

/// Sets the soft limit on processes of a process of the rig's user.
#[track_caller]
pub fn limit_processes(rig: &Rig, process: &Process, limit: &str) {
    let mut prlimit = rig.command("prlimit");
    prlimit.arg(format!("--pid={}", process.pid)).arg(format!("--nproc={limit}:"));
    rig.finish(prlimit).exits(0);
}
