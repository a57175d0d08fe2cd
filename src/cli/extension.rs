//! `temporal local`: stigmer as an extension of the Temporal CLI.
//!
//! The Temporal CLI runs the program `temporal-local` with the arguments of `temporal local`, but it
//! moves its own global options in front of all other arguments, also those after `--`. It does not
//! check their values. This module reads or refuses these options, in any place.

use super::{Cli, LocalCommand, MainCommand};
use crate::config::TemporalLogLevel;
use clap::builder::{PossibleValuesParser, ValueParser};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, value_parser};
use std::ffi::OsString;

/// Why `temporal local` has no such option, and what to use instead.
const REFUSED: &[(&str, &str)] = &[
    ("env", OTHER_SERVICE),
    ("env-file", OTHER_SERVICE),
    ("profile", OTHER_SERVICE),
    ("config-file", "it has its own configuration file, config.toml in its home; set --home"),
    ("color", "it prints colours on a terminal only; set NO_COLOR=1 to disable them"),
    ("time-format", "its formats are fixed; --json prints times for programs"),
    ("log-format", "it reads the log of the server as JSON; `temporal local logs` prints text"),
    ("command-timeout", TIME_LIMITS),
    ("client-connect-timeout", TIME_LIMITS),
];
const OTHER_SERVICE: &str = "it runs the server of its home; set --home for another home, or \
                             --address and --namespace to watch another server";
const TIME_LIMITS: &str = "the time limits of the server are --start-timeout, --stop-grace and \
                           --probe-timeout";

/// Options about things that stigmer never does, such as to read the configuration of the Temporal
/// CLI.
const WITHOUT_EFFECT: &[&str] =
    &["disable-config-env", "disable-config-file", "no-json-shorthand-payloads"];

const OUTPUT: &str = "output";
const LOG_LEVEL: &str = "log-level";

/// Adds the global options of the Temporal CLI to the definition of the command line.
pub(super) fn with_global_options(command: Command) -> Command {
    let global = |name: &'static str| Arg::new(name).long(name).global(true).hide(true);
    let outputs = PossibleValuesParser::new(["text", "json", "jsonl", "none"]);
    let refused = REFUSED.iter().map(|(name, _)| global(name));
    let without_effect = WITHOUT_EFFECT.iter().map(|name| {
        let is_optional = global(name).num_args(0..=1).require_equals(true);
        is_optional.value_parser(value_parser!(bool)).default_missing_value("true")
    });
    let level: ValueParser = value_parser!(TemporalLogLevel).into();
    let options: Vec<Arg> = refused
        .chain(without_effect)
        .chain([
            global(OUTPUT).short('o').value_parser(outputs),
            global(LOG_LEVEL).value_parser(level),
        ])
        .collect();
    command.mut_subcommand("local", |local| {
        local.version(env!("CARGO_PKG_VERSION")).display_name("stigmer").args(options)
    })
}

/// Converts the command line of `temporal-local` to that of `temporal`.
pub(super) fn line(line: Vec<OsString>) -> Vec<OsString> {
    ["temporal".into(), "local".into()].into_iter().chain(line.into_iter().skip(1)).collect()
}

/// Applies the global options of the Temporal CLI to `cli`.
///
/// # Errors
/// If `temporal local` does not support an option.
pub(super) fn apply(matches: &ArgMatches, cli: &mut Cli) -> Result<(), clap::Error> {
    let (MainCommand::Local(local), Some(matches)) =
        (&mut cli.command, matches.subcommand_matches("local"))
    else {
        return Ok(());
    };
    let is_given = |name| matches.value_source(name) == Some(ValueSource::CommandLine);
    if let Some((name, why)) = REFUSED.iter().find(|(name, _)| is_given(name)) {
        return Err(refusal(name, why));
    }
    match matches.get_one::<String>(OUTPUT).map(String::as_str) {
        Some("json" | "jsonl") => match local.command.as_mut().and_then(LocalCommand::json) {
            Some(json) => *json = true,
            None => {
                return Err(refusal(
                    "output json",
                    "this command prints no JSON; `status`, `problems`, `logs`, `events` and `env` do",
                ));
            }
        },
        Some("none") => return Err(refusal("output none", "redirect stdout to /dev/null")),
        _ => {}
    }
    if let Some(level) = matches.get_one::<TemporalLogLevel>(LOG_LEVEL) {
        match local.command {
            None | Some(LocalCommand::Start { .. } | LocalCommand::Restart { .. })
                if is_given("temporal_log_level") =>
            {
                return Err(refusal(LOG_LEVEL, "--temporal-log-level is given too"));
            }
            None | Some(LocalCommand::Start { .. } | LocalCommand::Restart { .. }) => {
                local.options.temporal_log_level = Some(*level);
            }
            Some(LocalCommand::Logs(_)) => {
                return Err(refusal(LOG_LEVEL, "use --level to filter the lines of the log"));
            }
            Some(_) => {
                return Err(refusal(
                    LOG_LEVEL,
                    "it is the level of the server, and this command starts no server",
                ));
            }
        }
    }
    Ok(())
}

fn refusal(option: &str, why: &str) -> clap::Error {
    let message = format!("`temporal local` does not support --{option} here: {why}\n");
    clap::Error::raw(ErrorKind::ArgumentConflict, message)
}

impl LocalCommand {
    /// The option `--json` of this command.
    fn json(&mut self) -> Option<&mut bool> {
        match self {
            Self::Status { json }
            | Self::Problems { json }
            | Self::Events { json, .. }
            | Self::Env { json } => Some(json),
            Self::Logs(arguments) => Some(&mut arguments.json),
            Self::Start { .. }
            | Self::Stop { .. }
            | Self::Restart { .. }
            | Self::Install { .. }
            | Self::Init { .. }
            | Self::Names
            | Self::BackgroundHost { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::Caller;
    use crate::cli::parse;
    use clap::CommandFactory;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        parse(Cli::command(), line.split(' ').map(OsString::from))
    }

    fn local(line: &str) -> super::super::Local {
        let cli = parsed(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(cli.caller, Caller::TemporalCli);
        let MainCommand::Local(local) = cli.command else { panic!("{line}") };
        *local
    }

    #[test]
    fn arguments_are_those_of_stigmer_local() {
        assert!(local("/usr/bin/temporal-local --tui").tui);
        let local = local("temporal-local --address 10.0.0.1:7233 --namespace a --port 7300");
        assert_eq!(local.options.port, Some(7300));
        assert_eq!(parsed("stigmer local").unwrap().caller, Caller::Shell);
        let usage = parsed("temporal-local --help").unwrap_err().to_string();
        assert!(usage.contains("Usage: temporal local "), "{usage}");
        assert!(!usage.contains("--disable-config-env"), "{usage}");
    }

    #[test]
    fn output_option_selects_json_in_any_place() {
        for line in [
            "temporal-local -o json status",
            "temporal-local --output=json status",
            "temporal-local status --output jsonl",
            "temporal-local status -ojson",
        ] {
            let Some(LocalCommand::Status { json }) = local(line).command else { panic!("{line}") };
            assert!(json, "{line}");
        }
        let Some(LocalCommand::Logs(logs)) = local("temporal-local -o json logs -f").command else {
            panic!()
        };
        assert!(logs.json);
        let Some(LocalCommand::Status { json }) = local("temporal-local -o text status").command
        else {
            panic!()
        };
        assert!(!json);
    }

    #[test]
    fn log_level_is_that_of_the_server() {
        for line in ["temporal-local --log-level warn", "temporal-local --log-level warn restart"] {
            assert_eq!(
                local(line).options.temporal_log_level,
                Some(TemporalLogLevel::Warn),
                "{line}"
            );
        }
    }

    #[test]
    fn other_global_options_are_refused_or_have_no_effect() {
        for (line, reason) in [
            ("temporal-local --env dev status", "--home"),
            ("temporal-local status --profile dev", "--address"),
            ("temporal-local --output json stop", "prints no JSON"),
            ("temporal-local --output none status", "/dev/null"),
            ("temporal-local --log-level warn logs", "--level"),
            ("temporal-local --log-level warn status", "starts no server"),
            ("temporal-local --log-level warn --temporal-log-level info", "given too"),
            ("temporal-local --command-timeout 3s", "--start-timeout"),
        ] {
            let error = parsed(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            let message = error.to_string();
            assert!(message.contains("does not support"), "{line}: {message}");
            assert!(message.contains(reason), "{line}: {message}");
        }
        local("temporal-local --disable-config-file --disable-config-env=false status");
        // Only the Temporal CLI has these options.
        assert!(parsed("stigmer local --env dev").is_err());
        assert!(parsed("stigmer local -o json status").is_err());
    }
}
