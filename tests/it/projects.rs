//! The project file: where it is found, the options that it sets, and its mistakes.

use crate::support::rig::{REUSED, Ran, Rig};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of a project.
struct Folder(PathBuf);

impl Folder {
    /// A project with a folder in it.
    fn new(rig: &Rig, name: &str, text: &str) -> Self {
        let folder = Self(rig.folder().join(name));
        std::fs::create_dir_all(folder.0.join("src")).unwrap();
        folder.write(text);
        folder
    }

    fn file(&self) -> PathBuf {
        self.0.join("stigmer.toml")
    }

    fn write(&self, text: &str) {
        // With one change, so that no host reads an empty file.
        let draft = self.0.join("draft");
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(draft, self.file()).unwrap();
    }

    /// `stigmer local …` in a folder within the project.
    fn local(&self, rig: &Rig, arguments: &[&str]) -> Command {
        let mut command = rig.local(arguments);
        command.current_dir(self.0.join("src"));
        command
    }

    #[track_caller]
    fn run(&self, rig: &Rig, arguments: &[&str]) -> Ran {
        rig.finish(self.local(rig, arguments))
    }
}

/// The place of a line for messages. The home folder of the user is the folder of the rig.
fn place(rig: &Rig, file: &Path, line: usize) -> String {
    format!("~/{}:{line}", file.strip_prefix(rig.folder()).unwrap().display())
}

#[test]
fn project_sets_options_and_status_names_the_line() {
    let mut rig = Rig::new();
    rig.set("max-restarts", "7");
    rig.set("failure-threshold", "7");
    let shop = Folder::new(
        &rig,
        "shop",
        "[temporal]\n\
         namespace = [\"default\", \"orders\"]\n\
         dynamic-config = { \"frontend.enableUpdateWorkflowExecution\" = true }\n\
         max-restarts = 8\nprobe-period = \"2s\"\nprobe-timeout = \"3s\"\n",
    );
    let mut start = shop.local(&rig, &["--probe-period", "4s"]);
    start.env("STIGMER_PROBE_PERIOD", "5s").env("STIGMER_PROBE_TIMEOUT", "6s");
    let started = rig.finish(start).exits(0);
    assert_eq!(started.stderr, "");

    let options = rig.status()["options"].clone();
    assert_eq!(options["namespace"], json!(["default", "orders"]));
    assert_eq!(options["probe-period"], "4s", "a flag beats all");
    assert_eq!(options["probe-timeout"], "6s", "a variable beats the project file");
    assert_eq!(options["max-restarts"], 8, "the project file beats config.toml");
    assert_eq!(options["failure-threshold"], 7, "config.toml beats the default");
    rig.cli(&["operator", "namespace", "describe", "-n", "orders"]).exits(0);
    let words = std::fs::read_to_string(format!("/proc/{}/cmdline", rig.temporal().pid)).unwrap();
    assert!(words.contains("frontend.enableUpdateWorkflowExecution=true"), "{words}");

    let shown = shop.run(&rig, &["status"]).exits(0).stdout;
    let place = |line| place(&rig, &shop.file(), line);
    for text in [
        &format!("namespace default,orders ({})", place(2)),
        &format!("max-restarts 8 ({})", place(4)),
        &format!("probe-period 4s (set at the start; {} has 2s)", place(5)),
        "failure-threshold 7 (config.toml)",
    ] {
        assert!(shown.contains(text), "no `{text}` in: {shown}");
    }

    // A restart keeps the options, also from a folder without a project.
    rig.run(&["restart"]).exits(0);
    assert_eq!(rig.status()["options"], options);
}

#[test]
fn running_server_with_other_options_is_reused_with_a_warning() {
    let rig = Rig::new();
    let shop = Folder::new(&rig, "shop", "[temporal]\nprobe-period = \"2s\"\n");
    shop.run(&rig, &[]).exits(0);
    shop.write("[temporal]\n\nprobe-period = \"7s\"\n");
    let temporal = rig.temporal();
    let ran = shop.run(&rig, &[]).exits(0);
    let place = place(&rig, &shop.file(), 3);
    assert_eq!(ran.says(), REUSED);
    ran.complains(&["warning", &place, "--probe-period is 2s", "7s", "`stigmer local stop`"]);
    for without in [vec!["--no-project"], vec!["--probe-period", "2s"]] {
        assert_eq!(shop.run(&rig, &without).exits(0).stderr, "", "{without:?}");
    }
    shop.run(&rig, &["--probe-period", "3s"]).exits(1).complains(&["2s", "3s"]);
    assert_eq!(rig.temporal().pid, temporal.pid);
}

#[test]
fn mistakes_are_an_error_of_a_start_only() {
    let rig = Rig::new();
    let text =
        "[temporal]\nprot = 7300\n\n[worker.orders]\nrun = \"python worker.py\"\nwatc = []\n";
    let shop = Folder::new(&rig, "shop", text);
    let places = [2, 6].map(|line| place(&rig, &shop.file(), line));
    let words = [places[0].as_str(), "`port`", places[1].as_str(), "`watch`"];
    let starts: [&[&str]; 4] = [&[], &["--tui"], &["--no-tui"], &["restart"]];
    for start in starts {
        shop.run(&rig, start).exits(1).complains(&words);
    }
    rig.assert_nothing_runs();

    shop.run(&rig, &["--no-project"]).exits(0);
    for command in ["status", "logs", "events", "env"] {
        shop.run(&rig, &[command]).exits(0).complains(&["warning"]).complains(&words);
    }
    // On a busy machine the problems may still be unknown, which is exit code 1.
    shop.run(&rig, &["problems"]).complains(&["warning"]).complains(&words);
    shop.run(&rig, &["restart"]).exits(1).complains(&words);
    assert_eq!(rig.status()["temporal"]["generation"], 1);
    shop.run(&rig, &["stop"]).exits(0).complains(&words);
    rig.assert_nothing_runs();
}

#[test]
fn file_is_chosen_by_option_and_variable() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::new();
    let period = |period: &str| format!("[temporal]\nprobe-period = \"{period}\"\n");
    let nearest = Folder::new(&rig, "nearest", &period("2s"));
    let other = Folder::new(&rig, "other", &period("3s"));
    let asked = |arguments: &[&str], variable: Option<&Path>| {
        let mut command = nearest.local(&rig, arguments);
        command.envs(variable.map(|file| ("STIGMER_PROJECT", file)));
        rig.finish(command).exits(0);
        let period = rig.status()["options"]["probe-period"].clone();
        rig.stop();
        period
    };
    assert_eq!(asked(&[], None), "2s");
    assert_eq!(asked(&["--project", "../../other/stigmer.toml"], None), "3s");
    assert_eq!(asked(&[], Some(&other.file())), "3s");
    assert_eq!(asked(&["--no-project"], Some(&other.file())), "1s");

    rig.run(&["--project", "/nothing/stigmer.toml"]).exits(1).complains(&["/nothing/stigmer.toml"]);
    rig.run(&["--project", "other"]).exits(1).complains(&["it is a folder", "path of the file"]);
    std::fs::set_permissions(other.file(), PermissionsExt::from_mode(0o666)).unwrap();
    rig.run(&["--project", "other/stigmer.toml"]).exits(1).complains(&["every user may write"]);
    rig.assert_nothing_runs();
}
