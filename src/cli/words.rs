//! Suggests a command if the user types an unknown one. Also decides which options the help and the
//! shell completions list.

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
    ("start", ""),
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

/// Returns the name that is most similar to `typed`. `None` if all names differ so much that a
/// typing error is unlikely.
fn nearest<'n>(typed: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let slips = |name: &str| slips(typed, name);
    let (count, name) = names.map(|name| (slips(name), name)).min()?;
    (count <= typed.len() / 3).then_some(name)
}

/// Number of typing errors that turn one word into the other. Each error inserts, deletes or
/// replaces a letter, or swaps two neighboring letters.
fn slips(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// Hides options from the help of each subcommand of `local` that does not use them. The subcommand
/// still accepts and ignores these options.
pub(super) fn listed(cli: Command) -> Command {
    let hide_unused = |local: Command| {
        let shared = local.get_arguments().filter(|it| it.is_global_set() && it.get_id() != "home");
        let unused: Vec<Arg> = shared.map(|it| it.clone().hide(true)).collect();
        local.mut_subcommands(|task| match task.get_name() {
            "restart" => task,
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
