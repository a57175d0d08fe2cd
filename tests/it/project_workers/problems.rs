//! The problems of workers of a project.

use crate::support::rig::Rig;
use crate::support::shop::{Shop, python_worker};
use crate::support::{socket, wait_until};
use serde_json::Value;

/// Waits for a problem of this kind with this text in its cause.
#[track_caller]
pub(super) fn wait_for(rig: &Rig, kind: &str, cause: &str) -> Value {
    let mut found = Value::Null;
    wait_until(&format!("a problem {kind} with {cause:?}"), || {
        let list = socket::get(rig, "/v1/problems").json();
        let is_wanted = |it: &&Value| {
            it["kind"] == kind && it["cause"].as_str().is_some_and(|text| text.contains(cause))
        };
        let problems = list["problems"].as_array().unwrap();
        found = problems.iter().find(is_wanted).cloned().unwrap_or_default();
        !found.is_null()
    });
    found
}

/// Waits until no problem is left.
#[track_caller]
fn wait_until_solved(rig: &Rig) {
    wait_until("no problem is left", || {
        let list = socket::get(rig, "/v1/problems").json();
        list["problems"].as_array().unwrap().iter().all(|it| it["severity"] == "notice")
    });
}

#[test]
fn running_worker_whose_before_fails_is_a_problem_until_before_succeeds() {
    let rig = Rig::new();
    let text = |before: &str| {
        format!("[worker.orders]\nrun = {}\nbefore = {before:?}", python_worker(&["orders"]))
    };
    let shop = Shop::new(&rig, "shop", &text("true"));
    shop.run(&[]).exits(0);
    shop.write(&text("sh -c 'echo no such module; exit 1'"));
    let outdated = wait_for(&rig, "outdated", "`before`");
    assert_eq!((&outdated["severity"], &outdated["subject"]), (&"red".into(), &"orders".into()));
    let cause = outdated["cause"].as_str().unwrap();
    let said = "failed with exit 1: no such module, so the running worker stays";
    assert!(cause.contains(said), "{cause}");
    let printed = shop.run(&["problems"]).exits(4).stdout;
    assert!(printed.contains("outdated") && printed.contains(cause), "{printed}");
    let ran = shop.run(&[]).exits(1);
    ran.complains(&["failed with exit 1", "no such module", "so the running worker stays"]);
    shop.write(&text("true"));
    wait_until_solved(&rig);
    rig.stop();
}

#[test]
fn problem_of_a_queue_names_the_worker_of_the_project_and_why_it_does_not_poll() {
    let rig = Rig::new();
    let text = format!("[worker.orders]\nrun = {}", python_worker(&["orders"]));
    let shop = Shop::new(&rig, "shop", &text);
    shop.run(&[]).exits(0);
    shop.run(&["stop", "orders"]).exits(0);
    shop.order("orders", "o-1");
    let stopped = wait_for(&rig, "no_worker", "1 workflow task waits; worker `orders` is stopped");
    assert_eq!(stopped["hint"], "start it with `stigmer local start orders`");

    shop.write("[worker.orders]\nrun = \"false\"\nmax-restarts = 100\ntask-queues = [\"orders\"]");
    assert_eq!(socket::ask(&rig, "POST", "/v1/workers/orders/start", "").code, 202);
    let waits = wait_for(&rig, "backoff", "exit code 1");
    assert_eq!((&waits["severity"], &waits["subject"]), (&"amber".into(), &"orders".into()));
    wait_for(&rig, "no_worker", "1 workflow task waits; worker `orders` waits for its restart: ");
    shop.write(&text);
    wait_until_solved(&rig);
    rig.stop();
}
