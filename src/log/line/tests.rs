use jiff::tz;
use proptest::prelude::*;

use super::*;

const JSON: &str = include_str!("../../../tests/samples/info.jsonl");
const TEXT: &str = include_str!("../../../tests/samples/text.log");

fn parser() -> LineParser {
    LineParser::new(TimeZone::UTC)
}

fn parse(line: &str) -> LogLine {
    parser().parse(line.as_bytes())
}

fn columns(line: &LogLine) -> (Level, &str, &str) {
    (line.level, &line.component, &line.message)
}

#[test]
fn reads_json_events() {
    let lines: Vec<_> = JSON.lines().map(parse).collect();
    assert!(lines.iter().all(|line| line.kind == Kind::Json && line.time.is_some()));
    assert_eq!(columns(&lines[2]), (Level::Info, "history", "Quota changed"));
    let fields = [
        ("component", "persistence"),
        ("scope", "host"),
        ("current-quota", "null"),
        ("new-quota", "45000"),
    ];
    assert_eq!(lines[2].fields, fields.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(columns(&lines[13]), (Level::Warn, "worker", "Failed to poll for task."));
    assert_eq!(columns(&lines[15]), (Level::Debug, "history", "Workflow task updated"));
    // The key `wf-id` occurs twice in this line.
    let ids = lines[15].fields.iter().filter(|(key, _)| key == "wf-id");
    assert_eq!(ids.count(), 1);
}

#[test]
fn reads_text_events_as_local_time() {
    let zone = TimeZone::fixed(tz::offset(-5));
    let mut parser = LineParser::new(zone.clone());
    let lines: Vec<_> = TEXT.lines().map(|line| parser.parse(line.as_bytes())).collect();
    assert!(lines.iter().all(|line| line.kind == Kind::Text && line.time.is_some()));
    assert_eq!(columns(&lines[2]), (Level::Info, "history", "Quota changed"));
    assert_eq!(lines[2].clock(&zone).as_deref(), Some("20:53:33.703"));
    assert_eq!(lines[2].clock(&TimeZone::UTC).as_deref(), Some("01:53:33.703"));
    assert!(lines[6].message.contains("CHASM:␊    cacheConflictToken"), "{}", lines[6].message);
    let error = &lines[8].fields.last().unwrap().1;
    assert!(error.contains(r#"desc = "error reading from server: EOF""#), "{error}");
}

#[test]
fn repeated_key_has_its_last_value_at_its_first_position() {
    let line = parse(r#"{"level":"INFO","a":1,"b":2,"msg":"x","a":3}"#);
    let fields = [("a".to_owned(), "3".to_owned()), ("b".to_owned(), "2".to_owned())];
    assert_eq!(line.fields, fields);
}

#[test]
fn mark_sets_the_generation_of_the_following_lines() {
    let mut parser = parser();
    assert_eq!(parser.parse(b"before").generation, None);
    let time = "2026-11-22T10:00:00.5Z".parse().unwrap();
    let mark = generation_mark(3, time, "crash", "exit status 2");
    let line = parser.parse(mark.as_bytes());
    assert_eq!((line.kind, line.generation, line.time), (Kind::Mark, Some(3), Some(time)));
    assert_eq!(line.render_plain(&TimeZone::UTC), "10:00:00.500 ---- Temporal, generation 3 ----");
    assert_eq!(parser.parse(b"after").generation, Some(3));
    parser.parse(generation_mark(4, time, "operator", "").as_bytes());
    assert_eq!(parser.parse(br#"{"level":"INFO","msg":"m","n":9}"#).generation, Some(4));
}

#[test]
fn crash_dump_ends_at_the_next_event() {
    let mut parser = parser();
    let mut kinds = |line: &str| {
        let line = parser.parse(line.as_bytes());
        (line.kind, line.level)
    };
    assert_eq!(kinds("usage: …"), (Kind::Raw, Level::Unknown));
    assert_eq!(kinds("SIGQUIT: quit"), (Kind::Dump, Level::Error));
    assert_eq!(kinds("PC=0x497b21 m=0"), (Kind::Dump, Level::Unknown));
    assert_eq!(kinds(""), (Kind::Dump, Level::Unknown));
    assert_eq!(kinds(r#"{"level":"INFO","msg":"up"}"#), (Kind::Json, Level::Info));
    assert_eq!(kinds("x"), (Kind::Raw, Level::Unknown));
    assert_eq!(kinds("panic: boom"), (Kind::Dump, Level::Error));
    assert_eq!(kinds("Error: no"), (Kind::Raw, Level::Error));
    assert_eq!(kinds("x"), (Kind::Raw, Level::Unknown));
}

#[test]
fn unstructured_line_is_shown_unchanged() {
    let raw = [
        "Temporal Server:      localhost:7500",
        "{not json",
        "{\"level\":\"INFO\",\"msg\":\"torn",
        "[1,2]",
        "time=now and then",
        "time=",
        "",
        "{}}",
    ];
    for text in raw {
        let line = parse(text);
        assert_eq!((line.kind, line.message.as_str()), (Kind::Raw, text));
        assert_eq!(line.render_plain(&TimeZone::UTC), text);
    }
}

#[test]
fn renders_one_line_for_people() {
    let line = parse(JSON.lines().nth(2).unwrap());
    let text = "20:54:24.761 INFO  history  Quota changed component=persistence scope=host \
                current-quota=null new-quota=45000";
    assert_eq!(line.render_plain(&TimeZone::UTC), text);
    let line = parse(r#"{"level":"WARN","msg":"m","a":"two words","b":""}"#);
    assert_eq!(
        line.render_plain(&TimeZone::UTC),
        r#"--:--:--.--- WARN           m a="two words" b="""#
    );
}

#[test]
fn json_has_the_documented_keys() {
    let mut parser = parser();
    parser.parse(generation_mark(2, Timestamp::UNIX_EPOCH, "operator", "").as_bytes());
    let raw = r#"{"time":"2026-11-22T20:54:24Z","level":"INFO","msg":"m","service":"frontend"}"#;
    let value = serde_json::to_value(parser.parse(raw.as_bytes())).unwrap();
    let expected = serde_json::json!({
        "time": "2026-11-22T20:54:24Z", "level": "info", "component": "frontend",
        "text": "m", "generation": 2, "raw": raw,
    });
    assert_eq!(value, expected);
    let value = serde_json::to_value(parse("x")).unwrap();
    let expected = serde_json::json!({
        "time": null, "level": null, "component": null,
        "text": "x", "generation": null, "raw": "x",
    });
    assert_eq!(value, expected);
}

#[test]
fn hostile_text_is_harmless() {
    let cases = [
        ("\u{1b}[31mred\u{1b}[0m", "red"),
        ("\u{1b}]0;title\u{7}x\u{1b}]52;c;aGk=\u{1b}\\y", "xy"),
        ("\u{1b}(B\u{1b}=x\u{1b}[?25l", "x"),
        ("\u{1b}]0;never ends", "␛]0;never ends"),
        ("\u{1b}[31", "␛[31"),
        ("\u{1b}", "␛"),
        ("a\tb\tc", "a   b   c"),
        ("a\rb\u{8}\0\u{7f}", "a␍b␈␀␡"),
        ("\u{9b}31m \u{202e}txt\u{2028}", "\u{fffd}31m \u{fffd}txt␊"),
        ("grüße 日本", "grüße 日本"),
    ];
    for (text, clean) in cases {
        assert_eq!(harmless(text), clean);
    }
    let line = parser().parse(b"\x1b[1mbold\xff\x00");
    assert_eq!(line.message, "bold\u{fffd}␀");
    assert_eq!(line.raw, "␛[1mbold\u{fffd}␀");
    let line = parse(r#"{"level":"INFO","msg":"\u001b[31mred\u0007","k\u001b":"\u009b"}"#);
    assert_eq!(line.text(), "red␇ k␛=\u{fffd}");
}

#[test]
fn cut_line_keeps_time_and_component() {
    let long = "x".repeat(200_000);
    let line = format!(r#"{{"level":"WARN","msg":"big","service":"worker","data":"{long}"}}"#);
    let line = parse(&line);
    assert_eq!(columns(&line), (Level::Warn, "worker", "big"));
    assert!(line.text().ends_with("bytes cut\""), "{}", &line.text());
    assert!(line.raw.len() < MAX_LINE + 100);
    let line = parse(&long);
    assert_eq!(line.kind, Kind::Raw);
    assert!(line.message.ends_with(" … [134464 bytes cut]"));
}

#[test]
fn cut_json_line_keeps_the_part_before_the_cut() {
    let time = r#"{"time":"2026-11-22T20:54:24Z","level":"ERROR","#;
    let long = "x".repeat(MAX_LINE);
    let cut = |line: &str| {
        let line = parse(line);
        assert_eq!((line.kind, line.level), (Kind::Json, Level::Error));
        assert!(line.time.is_some() && line.raw.ends_with(" bytes cut]"));
        line
    };
    // The line is cut within its message.
    let line = cut(&format!(r#"{time}"msg":"big {long}","service":"frontend"}}"#));
    assert!(line.message.starts_with("big xxx") && line.message.ends_with("xxx…"));
    assert_eq!(line.fields, [("…".to_owned(), "81 bytes cut".to_owned())]);
    assert!(line.text().ends_with(r#"xxx… …="81 bytes cut""#));
    // The line is cut within a nested value after its message.
    let line = cut(&format!(r#"{time}"service":"frontend","msg":"m","a":[{{"b":"{long}"}}]}}"#));
    assert_eq!((line.component.as_str(), line.message.as_str()), ("frontend", "m"));
    let value = &line.fields[0].1;
    assert!(value.starts_with(r#"[{"b":"xxx"#) && value.ends_with(r#"xxx…"}]"#));
    // The line is cut before its message.
    let line = cut(&format!(r#"{time}"a":"{long}","msg":"m"}}"#));
    assert!(line.message.ends_with(" bytes cut"), "{}", line.message);
    assert_eq!(line.fields[0].0, "a");
}

#[test]
fn cut_text_line_keeps_the_part_before_the_cut() {
    let long = "x ".repeat(MAX_LINE);
    let line = format!("time=2026-11-22T20:54:24.000 level=WARN msg=\"big {long}\" service=worker");
    let line = parse(&line);
    assert_eq!((line.kind, line.level), (Kind::Text, Level::Warn));
    assert!(line.message.starts_with("big x x") && line.message.ends_with('…'));
    assert!(line.text().ends_with(" bytes cut\""));
}

#[test]
fn cut_at_any_position_loses_and_invents_nothing() {
    let whole = r#"{"time":"2026-11-22T20:54:24Z","level":"ERROR","msg":"a\n\"\u00e9b","n":1234,"a":{"b":[true,"c]"]}}"#;
    let after_level = whole.find(r#","msg"#).unwrap();
    for at in (after_level..whole.len()).filter(|at| whole.is_char_boundary(*at)) {
        let kept = &whole[..at];
        let line = parse(&format!("{kept}{}", cut_notice(9)));
        assert_eq!((line.kind, line.level), (Kind::Json, Level::Error), "{kept}");
        assert!(line.text().contains("9 bytes cut") && !line.message.is_empty(), "{kept}");
        let full = "a␊\"éb";
        if line.message != "9 bytes cut" {
            assert!(
                full.starts_with(line.message.trim_end_matches('…')),
                "{kept}: {}",
                line.message
            );
        }
        for (_, value) in line.fields.iter().filter(|(key, _)| key == "n") {
            assert_eq!(value, "1234", "{kept}");
        }
    }
}

#[test]
fn shortened_line_counts_earlier_cuts_too() {
    assert_eq!(shortened("äöü", 3), "äöü");
    assert_eq!(shortened("äöü", 2), "äö … [2 bytes cut]");
    assert_eq!(shortened("abcdef … [10 bytes cut]", 4), "abcd … [12 bytes cut]");
    assert_eq!(shortened("abcd … [10 bytes cut]", 4), "abcd … [10 bytes cut]");
}

#[test]
fn levels_have_names_and_an_order() {
    for level in [Level::Debug, Level::Info, Level::Warn, Level::Error] {
        assert_eq!(level.as_str().parse::<Level>().unwrap(), level);
    }
    assert!("loud".parse::<Level>().unwrap_err().to_string().contains("`loud`"));
    assert!(Level::ALL.is_sorted());
    assert!(Level::ALL.iter().enumerate().all(|(at, level)| level.index() == at));
}

/// Random lines, of which about half are events.
fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof!["\"[a-z\\\\ \t\u{1b}\u{9b}]{0,9}\"", "-?[0-9]{1,30}", "\\{\\}", "x"];
    let key = prop_oneof!["[a-z\u{1b}]{0,4}", Just("time".to_owned()), Just("level".to_owned())];
    let pairs = proptest::collection::vec((key, value), 0..6);
    let text = |pairs: Vec<(String, String)>, between: &str| {
        pairs.iter().map(|(k, v)| format!("{k}{between}{v}")).collect::<Vec<_>>()
    };
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        pairs
            .clone()
            .prop_map(move |p| format!("{{\"{}}}", text(p, "\":").join(",\"")).into_bytes()),
        pairs.prop_map(move |p| format!("time={}", text(p, "=").join(" ")).into_bytes()),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_and_printed_without_control_characters(
        lines in proptest::collection::vec(any_line(), 1..5),
    ) {
        let mut parser = parser();
        for bytes in &lines {
            let line = parser.parse(bytes);
            let shown = [&line.render_plain(&TimeZone::UTC), &line.text(), &line.raw, &line.component];
            for text in shown {
                prop_assert!(!text.contains(char::is_control), "{text:?}");
            }
            let _ = serde_json::to_string(&line).unwrap();
        }
    }

    #[test]
    fn scan_and_parse_return_the_same_head(bytes in any_line()) {
        let line = parser().parse(&bytes);
        let head = parser().scan(&text(&bytes));
        prop_assert_eq!((line.kind, line.level, line.time), (head.kind, head.level, head.time));
    }

    #[test]
    fn harmless_text_is_unchanged(text in "[ -~äß日]{0,60}") {
        prop_assert_eq!(harmless(&text), text.as_str());
        prop_assert_eq!(visible(&text), text.as_str());
    }
}

#[test]
fn line_of_a_worker_continues_the_event_before_it() {
    let mut parser = LineParser::of(LogWriter::Worker, TimeZone::UTC);
    let mark = generation_mark(2, Timestamp::UNIX_EPOCH, "changed", "");
    for (line, severity, continues) in [
        ("plain", Level::Unknown, false),
        ("  indented", Level::Unknown, false),
        ("INFO started", Level::Info, false),
        ("print", Level::Info, false),
        ("  indented", Level::Info, true),
        ("Traceback (most recent call last):", Level::Error, false),
        ("  File \"worker.py\", line 3", Level::Error, true),
        ("", Level::Error, true),
        ("ModuleNotFoundError: No module named 'smtp'", Level::Error, true),
        ("another line", Level::Error, false),
        ("  of several", Level::Error, true),
        ("ERROR failed", Level::Error, false),
        ("because", Level::Error, true),
        ("another line", Level::Error, false),
        ("2026-11-29 12:00:00 an event without a level", Level::Unknown, false),
        ("WARN slow", Level::Warn, false),
        (&mark, Level::Info, false),
        ("plain", Level::Unknown, false),
    ] {
        let head = parser.scan(line);
        assert_eq!((head.severity, head.continues), (severity, continues), "{line}");
    }
    let error = r#"{"time":"2026-11-22T20:53:38Z","level":"ERROR","msg":"x"}"#;
    let mut parser = LineParser::new(TimeZone::UTC);
    for (line, severity) in [(error, Level::Error), ("raw", Level::Unknown)] {
        let head = parser.scan(line);
        assert_eq!((head.severity, head.continues), (severity, false), "{line}");
    }
}
