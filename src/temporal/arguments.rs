//! The command line of `temporal server start-dev`.

use crate::config::{Database, Settings};
use std::ffi::OsString;

/// Everything that is always said, then what the user passes on.
///
/// `--log-level`, because without it the server logs nothing at all; all ports,
/// because those that it chooses itself are told nowhere but in the banner; WAL
/// with `synchronous=NORMAL`, because it triples the throughput and survives
/// SIGKILL; `--output none` suppresses the banner, which is no log line.
#[must_use]
pub fn arguments(settings: &Settings, metrics_port: u16) -> Vec<OsString> {
    let mut arguments: Vec<OsString> =
        ["server", "start-dev", "--output", "none"].map(OsString::from).to_vec();
    let mut say = |flag: &str, value: &dyn std::fmt::Display| {
        arguments.push(flag.into());
        arguments.push(value.to_string().into());
    };
    say("--log-format", &"json");
    say("--log-level", &settings.temporal_log_level);
    say("--ip", &"127.0.0.1");
    say("--port", &settings.port);
    if let Some(port) = settings.ui_port {
        say("--ui-port", &port);
    }
    say("--metrics-port", &metrics_port);
    for namespace in &settings.namespaces {
        say("--namespace", namespace);
    }
    match &settings.database {
        Database::File(path) => {
            say("--db-filename", &path.display());
            say("--sqlite-pragma", &"journal_mode=WAL");
            say("--sqlite-pragma", &"synchronous=NORMAL");
        }
        Database::Memory => {}
    }
    arguments.extend(settings.arguments.iter().map(OsString::from));
    arguments
}
