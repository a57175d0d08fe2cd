//! From a line's text to its keys and values, for both of Temporal's formats.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::{Kind, MAX_COMPONENT, harmless, torn};

/// The key of what has none.
const REST: &str = "…";
/// Fields of one line that are kept; Temporal's longest lines have about 30.
const MAX_FIELDS: usize = 256;

/// Keys and values in the order of the line; a repeated key has its last value.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, Value)>);

/// Reads a structured line, keeping the keys that `wanted` wants. `None`: it is no such line.
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

/// The keys that [`super::Head`] is made of.
pub(super) fn is_head(key: &str) -> bool {
    const KEYS: [&str; 9] =
        ["time", "level", "service", "component", "logger", "prefix", "shard-id", "stigmer", "n"];
    KEYS.contains(&key)
}

/// Whether Go's runtime begins a crash dump with this line: a panic, its own fatal error, or a
/// signal it does not survive (`SIGQUIT: quit`).
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
    // Whose beginning says neither is shown as it is.
    if is_torn && fields.get("time").or(fields.get("level")).is_none() {
        return None;
    }
    let kind = if fields.generation().is_some() { Kind::Mark } else { Kind::Json };
    Some((kind, fields))
}

/// Takes what it gets into the fields of its owner, so that a line that breaks off is not lost.
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

/// `key=value key="quoted value" …`, as Go's `slog` writes it.
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
    // What does not go on as `key=value` is shown as it is, unless nothing at all was readable.
    if !rest.is_empty() && !is_torn && wanted(REST) {
        fields.put(REST.to_owned(), Value::String(rest.to_owned()));
    }
    fields.get("level").is_some().then_some((Kind::Text, fields))
}

/// Undoes Go's `strconv.Quote`; returns the value and what follows the closing quote.
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
                        // `\x` stands for one byte that is not UTF-8.
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

    /// The value of a key as text, empty where it is absent.
    pub(super) fn text(&self, key: &str) -> Cow<'_, str> {
        self.get(key).map_or(Cow::Borrowed(""), plain)
    }

    /// The number in a mark of ours.
    pub(super) fn generation(&self) -> Option<u64> {
        let ours = self.get("stigmer").is_some_and(|value| value == "generation");
        self.get("n").filter(|_| ours)?.as_u64()
    }

    /// JSON writes an offset, text local time without one.
    pub(super) fn time(&self, zone: &TimeZone) -> Option<Timestamp> {
        let time = self.text("time");
        if let Ok(time) = time.parse::<Timestamp>() {
            return Some(time);
        }
        let local = time.parse::<DateTime>().ok()?;
        Some(local.to_zoned(zone.clone()).ok()?.timestamp())
    }

    /// The short name of who speaks. Temporal says it in `service`, or only in `component`, or,
    /// for a part of the history service, by naming a shard.
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

    /// Message and remaining fields, harmless. What the head shows already is left out.
    pub(super) fn into_message(self, component: &str) -> (String, Vec<(String, String)>) {
        let mut message = String::new();
        let mut rest = Vec::with_capacity(self.0.len());
        // The web UI's logger calls it `message`.
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

/// Strings without quotes, everything else as JSON.
fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
