//! Nothing of the caller's is kept by what runs on in the background.

use crate::support::rig::{READY, Rig};
use crate::support::wait_until;

#[test]
fn command_substitution_returns_though_the_host_runs_on() {
    let rig = Rig::new();
    let mut shell = rig.command("sh");
    shell.args(["-c", "out=$(\"$@\" 2>&1); echo \"$out\"", "sh"]);
    shell.arg(rig.stigmer()).args(["local", "--home"]).arg(&rig.home);
    assert_eq!(rig.finish(shell).exits(0).says(), READY);
    assert_eq!(rig.status()["state"], "ready");
}

#[test]
fn a_lock_of_the_caller_is_not_held_by_what_it_started() {
    let rig = Rig::new();
    let lock = rig.folder().join("callers.lock");
    let mut shell = rig.command("bash");
    // A number beyond those that anybody closes by hand, too.
    let script = "exec 9>\"$0\" 77>\"$0.too\"; flock 9; flock 77; \"$@\"";
    shell.arg("-c").arg(script).arg(&lock).arg(rig.stigmer());
    shell.args(["local", "--home"]).arg(&rig.home);
    rig.finish(shell).exits(0);
    // After the first start the CLI is asked for its version.
    wait_until("host, companion and server alone to run on", || rig.processes().len() == 3);
    for path in [lock.clone(), rig.folder().join("callers.lock.too")] {
        assert!(path.exists());
        assert!(!stigmer::process::lock::is_held(&path).unwrap(), "{}", path.display());
    }
}

#[test]
fn only_the_owner_can_read_what_is_in_the_home() {
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
fn a_host_that_cannot_begin_tells_its_caller_why() {
    let rig = Rig::new();
    std::fs::create_dir(rig.path("supervisor.lock")).unwrap();
    rig.run(&[]).exits(1).complains(&["supervisor.lock", "Is a directory"]);
    std::fs::remove_dir(rig.path("supervisor.lock")).unwrap();
    rig.start();
}

#[test]
fn a_result_that_cannot_be_written_is_an_error_unless_nobody_reads_it() {
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
