//! A stop, crash, hang or adoption of the server never affects an unrelated process.

use crate::support::rig::{Rig, Running};
use crate::support::strangers::Strangers;
use crate::support::wrapper::{self, Habit};
use rustix::process::Signal;

#[test]
fn fifty_unrelated_processes_survive_every_stop_crash_hang_and_adoption() {
    let mut rig = Rig::with(&[("probe-period", "\"200ms\""), ("probe-timeout", "\"3s\"")]);
    wrapper::install_with(&mut rig, Habit::JobControl);
    std::fs::create_dir(rig.path("logs")).unwrap();
    for file in ["temporal.lock", "supervisor.lock", "logs/temporal.log"] {
        std::fs::write(rig.path(file), "").unwrap();
    }
    let mut strangers = Strangers::near(&rig);
    strangers.gather(22);

    // Two more strangers are children of the shell that starts the host.
    let program = rig.stigmer().to_owned();
    let mut shell = rig.command("sh");
    shell.args(["-c", "sleep 300 & echo $!; setsid sleep 300 & echo $!; \"$@\"; wait", "sh"]);
    shell.arg(program).args(["local", "--home"]).arg(&rig.home).env_remove("TEST_RIG");
    let shell = Running::spawn(shell);
    shell.wait_for("Temporal is ready");
    for line in shell.stdout().lines().take(2) {
        strangers.know("of the host's own parent", line.parse().unwrap());
    }
    strangers.know("that started the host", shell.pid());
    rig.wait_ready(1);
    strangers.gather(25);
    assert_eq!(strangers.pids().len(), 50);

    rig.temporal().kill();
    rig.wait_ready(2);
    strangers.assert_unharmed("a crash");

    rig.temporal().signal(Signal::STOP);
    let server = rig.status()["temporal"]["server_pid"].as_i64().unwrap();
    let server = crate::support::process::Process::pin(server.try_into().unwrap()).unwrap();
    server.signal(Signal::STOP);
    rig.wait_ready(3);
    strangers.assert_unharmed("a hang");

    rig.run(&["restart"]).exits(0);
    rig.wait_ready(4);
    strangers.assert_unharmed("a restart");

    rig.kill_host();
    rig.start();
    assert_eq!(rig.wait_ready(4)["temporal"]["adopted"], true);
    strangers.assert_unharmed("an adoption");

    rig.temporal().kill();
    rig.wait_ready(5);
    strangers.assert_unharmed("a crash after an adoption");

    rig.host().signal(Signal::STOP);
    rig.run(&["stop"]).exits(0);
    strangers.assert_unharmed("the end of a frozen host");

    rig.start();
    rig.kill_host();
    rig.run(&["stop"]).exits(0);
    strangers.assert_unharmed("the stop of an orphan");

    rig.start();
    rig.stop();
    strangers.assert_unharmed("a stop");
}
