//! The table `[temporal]`: what the project wants of the server.

use super::keys::{self, NOT_IN_FILE};
use super::mistake::Notes;
use super::section::Section;
use super::text::without_flags;
use crate::config::{self, ConfigError, Options, Span};
use crate::harmless::quote;
use crate::temporal::provision::AttributeType;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;
use toml::de::DeTable;

/// Shortest retention that Temporal accepts.
const RETENTION_MIN: Duration = Duration::from_secs(3_600);

/// What a project wants of the server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerSpec {
    /// The options that the project sets. Their values are valid and do not conflict; paths are
    /// absolute.
    pub options: Options,
    /// Time for which the server keeps closed workflows, in each of the namespaces. `None`: unchanged.
    pub retention: Option<Duration>,
    /// Search attributes that each of the namespaces has.
    pub search_attributes: BTreeMap<String, AttributeType>,
    /// The lines of the keys, from 1.
    pub(super) lines: BTreeMap<String, usize>,
}

impl ServerSpec {
    /// Reads the table. `begin` is the place of its name.
    pub(super) fn read(
        table: &DeTable<'_>,
        begin: Range<usize>,
        folder: &Path,
        notes: &mut Notes<'_>,
    ) -> Self {
        let (keys, of_workers) = (keys::temporal(), keys::worker());
        let mut section = Section::open("[temporal]", begin, table, &keys, notes, |typed| {
            let reason = NOT_IN_FILE.iter().find(|(name, _)| *name == typed).map(|(_, why)| *why);
            reason.map(str::to_owned).or_else(|| {
                let is_of_worker = of_workers.iter().any(|key| key.name == typed);
                is_of_worker.then(|| format!("write `{typed}` below [worker.NAME]"))
            })
        });
        let retention = section.get::<Span>("retention").map(|retention| retention.0);
        if retention.is_some_and(|retention| retention < RETENTION_MIN) {
            section.report("retention", "`retention` must be at least 1h");
        }
        let search_attributes = section.get("search-attributes").unwrap_or_default();
        let mut map = Map::new();
        let own = ["retention", "search-attributes"];
        for key in keys.iter().filter(|key| !own.contains(&key.name.as_str())) {
            if let Some(value) = section.json(&key.name) {
                map.insert(key.name.clone(), value);
            }
        }
        let mut options: Options = match serde_json::from_value(Value::Object(map)) {
            Ok(options) => options,
            Err(_) => {
                section.report("", "[temporal] has a value that stigmer cannot use");
                Options::default()
            }
        };
        for path in [&mut options.db, &mut options.temporal_bin].into_iter().flatten() {
            *path = super::within(folder, path);
        }
        for error in config::errors(&options) {
            // Other errors are about files.
            let ConfigError::Value { option, value, why } = error else { continue };
            let (key, why) =
                (if option.is_empty() { "arguments" } else { option }, without_flags(&why));
            section.report(key, format!("`{key}` cannot be {}: {why}", quote(&value)));
        }
        if options.address.is_some() && section.raw("dynamic-config").is_some() {
            section.report(
                "dynamic-config",
                "`dynamic-config` and `address` exclude each other, because stigmer does not start the \
                 server at that address; remove one of them",
            );
        }
        let lines = section.lines();
        Self { options, retention, search_attributes, lines }
    }

    /// The keys that are set, with their values.
    #[must_use]
    pub fn to_map(&self) -> Map<String, Value> {
        let mut map = self.options.to_map();
        if let Some(retention) = self.retention {
            map.insert("retention".to_owned(), Span(retention).to_string().into());
        }
        let attributes = self.search_attributes.iter();
        let attributes: Map<_, _> =
            attributes.map(|(name, type_)| (name.clone(), format!("{type_:?}").into())).collect();
        if !attributes.is_empty() {
            map.insert("search-attributes".to_owned(), attributes.into());
        }
        map
    }
}
