//! Background processes inherit nothing from the caller.

use crate::support::rig::{READY, Rig};
use crate::support::wait_until;

#[test]
fn command_substitution_returns_while_the_host_keeps_running() {
    let rig = Rig::new();
    let mut shell = rig.command("sh");
    shell.args(["-c", "out=$(\"$@\" 2>&1); echo \"$out\"", "sh"]);
    shell.arg(rig.stigmer()).args(["local", "--home"]).arg(&rig.home);
    assert_eq!(rig.finish(shell).exits(0).says(), READY);
    assert_eq!(rig.status()["state"], "ready");
}

#[test]
fn background_processes_do_not_hold_a_lock_of_the_caller() {
    let rig = Rig::new();
    let lock = rig.folder().join("callers.lock");
    let mut shell = rig.command("bash");
    // Descriptor 77 is locked, too. A host that closes only the first few descriptors would inherit
    // this lock.
    let script = "exec 9>\"$0\" 77>\"$0.too\"; flock 9; flock 77; \"$@\"";
    shell.arg("-c").arg(script).arg(&lock).arg(rig.stigmer());
    shell.args(["local", "--home"]).arg(&rig.home);
    rig.finish(shell).exits(0);
    // After the first start, the host runs the CLI for a moment to read its version.
    wait_until("only host, watchdog and server", || rig.processes().len() == 3);
    for path in [lock.clone(), rig.folder().join("callers.lock.too")] {
        assert!(path.exists());
        assert!(!stigmer::process::lock::is_held(&path).unwrap(), "{}", path.display());
    }
}

#[test]
fn only_the_owner_can_read_the_files_of_a_home() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::new();
    rig.start();
    let mut folders = vec![rig.home.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            if path.is_dir() {
                assert_eq!(mode, 0o700, "{}", path.display());
                folders.push(path);
            } else if !path.ends_with("config.toml") {
                assert_eq!(mode & 0o077, 0, "{} has {mode:o}", path.display());
            }
        }
    }
}

#[test]
fn command_reports_why_its_host_cannot_start() {
    let rig = Rig::new();
    std::fs::create_dir(rig.path("supervisor.lock")).unwrap();
    rig.run(&[]).exits(1).complains(&["supervisor.lock", "Is a directory"]);
    std::fs::remove_dir(rig.path("supervisor.lock")).unwrap();
    rig.start();
}

#[test]
fn unwritable_output_is_an_error_and_a_closed_pipe_is_not() {
    let rig = Rig::new();
    let to = |target: &str| {
        let mut shell = rig.command("bash");
        let script = format!("set -o pipefail; \"$@\" {target}");
        shell.args(["-c", &script, "bash"]).arg(rig.stigmer());
        shell.args(["completions", "bash"]);
        rig.finish(shell)
    };
    to(">/dev/full").exits(1).complains(&["cannot write", "No space left"]);
    to("| true").exits(0);
}
