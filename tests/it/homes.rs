//! A home that another user prepared, or that changes while a host runs.

use crate::support::rig::Rig;
use crate::support::strangers::Strangers;
use std::os::unix::fs::PermissionsExt;
use stigmer::process::lock::HostLock;

/// Every command that takes `--home`.
const COMMANDS: [&[&str]; 9] = [
    &[],
    &["--no-tui"],
    &["stop"],
    &["restart"],
    &["status"],
    &["logs"],
    &["events"],
    &["env"],
    &["install", "--version", "0.0.0"],
];

/// A home whose files name this process as host and as server.
fn plant(rig: &Rig, victim: i32) {
    let identity = stigmer::process::identity::Identity::of(victim).unwrap().unwrap();
    let same = format!(
        "start_ticks={}\nboot_id={}\npid_namespace={}\n",
        identity.start_ticks, identity.boot_id, identity.pid_namespace
    );
    let host = format!("pid={victim}\n{same}mode=background\nversion=0\n");
    std::fs::write(rig.path("supervisor.lock"), host).unwrap();
    let record = format!("{victim}\nx\n0\n{same}generation=1\nport={}\n", rig.port);
    std::fs::write(rig.path("temporal.pid"), record).unwrap();
}

#[test]
fn no_command_trusts_a_home_that_another_user_owns_or_may_write() {
    let rig = Rig::new();
    let mut strangers = Strangers::beside(&rig);
    strangers.gather(1);
    plant(&rig, strangers.pids()[0]);
    let set_mode = |mode| {
        std::fs::set_permissions(&rig.home, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode(0o777);
    for command in COMMANDS {
        rig.run(command).exits(1).complains(&["mode 777", "chmod 700", "--home"]);
    }
    set_mode(0o700);
    if std::os::unix::fs::chown(&rig.home, Some(4711), None).is_ok() {
        for command in COMMANDS {
            rig.run(command).exits(1).complains(&["belongs to user 4711", "--home"]);
        }
        std::os::unix::fs::chown(&rig.home, Some(0), None).unwrap();
    } else {
        eprintln!("not tested: only root can give a folder away");
    }
    strangers.assert_unharmed("every command");
    std::fs::remove_file(rig.path("temporal.pid")).unwrap();
}

#[test]
fn a_process_that_the_host_lock_names_but_that_does_not_hold_it_is_not_signalled() {
    let rig = Rig::new();
    let mut strangers = Strangers::beside(&rig);
    strangers.gather(1);
    plant(&rig, strangers.pids()[0]);
    std::fs::remove_file(rig.path("temporal.pid")).unwrap();
    // This test holds it instead.
    let _lock = HostLock::take(&rig.path("supervisor.lock")).unwrap().unwrap();
    for command in [&[][..], &["stop"], &["restart"]] {
        let own = format!("pid {}", std::process::id());
        rig.run(command).exits(1).complains(&["supervisor.lock", "not proven", &own, "--home"]);
    }
    strangers.assert_unharmed("every command");
}
