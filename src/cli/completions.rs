//! `stigmer completions`: prints the completions for a shell. Also `stigmer local names`, a hidden command that the
//! completions run for the names of the workers.

use super::{ProjectChoice, output};
use crate::hosting;
use crate::log::UnitLog;
use crate::paths::Home;
use clap::Command;
use clap_complete::Shell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Name of the hidden subcommand of `local`.
pub(super) const NAMES: &str = "names";

/// Subcommands of `local` that accept names of units.
const WITH_NAMES: [&str; 4] = ["start", "stop", "restart", "logs"];

/// Maximum time of a search for names: a user waits for the completion.
const PATIENCE: Duration = Duration::from_millis(400);

/// Returns the completions of `command` for a shell.
pub(super) fn script(shell: Shell, command: &mut Command) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, command, "stigmer", &mut text);
    let text = String::from_utf8_lossy(&text);
    match shell {
        Shell::Bash => format!("{text}\n{}", bash(command)),
        Shell::Zsh => zsh(&text),
        Shell::Fish => format!("{text}{}", fish()),
        _ => text.into_owned(),
    }
}

/// A function that adds the names to the words of the generated function. No name follows an option that needs a value.
fn bash(command: &Command) -> String {
    let local = command.find_subcommand("local");
    let of_names = WITH_NAMES.iter().filter_map(|name| local?.find_subcommand(name));
    let with_value = of_names
        .flat_map(Command::get_arguments)
        .filter(|it| !it.is_positional() && it.get_action().takes_values());
    let options: BTreeSet<String> = with_value
        .flat_map(|it| {
            let long = it.get_long().map(|name| format!("--{name}"));
            long.into_iter().chain(it.get_short().map(|name| format!("-{name}")))
        })
        .collect();
    let options: Vec<String> = options.into_iter().collect();
    format!(
        r#"_stigmer_with_names() {{
    _stigmer "$@"
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" at
    [[ "$current" == -* ]] && return
    case "$previous" in
        {}) return ;;
    esac
    for (( at = 2; at < COMP_CWORD; at++ )); do
        case "${{COMP_WORDS[at-1]}} ${{COMP_WORDS[at]}}" in
            {})
                COMPREPLY=( $(compgen -W "$("$1" local {NAMES} 2>/dev/null)" -- "$current") )
                return ;;
        esac
    done
}}
complete -F _stigmer_with_names -o bashdefault -o default stigmer
"#,
        options.join("|"),
        WITH_NAMES.map(|name| format!("\"local {name}\"")).join("|"),
    )
}

/// The generated text with a function for the names in the place of files.
fn zsh(text: &str) -> String {
    let lines = text.lines().map(|line| match line.strip_suffix(":_default' \\") {
        Some(spec) if spec.starts_with("'*::names -- ") => format!("{spec}:_stigmer_names' \\\n"),
        _ => format!("{line}\n"),
    });
    let names = format!(
        "\n_stigmer_names() {{\n    local -a names\n    \
         names=(${{(f)\"$($service local {NAMES} 2>/dev/null)\"}})\n    compadd -a names\n}}\n"
    );
    let text: String = lines.collect();
    match text.split_once('\n') {
        Some((first, rest)) => format!("{first}\n{names}{rest}"),
        None => text,
    }
}

fn fish() -> String {
    format!(
        "complete -c stigmer -n \"__fish_stigmer_using_subcommand local; and __fish_seen_subcommand_from {}\" \
         -f -a \"(stigmer local {NAMES} 2>/dev/null)\"\n",
        WITH_NAMES.join(" ")
    )
}

/// Prints the server and the workers of the project file and of the home, one name in each line. Prints no error and
/// does not wait for a file system or a host that does not respond.
pub(super) fn print_names(home: Option<PathBuf>, project: ProjectChoice) -> i32 {
    let (sender, names) = mpsc::channel();
    let (of_home, of_project) = (sender.clone(), sender);
    let in_home = move || {
        let Some(root) = home.or_else(|| Home::default_root().ok()) else { return };
        let status = Home::at(&root).ok().and_then(|home| hosting::status(&home).ok());
        for worker in status.into_iter().flat_map(|status| status.workers) {
            let _ = of_home.send(worker.name);
        }
    };
    let in_project = move || {
        let project = project.load().ok().flatten();
        for worker in project.into_iter().flat_map(|project| project.workers) {
            let _ = of_project.send(worker.name);
        }
    };
    // Without a thread, for example at the limit of processes, names are missing.
    let _ = std::thread::Builder::new().spawn(in_home);
    let _ = std::thread::Builder::new().spawn(in_project);
    let mut found = BTreeSet::from([UnitLog::SERVER.to_owned()]);
    let deadline = Instant::now() + PATIENCE;
    while let Ok(name) = names.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        found.insert(name);
    }
    // The shells split these lines into words.
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    for name in found.iter().filter(|name| name.chars().all(is_part)) {
        output::line(name);
    }
    0
}
