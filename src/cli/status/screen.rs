//! Formats the status for people, on one screen. The most important facts come first.

use crate::config::ExplainedOption;
use crate::harmless::harmless;
use crate::presenter;
use crate::protocol::{LayerStatus, State, Status};
use stigmer_ui::human;

/// Width of the labels, in columns.
const COLUMN: usize = 11;
/// Width of a check (layer) with its latency, in columns. A row shows three checks.
const LAYER: usize = 20;

/// Parameters of the terminal escape sequence for colors and styles (SGR).
const DIM: &str = "2";
const BOLD: &str = "1";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31";

/// Formats the status and the options that are not defaults, with colors if `coloured` is true.
pub(super) fn render(
    status: &Status,
    options: &[ExplainedOption<'_>],
    home: &str,
    coloured: bool,
) -> String {
    let mut sheet = Sheet { text: String::new(), coloured };
    headline(&mut sheet, status);
    if let Some(temporal) = &status.temporal {
        sheet.row("address", &temporal.address);
        if let Some(url) = &temporal.ui_url {
            sheet.row("web UI", url);
        }
    }
    if status.temporal.is_some() && status.host.is_some() {
        health(&mut sheet, status);
    }
    restarts(&mut sheet, status);
    if let Some(temporal) = &status.temporal {
        let cpu = temporal.cpu_percent.map(|cpu| format!("CPU {}", human::percent(cpu as f32)));
        let rss = temporal.rss_bytes.map(|rss| format!("memory {}", human::bytes(rss)));
        let costs: Vec<String> = cpu.into_iter().chain(rss).collect();
        if !costs.is_empty() {
            sheet.row("resources", &costs.join("   "));
        }
        if let Some(database) = &temporal.database {
            let size = database.bytes.map(|bytes| format!("   {}", human::bytes(bytes)));
            sheet.row(
                "database",
                &format!("{}{}", database.path.display(), size.unwrap_or_default()),
            );
        }
    }
    for (number, option) in options.iter().enumerate() {
        sheet.row(if number == 0 { "options" } else { "" }, &option.to_string());
    }
    workers(&mut sheet, status);
    let lines = status.host.as_ref().map(|_| human::counted(status.log.lines, "line", "lines"));
    let lines =
        lines.map_or_else(String::new, |lines| format!("   {lines} since the host started"));
    sheet.row("log", &format!("{}{lines}", status.log.path.display()));
    let host = status.host.as_ref().map_or_else(
        || "none".to_owned(),
        |host| {
            let (mode, up) = (host.mode.as_str(), human::uptime(host.uptime_ms));
            format!("{mode}, pid {}, up {up}, stigmer {}", host.pid, host.version)
        },
    );
    sheet.row("host", &host);
    sheet.row("home", home);
    sheet.text
}

/// A row for each worker of a project.
fn workers(sheet: &mut Sheet, status: &Status) {
    for (number, worker) in status.workers.iter().enumerate() {
        let mut text = format!("{} {}", worker.name, worker.state.as_str());
        let label = if worker.state == State::Ready { "up" } else { "for" };
        text.push_str(&format!("   {label} {}", human::uptime(worker.since_ms())));
        text.extend(worker.pid.map(|pid| format!("   pid {pid}")));
        if worker.restarts.total > 0 {
            text.push_str(&format!("   restarted {} ×", worker.restarts.total));
        }
        if !worker.task_queues.is_empty() {
            text.push_str(&format!("   polls {}", worker.task_queues.join(", ")));
        }
        sheet.row(if number == 0 { "workers" } else { "" }, &text);
        if !worker.message.is_empty() {
            sheet.row("", &format!("  {}", worker.message));
        }
    }
}

fn headline(sheet: &mut Sheet, status: &Status) {
    let (sign, ink) = match status.state {
        State::Ready => ("●", GREEN),
        State::Degraded => ("▲", YELLOW),
        State::Starting => ("◐", YELLOW),
        State::Stopping => ("◑", YELLOW),
        State::Backoff => ("↻", YELLOW),
        State::Failed => ("✖", RED),
        State::Stopped => ("○", DIM),
    };
    let word = format!("{sign} {}", status.state.as_str().to_uppercase());
    sheet.ink(&format!("{BOLD};{ink}"), &word);
    let mut facts = Vec::new();
    if let Some(temporal) = &status.temporal {
        facts.extend(temporal.uptime_ms.map(|ms| format!("up {}", human::uptime(ms))));
        facts.extend(temporal.generation.map(|number| format!("generation {number}")));
        facts.extend(temporal.pid.map(|pid| format!("pid {pid}")));
        let (version, server) = (temporal.cli_version(), temporal.server_version.as_deref());
        facts.extend(human::temporal_version(version, server));
        facts.extend(temporal.adopted.then(|| "adopted".to_owned()));
    }
    for fact in facts {
        sheet.put("   ");
        sheet.put(&fact);
    }
    sheet.end();
    for line in status.message.lines() {
        sheet.put("  ");
        sheet.ink(if ink == DIM || ink == GREEN { "" } else { ink }, line);
        sheet.end();
    }
}

fn health(sheet: &mut Sheet, status: &Status) {
    for (number, three) in status.health.layers.chunks(3).enumerate() {
        sheet.label(if number == 0 { "health" } else { "" });
        for (place, layer) in three.iter().enumerate() {
            let (sign, ink) = match layer.ok {
                Some(true) => ("✓", GREEN),
                Some(false) => ("✗", RED),
                None => ("–", DIM),
            };
            sheet.ink(ink, sign);
            let text = layer_text(layer);
            let room = if place + 1 == three.len() { 0 } else { LAYER };
            sheet.put(&format!(" {text:<room$}"));
        }
        sheet.end();
    }
    for layer in &status.health.layers {
        if layer.ok == Some(false) && !status.message.contains(&layer.detail) {
            sheet.row("", &format!("{}: {}", layer.name, layer.detail));
        }
    }
    let latency = &status.health.latency_us;
    let parts = [("last", latency.last), ("p50", latency.p50), ("p99", latency.p99)];
    let mut text: Vec<String> = parts
        .into_iter()
        .filter_map(|(name, us)| Some(format!("{name} {}", human::latency(us?))))
        .collect();
    if status.health.consecutive_failures > 0 {
        text.push(format!("{} failed rounds in a row", status.health.consecutive_failures));
    }
    if !text.is_empty() {
        sheet.row("probe", &text.join("   "));
    }
}

fn layer_text(layer: &LayerStatus) -> String {
    let latency = layer.latency_us.map_or_else(String::new, human::latency);
    format!("{:<8} {latency:>7}", layer.name.to_string()).trim_end().to_owned()
}

fn restarts(sheet: &mut Sheet, status: &Status) {
    let restarts = &status.restarts;
    let mut text = format!("{} automatic in this home", restarts.total);
    if restarts.in_window > 0 {
        let window = status.options.values.restart_window;
        let window = window.map_or_else(|| "while".to_owned(), |span| span.to_string());
        text.push_str(&format!(", {} in the last {window}", restarts.in_window));
    }
    sheet.row("restarts", &text);
    if let Some(last) = &restarts.last {
        let down = presenter::downtime(last.downtime_ms, last.recovery_ms);
        let repaired = last
            .recovery_ms
            .map_or_else(String::new, |ms| format!(", repaired in {}{down}", human::duration(ms)));
        let text =
            format!("{}, {}, {}{repaired}", last.cause, last.detail, human::ago(last.ago_ms));
        sheet.row("last", &text);
    }
}

/// The text of the screen. Its only escape sequences are the colors that this type adds.
struct Sheet {
    text: String,
    coloured: bool,
}

impl Sheet {
    fn put(&mut self, text: &str) {
        self.text.push_str(&harmless(text));
    }

    fn ink(&mut self, parameters: &str, text: &str) {
        if self.coloured && !parameters.is_empty() {
            self.text.push_str(&format!("\x1b[{parameters}m{}\x1b[0m", harmless(text)));
        } else {
            self.put(text);
        }
    }

    fn end(&mut self) {
        let kept = self.text.trim_end().len();
        self.text.truncate(kept);
        self.text.push('\n');
    }

    fn label(&mut self, name: &str) {
        self.put("  ");
        self.ink(DIM, &format!("{name:<COLUMN$}"));
    }

    fn row(&mut self, name: &str, value: &str) {
        self.label(name);
        self.put(value);
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FileOrigin;
    use crate::protocol::ProjectWorker;
    use std::path::Path;

    fn status(more: &str) -> Status {
        // A complete status as JSON. `more` contains the values that a test changes.
        let mut status = serde_json::json!({
            "schema": 1, "state": "ready", "intent": "up", "managed": true, "message": "",
            "host": {"pid": 4711, "mode": "background", "version": "0.1.0", "uptime_ms": 73_000},
            "temporal": {
                "pid": 4712, "pgid": 4712, "server_pid": 4712, "generation": 3, "adopted": false,
                "address": "127.0.0.1:7233", "ui_url": "http://127.0.0.1:8233", "version": "1.9.1",
                "server_version": "1.32.0",
                "uptime_ms": 61_000, "rss_bytes": 150_000_000, "cpu_percent": 2.5,
                "database": {"path": "/h/temporal-data/temporal.db", "bytes": 690_000}},
            "restarts": {"total": 2, "in_window": 1, "last": {
                "cause": "crash", "detail": "signal 9 (SIGKILL)", "ago_ms": 61_000,
                "recovery_ms": 131}},
            "health": {
                "layers": [{"name": "lock", "ok": true, "latency_us": 12},
                           {"name": "process", "ok": true, "latency_us": 40},
                           {"name": "tcp", "ok": true, "latency_us": 90},
                           {"name": "grpc", "ok": true, "latency_us": 210},
                           {"name": "store", "ok": true, "latency_us": 400},
                           {"name": "engine", "ok": true, "latency_us": 900}],
                "latency_us": {"last": 210, "p50": 200, "p99": 900}, "consecutive_failures": 0},
            "log": {"lines": 918, "path": "/h/logs/temporal.log"},
            "options": {"restart-window": "1m"}
        });
        let more: serde_json::Map<String, serde_json::Value> = serde_json::from_str(more).unwrap();
        for (key, value) in more {
            status[key] = value;
        }
        serde_json::from_value(status).unwrap()
    }

    #[test]
    fn status_fits_on_one_screen() {
        let options = [
            ExplainedOption {
                option: "namespace".to_owned(),
                value: "default,orders".to_owned(),
                is_default: false,
                file: Some((FileOrigin::Project(Path::new("/shop/stigmer.toml"), Some(3)), None)),
            },
            ExplainedOption {
                option: "port".to_owned(),
                value: "7233".to_owned(),
                is_default: true,
                file: Some((FileOrigin::Home, Some("7300".to_owned()))),
            },
        ];
        insta::assert_snapshot!(render(&status("{}"), &options, "/h", false));
    }

    #[test]
    fn errors_are_shown() {
        let more = r#"{"state": "degraded", "message": "grpc: no response within 1 s", "health": {
            "layers": [{"name": "lock", "ok": null, "latency_us": null},
                       {"name": "process", "ok": true, "latency_us": 40},
                       {"name": "tcp", "ok": true, "latency_us": 90},
                       {"name": "grpc", "ok": false, "latency_us": null, "detail": "no response within 1 s"},
                       {"name": "store", "ok": null, "latency_us": null},
                       {"name": "engine", "ok": null, "latency_us": null}],
            "latency_us": {"last": null, "p50": 200, "p99": 900}, "consecutive_failures": 2}}"#;
        insta::assert_snapshot!(render(&status(more), &[], "/h", false));
    }

    #[test]
    fn stopped_server_is_shown() {
        let more = r#"{"state": "stopped", "intent": "down", "host": null, "temporal": null,
            "restarts": {"total": 0, "in_window": 0, "last": null}}"#;
        insta::assert_snapshot!(render(&status(more), &[], "/h", false));
    }

    #[test]
    fn control_characters_of_foreign_text_are_not_shown() {
        use crate::harmless::tests::{HOSTILE, assert_harmless};
        let mut hostile = status(
            r#"{"state": "degraded", "health": {
                "layers": [{"name": "grpc", "ok": false, "latency_us": null, "detail": "no"}],
                "latency_us": {"last": null, "p50": null, "p99": null}, "consecutive_failures": 1}}"#,
        );
        hostile.message = HOSTILE.to_owned();
        hostile.health.layers[0].detail = format!("{HOSTILE}!");
        hostile.log.path = HOSTILE.into();
        hostile.host.as_mut().unwrap().version = HOSTILE.to_owned();
        hostile.restarts.last.as_mut().unwrap().detail = HOSTILE.to_owned();
        let temporal = hostile.temporal.as_mut().unwrap();
        temporal.version = Some(HOSTILE.to_owned());
        temporal.server_version = Some(HOSTILE.to_owned());
        temporal.address = HOSTILE.to_owned();
        temporal.ui_url = Some(HOSTILE.to_owned());
        temporal.database.as_mut().unwrap().path = HOSTILE.into();
        let options = [ExplainedOption {
            option: "db".to_owned(),
            value: HOSTILE.to_owned(),
            is_default: false,
            file: Some((FileOrigin::Project(Path::new(HOSTILE), None), Some(HOSTILE.to_owned()))),
        }];
        assert_harmless(&render(&hostile, &options, HOSTILE, false));
        let ours = regex::Regex::new("\x1b\\[(2|1|[1;]*3[123]|0)m").unwrap();
        assert_harmless(&ours.replace_all(&render(&hostile, &options, HOSTILE, true), ""));
    }

    #[test]
    fn colors_do_not_change_the_text() {
        let (plain, coloured) =
            (render(&status("{}"), &[], "/h", false), render(&status("{}"), &[], "/h", true));
        assert!(!plain.contains('\x1b') && coloured.contains("\x1b[1;32m● READY\x1b[0m"));
        let sgr = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap();
        assert_eq!(sgr.replace_all(&coloured, ""), plain);
    }

    #[test]
    fn age_of_a_worker_is_the_same_as_on_the_dashboard() {
        let mut status = status("{}");
        let worker = |state| ProjectWorker {
            state,
            uptime_ms: Some(61_000),
            state_ms: 2_000,
            ..crate::protocol::tests::worker("orders")
        };
        for (state, row) in [
            (State::Ready, "orders ready   up 1 min 01 s"),
            (State::Degraded, "orders degraded   for 2 s"),
        ] {
            status.workers = vec![worker(state)];
            let text = render(&status, &[], "/h", false);
            assert!(text.contains(row), "{text}");
        }
    }
}
