//! The options that the user has set. Flags, environment variables, the project file and the
//! configuration file share this type.

use super::{HttpAddress, Size, Span, TemporalLogLevel};
use clap::builder::{BoolishValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;
use stigmer_ui::Theme;

/// The options that the user has set. `None` means that an option is not set.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[command(next_help_heading = "Temporal")]
pub struct Options {
    /// Port of the gRPC frontend [default: 7233]
    #[arg(long, env = "STIGMER_PORT", value_name = "N", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,

    /// Port of the web UI [default: port + 1000]
    #[arg(long, env = "STIGMER_UI_PORT", value_name = "N", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ui_port: Option<u16>,

    /// Path of the Temporal CLI [default: bin/temporal in the home, else `temporal` on PATH, else
    /// stigmer installs the CLI]
    #[arg(long, env = "STIGMER_TEMPORAL_BIN", value_name = "FILE", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temporal_bin: Option<PathBuf>,

    /// Database file [default: temporal-data/temporal.db in the home]
    #[arg(long, env = "STIGMER_DB", value_name = "FILE", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db: Option<PathBuf>,

    /// Keep the database in memory; a restart loses all data [default: false]
    #[arg(
        long,
        env = "STIGMER_IN_MEMORY",
        global = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
        value_name = "BOOL"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_memory: Option<bool>,

    /// Namespace to create; repeat the option, or separate names by commas [default: default]
    #[arg(
        long,
        env = "STIGMER_NAMESPACE",
        value_name = "NAME",
        value_delimiter = ',',
        global = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Vec<String>>,

    /// Log level of the server [default: info]
    #[arg(long, env = "STIGMER_TEMPORAL_LOG_LEVEL", value_name = "LEVEL", global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temporal_log_level: Option<TemporalLogLevel>,

    /// Time between two rounds of checks [default: 1s]
    #[arg(
        long,
        env = "STIGMER_PROBE_PERIOD",
        value_name = "TIME",
        global = true,
        help_heading = "Supervision"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe_period: Option<Span>,

    /// Time limit of one check [default: 1s]
    #[arg(
        long,
        env = "STIGMER_PROBE_TIMEOUT",
        value_name = "TIME",
        global = true,
        help_heading = "Supervision"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe_timeout: Option<Span>,

    /// Number of failed rounds of checks in a row that cause a restart [default: 3; with --in-memory,
    /// the failures must also last 15 s]
    #[arg(
        long,
        env = "STIGMER_FAILURE_THRESHOLD",
        value_name = "N",
        global = true,
        help_heading = "Supervision"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<u32>,

    /// Time limit from the start of the server to ready [default: 30s]
    #[arg(
        long,
        env = "STIGMER_START_TIMEOUT",
        value_name = "TIME",
        global = true,
        help_heading = "Supervision"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_timeout: Option<Span>,

    /// Time that a stop waits after SIGTERM before it sends SIGKILL [default: 15s]
    #[arg(
        long,
        env = "STIGMER_STOP_GRACE",
        value_name = "TIME",
        global = true,
        help_heading = "Supervision"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_grace: Option<Span>,

    /// Maximum number of automatic restarts within --restart-window [default: 5]
    #[arg(
        long,
        env = "STIGMER_MAX_RESTARTS",
        value_name = "N",
        global = true,
        help_heading = "Supervision"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_restarts: Option<u32>,

    /// Time window in which --max-restarts counts restarts [default: 60s]
    #[arg(
        long,
        env = "STIGMER_RESTART_WINDOW",
        value_name = "TIME",
        global = true,
        help_heading = "Supervision"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_window: Option<Span>,

    /// Longest delay before an automatic restart [default: 30s]
    #[arg(
        long,
        env = "STIGMER_BACKOFF_MAX",
        value_name = "TIME",
        global = true,
        help_heading = "Supervision"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_max: Option<Span>,

    /// Maximum size of the server log on disk [default: 64MiB]
    #[arg(
        long,
        env = "STIGMER_LOG_MAX",
        value_name = "SIZE",
        global = true,
        help_heading = "Supervision"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_max: Option<Size>,

    /// Loopback port or address that serves health and metrics over TCP, such as 9464 [default: off]
    #[arg(
        long,
        env = "STIGMER_HTTP",
        value_name = "ADDR",
        global = true,
        help_heading = "Supervision"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpAddress>,

    /// Start a new background host if the host (the supervising process) is killed [default: true]
    #[arg(
        long,
        env = "STIGMER_WATCHDOG",
        global = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
        value_name = "BOOL",
        help_heading = "Supervision"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watchdog: Option<bool>,

    /// Watch the server at this address; never start, stop or signal it
    #[arg(
        long,
        env = "STIGMER_ADDRESS",
        value_name = "HOST:PORT",
        global = true,
        help_heading = "Supervision"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,

    /// Use the Temporal server of another user, if one listens on the port [default: false]
    #[arg(
        long,
        env = "STIGMER_ALLOW_OTHER_USER",
        global = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
        value_name = "BOOL",
        help_heading = "Supervision"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_other_user: Option<bool>,

    /// Theme of the dashboard [default: chosen from the terminal]
    //
    // The theme is an option of the dashboard, not of the host. So it is not serialized, and thus
    // never compared with the options of a server, recorded, or sent to a host.
    #[arg(
        long,
        env = "STIGMER_THEME",
        value_name = "THEME",
        value_parser = themes(),
        help_heading = "Dashboard"
    )]
    #[serde(skip_serializing, default, deserialize_with = "theme")]
    pub theme: Option<Theme>,

    /// How the dashboard reports new problems: not at all, in the title of the terminal window, or
    /// also by a message while another window has the focus [default: all]
    //
    // An option of the dashboard, like the theme.
    #[arg(
        long,
        env = "STIGMER_NOTIFY",
        value_name = "WHAT",
        value_enum,
        hide_possible_values = true,
        help_heading = "Dashboard"
    )]
    #[serde(skip_serializing, default)]
    pub notify: Option<NotifyMode>,

    /// Arguments that stigmer passes to `temporal server start-dev`
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Vec<String>>,

    /// Settings of Temporal's dynamic configuration
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_config: Option<BTreeMap<String, Value>>,
}

#[cfg(test)]
impl Options {
    /// Options with ports that are free now. The default ports may belong to a server of the
    /// developer who runs the tests.
    pub(crate) fn on_free_ports() -> Self {
        // Both listeners exist at the same time, so the ports differ.
        let bind = || std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let [port, ui_port] =
            [bind(), bind()].map(|listener| Some(listener.local_addr().unwrap().port()));
        Self { port, ui_port, ..Self::default() }
    }
}

/// The options that only a dashboard uses. A host knows none of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DashboardOptions {
    /// See [`Options::theme`].
    pub theme: Option<Theme>,
    /// See [`Options::notify`].
    pub notify: Option<NotifyMode>,
}

/// How the dashboard reports new problems outside of its screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum NotifyMode {
    /// Not at all.
    Off,
    /// In the title of the terminal window.
    Title,
    /// In the title, and by a message while another window has the focus.
    #[default]
    All,
}

impl Options {
    /// Merges two sets of options. Options that are not set in `self` get their values from
    /// `others`.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        // `--db` and `--in-memory` exclude each other. So if `self` sets one of them, ignore both
        // in `others`.
        let silent = self.db.is_none() && self.in_memory != Some(true);
        Self {
            port: self.port.or(others.port),
            ui_port: self.ui_port.or(others.ui_port),
            temporal_bin: self.temporal_bin.or(others.temporal_bin),
            db: self.db.or(others.db.filter(|_| silent)),
            in_memory: self.in_memory.or(others.in_memory.filter(|_| silent)),
            namespace: self.namespace.or(others.namespace),
            temporal_log_level: self.temporal_log_level.or(others.temporal_log_level),
            probe_period: self.probe_period.or(others.probe_period),
            probe_timeout: self.probe_timeout.or(others.probe_timeout),
            failure_threshold: self.failure_threshold.or(others.failure_threshold),
            start_timeout: self.start_timeout.or(others.start_timeout),
            stop_grace: self.stop_grace.or(others.stop_grace),
            max_restarts: self.max_restarts.or(others.max_restarts),
            restart_window: self.restart_window.or(others.restart_window),
            backoff_max: self.backoff_max.or(others.backoff_max),
            log_max: self.log_max.or(others.log_max),
            http: self.http.or(others.http),
            watchdog: self.watchdog.or(others.watchdog),
            address: self.address.or(others.address),
            allow_other_user: self.allow_other_user.or(others.allow_other_user),
            theme: self.theme.or(others.theme),
            notify: self.notify.or(others.notify),
            arguments: self.arguments.or(others.arguments),
            dynamic_config: self.dynamic_config.or(others.dynamic_config),
        }
    }

    /// Removes the options that only a dashboard uses, and returns them.
    pub fn take_dashboard(&mut self) -> DashboardOptions {
        DashboardOptions { theme: self.theme.take(), notify: self.notify.take() }
    }

    /// Returns the options that are set, as a JSON object of names and values.
    #[must_use]
    pub fn to_map(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            Ok(_) | Err(_) => unreachable!("a struct of plain values is an object"),
        }
    }

    /// Parses options in JSON that another version of stigmer may have written, for example those
    /// in the record of a server. Skips unknown names and values. `None` if `json` is not a JSON
    /// object.
    #[must_use]
    pub fn recorded(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self::from_map)
    }

    /// Like [`Self::recorded`], but deserializes the options within a larger value.
    ///
    /// # Errors
    /// If `part` is not an object.
    pub fn of_any_version<'de, D: Deserializer<'de>>(part: D) -> Result<Self, D::Error> {
        Map::deserialize(part).map(Self::from_map)
    }

    pub(super) fn from_map(mut map: Map<String, Value>) -> Self {
        map.retain(|name, value| {
            let one = Map::from_iter([(name.clone(), value.clone())]);
            Self::deserialize(Value::Object(one)).is_ok()
        });
        Self::deserialize(Value::Object(map)).unwrap_or_default()
    }

    /// Makes relative paths absolute. They are relative to the current folder.
    #[must_use]
    pub fn absolute(mut self) -> Self {
        for path in [&mut self.db, &mut self.temporal_bin].into_iter().flatten() {
            // Make a program name without a folder absolute too. Otherwise the system would search
            // for the program on PATH instead of in the current folder.
            if let Ok(absolute) = std::path::absolute(&*path) {
                *path = absolute;
            }
        }
        self
    }
}

/// Creates the parser for the names of themes. The help and the completions list all names.
fn themes() -> impl TypedValueParser<Value = Theme> {
    PossibleValuesParser::new(Theme::ALL.map(Theme::name)).try_map(|name| name.parse::<Theme>())
}

fn theme<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Theme>, D::Error> {
    let name = String::deserialize(value)?;
    name.parse().map(Some).map_err(serde::de::Error::custom)
}
