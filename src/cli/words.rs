//! Suggests a command if the user types an unknown one. Also decides which options the help and the
//! shell completions list.

use crate::spelling::nearest;
use clap::error::{ContextKind, ContextValue, Error};
use clap::{Arg, Command};

/// Command names of other tools, each with the stigmer command for the same purpose. An empty name
/// means `stigmer local` without a subcommand.
const KNOWN_ELSEWHERE: &[(&str, &str)] = &[
    ("log", "logs"),
    ("down", "stop"),
    ("kill", "stop"),
    ("ps", "status"),
    ("info", "status"),
    ("history", "events"),
    ("timeline", "events"),
    ("up", ""),
    ("run", ""),
];

/// Returns the command line to suggest, if `error` is about an unknown command or option. `cli`
/// defines the whole command line.
pub(super) fn instead(error: &Error, cli: &Command) -> Option<String> {
    let typed =
        [ContextKind::InvalidSubcommand, ContextKind::InvalidArg].into_iter().find_map(|kind| {
            match error.get(kind)? {
                ContextValue::String(word) => Some(word.as_str()),
                _ => None,
            }
        })?;
    let local = cli.find_subcommand("local")?;
    let names = local.get_subcommands().filter(|it| !it.is_hide_set()).map(Command::get_name);
    let meant = KNOWN_ELSEWHERE
        .iter()
        .find_map(|(word, name)| (*word == typed).then_some(*name))
        .or_else(|| nearest(typed, names))?;
    Some(format!("stigmer local {meant}").trim_end().to_owned())
}

/// Hides options from the help of each subcommand of `local` that does not use them. The subcommand
/// still accepts and ignores these options.
pub(super) fn listed(cli: Command) -> Command {
    let hide_unused = |local: Command| {
        let shared = local.get_arguments().filter(|it| it.is_global_set() && it.get_id() != "home");
        let is_of_project = |it: &Arg| matches!(it.get_id().as_str(), "project" | "no_project");
        let unused: Vec<Arg> = shared.map(|it| it.clone().hide(true)).collect();
        local.mut_subcommands(|task| match task.get_name() {
            "restart" => task,
            "status" => task.args(unused.iter().filter(|it| !is_of_project(it))),
            // Define a hidden copy of each unused option in the subcommand. clap passes an option
            // of `local` on only to a subcommand that does not define the same option.
            _ => task.args(&unused),
        })
    };
    cli.mut_subcommands(|it| if it.get_name() == "local" { hide_unused(it) } else { it })
}

/// Returns the command without internal subcommands and hidden options, for shell completions. The
/// caller must call `build` on `command` before, so that each subcommand has all its options.
pub(super) fn public(command: &Command) -> Command {
    // clap needs a static name, so leak the string. That is harmless, because the process ends
    // after it has printed the completions.
    let clean = Command::new(&*command.get_name().to_owned().leak());
    let about = command.get_about().cloned().unwrap_or_default();
    let is_own = |it: &&Arg| {
        use clap::ArgAction::{Help, HelpLong, HelpShort, Version};
        !it.is_hide_set() && !matches!(it.get_action(), Help | HelpLong | HelpShort | Version)
    };
    let is_public = |it: &&Command| !it.is_hide_set() && it.get_name() != "help";
    clean
        .about(about)
        .args(command.get_arguments().filter(is_own).map(|it| it.clone().global(false)))
        .subcommands(command.get_subcommands().filter(is_public).map(public))
}
