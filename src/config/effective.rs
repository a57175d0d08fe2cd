//! The effective options of a server: the values that were set, and the defaults of all other
//! options. The status contains the effective options for viewers.

use super::{Options, Span};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// JSON key of [`EffectiveOptions::failure_span`].
const FAILURE_SPAN: &str = "failure-span";

/// The effective options of a server. A host fills in all defaults. So `None` means that an option
/// has no value, or that a host of another version did not send the option.
///
/// The JSON form is an object of option names and values. Unknown names and values are skipped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EffectiveOptions {
    /// The effective value of each option.
    pub values: Options,
    /// Time for which the checks must fail before a restart, in addition to the number of failures.
    /// `None` if only the number counts. The user cannot set this time: the host derives it from
    /// two options.
    pub failure_span: Option<Span>,
}

impl EffectiveOptions {
    /// Address of the gRPC frontend of the server, for clients.
    #[must_use]
    pub fn server_address(&self) -> Option<String> {
        self.values.address.clone().or_else(|| self.values.port.map(on_loopback))
    }

    /// URL of the web UI. `None` if the server has no web UI (`--headless`), or if the server is
    /// external, because its UI port is unknown.
    #[must_use]
    pub fn ui_url(&self) -> Option<String> {
        ui_url(self.values.address.as_deref(), self.values.ui_port)
    }

    /// The namespace that the checks and the workflow counts use.
    #[must_use]
    pub fn first_namespace(&self) -> Option<&str> {
        self.namespaces().first().map(String::as_str)
    }

    /// The configured namespaces. Empty if unknown.
    #[must_use]
    pub fn namespaces(&self) -> &[String] {
        self.values.namespace.as_deref().unwrap_or_default()
    }

    fn to_map(&self) -> Map<String, Value> {
        let mut map = self.values.to_map();
        if let Some(span) = self.failure_span {
            map.insert(FAILURE_SPAN.to_owned(), span.to_string().into());
        }
        map
    }
}

impl Serialize for EffectiveOptions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_map().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for EffectiveOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = Map::deserialize(deserializer)?;
        let span = map.remove(FAILURE_SPAN);
        Ok(Self {
            values: Options::from_map(map),
            failure_span: span.and_then(|span| Span::deserialize(span).ok()),
        })
    }
}

pub(super) fn on_loopback(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

pub(super) fn ui_url(address: Option<&str>, ui_port: Option<u16>) -> Option<String> {
    ui_port.filter(|_| address.is_none()).map(|port| format!("http://{}", on_loopback(port)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    fn read(options: Value) -> EffectiveOptions {
        serde_json::from_value(options).unwrap()
    }

    #[test]
    fn all_options_survive_serialization() {
        let home =
            crate::paths::Home::at(std::path::Path::new("/tmp/stigmer-config-test")).unwrap();
        let options = Options {
            in_memory: Some(true),
            temporal_bin: Some("/bin/temporal".into()),
            namespace: Some(vec!["a".into(), "b".into()]),
            probe_period: Some(Span(Duration::from_secs(90))),
            http: Some("9464".parse().unwrap()),
            arguments: Some(vec!["--x".into()]),
            ..Options::default()
        };
        let sent = super::super::Settings::resolve(home, options).unwrap().in_force();
        let wire = serde_json::to_value(&sent).unwrap();
        assert_eq!(wire["failure-span"], "15s");
        assert_eq!(wire["probe-period"], "1m 30s");
        assert_eq!((&wire["port"], &wire["http"]), (&json!(7233), &json!("127.0.0.1:9464")));
        assert_eq!(read(wire), sent);
    }

    #[test]
    fn options_of_another_version_are_skipped_one_by_one() {
        let read = read(json!({
            "port": 7300, "db": "/x.db", "in-memory": false, "temporal-log-level": "trace",
            "probe-period": 7, "weather": {"rain": [1]}, "failure-span": "soon", "http": null
        }));
        let values = Options {
            port: Some(7300),
            db: Some("/x.db".into()),
            in_memory: Some(false),
            ..Options::default()
        };
        assert_eq!(read, EffectiveOptions { values, failure_span: None });
    }

    #[test]
    fn unknown_option_has_no_value() {
        let unknown = EffectiveOptions::default();
        assert_eq!(unknown.server_address(), None);
        assert_eq!((unknown.ui_url(), unknown.first_namespace()), (None, None));
        let known = read(json!({"port": 7300, "ui-port": 8300, "namespace": ["a", "b"]}));
        assert_eq!(known.server_address().as_deref(), Some("127.0.0.1:7300"));
        assert_eq!(known.ui_url().as_deref(), Some("http://127.0.0.1:8300"));
        assert_eq!(known.first_namespace(), Some("a"));
        let external = read(json!({"port": 7300, "ui-port": 8300, "address": "there:7"}));
        assert_eq!(external.server_address().as_deref(), Some("there:7"));
        assert_eq!(external.ui_url(), None);
    }
}
