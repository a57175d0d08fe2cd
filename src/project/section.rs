//! A table of the project file, such as `[temporal]`, and its keys.

use super::kind::ValueKind;
use super::mistake::Notes;
use crate::harmless::quote;
use crate::spelling::nearest;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A key of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeySpec {
    /// Its name.
    pub(super) name: String,
    /// What its value may be.
    pub(super) kind: ValueKind,
    /// What it is for, in one sentence without a full stop.
    pub(super) meaning: String,
}

/// Names from other tools, each with the key of the same purpose. A name may occur for each table.
const KNOWN_ELSEWHERE: &[(&str, &str)] = &[
    ("args", "run"),
    ("args", "arguments"),
    ("autostart", "start"),
    ("build", "before"),
    ("cmd", "run"),
    ("command", "run"),
    ("cwd", "dir"),
    ("directory", "dir"),
    ("enabled", "start"),
    ("environment", "env"),
    ("exec", "run"),
    ("queue", "task-queues"),
    ("queues", "task-queues"),
    ("workdir", "dir"),
    ("working-dir", "dir"),
    ("working-directory", "dir"),
];

/// The key that the user probably meant.
pub(super) fn meant<'k>(typed: &str, keys: &'k [KeySpec]) -> Option<&'k str> {
    let names = || keys.iter().map(|key| key.name.as_str());
    let mut others = KNOWN_ELSEWHERE.iter().filter(|(other, _)| *other == typed);
    let other = others.find_map(|(_, key)| names().find(|name| name == key));
    other.or_else(|| nearest(typed, names()))
}

/// A table whose keys are known. Reports its unknown keys.
pub(super) struct Section<'a, 'i, 't> {
    table: &'a DeTable<'i>,
    /// Where the table begins.
    begin: Range<usize>,
    keys: &'a [KeySpec],
    notes: &'a mut Notes<'t>,
}

impl<'a, 'i, 't> Section<'a, 'i, 't> {
    /// Opens a table. `title` is its name for messages, such as `[temporal]`, and `elsewhere` returns
    /// advice about a key that belongs to another table.
    pub(super) fn open(
        title: &str,
        begin: Range<usize>,
        table: &'a DeTable<'i>,
        keys: &'a [KeySpec],
        notes: &'a mut Notes<'t>,
        elsewhere: impl Fn(&str) -> Option<String>,
    ) -> Self {
        for name in table.keys() {
            let typed = &**name.get_ref();
            if keys.iter().any(|key| key.name == typed) {
                continue;
            }
            let advice = elsewhere(typed).unwrap_or_else(|| match meant(typed, keys) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
                    format!("the keys are {}", names.join(", "))
                }
            });
            notes.add(name.span(), format!("unknown key `{}` in {title}; {advice}", quote(typed)));
        }
        Self { table, begin, keys, notes }
    }

    /// Reads a value. `None` if the key is not there, or if the value has a mistake, which is then
    /// reported.
    pub(super) fn get<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.json(name)?;
        let typed = serde_json::from_value(value);
        if typed.is_err() {
            self.report(name, format!("`{name}` has a value that stigmer cannot use"));
        }
        typed.ok()
    }

    /// Like [`Self::get`], without a type.
    pub(super) fn json(&mut self, name: &str) -> Option<Value> {
        let value = self.table.get(name)?;
        let key = self.keys.iter().find(|key| key.name == name)?;
        key.kind.read(name, value, self.notes)
    }

    /// The value of a key, as it is in the file.
    pub(super) fn raw(&self, name: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.table.get(name)
    }

    /// The lines of the keys, from 1.
    pub(super) fn lines(&self) -> BTreeMap<String, usize> {
        let line = |name: &Spanned<_>| self.notes.line(name.span().start);
        self.table.keys().map(|name| (name.get_ref().to_string(), line(name))).collect()
    }

    /// Reports a mistake in the value of a key, or in the table if the key is not there.
    pub(super) fn report(&mut self, name: &str, what: impl AsRef<str>) {
        let span = self.raw(name).map_or_else(|| self.begin.clone(), Spanned::span);
        self.notes.add(span, what);
    }
}
