//! The checked options of a host, with the defaults filled in.

use super::{
    ConfigError, EffectiveOptions, HttpAddress, Level, Options, Size, Span, arguments, effective,
    read_file,
};
use crate::paths::Home;
use crate::supervisor::Policy;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Minimum duration of failures for a database in memory, where a restart loses all data.
const MEMORY_PATIENCE: Duration = Duration::from_secs(15);

/// The storage of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file on disk.
    File(PathBuf),
    /// In memory: a restart loses all data.
    Memory,
}

impl Database {
    /// Path of the database file, or `None` in memory.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Memory => None,
        }
    }
}

/// The checked options of a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Home of the server.
    pub home: Home,
    /// Port of the gRPC frontend.
    pub port: u16,
    /// Port of the web UI. `None` with `--headless`.
    pub ui_port: Option<u16>,
    /// Path of the Temporal CLI, if set.
    pub temporal_bin: Option<PathBuf>,
    /// Storage of the server.
    pub database: Database,
    /// Namespaces to create. The checks use the first one.
    pub namespaces: Vec<String>,
    /// Log level of the server.
    pub temporal_log_level: Level,
    /// Limits of supervision.
    pub policy: Policy,
    /// Maximum size of the server log on disk, in bytes.
    pub log_max: u64,
    /// Address of health and metrics over TCP.
    pub http: Option<SocketAddr>,
    /// Whether a companion process starts a new background host when the host is killed.
    pub watchdog: bool,
    /// Address of an external server. stigmer only watches it.
    pub address: Option<String>,
    /// Whether stigmer may use a server that another user runs on the port.
    pub allow_other_user: bool,
    /// Arguments for `temporal server start-dev`.
    pub arguments: Vec<String>,
    /// The options without defaults. A restart with other options starts from these.
    pub options: Options,
}

impl Settings {
    /// The settings of these options, completed by those of the configuration file.
    ///
    /// # Errors
    /// When the file cannot be read or has an unknown option, or when a value is wrong.
    pub fn load(home: &Home, options: &Options) -> Result<Self, ConfigError> {
        Self::resolve(home.clone(), options.clone().or(read_file(home)?))
    }

    /// Checks the options and fills in defaults.
    ///
    /// # Errors
    /// If a value is not valid, alone or in combination with another one.
    pub fn resolve(home: Home, options: Options) -> Result<Self, ConfigError> {
        let set = Options { theme: None, ..options.clone() };
        let port = at_least("port", options.port.unwrap_or(7233), 1)?;
        let arguments = options.arguments.unwrap_or_default();
        arguments::refuse_ours(&arguments)?;
        let headless = arguments.iter().any(|a| arguments::is_headless(a));
        let ui_port = match (headless, options.ui_port) {
            (true, _) => None,
            (false, Some(ui)) => Some(at_least("ui-port", ui, 1)?),
            (false, None) => Some(port.checked_add(1000).ok_or_else(|| {
                ConfigError::Value {
                    option: "port",
                    value: port.to_string(),
                    why: "the web UI's port would be this plus 1000, and ports end at 65535; \
                      choose another with --ui-port"
                        .into(),
                }
            })?),
        };
        if ui_port == Some(port) {
            return Err(ConfigError::Value {
                option: "ui-port",
                value: port.to_string(),
                why: "is the gRPC port too; choose another".into(),
            });
        }
        if options.db.is_some() && options.in_memory == Some(true) {
            return Err(ConfigError::Value {
                option: "in-memory",
                value: "true".into(),
                why: "--db is set too; set only one of the two (also in the environment)".into(),
            });
        }
        let database = database(&home, options.db, options.in_memory)?;
        let namespaces = match options.namespace {
            Some(names) if !names.is_empty() => names,
            Some(_) | None => vec!["default".to_owned()],
        };
        if let Some(bad) = namespaces.iter().find(|name| name.trim().is_empty()) {
            return Err(ConfigError::Value {
                option: "namespace",
                value: bad.clone(),
                why: "the name of a namespace cannot be empty".into(),
            });
        }
        let default = Policy::default();
        let span = |given: Option<Span>, default: Duration| given.map_or(default, |span| span.0);
        let policy = Policy {
            probe_period: at_least(
                "probe-period",
                Span(span(options.probe_period, default.probe_period)),
                Span(Duration::from_millis(100)),
            )?
            .0,
            probe_timeout: at_least(
                "probe-timeout",
                Span(span(options.probe_timeout, default.probe_timeout)),
                Span(Duration::from_millis(10)),
            )?
            .0,
            failure_threshold: at_least(
                "failure-threshold",
                options.failure_threshold.unwrap_or(default.failure_threshold),
                1,
            )?,
            failure_span: match (&database, options.failure_threshold) {
                (Database::Memory, None) => MEMORY_PATIENCE,
                (Database::Memory, Some(_)) | (Database::File(_), _) => Duration::ZERO,
            },
            start_timeout: at_least(
                "start-timeout",
                Span(span(options.start_timeout, default.start_timeout)),
                Span(Duration::from_millis(100)),
            )?
            .0,
            stop_grace: span(options.stop_grace, default.stop_grace),
            max_restarts: options.max_restarts.unwrap_or(default.max_restarts),
            restart_window: span(options.restart_window, default.restart_window),
            backoff_max: span(options.backoff_max, default.backoff_max),
        };
        if let Some(address) = &options.address
            && address
                .rsplit_once(':')
                .is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err())
        {
            return Err(ConfigError::Value {
                option: "address",
                value: address.clone(),
                why: "expected HOST:PORT, such as 127.0.0.1:7233".into(),
            });
        }
        let http = options.http.map(|http| http.0);
        if let Some(http) = http {
            // An external server does not use these ports.
            let ours = [(Some(port), "port"), (ui_port, "ui-port")];
            check_http(http, if options.address.is_some() { &[] } else { &ours })?;
        }
        if let Some(program) = options.temporal_bin.as_ref().filter(|file| file.to_str().is_none())
        {
            return Err(ConfigError::Value {
                option: "temporal-bin",
                value: program.display().to_string(),
                why: "the path is not UTF-8, so it cannot be recorded".into(),
            });
        }
        Ok(Self {
            home,
            port,
            ui_port,
            temporal_bin: options.temporal_bin,
            database,
            namespaces,
            temporal_log_level: options.temporal_log_level.unwrap_or(Level::Info),
            policy,
            log_max: at_least("log-max", options.log_max.unwrap_or(Size(64 << 20)), Size(1 << 20))?
                .0,
            http,
            watchdog: options.watchdog.unwrap_or(true),
            address: options.address,
            allow_other_user: options.allow_other_user == Some(true),
            arguments,
            options: set,
        })
    }

    /// Address of the gRPC frontend, for clients.
    #[must_use]
    pub fn server_address(&self) -> String {
        self.address.clone().unwrap_or_else(|| effective::on_loopback(self.port))
    }

    /// URL of the web UI. `None` with `--headless`, and for an external server, whose UI port is
    /// unknown.
    #[must_use]
    pub fn ui_url(&self) -> Option<String> {
        effective::ui_url(self.address.as_deref(), self.ui_port)
    }

    /// All options with their effective values. A later start is compared with them.
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
            arguments: (!self.arguments.is_empty()).then(|| self.arguments.clone()),
        };
        let span = Some(policy.failure_span).filter(|span| !span.is_zero());
        EffectiveOptions { values, failure_span: span.map(Span) }
    }
}

/// Refuses an address that other machines can reach, and a port of the server.
fn check_http(http: SocketAddr, ours: &[(Option<u16>, &str)]) -> Result<(), ConfigError> {
    let taken = ours.iter().find(|(port, _)| *port == Some(http.port()));
    let why = match taken {
        Some((_, option)) => format!(
            "port {} is the port of --{option} too; choose another with --http or --{option}",
            http.port()
        ),
        None if !http.ip().is_loopback() => {
            "health and metrics are served on loopback only; choose an address such as 127.0.0.1:9933".into()
        }
        None => return Ok(()),
    };
    Err(ConfigError::Value { option: "http", value: http.to_string(), why })
}

fn at_least<T: PartialOrd + Copy + std::fmt::Display>(
    option: &'static str,
    value: T,
    least: T,
) -> Result<T, ConfigError> {
    if value < least {
        let why = format!("must be at least {least}");
        return Err(ConfigError::Value { option, value: value.to_string(), why });
    }
    Ok(value)
}

fn database(
    home: &Home,
    file: Option<PathBuf>,
    in_memory: Option<bool>,
) -> Result<Database, ConfigError> {
    if in_memory == Some(true) {
        return Ok(Database::Memory);
    }
    let file = file.unwrap_or_else(|| home.database());
    let bad =
        |why: String| ConfigError::Value { option: "db", value: file.display().to_string(), why };
    // Temporal puts the path into an SQLite URI without escaping. These characters would name
    // another file.
    let Some(text) = file.to_str() else {
        return Err(bad("the path is not UTF-8, and Temporal accepts only UTF-8".into()));
    };
    if let Some(character) = text.chars().find(|c| matches!(c, '?' | '#' | '%')) {
        return Err(bad(format!(
            "the path contains `{character}`, and Temporal would open another file \
             (it puts the path into a SQLite URI unescaped); choose a path without ? # %"
        )));
    }
    std::path::absolute(&file).map(Database::File).map_err(|error| bad(error.to_string()))
}
