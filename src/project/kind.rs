//! What the value of a key may be: the check, its description in messages, and its JSON Schema. The
//! three are next to each other, because they must agree.

use super::command;
use super::mistake::Notes;
use super::text::{is_variable, toml_text};
use crate::config::{HttpAddress, Size, Span};
use crate::harmless::quote;
use crate::spelling::nearest;
use crate::temporal::provision::AttributeType;
use crate::watch::Patterns;
use serde_json::{Map, Number, Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// Search attributes of each type that Temporal has room for in one namespace.
const ATTRIBUTES_MAX: usize = 3;
/// Like [`ATTRIBUTES_MAX`], for the type `Keyword`.
const KEYWORDS_MAX: usize = 10;

/// What the value of a key may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ValueKind {
    /// A text that is not empty.
    Text,
    /// A path, relative to the folder of the file.
    Path,
    /// True or false.
    Flag,
    /// A whole number from 0 to `most`.
    Count {
        /// The largest value.
        most: u32,
    },
    /// A time with its unit.
    Time,
    /// A number of bytes with its unit.
    Size,
    /// One of these words.
    Word(Vec<String>),
    /// A loopback address or a port.
    Address,
    /// A list of texts, of which none is empty. The list may be empty only if it is optional.
    Texts {
        /// Whether the list must have an entry.
        is_required: bool,
    },
    /// A list of patterns for paths.
    Patterns,
    /// A command line, or the list of its arguments.
    Command,
    /// Environment variables with their values.
    Variables,
    /// Search attributes with their types.
    Attributes,
    /// Settings of Temporal's dynamic configuration.
    DynamicConfig,
}

impl ValueKind {
    /// Reads a value of this kind. Returns it in the form that the types of the program deserialize.
    /// Reports each mistake in the value, and then returns `None`.
    pub(super) fn read(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        notes: &mut Notes<'_>,
    ) -> Option<Value> {
        let read = match (self, value.get_ref()) {
            (Self::Texts { is_required }, DeValue::Array(_)) => {
                let texts = texts(key, value, notes, |text| match text {
                    "" => Err("is an empty text; remove it, or fill it in".to_owned()),
                    _ => Ok(()),
                })?;
                if *is_required && texts.is_empty() {
                    notes.add(value.span(), format!("`{key}` is an empty list; remove the key"));
                    return None;
                }
                return Some(texts.into());
            }
            (Self::Patterns, DeValue::Array(_)) => {
                return texts(key, value, notes, check_pattern).map(Value::from);
            }
            (Self::Command, DeValue::Array(_)) => {
                let arguments = texts(key, value, notes, |_| Ok(()))?;
                command::check(&arguments).map(|()| arguments.into())
            }
            (Self::Variables, DeValue::Table(table)) => return variables(key, table, notes),
            (Self::Attributes, DeValue::Table(table)) => {
                return attributes(key, value, table, notes);
            }
            (Self::DynamicConfig, DeValue::Table(table)) => {
                return dynamic_config(key, table, notes);
            }
            (_, found) => self.read_one(found),
        };
        read.map_err(|why| notes.add(value.span(), format!("`{key}` {why}"))).ok()
    }

    /// Reads a value that is not a list or a table. The error continues a sentence that begins with
    /// the key.
    fn read_one(&self, value: &DeValue<'_>) -> Result<Value, String> {
        let is = |error: String| format!("is wrong: {error}");
        match (self, value) {
            (_, DeValue::String(text)) if text.contains('\0') => {
                Err("contains a character with the code 0; remove that character".to_owned())
            }
            (Self::Text | Self::Path, DeValue::String(text)) if text.trim().is_empty() => {
                Err("is empty; write a value, or remove the key".to_owned())
            }
            (Self::Text | Self::Path, DeValue::String(text)) => Ok(Value::from(&**text)),
            (Self::Flag, DeValue::Boolean(is_set)) => Ok((*is_set).into()),
            (Self::Count { most }, DeValue::Integer(number)) => match integer(number) {
                Some(number) if (0..=i64::from(*most)).contains(&number) => Ok(number.into()),
                Some(_) | None => Err(self.mismatch(value)),
            },
            (Self::Time, DeValue::String(text)) => {
                text.parse::<Span>().map(|_| Value::from(&**text)).map_err(is)
            }
            (Self::Size, DeValue::String(text)) => {
                text.parse::<Size>().map(|_| Value::from(&**text)).map_err(is)
            }
            (Self::Address, DeValue::String(text)) => {
                text.parse::<HttpAddress>().map(|_| Value::from(&**text)).map_err(is)
            }
            (Self::Address, DeValue::Integer(number)) => match integer(number) {
                Some(port) if (1..=i64::from(u16::MAX)).contains(&port) => Ok(port.into()),
                Some(_) | None => Err(self.mismatch(value)),
            },
            (Self::Word(words), DeValue::String(text)) => match words.iter().find(|it| *it == text)
            {
                Some(word) => Ok(word.as_str().into()),
                None => {
                    let near = nearest(text, words.iter().map(String::as_str));
                    let near = near.map(|near| format!("; did you mean \"{near}\"?"));
                    Err(format!("{}{}", self.mismatch(value), near.unwrap_or_default()))
                }
            },
            (Self::Command, DeValue::String(line)) => command::split(line).map(Value::from),
            (_, _) => Err(self.mismatch(value)),
        }
    }

    /// Describes a value of another kind, and the value to write instead if it is clear.
    fn mismatch(&self, value: &DeValue<'_>) -> String {
        let instead = match (self, value) {
            (Self::Count { .. }, DeValue::String(text))
                if text.chars().all(|c| c.is_ascii_digit()) && !text.is_empty() =>
            {
                "; remove the quotes".to_owned()
            }
            (Self::Flag, DeValue::String(text)) if matches!(&**text, "true" | "false") => {
                "; remove the quotes".to_owned()
            }
            (Self::Time, DeValue::Integer(number)) => {
                format!("; write \"{}s\" for seconds", number.as_str())
            }
            (Self::Texts { .. } | Self::Patterns, DeValue::String(text)) => {
                format!("; write [{}]", toml_text(text))
            }
            (Self::Text | Self::Path, DeValue::Integer(_) | DeValue::Boolean(_)) => {
                "; put quotes around it".to_owned()
            }
            (_, _) => String::new(),
        };
        format!("must be {}, not {}{instead}", self.words(), found(value))
    }

    /// Describes the values of this kind, in a few words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Text => "a text in quotes".to_owned(),
            Self::Path => "a path in quotes".to_owned(),
            Self::Flag => "true or false, without quotes".to_owned(),
            Self::Count { most: u32::MAX } => "a whole number, 0 or more".to_owned(),
            Self::Count { most } => format!("a whole number from 0 to {most}"),
            Self::Time => "a time with its unit in quotes, such as \"30s\"".to_owned(),
            Self::Size => "a size with its unit in quotes, such as \"64MiB\"".to_owned(),
            Self::Word(words) => format!("one of \"{}\"", words.join("\", \"")),
            Self::Address => "a port or an address, such as 9464 or \"127.0.0.1:9464\"".to_owned(),
            Self::Texts { .. } => "a list of texts, such as [\"a\", \"b\"]".to_owned(),
            Self::Patterns => "a list of patterns, such as [\"src/**/*.py\"]".to_owned(),
            Self::Command => "a command line in quotes, or a list of its parts".to_owned(),
            Self::Variables => "a table, such as { LOG_LEVEL = \"debug\" }".to_owned(),
            Self::Attributes => "a table, such as { CustomerId = \"Keyword\" }".to_owned(),
            Self::DynamicConfig => {
                "a table, such as { \"frontend.enableUpdateWorkflowExecution\" = true }".to_owned()
            }
        }
    }

    /// The JSON Schema of the values of this kind. A schema knows no units and no command lines, so it
    /// accepts some values that [`Self::read`] refuses.
    pub(super) fn schema(&self) -> Map<String, Value> {
        let text = json!({"type": "string", "minLength": 1});
        let schema = match self {
            Self::Text | Self::Path => text,
            Self::Flag => json!({"type": "boolean"}),
            Self::Count { most } => json!({"type": "integer", "minimum": 0, "maximum": most}),
            Self::Time => {
                json!({"type": "string", "pattern": "[0-9]", "examples": ["500ms", "30s", "1m 30s", "1d"]})
            }
            Self::Size => {
                json!({"type": "string", "pattern": "[0-9]", "examples": ["64MiB", "500 kB", "1G"]})
            }
            Self::Word(words) => json!({"type": "string", "enum": words}),
            Self::Address => json!({"anyOf": [
                {"type": "integer", "minimum": 1, "maximum": u16::MAX}, {"type": "string", "minLength": 1}
            ]}),
            Self::Texts { is_required } => {
                json!({"type": "array", "items": text, "minItems": u8::from(*is_required)})
            }
            Self::Patterns => json!({"type": "array", "items": text}),
            Self::Command => json!({"anyOf": [
                text, {"type": "array", "items": {"type": "string"}, "minItems": 1}
            ]}),
            Self::Variables => json!({
                "type": "object",
                "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                "additionalProperties": {"type": "string"}
            }),
            Self::Attributes => json!({
                "type": "object",
                "propertyNames": {"minLength": 1},
                "additionalProperties": {"type": "string", "enum": AttributeType::NAMES}
            }),
            Self::DynamicConfig => json!({"type": "object", "propertyNames": {"minLength": 1}}),
        };
        match schema {
            Value::Object(schema) => schema,
            _ => Map::new(),
        }
    }
}

/// Names a value for a message.
fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.is_empty() => "an empty text".to_owned(),
        DeValue::String(text) => {
            let text: String = text.chars().take(60).collect();
            format!("the text \"{}\"", quote(&text))
        }
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(is_set) => is_set.to_string(),
        DeValue::Datetime(_) => "a date or a time of day".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Reads a list of texts. Reports each entry that is not a text, or that `check` refuses.
fn texts(
    key: &str,
    list: &Spanned<DeValue<'_>>,
    notes: &mut Notes<'_>,
    check: impl Fn(&str) -> Result<(), String>,
) -> Option<Vec<String>> {
    let entries = list.get_ref().as_array()?;
    let mut texts = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let checked = match entry.get_ref() {
            DeValue::String(text) if text.contains('\0') => {
                Err("contains a character with the code 0; remove that character".to_owned())
            }
            DeValue::String(text) => check(text).map(|()| text.to_string()),
            other => Err(format!("must be a text in quotes, not {}", found(other))),
        };
        match checked {
            Ok(text) => texts.push(text),
            Err(why) => notes.add(entry.span(), format!("entry {} of `{key}` {why}", at + 1)),
        }
    }
    (texts.len() == entries.len()).then_some(texts)
}

/// Checks a pattern of paths, relative to the folder of the file.
fn check_pattern(pattern: &str) -> Result<(), String> {
    if pattern.trim().is_empty() {
        Err("is empty; write a pattern such as \"src/**/*.py\", or remove it".to_owned())
    } else if pattern.starts_with('/') {
        Err("is an absolute path; write it relative to the folder of this file".to_owned())
    } else if pattern.starts_with('!') {
        Err("begins with !, but a pattern cannot exclude files; .gitignore can".to_owned())
    } else {
        let parsed = Patterns::new(Path::new("/"), &[pattern.to_owned()]);
        parsed.map(drop).map_err(|error| format!("is not a pattern: {}", error.why))
    }
}

/// The entries of a table, in the order of the file.
pub(super) fn in_order<'a, 'i>(
    table: &'a DeTable<'i>,
) -> Vec<(&'a Spanned<std::borrow::Cow<'i, str>>, &'a Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

fn variables(key: &str, table: &DeTable<'_>, notes: &mut Notes<'_>) -> Option<Value> {
    let mut variables = Map::new();
    for (name, value) in in_order(table) {
        let (shown, place) = (quote(name.get_ref()), name.span());
        if !is_variable(name.get_ref()) {
            notes.add(place, format!(
                "`{shown}` in `{key}` is not a name of an environment variable; use letters, digits \
                 and _, and begin with a letter or _"
            ));
        } else if name.get_ref() == "TEMPORAL_ADDRESS" {
            let why = "stigmer sets it to the address of the server; remove it";
            notes.add(place, format!("`TEMPORAL_ADDRESS` cannot be in `{key}`: {why}"));
        } else {
            match value.get_ref() {
                DeValue::String(text) if text.contains('\0') => {
                    let why = "contains a character with the code 0; remove that character";
                    notes.add(value.span(), format!("`{shown}` in `{key}` {why}"));
                }
                DeValue::String(text) => {
                    variables.insert(name.get_ref().to_string(), Value::from(&**text));
                }
                other => notes.add(
                    value.span(),
                    format!("`{shown}` in `{key}` must be a text in quotes, not {}", found(other)),
                ),
            }
        }
    }
    (variables.len() == table.len()).then_some(Value::Object(variables))
}

fn attributes(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    table: &DeTable<'_>,
    notes: &mut Notes<'_>,
) -> Option<Value> {
    let types = ValueKind::Word(AttributeType::NAMES.map(str::to_owned).to_vec());
    let mut attributes = Map::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (name, value) in in_order(table) {
        if name.get_ref().trim().is_empty() {
            notes.add(name.span(), format!("a search attribute in `{key}` needs a name"));
            continue;
        }
        match types.read_one(value.get_ref()) {
            Ok(type_) => {
                *counts.entry(type_.as_str().unwrap_or_default().to_owned()).or_default() += 1;
                attributes.insert(name.get_ref().to_string(), type_);
            }
            Err(why) => {
                notes.add(value.span(), format!("`{}` in `{key}` {why}", quote(name.get_ref())));
            }
        }
    }
    let most = |type_: &str| if type_ == "Keyword" { KEYWORDS_MAX } else { ATTRIBUTES_MAX };
    if let Some((type_, count)) = counts.iter().find(|(type_, count)| **count > most(type_)) {
        let most = most(type_);
        notes.add(value.span(), format!(
            "`{key}` has {count} search attributes of type {type_}, but Temporal has room for {most}; \
             remove some"
        ));
        return None;
    }
    (attributes.len() == table.len()).then_some(Value::Object(attributes))
}

fn dynamic_config(key: &str, table: &DeTable<'_>, notes: &mut Notes<'_>) -> Option<Value> {
    let mut settings = Map::new();
    for (name, value) in in_order(table) {
        let shown = quote(name.get_ref());
        let setting = match value.get_ref() {
            // In TOML, a name with a dot and without quotes is a name within a table.
            DeValue::Table(inner) if !name.get_ref().contains('.') => {
                let inner = inner.keys().next().map(|inner| quote(inner.get_ref()));
                let inner = inner.unwrap_or_else(|| "…".to_owned());
                Err(format!("needs quotes around its whole name; write \"{shown}.{inner}\" = …"))
            }
            _ if name.get_ref().is_empty() => Err("has an empty name; write a name".to_owned()),
            _ if name.get_ref().contains(char::is_control) => {
                Err("has a control character in its name; remove that character".to_owned())
            }
            value => plain(value),
        };
        match setting {
            Ok(setting) => _ = settings.insert(name.get_ref().to_string(), setting),
            Err(why) => notes.add(name.span(), format!("`{shown}` in `{key}` {why}")),
        }
    }
    (settings.len() == table.len()).then_some(Value::Object(settings))
}

/// Converts any value that JSON has too.
fn plain(value: &DeValue<'_>) -> Result<Value, String> {
    match value {
        DeValue::String(text) if text.contains('\0') => {
            Err("contains a character with the code 0; remove that character".to_owned())
        }
        DeValue::String(text) => Ok(Value::from(&**text)),
        DeValue::Boolean(is_set) => Ok((*is_set).into()),
        DeValue::Integer(number) => {
            integer(number).map(Value::from).ok_or_else(|| "is too large a number".to_owned())
        }
        DeValue::Float(number) => {
            let number = number.as_str().parse().ok().and_then(Number::from_f64);
            number.map(Value::Number).ok_or_else(|| "must be a finite number".to_owned())
        }
        DeValue::Datetime(_) => Err("cannot be a date; put quotes around it".to_owned()),
        DeValue::Array(list) => list.iter().map(|it| plain(it.get_ref())).collect(),
        DeValue::Table(table) => {
            let entries = table.iter().map(|(name, value)| {
                plain(value.get_ref()).map(|value| (name.get_ref().to_string(), value))
            });
            entries.collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
    }
}
