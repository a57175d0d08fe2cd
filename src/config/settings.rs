//! The settings of a host: all options after the checks, with defaults for the options that are not
//! set.

use super::{
    ConfigError, EffectiveOptions, HttpAddress, Options, RequestedOptions, Size, Span,
    TemporalLogLevel, arguments, effective, read_file,
};
use crate::paths::Home;
use crate::supervisor::Policy;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time for which the checks must fail before a restart, for a database in memory. The time is
/// long, because such a restart loses all data.
const MEMORY_PATIENCE: Duration = Duration::from_secs(15);

/// Where the server stores its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file on disk.
    File(PathBuf),
    /// In memory: a restart loses all data.
    Memory,
}

impl Database {
    /// Path of the database file. `None` if the database is in memory.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Memory => None,
        }
    }
}

/// The settings of a host and its server.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The home, which is the folder with configuration, data and logs.
    pub home: Home,
    /// Port of the gRPC frontend.
    pub port: u16,
    /// Port of the web UI. `None` if there is no web UI (`--headless`).
    pub ui_port: Option<u16>,
    /// Path of the Temporal CLI. `None` if the host must find it.
    pub temporal_bin: Option<PathBuf>,
    /// Storage of the server.
    pub database: Database,
    /// Namespaces that the server creates. The checks use the first namespace.
    pub namespaces: Vec<String>,
    /// Log level of the server.
    pub temporal_log_level: TemporalLogLevel,
    /// The limits of supervision: time limits, numbers of failures and restarts.
    pub policy: Policy,
    /// Maximum size of the server log on disk, in bytes.
    pub log_max: u64,
    /// Address where the host serves health and metrics over TCP. `None` if the host does not serve
    /// them.
    pub http: Option<SocketAddr>,
    /// Whether the watchdog starts a new background host after the host was killed.
    pub watchdog: bool,
    /// Address of an external server. stigmer watches that server, and never starts or stops it.
    pub address: Option<String>,
    /// Whether stigmer may use a server of another user, if one listens on the port.
    pub allow_other_user: bool,
    /// Additional arguments for `temporal server start-dev`.
    pub arguments: Vec<String>,
    /// Settings of Temporal's dynamic configuration.
    pub dynamic_config: BTreeMap<String, Value>,
    /// The options that were set, without defaults. A restart with new options merges them into
    /// these.
    pub options: Options,
}

impl Settings {
    /// Creates the settings from the requested options. Options that are not set are taken from the
    /// configuration file of the home.
    ///
    /// # Errors
    /// If the file cannot be read or has an unknown option, or if a value is not valid.
    pub fn load(home: &Home, requested: &RequestedOptions) -> Result<Self, ConfigError> {
        Self::resolve(home.clone(), requested.merged().or(read_file(home)?))
    }

    /// Checks these options, and fills in the defaults.
    ///
    /// # Errors
    /// If a value is not valid, or if two values conflict.
    pub fn resolve(home: Home, options: Options) -> Result<Self, ConfigError> {
        let checked = CheckedOptions::of(&options, &home.database())?;
        let set = Options { theme: None, notify: None, ..options.clone() };
        Ok(Self {
            home,
            port: checked.port,
            ui_port: checked.ui_port,
            temporal_bin: options.temporal_bin,
            database: checked.database,
            namespaces: checked.namespaces,
            temporal_log_level: options.temporal_log_level.unwrap_or(TemporalLogLevel::Info),
            policy: checked.limits.policy,
            log_max: checked.limits.log_max,
            http: options.http.map(|http| http.0),
            watchdog: options.watchdog.unwrap_or(true),
            address: options.address,
            allow_other_user: options.allow_other_user.unwrap_or(false),
            arguments: options.arguments.unwrap_or_default(),
            dynamic_config: options.dynamic_config.unwrap_or_default(),
            options: set,
        })
    }

    /// Address of the gRPC frontend of the server, for clients.
    #[must_use]
    pub fn server_address(&self) -> String {
        self.address.clone().unwrap_or_else(|| effective::on_loopback(self.port))
    }

    /// URL of the web UI. `None` if the server has no web UI (`--headless`), or if the server is
    /// external, because its UI port is unknown.
    #[must_use]
    pub fn ui_url(&self) -> Option<String> {
        effective::ui_url(self.address.as_deref(), self.ui_port)
    }

    /// Returns the effective values of all options. Commands compare the requested options with
    /// these values.
    #[must_use]
    pub fn in_force(&self) -> EffectiveOptions {
        let policy = &self.policy;
        let values = Options {
            port: Some(self.port),
            ui_port: self.ui_port,
            temporal_bin: self.temporal_bin.clone(),
            db: self.database.file().map(Path::to_owned),
            in_memory: Some(self.database == Database::Memory),
            namespace: Some(self.namespaces.clone()),
            temporal_log_level: Some(self.temporal_log_level),
            probe_period: Some(Span(policy.probe_period)),
            probe_timeout: Some(Span(policy.probe_timeout)),
            failure_threshold: Some(policy.failure_threshold),
            start_timeout: Some(Span(policy.start_timeout)),
            stop_grace: Some(Span(policy.stop_grace)),
            max_restarts: Some(policy.max_restarts),
            restart_window: Some(Span(policy.restart_window)),
            backoff_max: Some(Span(policy.backoff_max)),
            log_max: Some(Size(self.log_max)),
            http: self.http.map(HttpAddress),
            watchdog: Some(self.watchdog),
            address: self.address.clone(),
            allow_other_user: Some(self.allow_other_user),
            theme: None,
            notify: None,
            arguments: (!self.arguments.is_empty()).then(|| self.arguments.clone()),
            dynamic_config: Some(self.dynamic_config.clone()),
        };
        let span = Some(policy.failure_span).filter(|span| !span.is_zero());
        EffectiveOptions { values, failure_span: span.map(Span) }
    }
}

/// The limits of supervision, with defaults for the options that are not set.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Time limits, numbers of failures and restarts.
    pub policy: Policy,
    /// Maximum size of the log on disk, in bytes.
    pub log_max: u64,
}

impl Limits {
    /// Checks the options that are limits. Ignores all other options.
    ///
    /// # Errors
    /// If a limit is too small.
    pub fn of(options: &Options) -> Result<Self, ConfigError> {
        Self::with(options, &Database::File(PathBuf::new()))
    }

    fn with(options: &Options, database: &Database) -> Result<Self, ConfigError> {
        let policy = policy(options, database)?;
        let log_max = options.log_max.unwrap_or(Size(64 << 20));
        Ok(Self { policy, log_max: at_least("log-max", log_max, Size(1 << 20))?.0 })
    }
}

/// The values that the checks of the options derive.
struct CheckedOptions {
    port: u16,
    ui_port: Option<u16>,
    database: Database,
    namespaces: Vec<String>,
    limits: Limits,
}

impl CheckedOptions {
    fn of(options: &Options, default_database: &Path) -> Result<Self, ConfigError> {
        let arguments = options.arguments.as_deref().unwrap_or_default();
        let (port, ui_port) = ports(options, arguments)?;
        let database = database(default_database, options)?;
        let namespaces = namespaces(options.namespace.as_deref())?;
        let limits = Limits::with(options, &database)?;
        if let Some(address) = &options.address {
            check_address(address)?;
        }
        if let Some(HttpAddress(http)) = options.http {
            // With an external server, stigmer's own server does not use these ports, so `--http`
            // may use them.
            let ours = [(Some(port), "port"), (ui_port, "ui-port")];
            check_http(http, if options.address.is_some() { &[] } else { &ours })?;
        }
        if let Some(program) = &options.temporal_bin {
            check_program(program)?;
        }
        Ok(Self { port, ui_port, database, namespaces, limits })
    }
}

/// Checks these options, and returns the errors of all of them, at most one for each option.
#[must_use]
pub fn errors(options: &Options) -> Vec<ConfigError> {
    let mut options = options.clone();
    let mut errors = Vec::new();
    // Only paths in UTF-8 can be part of a map of options, so the other paths are removed first.
    if let Some(Err(error)) = options.temporal_bin.as_deref().map(check_program) {
        errors.push(error);
        options.temporal_bin = None;
    }
    if options.db.as_ref().is_some_and(|db| db.to_str().is_none()) {
        errors.extend(database(Path::new(""), &options).err());
        options.db = None;
    }
    while let Err(error) = CheckedOptions::of(&options, Path::new("/temporal.db")) {
        // The check stops at the first error. It is repeated without the option of that error.
        let ConfigError::Value { option, .. } = &error else { break };
        let mut others = options.to_map();
        let is_set = others.remove(if option.is_empty() { "arguments" } else { option }).is_some();
        errors.push(error);
        if !is_set {
            break;
        }
        options = Options::from_map(others);
    }
    errors
}

/// Returns the ports of the gRPC frontend and of the web UI. Also reads the arguments for Temporal,
/// because `--headless` among them disables the web UI.
fn ports(options: &Options, arguments: &[String]) -> Result<(u16, Option<u16>), ConfigError> {
    let port = at_least("port", options.port.unwrap_or(7233), 1)?;
    arguments::refuse_ours(arguments)?;
    if arguments.iter().any(|argument| arguments::is_headless(argument)) {
        return Ok((port, None));
    }
    let ui_port = match options.ui_port {
        Some(ui_port) => at_least("ui-port", ui_port, 1)?,
        None => port.checked_add(1000).ok_or_else(|| {
            let why = "the default port of the web UI is this port plus 1000, which is above \
                       65535; choose a smaller port, or set --ui-port";
            wrong("port", port, why)
        })?,
    };
    if ui_port == port {
        return Err(wrong(
            "ui-port",
            port,
            "the gRPC frontend uses this port too; choose another \
                                           port with --ui-port or --port",
        ));
    }
    Ok((port, Some(ui_port)))
}

fn database(default: &Path, options: &Options) -> Result<Database, ConfigError> {
    match (&options.db, options.in_memory) {
        (Some(_), Some(true)) => {
            let why = "--db is set too, and a database is either a file or in memory; remove one \
                       of the two, also from the environment";
            return Err(wrong("in-memory", true, why));
        }
        (None, Some(true)) => return Ok(Database::Memory),
        (_, Some(false) | None) => {}
    }
    let file = options.db.clone().unwrap_or_else(|| default.to_owned());
    let bad = |why: String| wrong("db", file.display(), why);
    // Temporal puts the path into an SQLite URI without escaping. If the path contains one of the
    // characters below, SQLite opens another file.
    let Some(text) = file.to_str() else {
        return Err(bad("the path is not UTF-8, and Temporal accepts only UTF-8; choose another \
                        path"
            .into()));
    };
    if let Some(character) = text.chars().find(|c| matches!(c, '?' | '#' | '%')) {
        return Err(bad(format!(
            "the path contains `{character}`, and Temporal would open another file, because it \
             does not escape the path in an SQLite URI; choose a path without ? # %"
        )));
    }
    std::path::absolute(&file).map(Database::File).map_err(|error| bad(error.to_string()))
}

fn namespaces(set: Option<&[String]>) -> Result<Vec<String>, ConfigError> {
    let namespaces = match set {
        Some(names) if !names.is_empty() => names.to_vec(),
        Some(_) | None => vec!["default".to_owned()],
    };
    match namespaces.iter().find(|name| name.trim().is_empty()) {
        Some(bad) => Err(wrong("namespace", bad, "the name of a namespace cannot be empty")),
        None => Ok(namespaces),
    }
}

fn policy(options: &Options, database: &Database) -> Result<Policy, ConfigError> {
    let default = Policy::default();
    let span = |set: Option<Span>, default: Duration| set.unwrap_or(Span(default));
    let millis = |ms| Span(Duration::from_millis(ms));
    let probe_period = span(options.probe_period, default.probe_period);
    let probe_timeout = span(options.probe_timeout, default.probe_timeout);
    let failure_threshold = options.failure_threshold.unwrap_or(default.failure_threshold);
    let start_timeout = span(options.start_timeout, default.start_timeout);
    Ok(Policy {
        probe_period: at_least("probe-period", probe_period, millis(100))?.0,
        probe_timeout: at_least("probe-timeout", probe_timeout, millis(10))?.0,
        failure_threshold: at_least("failure-threshold", failure_threshold, 1)?,
        failure_span: match (database, options.failure_threshold) {
            (Database::Memory, None) => MEMORY_PATIENCE,
            (Database::Memory, Some(_)) | (Database::File(_), _) => Duration::ZERO,
        },
        start_timeout: at_least("start-timeout", start_timeout, millis(100))?.0,
        stop_grace: span(options.stop_grace, default.stop_grace).0,
        max_restarts: options.max_restarts.unwrap_or(default.max_restarts),
        restart_window: span(options.restart_window, default.restart_window).0,
        backoff_max: span(options.backoff_max, default.backoff_max).0,
    })
}

fn check_address(address: &str) -> Result<(), ConfigError> {
    match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(()),
        Some(_) | None => {
            Err(wrong("address", address, "expected HOST:PORT, such as 127.0.0.1:7233"))
        }
    }
}

/// Refuses an address that other machines can reach, or whose port the server uses.
fn check_http(http: SocketAddr, ours: &[(Option<u16>, &str)]) -> Result<(), ConfigError> {
    let port = http.port();
    let why = match ours.iter().find(|(taken, _)| *taken == Some(port)) {
        Some((_, option)) => format!(
            "the server uses port {port} too (--{option}); choose another port with --http or \
             --{option}"
        ),
        None if !http.ip().is_loopback() => {
            "health and metrics are served on loopback only; choose an address such as 127.0.0.1:9464".into()
        }
        None => return Ok(()),
    };
    Err(wrong("http", http, why))
}

fn check_program(program: &Path) -> Result<(), ConfigError> {
    match program.to_str() {
        Some(_) => Ok(()),
        None => {
            let why = "the path is not UTF-8, so stigmer cannot record it; choose another path";
            Err(wrong("temporal-bin", program.display(), why))
        }
    }
}

fn at_least<T: PartialOrd + Copy + Display>(
    option: &'static str,
    value: T,
    least: T,
) -> Result<T, ConfigError> {
    if value < least {
        return Err(wrong(option, value, format!("must be at least {least}")));
    }
    Ok(value)
}

fn wrong(option: &'static str, value: impl Display, why: impl Into<String>) -> ConfigError {
    ConfigError::Value { option, value: value.to_string(), why: why.into() }
}
