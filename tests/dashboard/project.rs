//! The workers of a project: their rows, their keys and their logs.

use crate::support::rig::Rig;
use crate::support::shop::{Shop, python_worker};
use crate::terminal::{Dashboard, ESC};

/// A dashboard in the folder of the project, which hosts the server and the workers.
fn open<'r>(shop: &Shop<'r>) -> Dashboard<'r> {
    let mut command = shop.rig.local(&["--tui"]);
    command.current_dir(&shop.folder);
    Dashboard::spawn(shop.rig, command, 120, 36)
}

#[test]
fn workers_of_a_project_are_units_with_keys_and_logs() {
    let rig = Rig::new();
    let text = format!(
        "[worker.orders]\nrun = {}\ntask-queues = [\"orders\"]\n\
         [worker.reports]\nrun = [\"sleep\", \"1000\"]\nstart = false\n",
        python_worker(&["orders"])
    );
    let shop = Shop::new(&rig, "shop", &text);
    let dashboard = open(&shop);
    let first = shop.wait_ready("orders", 1);
    dashboard.press("3");
    dashboard.until_shows(&["running    orders", "stopped    reports", "0 restarts", "1 worker "]);
    dashboard.until_hides("external: they poll this server");
    dashboard.press("j");
    dashboard.until_shows(&["orders: x stop  r restart  R restart the workers"]);
    dashboard.press("l");
    dashboard.until_shows(&["log of orders", "starts to poll"]);

    dashboard.press("3j");
    dashboard.until_shows(&["orders: x stop"]);
    dashboard.press("r");
    let second = shop.wait_ready("orders", 2);
    assert_ne!(first["pid"], second["pid"]);
    dashboard.press("R");
    shop.wait_ready("orders", 3);
    shop.wait_state("reports", "stopped");

    dashboard.press("\r");
    dashboard.until_shows(&["3 Workers › orders", "State       running"]);
    dashboard.press("x");
    dashboard.until_shows(&["State       stopped", "orders: s start"]);
    shop.wait_state("orders", "stopped");
    dashboard.press("s");
    shop.wait_ready("orders", 4);
    dashboard.press(ESC);
    dashboard.until_hides("State       ");
    assert_eq!(rig.status()["state"], "ready", "the server is another unit");
}

#[test]
fn dashboard_that_attaches_starts_no_worker_that_was_stopped() {
    let rig = Rig::new();
    let text = format!("[worker.orders]\nrun = {}\n", python_worker(&["orders"]));
    let shop = Shop::new(&rig, "shop", &text);
    shop.run(&[]).exits(0);
    shop.run(&["stop", "orders"]).exits(0);
    let dashboard = open(&shop);
    dashboard.press("3");
    dashboard.until_shows(&["stopped    orders"]);
    // The host has handled all earlier requests when it has handled this one.
    dashboard.press("r");
    rig.wait_ready(2);
    dashboard.until_shows(&["stopped    orders"]);
    assert_eq!(shop.wait_state("orders", "stopped")["generation"], 1);
}

#[test]
fn worker_that_gave_up_is_a_problem_with_its_cause() {
    let rig = Rig::new();
    let text = "[worker.emails]\nrun = [\"sh\", \"-c\", \"echo 'Error: no smtp'; exit 3\"]\n\
                max-restarts = 1\n";
    let shop = Shop::new(&rig, "shop", text);
    let dashboard = open(&shop);
    dashboard.until_shows(&["✗ gave up    worker      emails", "exit code 3: Error: no smtp"]);
    dashboard.press("3j\r");
    dashboard.until_shows(&["3 Workers › emails", "Log  ", "emails: s start"]);
    dashboard.press("l");
    dashboard.until_shows(&["log of emails", "Error: no smtp"]);
    dashboard.press("5");
    dashboard.until_shows(&["emails: "]);
}
