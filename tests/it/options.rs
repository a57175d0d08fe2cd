//! Options, variables and the configuration file, with their errors.

use crate::support::rig::Rig;
use crate::support::wrapper;
use serde_json::json;

#[test]
fn usage_error_exits_with_2_and_starts_nothing() {
    let rig = Rig::new();
    rig.run(&["--no-such-option"]).exits(2).complains(&["--no-such-option"]);
    rig.run(&["--port", "x"]).exits(2).complains(&["--port"]);
    rig.run(&["--db", "a?b.db"]).exits(2).complains(&["--db", "a?b.db", "`?`", "SQLite"]);
    rig.run(&["--probe-period", "90"]).exits(2).complains(&["90"]);
    rig.assert_nothing_runs();
}

#[test]
fn invalid_variable_does_not_prevent_stop_and_status() {
    let rig = Rig::new();
    rig.start();
    let with = |arguments: &[&str]| {
        let mut command = rig.local(arguments);
        command.env("STIGMER_PORT", "x").env("STIGMER_IN_MEMORY", "perhaps");
        rig.finish(command)
    };
    with(&["restart"]).exits(2).complains(&["--port"]);
    with(&["status"]).exits(0).complains(&["warning", "'x'", "--port"]);
    with(&["stop"]).exits(0).complains(&["warning"]);
    rig.assert_nothing_runs();
}

#[test]
fn open_folder_with_other_files_is_refused_as_home_and_stays_unchanged() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::new();
    let project = rig.folder().join("project");
    std::fs::create_dir(&project).unwrap();
    std::fs::set_permissions(&project, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(project.join("main.go"), "").unwrap();
    let mut command = rig.command(rig.stigmer());
    command.args(["local", "--home"]).arg(&project).arg("--port").arg(rig.port.to_string());
    rig.finish(command).exits(1).complains(&[
        "project",
        "other users have access",
        "--home",
        "chmod 700",
    ]);
    let mode = std::fs::metadata(&project).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn argument_that_conflicts_with_an_option_is_refused_and_the_option_named() {
    let rig = Rig::new();
    let mut command = rig.local(&[]);
    command.args(["--", "--db-filename", "x.db"]);
    rig.finish(command).exits(2).complains(&["--db-filename", "use --db"]);
    rig.assert_nothing_runs();
}

#[test]
fn arguments_are_passed_to_the_server() {
    let rig = Rig::new();
    let mut command = rig.local(&[]);
    command.args(["--", "--headless"]);
    rig.finish(command).exits(0);
    let status = rig.status();
    assert_eq!(status["state"], "ready");
    assert!(status["temporal"]["ui_url"].is_null());
    assert!(!Rig::is_listening(rig.ui_port));
}

#[test]
fn missing_program_is_an_error_with_a_hint() {
    let rig = Rig::new();
    rig.run(&["--temporal-bin", "/nonexistent"]).exits(1).complains(&[
        "/nonexistent",
        "no such file",
        "--temporal-bin",
    ]);
    rig.assert_nothing_runs();
}

#[test]
fn options_that_differ_from_the_running_server_are_an_error_with_a_hint() {
    let rig = Rig::new();
    rig.start();
    let temporal = rig.temporal();
    let ran = rig.run(&["--probe-period", "7s"]).exits(1);
    ran.complains(&["1s", "7s", "stigmer local restart --probe-period 7s"]);
    // An option with the same value as in the running server is not a difference.
    rig.run(&["--port", &rig.port.to_string()]).exits(0);
    assert_eq!(rig.temporal().pid, temporal.pid);
}

#[test]
fn different_value_in_the_configuration_file_is_only_a_warning() {
    let mut rig = Rig::new();
    rig.start();
    rig.set("probe-period", "\"7s\"");
    rig.run(&[]).exits(0).complains(&["warning", "7s"]);
}

#[test]
fn exit_code_of_status_distinguishes_ready_stopped_and_starting() {
    let mut rig = Rig::new();
    rig.run(&["status"]).exits(3);
    rig.start();
    rig.run(&["status"]).exits(0);
    rig.stop();
    rig.run(&["status"]).exits(3);

    let never = wrapper::executable(&rig, "never", "exec sleep 300");
    rig.set_program(&never);
    let start = crate::support::rig::Running::spawn(rig.local(&[]));
    rig.wait_state("starting");
    rig.run(&["status"]).exits(4);
    rig.run(&["stop"]).exits(0);
    let started = start.finish().exits(1);
    started.complains(&["another command stopped the server"]);
}

#[test]
fn status_screen_shows_state_pid_port_and_checks() {
    let rig = Rig::new();
    rig.start();
    let shown = rig.run(&["status"]).exits(0).stdout;
    let pid = rig.temporal().pid;
    for word in ["READY", &format!("pid {pid}"), &rig.port.to_string(), "✓ engine", "background"]
    {
        assert!(shown.contains(word), "no `{word}` in: {shown}");
    }
}

#[test]
fn env_output_can_be_evaluated_by_a_shell() {
    let rig = Rig::with(&[("namespace", "[\"mine\", \"default\"]")]);
    rig.run(&["env"]).exits(3);
    rig.start();
    let mut shell = rig.command("sh");
    let script = "eval \"$(\"$0\" local env --home \"$1\")\"; \
                  echo \"$TEMPORAL_ADDRESS $TEMPORAL_NAMESPACE\"";
    shell.args(["-c", script]).arg(rig.stigmer()).arg(&rig.home);
    assert_eq!(rig.finish(shell).says(), format!("127.0.0.1:{} mine", rig.port));

    let object: serde_json::Value =
        serde_json::from_str(&rig.run(&["env", "--json"]).exits(0).stdout).unwrap();
    assert_eq!(object["TEMPORAL_ADDRESS"], json!(rig.address()));
    assert_eq!(object["TEMPORAL_UI_URL"], json!(format!("http://127.0.0.1:{}", rig.ui_port)));
}

#[test]
fn env_of_a_stopped_server_prints_a_message_on_stderr() {
    let rig = Rig::new();
    let ran =
        rig.run(&["env"]).exits(3).complains(&["the server is not running", "`stigmer local`"]);
    assert_eq!(ran.stdout, "");
    let mut shell = rig.command("/bin/sh");
    let program = rig.stigmer();
    shell.args(["-c", "eval \"$(\"$0\" local env --home \"$1\")\""]).arg(program).arg(&rig.home);
    rig.finish(shell).exits(0).complains(&["the server is not running"]);
}
