//! Text from other programs and users reaches the terminal without its control characters.

use crate::support::rig::{Ran, Rig};
use serde_json::json;

/// A text with each kind of control sequence. A file name may contain such a text.
const HOSTILE: &str = "a\u{1b}[31mb\u{1b}]0;title\u{7}c\u{9b}2Jd\u{7f}e\u{202e}f\u{2066}g\rh\u{8}i";

fn assert_harmless(ran: &Ran) {
    let is_hostile = |c: char| {
        let reorders = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        c != '\n' && (c.is_control() || reorders)
    };
    assert!(!ran.stdout.contains(is_hostile), "{:?}", ran.stdout);
    assert!(!ran.stderr.contains(is_hostile), "{:?}", ran.stderr);
}

#[test]
fn commands_print_no_control_characters_of_home_config_timeline_and_log() {
    let mut rig = Rig::new();
    rig.home = rig.folder().join(HOSTILE);
    std::fs::create_dir_all(rig.path("logs")).unwrap();
    let entry = json!({
        "time": "2026-11-22T10:00:01Z", "happened": "ended", "generation": 1, "cause": "crash",
        "detail": HOSTILE, "phases": [{"name": HOSTILE, "us": 1}],
        "first_words": [HOSTILE], "last_words": [HOSTILE]});
    std::fs::write(rig.path("logs/events.jsonl"), format!("{entry}\n")).unwrap();
    let line = json!({
        "time": "2026-11-22T10:00:01Z", "level": HOSTILE, "msg": HOSTILE, "component": HOSTILE,
        HOSTILE: HOSTILE});
    let log = format!("{line}\n{HOSTILE}\nError: {HOSTILE}\npanic: {HOSTILE}\n");
    std::fs::write(rig.path("logs/temporal.log"), log).unwrap();

    let missing = format!("/nonexistent/{HOSTILE}");
    rig.set_program(missing.as_ref());
    assert_harmless(&rig.run(&[]).exits(1));
    assert_harmless(&rig.run(&["--no-tui"]).exits(1));
    let output = rig.run(&["events"]).exits(0);
    assert!(output.stdout.matches("title").count() == 0 && output.stdout.lines().count() > 3);
    assert_harmless(&output);
    let output = rig.run(&["logs"]).exits(0);
    assert!(output.stdout.lines().count() == 4, "{:?}", output.stdout);
    assert_harmless(&output);
    let output = rig.run(&["status"]).exits(3);
    assert!(output.stdout.contains("home"));
    assert_harmless(&output);

    std::fs::write(rig.path("config.toml"), format!("port = \"{HOSTILE}\"\n")).unwrap();
    for command in ["stop", "status", "env", "restart"] {
        let output = rig.run(&[command]);
        assert!(output.stderr.contains("config.toml"), "{command}: {:?}", output.stderr);
        assert_harmless(&output);
    }
    assert_harmless(&rig.run(&["--db", &format!("{HOSTILE}?")]));
}
