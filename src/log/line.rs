//! Parses one line of the server log, as far as possible.
//!
//! The log has four kinds of lines:
//!
//! - events as JSON, the configured format
//! - events as `key=value` text; a server that stigmer did not start may use this format
//! - the marks that stigmer writes at the beginning of each generation
//! - all other output: banners, usage, `Error: …`, Go panics
//!
//! Parsing has two steps, because a store has 100,000 lines and a screen shows fifty.
//! [`LineParser::scan`] parses only the parts for filters and counters. [`expand`] parses the rest.

mod decode;
mod free;
mod level;
#[cfg(test)]
mod tests;
mod torn;

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::harmless::{harmless, visible};
pub use level::Level;
pub use torn::{cut_notice, shortened};

/// Maximum length of a stored line, in bytes. The longest observed line of the server has 8.3 kB.
pub const MAX_LINE: usize = 64 * 1024;

/// Maximum length of a stored component name, in characters. Names in Temporal have at most 25.
const MAX_COMPONENT: usize = 32;

/// The program that writes a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogWriter {
    /// The Temporal dev server.
    Server,
    /// Any other program. Its lines are shown unchanged.
    Worker,
}

/// Kind of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// An event in Temporal's JSON format.
    Json,
    /// An event in Temporal's text format.
    Text,
    /// A mark of stigmer: the lines after it belong to the next generation.
    Mark,
    /// Any other line. It is shown unchanged.
    #[default]
    Raw,
    /// A line of a Go crash dump. The first line of a dump has the level `Error`.
    Dump,
}

/// The parts of a log line that filters, counters and restarts need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Time of the line, if it has one.
    pub time: Option<Timestamp>,
    /// Level of the line.
    pub level: Level,
    /// Level for filters: that of the line, or, for a line of a worker that has neither a level nor a
    /// time, that of the last line before it that had one.
    pub severity: Level,
    /// Whether the line belongs to the line of the same worker before it, as the lines of a stack trace
    /// do.
    pub continues: bool,
    /// Component of Temporal that wrote the line: `frontend`, `history`, `matching`, `worker`, ….
    /// May be empty.
    pub component: Cow<'static, str>,
    /// Generation of the server that wrote the line, which is the number of its start. `None` if no
    /// mark came before the line.
    pub generation: Option<u64>,
    /// Kind of the line.
    pub kind: Kind,
}

/// A completely parsed line. It is safe to print: no part of it has a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Time of the line, if it has one.
    pub time: Option<Timestamp>,
    /// Level of the line.
    pub level: Level,
    /// Component of Temporal that wrote the line. May be empty.
    pub component: String,
    /// Message of the line.
    pub message: String,
    /// The other fields, in the order of the line. If the line repeats a key, the last value
    /// counts.
    pub fields: Vec<(String, String)>,
    /// Generation of the server that wrote the line, if known.
    pub generation: Option<u64>,
    /// The line as in the file, with control characters made visible.
    pub raw: String,
    /// Kind of the line.
    pub kind: Kind,
}

/// Parses the lines of a log in their order, because the meaning of a line depends on earlier
/// lines. A line belongs to the generation of the last mark. A line after a panic belongs to the
/// crash dump, until the next event.
#[derive(Clone, Debug)]
pub struct LineParser {
    writer: LogWriter,
    zone: TimeZone,
    generation: Option<u64>,
    in_dump: bool,
    /// The last line of a worker that had a level or a time. `None` before the first one of each
    /// generation.
    event: Option<Event>,
}

/// An event of a worker, which may have several lines.
#[derive(Clone, Copy, Debug)]
struct Event {
    level: Level,
    /// Whether a line belongs to the event even if it is not indented, such as the last line of a stack
    /// trace.
    is_open: bool,
}

impl LineParser {
    /// Creates a parser at the beginning of a log of the server. `zone` is the time zone of the
    /// server, because the text format has local times without a zone.
    pub fn new(zone: TimeZone) -> Self {
        Self::of(LogWriter::Server, zone)
    }

    /// Creates a parser at the beginning of a log. `zone` is the time zone of the writer.
    pub fn of(writer: LogWriter, zone: TimeZone) -> Self {
        Self { writer, zone, generation: None, in_dump: false, event: None }
    }

    /// Parses only the parts for filters and counters. Takes a quarter of the time that parsing the
    /// whole line takes.
    pub fn scan(&mut self, line: &str) -> Head {
        let mut head = match (self.writer, decode::fields(line, decode::is_head)) {
            (LogWriter::Server, Some((kind, fields))) => self.head(kind, &fields),
            (LogWriter::Server, None) => self.plain_head(line),
            (LogWriter::Worker, Some((Kind::Mark, fields))) => self.head(Kind::Mark, &fields),
            (LogWriter::Worker, _) => self.free_head(line),
        };
        self.generation = head.generation.or(self.generation);
        head.generation = self.generation;
        if self.writer == LogWriter::Server || head.kind == Kind::Mark {
            head.severity = head.level;
        }
        head
    }

    /// Parses a line completely. Bytes that are not UTF-8 become `�`.
    pub fn parse(&mut self, line: &[u8]) -> LogLine {
        let line = text(line);
        let head = self.scan(&line);
        expand(&line, head)
    }

    fn head(&mut self, kind: Kind, fields: &decode::Fields) -> Head {
        self.in_dump = false;
        if kind == Kind::Mark {
            self.event = None;
            return Head {
                time: fields.time(&self.zone),
                level: Level::Info,
                component: Cow::Borrowed("stigmer"),
                generation: fields.generation(),
                kind,
                ..Head::default()
            };
        }
        Head {
            time: fields.time(&self.zone),
            level: Level::named(&fields.text("level")),
            component: fields.component(),
            kind,
            ..Head::default()
        }
    }

    fn free_head(&mut self, line: &str) -> Head {
        // Without the colours that some loggers write.
        let (time, level) = free::time_and_level(&harmless(line), &self.zone);
        if time.is_some() || level != Level::Unknown {
            self.event = Some(Event { level, is_open: level >= Level::Warn });
            return Head { time, level, severity: level, ..Head::default() };
        }
        let Some(event) = &mut self.event else { return Head::default() };
        let is_indented = line.is_empty() || line.starts_with([' ', '\t']);
        let continues = is_indented || event.is_open;
        event.is_open = is_indented && event.level >= Level::Warn;
        Head { severity: event.level, continues, ..Head::default() }
    }

    fn plain_head(&mut self, line: &str) -> Head {
        let starts_dump = decode::starts_dump(line);
        let is_error = line.starts_with("Error: ");
        self.in_dump = !is_error && (starts_dump || self.in_dump);
        Head {
            level: if starts_dump || is_error { Level::Error } else { Level::Unknown },
            kind: if self.in_dump { Kind::Dump } else { Kind::Raw },
            ..Head::default()
        }
    }
}

/// Converts the bytes of a line to text. Removes the line end, replaces bytes that are not UTF-8,
/// and cuts the line at [`MAX_LINE`].
pub fn text(line: &[u8]) -> Cow<'_, str> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() <= MAX_LINE + torn::MAX_NOTICE {
        // Nearly all lines are UTF-8. The check for UTF-8 is several times as fast as the
        // replacement.
        let valid = std::str::from_utf8(line).map(Cow::Borrowed);
        return valid.unwrap_or_else(|_| String::from_utf8_lossy(line));
    }
    let kept = String::from_utf8_lossy(&line[..MAX_LINE]);
    Cow::Owned(format!("{kept}{}", cut_notice((line.len() - MAX_LINE) as u64)))
}

/// The line that marks the beginning of a generation in the log file, without a line end. If
/// `detail` is empty, the line has no field `detail`.
pub fn generation_mark(generation: u64, time: Timestamp, cause: &str, detail: &str) -> String {
    let mut mark = serde_json::json!({
        "stigmer": "generation",
        "n": generation,
        "time": time,
        "cause": cause,
    });
    if !detail.is_empty() {
        mark["detail"] = detail.into();
    }
    mark.to_string()
}

/// Returns the level of a line of any program. [`Level::Unknown`] if the line names none.
pub fn level_of(line: &str) -> Level {
    free::level_of(&harmless(line))
}

/// Returns the message and the fields of a line of a worker, safe to print. The message lacks the time
/// and the level at the beginning of the line.
pub fn worker_message(line: &str) -> (String, Vec<(String, String)>) {
    free::message_and_fields(&harmless(line))
}

/// Parses the parts of a line that [`LineParser::scan`] has left out. `head` is the result of the
/// scan.
pub fn expand(line: &str, head: Head) -> LogLine {
    let unchanged = || (harmless(line).into_owned(), Vec::new());
    let (message, fields) = match head.kind {
        Kind::Mark => {
            let n = head.generation.map_or_else(|| "?".to_owned(), |n| n.to_string());
            (format!("generation {n}"), Vec::new())
        }
        Kind::Json | Kind::Text => decode::fields(line, |_| true)
            .map_or_else(unchanged, |(_, fields)| fields.into_message(&head.component)),
        Kind::Raw | Kind::Dump => unchanged(),
    };
    LogLine {
        time: head.time,
        level: head.level,
        component: head.component.into_owned(),
        message,
        fields,
        generation: head.generation,
        raw: visible(line).into_owned(),
        kind: head.kind,
    }
}

impl LogLine {
    /// The time of day in `zone` as `HH:MM:SS.mmm`, for a column.
    pub fn clock(&self, zone: &TimeZone) -> Option<String> {
        let time = self.time?.to_zoned(zone.clone());
        Some(time.strftime("%H:%M:%S%.3f").to_string())
    }

    /// Message and fields in one text. The screen shows it next to time, level and component.
    pub fn text(&self) -> String {
        let mut text = self.message.clone();
        for (key, value) in &self.fields {
            let quote = value.is_empty() || value.contains([' ', '"', '=']);
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(key);
            text.push('=');
            if quote {
                text.push('"');
                text.push_str(&value.replace('"', "\\\""));
                text.push('"');
            } else {
                text.push_str(value);
            }
        }
        text
    }

    /// The whole line as text for people, without colours. The time is in `zone`.
    pub fn render_plain(&self, zone: &TimeZone) -> String {
        self.render_of("Temporal", zone)
    }

    /// The whole line of the unit with this name as text for people, without colours. The time is in
    /// `zone`.
    pub fn render_of(&self, unit: &str, zone: &TimeZone) -> String {
        match self.kind {
            Kind::Raw | Kind::Dump => self.message.clone(),
            Kind::Mark => match self.clock(zone) {
                Some(clock) => format!("{clock} ---- {unit}, {} ----", self.message),
                None => format!("---- {unit}, {} ----", self.message),
            },
            Kind::Json | Kind::Text => {
                let clock = self.clock(zone).unwrap_or_else(|| "--:--:--.---".to_owned());
                let level = match self.level {
                    Level::Debug => "DEBUG",
                    Level::Info => "INFO",
                    Level::Unknown => "-",
                    Level::Warn => "WARN",
                    Level::Error => "ERROR",
                };
                format!("{clock} {level:<5} {:<8} {}", self.component, self.text())
            }
        }
    }
}

/// Serializes the line as `logs --json` and `GET /v1/logs` return it: an object with `time`,
/// `level`, `component`, `text`, `generation` and `raw`. A missing part is `null`.
impl Serialize for LogLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let level = (self.level != Level::Unknown).then_some(self.level.as_str());
        let component = (!self.component.is_empty()).then_some(self.component.as_str());
        let mut object = serializer.serialize_struct("LogLine", 6)?;
        object.serialize_field("time", &self.time)?;
        object.serialize_field("level", &level)?;
        object.serialize_field("component", &component)?;
        object.serialize_field("text", &self.text())?;
        object.serialize_field("generation", &self.generation)?;
        object.serialize_field("raw", &self.raw)?;
        object.end()
    }
}
