//! The environment of a worker is that of the command that started it.

use crate::support::process::{environment, wait_gone};
use crate::support::python;
use crate::support::rig::{Ran, Rig};
use crate::support::shop::Shop;
use crate::support::socket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A variable that differs between the shells.
const SHELL: &str = "NAME_OF_SHELL";

/// A part of a variable that no file may contain.
const SECRET: &str = "hunter2";

/// Runs `stigmer local …` as in a shell with this name, whose `PATH` begins with a folder of this name.
#[track_caller]
fn run_in(shop: &Shop<'_>, shell: &str, arguments: &[&str]) -> Ran {
    let mut command = shop.rig.local(arguments);
    let path = format!("{}:/usr/bin:/bin", shop.folder.join(shell).display());
    command.current_dir(&shop.folder).env("PATH", path).env(SHELL, shell).env("TOKEN", SECRET);
    shop.rig.finish(command)
}

/// Creates a program `my-worker` in the folder `shell/`.
fn install(shop: &Shop<'_>, shell: &str) {
    let folder = shop.folder.join(shell);
    std::fs::create_dir(&folder).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/shop.py");
    let (python, script) = (python::interpreter().display(), script.display());
    let program = folder.join("my-worker");
    std::fs::write(&program, format!("#!/bin/sh\nexec '{python}' '{script}' orders\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The shell whose command has started this start of the worker.
#[track_caller]
fn shell_of(shop: &Shop<'_>, generation: u64) -> String {
    shop.wait_ready("orders", generation);
    let pid = shop.process("orders").pid;
    environment(pid, SHELL).unwrap_or_default()
}

#[track_caller]
fn crash(shop: &Shop<'_>) {
    let process = shop.process("orders");
    process.kill();
    wait_gone(&process);
}

/// Files in a folder that contain a text.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let has = |path: &Path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(text);
    entries
        .flat_map(|path| match path.is_dir() {
            true => files_with(&path, text),
            false if path.is_file() && has(&path) => vec![path.display().to_string()],
            false => vec![],
        })
        .collect()
}

#[test]
fn worker_has_the_environment_of_the_shell_that_started_it() {
    let rig = Rig::new();
    let shop = Shop::new(&rig, "shop", "[worker.orders]\nrun = \"my-worker\"\n");
    ["first", "second"].into_iter().for_each(|shell| install(&shop, shell));
    run_in(&shop, "bare", &[]).exits(1).complains(&["there is no program `my-worker` on PATH"]);
    run_in(&shop, "first", &[]).exits(0);
    let generation = shop.wait_state("orders", "ready")["generation"].as_u64().unwrap();
    assert_eq!(shell_of(&shop, generation), "first");

    // A command that does not start the worker changes nothing, also for its next start.
    run_in(&shop, "bare", &[]).exits(0);
    run_in(&shop, "bare", &["start", "orders"]).exits(0);
    crash(&shop);
    assert_eq!(shell_of(&shop, generation + 1), "first");

    run_in(&shop, "second", &["restart", "orders"]).exits(0);
    assert_eq!(shell_of(&shop, generation + 2), "second");
    // The API without an environment, as the keys of the dashboard.
    let path = "/v1/workers/orders/restart?wait=true";
    assert_eq!(socket::ask(&rig, "POST", path, "").code, 202);
    assert_eq!(shell_of(&shop, generation + 3), "second");

    // Workers start with the server, before the command runs the project.
    assert_eq!(socket::ask(&rig, "POST", "/v1/stop?wait=true", "").code, 202);
    run_in(&shop, "first", &[]).exits(0);
    assert_eq!(shell_of(&shop, generation + 4), "first");
    rig.stop();
}

#[test]
fn next_host_takes_the_environment_from_the_running_worker_and_no_file_has_it() {
    let rig = Rig::new();
    let shop = Shop::new(&rig, "shop", "[worker.orders]\nrun = \"my-worker\"\n");
    install(&shop, "first");
    run_in(&shop, "first", &[]).exits(0);
    rig.kill_host();
    let mut elsewhere = rig.local(&[]);
    elsewhere.env("PATH", "/usr/bin:/bin").env(SHELL, "elsewhere");
    rig.finish(elsewhere).exits(0);
    assert_eq!(shop.wait_ready("orders", 1)["adopted"], true);
    crash(&shop);
    assert_eq!(shell_of(&shop, 2), "first");
    assert_eq!(environment(shop.process("orders").pid, "TOKEN").as_deref(), Some(SECRET));
    assert_eq!(files_with(&rig.home, SECRET), Vec::<String>::new());
    for command in ["status", "events"] {
        assert!(!rig.run(&[command, "--json"]).stdout.contains(SECRET), "{command}");
    }
    rig.stop();
}

#[test]
fn environment_in_a_request_is_checked() {
    let rig = Rig::new();
    let shop = Shop::new(&rig, "shop", "[worker.orders]\nrun = \"my-worker\"\nstart = false\n");
    shop.run(&[]).exits(0);
    let path = "/v1/workers/orders/start";
    for body in ["{", "{\"environment\": {\"A=\": \"1\"}}", "{\"environment\": {\"A\": 1}}"] {
        socket::ask(&rig, "POST", path, body).is_error(400, "bad_body");
    }
    let huge = format!("{{\"environment\": {{\"A\": \"{}\"}}}}", "x".repeat(1 << 20));
    socket::ask(&rig, "POST", path, &huge).is_error(413, "too_large");
    assert_eq!(shop.wait_state("orders", "stopped")["generation"], 0);
    rig.stop();
}
