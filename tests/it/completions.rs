//! Completions of the names of workers.

use crate::support::rig::Rig;
use crate::support::shop::Shop;
use crate::support::wait_until;
use rustix::process::Signal;

const ORDERS: &str = "[worker.orders]\nrun = [\"sleep\", \"1000\"]\nstart = false\n";

/// Waits until bash offers these names for the last of these words. On a busy machine, the search for names
/// may end before it has all of them.
#[track_caller]
fn wait_offered(shop: &Shop<'_>, words: &[&str], names: &[&str]) {
    wait_until(&format!("{names:?} for {words:?}"), || offered(shop, words) == names);
}

/// What bash offers for the last of these words, in the folder of the project.
#[track_caller]
fn offered(shop: &Shop<'_>, words: &[&str]) -> Vec<String> {
    let script = r#"source <("$0" completions bash)
        COMP_WORDS=("$0" "$@") COMP_CWORD=$#
        _stigmer_with_names "$0" "${@: -1}" "${@: -2:1}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = shop.rig.command("bash");
    bash.args(["-c", script]).arg(shop.rig.stigmer()).args(words);
    bash.env("STIGMER_HOME", &shop.rig.home).current_dir(&shop.folder);
    let ran = shop.rig.finish(bash).exits(0);
    assert_eq!(ran.stderr, "");
    ran.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_offers_the_workers_of_the_project_file_and_of_the_host() {
    let rig = Rig::new();
    Shop::new(&rig, "shop", ORDERS).run(&[]).exits(0);
    let other = Shop::new(&rig, "other", &ORDERS.replace("orders", "emails"));
    for command in ["start", "stop", "restart", "logs"] {
        wait_offered(&other, &["local", command, ""], &["emails", "orders", "server"]);
    }
    wait_offered(&other, &["local", "restart", "emails", "o"], &["orders"]);
    assert_eq!(offered(&other, &["local", "restart", "--y"]), ["--yes"]);
    assert_eq!(offered(&other, &["local", "logs", "--level", "w"]), ["warn"]);
    assert_eq!(offered(&other, &["local", "resta"]), ["restart"]);

    other.write("broken");
    let host = rig.host();
    host.signal(Signal::STOP);
    let names = offered(&other, &["local", "restart", ""]);
    host.signal(Signal::CONT);
    assert_eq!(names, ["server"]);
}

#[test]
fn zsh_and_fish_search_for_names_at_each_command_that_accepts_them() {
    let rig = Rig::new();
    let script = |shell: &str| {
        let mut command = rig.command(rig.stigmer());
        command.args(["completions", shell]);
        rig.finish(command).stdout
    };
    let zsh = script("zsh");
    assert!(zsh.starts_with("#compdef stigmer\n"), "{zsh}");
    assert_eq!(zsh.matches(":_stigmer_names'").count(), 4, "{zsh}");
    assert_eq!(zsh.matches("local names").count(), 1, "{zsh}");
    let fish = script("fish");
    assert!(fish.contains("__fish_seen_subcommand_from start stop restart logs\" -f"), "{fish}");
}
