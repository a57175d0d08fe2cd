//! The command line of `temporal server start-dev`.

use crate::config::{Database, Options, Settings, TemporalLogLevel};
use clap::ValueEnum;
use std::ffi::OsString;

/// The dynamic configuration key for the number of workflow task failures after which a workflow
/// gets the search attribute `TemporalReportedProblems`.
const MARK_AT_FAILURE: &str = "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute";

/// The arguments of the server: first those that follow from the options of stigmer, then those
/// that the user passes after `--`. The reasons for some of the arguments:
///
/// - `--log-level`: without this argument, the server logs nothing.
/// - All ports: the server would print a port that it chooses itself only in its banner.
/// - `journal_mode=WAL` with `synchronous=NORMAL`: the throughput is three times as high, and the
///   data survives SIGKILL.
/// - `--output none`: the server writes no banner into the log.
/// - `--dynamic-config-value`: the server sets `TemporalReportedProblems` at the first failure of a
///   workflow task, after 50 to 80 ms. By default, the server sets it at the sixth attempt, after
///   54 s. If the user passes a value for this key, that value is used instead.
#[must_use]
pub fn arguments(settings: &Settings, metrics_port: u16) -> Vec<OsString> {
    let mut arguments: Vec<OsString> =
        ["server", "start-dev", "--output", "none"].map(OsString::from).to_vec();
    let mut add = |flag: &str, value: &dyn std::fmt::Display| {
        arguments.push(flag.into());
        arguments.push(value.to_string().into());
    };
    add("--log-format", &"json");
    add("--log-level", &settings.temporal_log_level);
    add("--ip", &"127.0.0.1");
    add("--port", &settings.port);
    if let Some(port) = settings.ui_port {
        add("--ui-port", &port);
    }
    add("--metrics-port", &metrics_port);
    let is_marked = settings.dynamic_config.contains_key(MARK_AT_FAILURE)
        || settings.arguments.iter().any(|argument| argument.contains(MARK_AT_FAILURE));
    if !is_marked {
        add("--dynamic-config-value", &format!("{MARK_AT_FAILURE}=1"));
    }
    // `parse` relies on the order: these before the namespaces, of which there is at least one.
    for (name, value) in &settings.dynamic_config {
        add("--dynamic-config-value", &format!("{name}={value}"));
    }
    for namespace in &settings.namespaces {
        add("--namespace", namespace);
    }
    match &settings.database {
        Database::File(path) => {
            add("--db-filename", &path.display());
            add("--sqlite-pragma", &"journal_mode=WAL");
            add("--sqlite-pragma", &"synchronous=NORMAL");
        }
        Database::Memory => {}
    }
    arguments.extend(settings.arguments.iter().map(OsString::from));
    arguments
}

/// The values that the command line of a running server shows.
#[derive(Debug, Default, PartialEq)]
pub struct Parsed {
    /// The options of stigmer that correspond to the command line.
    pub options: Options,
    /// The port of the server's Prometheus metrics.
    pub metrics_port: Option<u16>,
}

/// Parses a command line that [`arguments`] has created. If a wrapper script runs the server, skips
/// the words of the wrapper. `None` if the command line does not start a server.
#[must_use]
pub fn parse(words: &[String]) -> Option<Parsed> {
    let begin = words.windows(2).position(|pair| pair == ["server", "start-dev"])?;
    let mut parsed = Parsed::default();
    let options = &mut parsed.options;
    let mut rest = Vec::new();
    let mut words = words[begin + 2..].iter();
    while let Some(flag) = words.next() {
        // The arguments of stigmer come before those of the user, and each of them has a value.
        let mut value = || words.next().cloned().unwrap_or_default();
        match flag.as_str() {
            "--output" | "--log-format" | "--ip" if rest.is_empty() => drop(value()),
            "--sqlite-pragma" if rest.is_empty() && options.db.is_some() => drop(value()),
            "--log-level" => {
                options.temporal_log_level = TemporalLogLevel::from_str(&value(), false).ok();
            }
            "--port" => options.port = value().parse().ok(),
            "--ui-port" => options.ui_port = value().parse().ok(),
            "--metrics-port" => parsed.metrics_port = value().parse().ok(),
            "--namespace" => options.namespace.get_or_insert_default().push(value()),
            "--db-filename" => options.db = Some(value().into()),
            "--dynamic-config-value" if options.namespace.is_none() => {
                let setting = value();
                let setting = setting.split_once('=').filter(|it| *it != (MARK_AT_FAILURE, "1"));
                if let Some((name, value)) = setting {
                    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
                    let all = options.dynamic_config.get_or_insert_default();
                    all.insert(name.to_owned(), value);
                }
            }
            _ => rest.push(flag.clone()),
        }
    }
    options.in_memory = options.db.is_none().then_some(true);
    options.arguments = (!rest.is_empty()).then_some(rest);
    Some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Home;
    use serde_json::json;

    #[test]
    fn parsed_command_line_has_the_options_that_created_it() {
        let home = Home::at(std::path::Path::new("/tmp/parsed")).unwrap();
        let full = Options {
            port: Some(7300),
            ui_port: Some(8300),
            db: Some("/tmp/a b/x=y.db".into()),
            namespace: Some(vec!["default".into(), "orders".into()]),
            temporal_log_level: Some(TemporalLogLevel::Warn),
            arguments: Some(["--search-attribute", "A=Text", "--port-too"].map(Into::into).into()),
            ..Options::default()
        };
        let headless = Options {
            port: Some(7300),
            in_memory: Some(true),
            namespace: Some(vec!["default".into()]),
            temporal_log_level: Some(TemporalLogLevel::Info),
            arguments: Some(vec!["--headless".into()]),
            ..Options::default()
        };
        let configured = Options {
            port: Some(7300),
            ui_port: Some(8300),
            in_memory: Some(true),
            namespace: Some(vec!["default".into()]),
            temporal_log_level: Some(TemporalLogLevel::Info),
            arguments: Some(["--dynamic-config-value", "a.b=true"].map(Into::into).into()),
            ..Options::default()
        };
        let marked_late = Options {
            arguments: Some(
                ["--dynamic-config-value", &format!("{MARK_AT_FAILURE}=5")].map(Into::into).into(),
            ),
            ..configured.clone()
        };
        let settings = [("a.b", json!([1, {"c": "d=e"}])), (MARK_AT_FAILURE, json!(3))];
        let project = Options {
            dynamic_config: Some(settings.map(|(name, value)| (name.to_owned(), value)).into()),
            ..configured.clone()
        };
        for options in [full, headless, configured, marked_late, project] {
            let settings = Settings::resolve(home.clone(), options.clone()).unwrap();
            let line = arguments(&settings, 40_001);
            let words = ["bash", "/opt/wrapper"].map(String::from).into_iter();
            let words: Vec<String> =
                words.chain(line.iter().map(|word| word.to_str().unwrap().to_owned())).collect();
            let parsed = parse(&words).unwrap();
            assert_eq!(parsed, Parsed { options, metrics_port: Some(40_001) });
        }
        assert_eq!(parse(&["temporal", "server"].map(String::from)), None);
    }
}
