//! Creates the manual page from the definition of the command line.

use std::io;

/// Returns the manual page of `command` and its subcommands, in roff format.
pub(super) fn page(command: &clap::Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    manual(command, &mut text)?;
    extension(&mut text)?;
    environment_of(command, &mut text)?;
    Ok(text)
}

/// Appends the manual pages of a command and of its subcommands.
pub(super) fn manual(command: &clap::Command, text: &mut Vec<u8>) -> io::Result<()> {
    clap_mangen::Man::new(command.clone()).render(text)?;
    let shown = |command: &&clap::Command| !command.is_hide_set() && command.get_name() != "help";
    command.get_subcommands().filter(shown).try_for_each(|command| manual(command, text))
}

/// Appends the section on `temporal local` to the manual page.
fn extension(text: &mut Vec<u8>) -> io::Result<()> {
    use clap_mangen::roff::{Roff, roman};
    let mut section = Roff::new();
    section.control("SH", ["TEMPORAL LOCAL"]);
    section.text([roman(
        "If temporal-local is on PATH, `temporal local` of the Temporal CLI is the same as `stigmer local`. \
         The dashboard and --no-tui then always use a background host, because the Temporal CLI kills \
         stigmer after a signal.",
    )]);
    section.to_writer(text)
}

/// Appends the section on environment variables to the manual page.
pub(super) fn environment_of(command: &clap::Command, text: &mut Vec<u8>) -> io::Result<()> {
    use clap_mangen::roff::{Roff, bold, roman};
    let mut section = Roff::new();
    section.control("SH", ["ENVIRONMENT"]);
    let arguments = command.get_subcommands().flat_map(clap::Command::get_arguments);
    for argument in arguments {
        let (Some(variable), Some(option)) = (argument.get_env(), argument.get_long()) else {
            continue;
        };
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        section.control("TP", []);
        section.text([bold(variable.to_string_lossy())]);
        section.text([roman(format!("Same as --{option}: {help}"))]);
    }
    for (variable, help) in OTHER_VARIABLES {
        section.control("TP", []);
        section.text([bold(*variable)]);
        section.text([roman(*help)]);
    }
    section.to_writer(text)
}

/// Environment variables that do not set an option, with their descriptions.
const OTHER_VARIABLES: &[(&str, &str)] = &[
    ("STIGMER_LOG_LEVEL", "Level of stigmer's own log: error, warn, info, debug or trace."),
    (
        "STIGMER_ALLOW_NETWORK_HOME",
        "Any value allows a home and a database on a network or FUSE file system, where locks may \
         not work.",
    ),
    ("HTTPS_PROXY", "Proxy for the download of the Temporal CLI."),
    ("TZ", "Time zone of printed times."),
    (
        "LC_ALL, LC_CTYPE, LANG",
        "Locale. The dashboard draws Unicode characters in a UTF-8 locale, \
                                else ASCII characters.",
    ),
    ("NO_COLOR", "Any value disables colours."),
    (
        "PAGER, EDITOR",
        "Program that the key e of the dashboard starts to open a log. PAGER is used \
                       first.",
    ),
];
