//! Finds the time and the level in a line of any program. Each SDK and each logger has another
//! format, so only the forms that most of them use are known.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Level;
use crate::harmless::visible;

/// Only the beginning of a line is searched, in characters.
const HEAD: usize = 120;

/// A time at the beginning of a line, with a date: after a bracket, a level or a key such as
/// `time=`.
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"^(?:[A-Za-z]{1,9}[:=\s]\s{0,4})?[\["]{0,2}"#,
        r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?",
        r"\s?(Z|[+-]\d\d:?\d\d)?",
    ))
    .expect("a valid pattern")
});

/// The keys of the time and the level in a line of JSON.
#[derive(Deserialize)]
struct Object {
    #[serde(alias = "timestamp", alias = "@timestamp", alias = "ts", alias = "asctime")]
    time: Option<Value>,
    #[serde(alias = "severity", alias = "levelname", alias = "@level")]
    level: Option<Value>,
}

/// Returns the time and the level of a line. `zone` is the time zone of a time without a zone.
pub(super) fn time_and_level(line: &str, zone: &TimeZone) -> (Option<Timestamp>, Level) {
    match object(line) {
        Some(object) => (object.time(zone), object.level()),
        None => (written(head(line), zone), level_in(head(line))),
    }
}

/// Returns the level of a line.
pub(super) fn level_of(line: &str) -> Level {
    object(line).map_or_else(|| level_in(head(line)), |object| object.level())
}

/// Returns the message and the fields of a line: for JSON with a message its other values, otherwise the
/// line without the time and the level at its beginning, and no fields.
pub(super) fn message_and_fields(line: &str) -> (String, Vec<(String, String)>) {
    written_as_json(line).unwrap_or_else(|| (without_head(line).to_owned(), Vec::new()))
}

fn written_as_json(line: &str) -> Option<(String, Vec<(String, String)>)> {
    const HEAD: [&str; 9] = [
        "time",
        "timestamp",
        "@timestamp",
        "ts",
        "asctime",
        "level",
        "severity",
        "levelname",
        "@level",
    ];
    const MESSAGE: [&str; 4] = ["msg", "message", "event", "@message"];
    let object: Map<String, Value> =
        line.starts_with('{').then(|| serde_json::from_str(line).ok())??;
    let key = MESSAGE.iter().find(|key| object.get(**key).is_some_and(Value::is_string))?;
    let text = |value: &Value| match value {
        // A value may contain escaped control characters.
        Value::String(text) => visible(text).into_owned(),
        value => visible(&value.to_string()).into_owned(),
    };
    let others = object.iter().filter(|(name, _)| name != key && !HEAD.contains(&name.as_str()));
    let fields = others.map(|(name, value)| (visible(name).into_owned(), text(value))).collect();
    Some((text(&object[*key]), fields))
}

/// Returns a line without the time and the level at its beginning. If the line has nothing else, returns
/// the line.
fn without_head(line: &str) -> &str {
    let time = TIME.find(line).map_or(0, |found| found.end());
    let is_between = |c: char| matches!(c, ' ' | ']' | '[' | '|' | ':' | '-' | '"' | ',');
    let rest = line[time..].trim_start_matches(|c| time > 0 && is_between(c));
    let is_letter = |c: char| c.is_ascii_alphabetic();
    let open = rest.strip_prefix('[').or_else(|| rest.strip_prefix("level=")).unwrap_or(rest);
    let word = &open[..open.find(|c| !is_letter(c)).unwrap_or(open.len())];
    let after = &open[word.len()..];
    // `Traceback` and `panic` are levels and a part of the message.
    let is_level = !matches!(word, "Traceback" | "panic")
        && level(word) != Level::Unknown
        && after.starts_with(is_between);
    let message = if is_level { after.trim_start_matches(is_between) } else { rest };
    if message.is_empty() { line } else { message }
}

fn object(line: &str) -> Option<Object> {
    line.starts_with('{').then(|| serde_json::from_str(line).ok())?
}

impl Object {
    fn time(&self, zone: &TimeZone) -> Option<Timestamp> {
        match self.time.as_ref()? {
            Value::String(text) => written(text, zone),
            Value::Number(number) => elapsed(number.as_f64()?),
            _ => None,
        }
    }

    fn level(&self) -> Level {
        match &self.level {
            Some(Value::String(word)) => Level::named(word),
            Some(Value::Number(number)) => numbered(number.as_u64().unwrap_or_default()),
            _ => Level::Unknown,
        }
    }
}

fn head(line: &str) -> &str {
    let end = line.char_indices().nth(HEAD).map_or(line.len(), |(at, _)| at);
    &line[..end]
}

fn level_in(head: &str) -> Level {
    let words = head.split(|c: char| !c.is_ascii_alphanumeric());
    words.map(level).find(|level| *level != Level::Unknown).unwrap_or_default()
}

/// The level for a word of a line. Only words that loggers write are a level: `Info` or `Error` may
/// be any word of a sentence.
fn level(word: &str) -> Level {
    match word {
        "CRITICAL" | "FATAL" | "Traceback" | "panic" => Level::Error,
        "TRACE" => Level::Debug,
        "INFO" | "info" | "WARN" | "warn" | "WARNING" | "warning" | "ERROR" | "error" | "DEBUG"
        | "debug" => Level::named(word),
        _ => Level::Unknown,
    }
}

/// The levels of the loggers of Node, `pino` and `bunyan`.
fn numbered(level: u64) -> Level {
    match level {
        0 => Level::Unknown,
        1..=20 => Level::Debug,
        21..=30 => Level::Info,
        31..=40 => Level::Warn,
        _ => Level::Error,
    }
}

fn written(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let parts = TIME.captures(text)?;
    let (year, month, day, clock) = (&parts[1], &parts[2], &parts[3], &parts[4]);
    let fraction = parts.get(5).map_or("0", |fraction| fraction.as_str());
    let time = format!("{year}-{month}-{day}T{clock}.{fraction}");
    match parts.get(6).map(|zone| zone.as_str()) {
        Some(zone) => {
            let colon = if zone.len() == 5 { ":" } else { "" };
            let (hours, minutes) = zone.split_at(zone.len().min(3));
            format!("{time}{hours}{colon}{minutes}").parse().ok()
        }
        None => Some(zone.to_timestamp(time.parse::<DateTime>().ok()?).ok()?),
    }
}

/// A time as the number of seconds or milliseconds since 1970.
fn elapsed(number: f64) -> Option<Timestamp> {
    // From here on, a number of seconds would be after the year 5000.
    const MILLISECONDS: f64 = 1e11;
    let milliseconds = if number < MILLISECONDS { number * 1e3 } else { number };
    Timestamp::from_millisecond(milliseconds as i64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_lacks_the_time_and_the_level_at_the_beginning() {
        for (line, message) in [
            ("2026-11-29T10:00:00.123Z [INFO] Worker state changed", "Worker state changed"),
            (
                "WARNING:temporalio.activity:Completing activity",
                "temporalio.activity:Completing activity",
            ),
            ("2026-11-29 12:00:00,123 ERROR root broken", "root broken"),
            ("2026-11-29 12:00:00,123 - shop - INFO - hello", "shop - INFO - hello"),
            ("[2026-11-29 12:00:00] WARN orders: slow", "orders: slow"),
            ("time=2026-11-29T12:00:00.000+02:00 level=DEBUG msg=x", "msg=x"),
            ("INFO fast", "fast"),
            ("[ERROR] x", "x"),
            ("error", "error"),
            ("2026-11-29T10:00:00Z", "2026-11-29T10:00:00Z"),
            ("Traceback (most recent call last):", "Traceback (most recent call last):"),
            ("panic: broken", "panic: broken"),
            ("information", "information"),
            ("  File \"worker.py\", line 3", "  File \"worker.py\", line 3"),
            ("{not JSON", "{not JSON"),
            (r#"{"n":1}"#, r#"{"n":1}"#),
        ] {
            assert_eq!(message_and_fields(line), (message.to_owned(), vec![]), "{line}");
        }
        let line =
            r#"{"level":30,"time":1764410000000,"msg":"hello\u001b[2J","order":7,"by":"me"}"#;
        let (message, fields) = message_and_fields(line);
        assert_eq!(message, "hello\u{241b}[2J");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(fields, [pair("by", "me"), pair("order", "7")]);
    }

    #[test]
    fn time_and_level_of_common_loggers() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        for (line, time, level) in [
            // The loggers of Temporal's SDKs for TypeScript, Python, Rust, Go and Java.
            (
                "2026-11-29T10:00:00.123Z [INFO] Worker state changed",
                Some("2026-11-29T10:00:00.123Z"),
                Level::Info,
            ),
            ("WARNING:temporalio.activity:Completing activity as failed", None, Level::Warn),
            (
                "2026-11-29 12:00:00,123 ERROR root broken",
                Some("2026-11-29T10:00:00.123Z"),
                Level::Error,
            ),
            (
                "2026-11-29T10:00:00.5Z  WARN orders: slow",
                Some("2026-11-29T10:00:00.5Z"),
                Level::Warn,
            ),
            ("2026/11/29 12:00:00 INFO  Started Worker", Some("2026-11-29T10:00:00Z"), Level::Info),
            (
                "time=2026-11-29T12:00:00.000+02:00 level=DEBUG msg=x",
                Some("2026-11-29T10:00:00Z"),
                Level::Debug,
            ),
            ("[2026-11-29T12:00:00+0200] error: x", Some("2026-11-29T10:00:00Z"), Level::Error),
            (
                "INFO  2026-11-29 12:00:00.123 [main] Worker",
                Some("2026-11-29T10:00:00.123Z"),
                Level::Info,
            ),
            ("12:00:00.123 [main] INFO  io.temporal - x", None, Level::Info),
            // JSON.
            (
                r#"{"level":"error","time":"2026-11-29T10:00:00Z","msg":"x"}"#,
                Some("2026-11-29T10:00:00Z"),
                Level::Error,
            ),
            (r#"{"level":40,"time":1795946400000}"#, Some("2026-11-29T10:00:00Z"), Level::Warn),
            (
                r#"{"severity":"INFO","ts":1795946400.5}"#,
                Some("2026-11-29T10:00:00.5Z"),
                Level::Info,
            ),
            // Any other text.
            ("Traceback (most recent call last):", None, Level::Error),
            ("errors are counted since 2026-11-29 12:00:00", None, Level::Unknown),
            ("2026-13-45T99:99:99Z x", None, Level::Unknown),
            ("{not json", None, Level::Unknown),
            ("", None, Level::Unknown),
        ] {
            let time = time.map(|time| time.parse().unwrap());
            assert_eq!(time_and_level(line, &zone), (time, level), "{line}");
            assert_eq!(level_of(line), level, "{line}");
        }
        let late = format!("{} ERROR", "ö ".repeat(HEAD));
        assert_eq!(time_and_level(&late, &zone), (None, Level::Unknown));
    }
}
