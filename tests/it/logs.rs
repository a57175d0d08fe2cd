//! `logs` on a file that the test writes.

use crate::support::rig::{Rig, Running};
use crate::support::{socket, wait_until};

#[test]
fn unreadable_log_is_reported_once_and_followed_once_readable() {
    let rig = Rig::new();
    std::fs::create_dir(rig.path("logs")).unwrap();
    let log = rig.path("logs/temporal.log");
    // A symbolic link to itself is unreadable for every user, even for root.
    std::os::unix::fs::symlink(&log, &log).unwrap();
    rig.run(&["logs"]).exits(1).complains(&["cannot read the log", "temporal.log"]);

    let following = Running::spawn(rig.local(&["logs", "-f"]));
    let reports = || following.stderr().matches("cannot read the log").count();
    wait_until("the error message", || reports() > 0);
    let new = rig.folder().join("new");
    std::fs::write(&new, "one\n").unwrap();
    std::fs::rename(&new, &log).unwrap();
    following.wait_for("one\n");
    assert_eq!(reports(), 1, "{}", following.stderr());
}

#[test]
fn line_that_is_too_long_keeps_the_fields_of_its_beginning() {
    let rig = Rig::new();
    std::fs::create_dir(rig.path("logs")).unwrap();
    let long = "x".repeat(100_000);
    let time = "2026-11-22T10:00:01Z";
    let line = format!(r#"{{"time":"{time}","level":"ERROR","msg":"big {long}","a":1}}"#);
    std::fs::write(rig.path("logs/temporal.log"), line + "\n").unwrap();
    let output = rig.run(&["logs", "--level", "error"]).exits(0).stdout;
    assert!(output.contains(" ERROR ") && output.contains(" big xxx"), "{:?}", output.get(..100));
    assert!(output.ends_with("bytes cut\"\n"));
    let output = rig.run(&["logs", "--json"]).exits(0).stdout;
    let output: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!((&output["time"], &output["level"]), (&time.into(), &"error".into()));
    assert!(output["raw"].as_str().unwrap().ends_with(" bytes cut]"));
}

#[test]
fn deleted_log_is_reported_and_the_next_generation_writes_a_new_one() {
    let rig = Rig::new();
    rig.start();
    let is_reported = |status: &serde_json::Value| {
        status["message"].as_str().unwrap().contains("temporal.log was deleted or replaced")
    };
    std::fs::remove_file(rig.path("logs/temporal.log")).unwrap();
    let status = rig.wait_for("the trouble", is_reported);
    assert_eq!(status["state"], "ready", "{status:#}");
    rig.run(&["restart"]).exits(0);
    rig.wait_for("no trouble", |status| !is_reported(status));
    assert!(std::fs::read_to_string(rig.path("logs/temporal.log")).unwrap().contains("\"n\":2"));
    rig.stop();
}

/// Writes the log of the server and of two workers. The lines of `mail` have no times.
fn write_logs(rig: &Rig) {
    let mark = |second| {
        format!(r#"{{"stigmer":"generation","n":1,"time":"2026-11-29T10:00:0{second}Z"}}"#)
    };
    let event = |second, message| {
        format!(r#"{{"time":"2026-11-29T10:00:0{second}Z","level":"WARN","msg":"{message}"}}"#)
    };
    let write = |name: &str, lines: &[String]| {
        let path = rig.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
    };
    write("logs/temporal.log", &[mark(0), event(1, "first"), event(5, "last")]);
    let orders = ["2026-11-29T10:00:03Z [INFO] polls", "Traceback (most recent call last):"];
    write("workers/orders/log", &[&[mark(2)], &orders.map(str::to_owned)[..]].concat());
    write("workers/mail/log", &[mark(4), "WARNING:root:no time".to_owned()]);
}

#[test]
fn logs_of_server_and_workers_are_merged_by_time() {
    let rig = Rig::new();
    write_logs(&rig);
    let output = |arguments: &[&str]| {
        let arguments = [&["logs"], arguments].concat();
        rig.run(&arguments).exits(0).stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let all = output(&[]);
    let begins = |line: &String| line.split(" | ").next().unwrap().to_owned();
    let units = ["server", "server", "orders", "orders", "orders", "mail  ", "mail  ", "server"];
    assert_eq!(all.iter().map(begins).collect::<Vec<_>>(), units, "{all:#?}");
    assert!(all[2].ends_with(" ---- orders, generation 1 ----"), "{}", all[2]);
    assert_eq!(all[4], "orders | Traceback (most recent call last):");
    assert_eq!(output(&["-n", "2"]), all[6..]);
    assert_eq!(output(&["server", "mail"]).len(), 5);
    // A single log has no column with its name.
    assert_eq!(output(&["orders", "-n", "1"]), ["Traceback (most recent call last):"]);
    assert_eq!(output(&["--level", "warn"]).len(), 4);
    assert_eq!(output(&["--grep", "no time"]), ["mail   | WARNING:root:no time"]);
    let objects = output(&["--json"]).into_iter().map(|line| {
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        object["unit"].as_str().unwrap().to_owned()
    });
    assert_eq!(objects.collect::<Vec<_>>(), units.map(str::trim));

    rig.run(&["logs", "order"]).exits(1).complains(&["no log of `order`", "`orders`"]);
    rig.run(&["logs", "x"]).exits(1).complains(&["server, mail, orders"]);
}

#[test]
fn worker_of_the_project_is_followed_before_its_first_start() {
    let rig = Rig::new();
    std::fs::create_dir_all(rig.path("logs")).unwrap();
    let project = "[worker.orders]\nrun = \"true\"\n";
    std::fs::write(rig.folder().join("stigmer.toml"), project).unwrap();
    let following = Running::spawn(rig.local(&["logs", "-f"]));
    write_logs(&rig);
    following.wait_for("server | ");
    following.wait_for("orders | 2026-11-29T10:00:03Z [INFO] polls");
}

#[test]
fn api_returns_the_logs_of_all_units() {
    let rig = Rig::new();
    rig.start();
    write_logs(&rig);
    let units = |query: &str| {
        let text = socket::get(&rig, &format!("/v1/logs{query}")).body;
        let unit = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["unit"].as_str().unwrap().to_owned()
        };
        text.lines().map(unit).collect::<Vec<_>>()
    };
    assert!(units("").contains(&"orders".to_owned()));
    assert!(units("?unit=server").iter().all(|unit| unit == "server"));
    assert_eq!(units("?unit=mail"), ["mail", "mail"]);
    assert_eq!(socket::get(&rig, "/v1/logs?unit=nobody").code, 400);
}
