//! The command line of `temporal server start-dev`.

use crate::config::{Database, Options, Settings, TemporalLogLevel};
use clap::ValueEnum;
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

/// What a command line says.
#[derive(Debug, Default, PartialEq)]
pub struct Parsed {
    /// The options that it was made from, as far as it shows them.
    pub options: Options,
    /// The metrics port.
    pub metrics_port: Option<u16>,
}

/// The other way round: from the command line of a server that [`arguments`] has started, a
/// wrapper's own words before it included. `None` if it starts no server.
#[must_use]
pub fn parse(words: &[String]) -> Option<Parsed> {
    let begin = words.windows(2).position(|pair| pair == ["server", "start-dev"])?;
    let mut parsed = Parsed::default();
    let options = &mut parsed.options;
    let mut rest = Vec::new();
    let mut words = words[begin + 2..].iter();
    while let Some(flag) = words.next() {
        // What comes first is ours, and each of ours has a value.
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

    #[test]
    fn a_command_line_is_parsed_into_the_options_that_it_was_made_from() {
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
        for options in [full, headless] {
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
