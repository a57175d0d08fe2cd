//! The project file and the namespaces of a project while its workers run.

use super::problems::wait_for;
use crate::support::process::environment;
use crate::support::rig::Rig;
use crate::support::shop::{Shop, python_worker, worker};
use crate::support::socket;
use rustix::process::Signal;

#[test]
fn namespaces_are_made_before_the_workers_start() {
    let rig = Rig::new();
    rig.start();
    // The server runs already, so its command line cannot create the namespace.
    let run = python_worker(&["orders"]);
    let text = |type_: &str| {
        format!(
            "[temporal]\nnamespace = [\"orders\"]\nretention = \"2d\"\n\
             search-attributes = {{ Region = \"{type_}\" }}\n\
             [worker.orders]\nrun = {run}\nenv = {{ TEMPORAL_NAMESPACE = \"orders\" }}\n"
        )
    };
    let shop = Shop::new(&rig, "shop", &text("Keyword"));
    let started = shop.run(&[]).exits(0);
    assert!(started.stdout.contains("orders: ready"), "{}", started.stdout);
    let shown = rig.cli(&["operator", "namespace", "describe", "-n", "orders"]).exits(0).stdout;
    assert!(shown.contains("48h") || shown.contains("2 days"), "{shown}");

    // A type that differs is an error, and the worker runs on.
    let pid = shop.process("orders").pid;
    shop.write(&text("Double"));
    let status = rig.wait_for("the error of the type", |status| {
        status["message"].as_str().is_some_and(|it| it.contains("Region"))
    });
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("the type Keyword, not Double"), "{message}");
    let address = status["temporal"]["address"].as_str().unwrap();
    let remove = format!("remove --name Region --namespace orders --address {address}`");
    assert!(message.contains(&remove), "{message}");
    wait_for(&rig, "project", "the type Keyword, not Double");
    shop.run(&[]).exits(1).complains(&["Region", "the type Keyword, not Double"]);
    shop.write(&text("Keyword"));
    rig.wait_for("no error", |status| status["message"] == "");
    shop.run(&[]).exits(0);
    assert_eq!(shop.process("orders").pid, pid);
    rig.stop();
}

#[test]
fn broken_or_deleted_project_file_changes_nothing_and_a_repaired_one_is_followed() {
    let rig = Rig::new();
    let orders = format!("[worker.orders]\nrun = {}\n", python_worker(&["orders"]));
    let billing = format!("[worker.billing]\nrun = {}\n", python_worker(&["billing"]));
    let shop = Shop::new(&rig, "shop", &format!("{orders}{billing}"));
    shop.run(&[]).exits(0);
    let pids = || ["orders", "billing"].map(|name| shop.process(name).pid);
    let message = |what: &str, part: &str| {
        let found = rig.wait_for(what, |status| {
            status["message"].as_str().is_some_and(|message| message.contains(part))
        });
        found["message"].as_str().unwrap().to_owned()
    };
    shop.write(&format!("{orders}wtch = []\n"));
    let broken = message("the mistake", "stigmer.toml:3: unknown key `wtch`");
    assert!(broken.contains("last content stays in force"), "{broken}");
    let restart = rig.run(&["restart", "orders"]).exits(0);
    assert!(restart.stderr.contains("unknown key `wtch`"), "{}", restart.stderr);
    let before = pids();
    let problem = wait_for(&rig, "project", "line 3: unknown key `wtch`");
    let subject = (&problem["subject"], &problem["state"]);
    assert_eq!(subject, (&"shop/stigmer.toml".into(), &"failed".into()));
    std::fs::remove_file(shop.file()).unwrap();
    message("the missing file", "stigmer.toml was deleted or moved; restore it");
    assert_eq!(pids(), before);

    // The repaired file has one worker less, a changed one, and a new one.
    let mail = format!("[worker.mail]\nrun = {}\n", python_worker(&["mail"]));
    shop.write(&format!("{orders}env = {{ A = \"b\" }}\n{mail}"));
    let restarted = shop.wait_ready("orders", 3);
    assert_ne!(restarted["pid"], before[0]);
    shop.wait_state("mail", "ready");
    let status =
        rig.wait_for("the end of the removed worker", |status| worker(status, "billing").is_none());
    assert_eq!(status["message"], "");
    rig.stop();
}

#[test]
fn stop_of_the_server_forgets_a_deleted_project() {
    let rig = Rig::new();
    let text = |name: &str| format!("[worker.{name}]\nrun = {}\n", python_worker(&[name]));
    let (orders, mail) = (text("orders"), text("mail"));
    let (first, second) = (Shop::new(&rig, "orders", &orders), Shop::new(&rig, "mail", &mail));
    first.run(&[]).exits(0);
    second.run(&[]).exits(0);
    first.write("wrong");
    rig.wait_for("the mistake", |status| status["message"].as_str().unwrap().contains(":1: "));
    std::fs::remove_file(second.file()).unwrap();
    let status = rig.wait_for("the missing file", |status| {
        status["message"].as_str().unwrap().contains("was deleted")
    });
    let newest = status["message"].as_str().unwrap().split(" · ").next().unwrap();
    assert!(newest.contains("mail/stigmer.toml was deleted or moved"), "{status:#}");
    let moved = Shop::new(&rig, "moved", &mail);
    moved.run(&[]).exits(1).complains(&["worker `mail`", "that project was deleted or moved"]);
    // The host stays.
    assert_eq!(socket::ask(&rig, "POST", "/v1/stop?wait=true", "").code, 202);
    assert_eq!(socket::ask(&rig, "POST", "/v1/start?wait=true", "").code, 202);
    first.wait_state("orders", "ready");
    let status = rig.status();
    assert!(worker(&status, "mail").is_none(), "{status:#}");
    let message = status["message"].as_str().unwrap();
    assert!(message.contains(":1: ") && !message.contains("deleted"), "{message}");
    moved.run(&[]).exits(0);
    rig.stop();
}

#[test]
fn namespaces_of_a_server_of_someone_else_are_not_changed() {
    let rig = Rig::new();
    rig.start();
    let mut other = rig.second();
    other.set("address", &format!("{:?}", rig.address()));
    let shop = Shop::new(
        &other,
        "shop",
        "[temporal]\nretention = \"2d\"\nnamespace = [\"default\", \"mine\"]\n",
    );
    shop.run(&[]).exits(0);
    rig.cli(&["operator", "namespace", "describe", "-n", "mine"]).exits(1);
    other.run(&["stop"]).exits(0);
    rig.stop();
}

#[test]
fn change_of_the_file_while_a_worker_waits_for_the_server_is_followed() {
    // The frozen server is not restarted during the test.
    let rig = Rig::with(&[("failure-threshold", "1000")]);
    let run = python_worker(&["orders"]);
    let orders = |a: &str| format!("[worker.orders]\nrun = {run}\nenv = {{ A = \"{a}\" }}\n");
    let shop = Shop::new(&rig, "shop", &orders("old"));
    shop.run(&[]).exits(0);
    let server = rig.temporal();
    server.signal(Signal::STOP);
    rig.wait_state("degraded");
    shop.process("orders").kill();
    shop.wait_for("orders", "waits for the server", |worker| {
        worker["message"].as_str().is_some_and(|it| it.contains("waiting for the server"))
    });
    let mail = "[worker.mail]\nrun = \"true\"\nstart = false\n";
    shop.write(&format!("{}{mail}", orders("new")));
    shop.wait_state("mail", "stopped");
    server.signal(Signal::CONT);
    shop.wait_for("orders", "runs as the file says", |worker| {
        let pid = worker["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        let is_new = |pid| environment(pid, "A").as_deref() == Some("new");
        worker["state"] == "ready" && pid.is_some_and(is_new)
    });
    rig.stop();
}
