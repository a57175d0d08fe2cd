//! Splits a log line into keys and values, for both formats of Temporal: JSON and text.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::{Kind, MAX_COMPONENT, harmless, torn};

/// The key for text of a line that has no key of its own.
const REST: &str = "…";
/// Maximum number of fields of a line. The longest lines of Temporal have about 30.
const MAX_FIELDS: usize = 256;

/// Keys and values, in the order of the line. If the line repeats a key, the last value counts.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, Value)>);

/// Splits a structured line into fields, and keeps the keys for which `wanted` is true. `None` if
/// the line is not structured.
pub(super) fn fields(line: &str, wanted: fn(&str) -> bool) -> Option<(Kind, Fields)> {
    let read = if line.starts_with('{') {
        json
    } else if line.starts_with("time=") {
        logfmt
    } else {
        return None;
    };
    let Some((kept, cut)) = torn::split(line) else {
        return read(line, false, wanted);
    };
    let (kind, mut fields) = read(&torn::closed(kept), true, wanted)?;
    fields.put(REST.to_owned(), Value::String(format!("{cut} bytes cut")));
    Some((kind, fields))
}

/// Whether [`super::Head`] needs this key.
pub(super) fn is_head(key: &str) -> bool {
    const KEYS: [&str; 9] =
        ["time", "level", "service", "component", "logger", "prefix", "shard-id", "stigmer", "n"];
    KEYS.contains(&key)
}

/// Whether a crash dump of Go begins with this line: a panic, a fatal error of the runtime, or a
/// fatal signal (`SIGQUIT: quit`).
pub(super) fn starts_dump(line: &str) -> bool {
    if line.starts_with("panic: ") || line.starts_with("fatal error: ") {
        return true;
    }
    let signal = line.strip_prefix("SIG").and_then(|rest| rest.split_once(": "));
    signal
        .is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
}

fn json(line: &str, is_torn: bool, wanted: fn(&str) -> bool) -> Option<(Kind, Fields)> {
    let mut fields = Fields::default();
    let mut input = serde_json::Deserializer::from_str(line);
    let result = input.deserialize_map(Collect { fields: &mut fields, wanted });
    if result.and_then(|()| input.end()).is_err() && !is_torn {
        return None;
    }
    // A line that was cut before its time and its level counts as unstructured.
    if is_torn && fields.get("time").or(fields.get("level")).is_none() {
        return None;
    }
    let kind = if fields.generation().is_some() { Kind::Mark } else { Kind::Json };
    Some((kind, fields))
}

/// Adds the keys and values of a JSON object to `fields`. If a cut line causes an error, `fields`
/// contains the values before the cut.
struct Collect<'a> {
    fields: &'a mut Fields,
    wanted: fn(&str) -> bool,
}

impl<'de> Visitor<'de> for Collect<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a log event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        #[derive(serde::Deserialize)]
        struct Key<'k>(#[serde(borrow)] Cow<'k, str>);

        while let Some(Key(key)) = map.next_key()? {
            if (self.wanted)(&key) {
                let value = map.next_value()?;
                self.fields.put(key.into_owned(), value);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Splits `key=value key="quoted value" …`, the format of Go's `slog`.
fn logfmt(line: &str, is_torn: bool, wanted: fn(&str) -> bool) -> Option<(Kind, Fields)> {
    let mut fields = Fields::default();
    let mut rest = line;
    while !rest.is_empty() {
        let Some((key, after)) = rest.split_once('=') else {
            break;
        };
        if key.is_empty() || key.contains([' ', '"']) {
            break;
        }
        let (value, after) = if after.starts_with('"') {
            let Some((value, after)) = unquote(after) else {
                break;
            };
            (value, after)
        } else {
            let (value, after) = after.split_once(' ').unwrap_or((after, ""));
            (value.to_owned(), after)
        };
        if wanted(key) {
            fields.put(key.to_owned(), Value::String(value));
        }
        rest = after.trim_start_matches(' ');
    }
    // The text after the last field is stored too, so that the screen shows it.
    if !rest.is_empty() && !is_torn && wanted(REST) {
        fields.put(REST.to_owned(), Value::String(rest.to_owned()));
    }
    fields.get("level").is_some().then_some((Kind::Text, fields))
}

/// Reverses Go's `strconv.Quote`. Returns the value, and the rest after the closing quote.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = quoted.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => {
                let (at, escape) = chars.next()?;
                let digits = match escape {
                    'x' => 2,
                    'u' => 4,
                    'U' => 8,
                    _ => 0,
                };
                value.push(match escape {
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\u{b}',
                    'x' | 'u' | 'U' => {
                        let code = quoted.get(at + 1..at + 1 + digits)?;
                        let code = u32::from_str_radix(code, 16).ok()?;
                        // `\x` describes one byte. A byte above 0x7f alone is not UTF-8.
                        let code = if escape == 'x' && code > 0x7f { 0xfffd } else { code };
                        char::from_u32(code).unwrap_or('\u{fffd}')
                    }
                    other => other,
                });
                for _ in 0..digits {
                    chars.next();
                }
            }
            c => value.push(c),
        }
    }
    None
}

impl Fields {
    fn put(&mut self, key: String, value: Value) {
        if let Some((_, old)) = self.0.iter_mut().find(|(known, _)| *known == key) {
            *old = value;
        } else if self.0.len() < MAX_FIELDS {
            self.0.push((key, value));
        }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The value of a key as text. Empty if there is no such key.
    pub(super) fn text(&self, key: &str) -> Cow<'_, str> {
        self.get(key).map_or(Cow::Borrowed(""), plain)
    }

    /// The number of the generation, if the line is a mark of stigmer.
    pub(super) fn generation(&self) -> Option<u64> {
        let ours = self.get("stigmer").is_some_and(|value| value == "generation");
        self.get("n").filter(|_| ours)?.as_u64()
    }

    /// The time of the line. The time in JSON has an offset. The time in the text format is local
    /// time without an offset, in the time zone `zone`.
    pub(super) fn time(&self, zone: &TimeZone) -> Option<Timestamp> {
        let time = self.text("time");
        if let Ok(time) = time.parse::<Timestamp>() {
            return Some(time);
        }
        let local = time.parse::<DateTime>().ok()?;
        Some(local.to_zoned(zone.clone()).ok()?.timestamp())
    }

    /// Short name of the component that wrote the line. Temporal writes the name into one of four
    /// fields, for example `service` or `component`. Some lines have no such field. A shard id then
    /// shows that the history service wrote the line.
    pub(super) fn component(&self) -> Cow<'static, str> {
        let known = |name: &str| match name {
            "frontend" => Some("frontend"),
            "history" => Some("history"),
            "matching" => Some("matching"),
            "worker" => Some("worker"),
            "client" => Some("client"),
            "fx" => Some("fx"),
            "persistence" => Some("persistence"),
            "metadata-initializer" => Some("metadata"),
            "matching-engine" => Some("matching"),
            "echo" => Some("ui"),
            name if name.ends_with("-queue-processor") => Some("history"),
            _ => None,
        };
        for key in ["service", "component", "logger", "prefix"] {
            let name = self.text(key);
            if name.is_empty() {
                continue;
            }
            return match known(&name) {
                Some(name) => Cow::Borrowed(name),
                None => Cow::Owned(harmless(&name).chars().take(MAX_COMPONENT).collect()),
            };
        }
        Cow::Borrowed(if self.get("shard-id").is_some() { "history" } else { "" })
    }

    /// The message and the other fields, without control characters. Leaves out the fields that
    /// [`super::Head`] already contains.
    pub(super) fn into_message(self, component: &str) -> (String, Vec<(String, String)>) {
        let mut message = String::new();
        let mut rest = Vec::with_capacity(self.0.len());
        // The logger of the web UI uses the key `message` instead of `msg`.
        let message_key = if self.get("msg").is_some() { "msg" } else { "message" };
        for (key, value) in self.0 {
            let value = harmless(&plain(&value)).into_owned();
            if key == message_key {
                message = value;
                continue;
            }
            let names_component = matches!(key.as_str(), "service" | "component" | "logger");
            if matches!(key.as_str(), "time" | "level") || (names_component && value == component) {
                continue;
            }
            rest.push((harmless(&key).into_owned(), value));
        }
        if message.is_empty()
            && let Some(at) = rest.iter().position(|(key, _)| key == REST)
        {
            message = rest.remove(at).1;
        }
        (message, rest)
    }
}

/// The value as text: a string without quotes, any other value as JSON.
fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
