//! The projects in `examples/`, as they are.

use crate::support::rig::{READY, Rig};
use crate::support::{python, typescript};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A copy of an example in the folder of a rig.
struct Example<'r> {
    rig: &'r Rig,
    folder: PathBuf,
}

impl<'r> Example<'r> {
    /// Copies an example. `packages` is its folder of installed packages, which lies in `installed`.
    fn new(rig: &'r Rig, name: &str, packages: &str, installed: &Path) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        let folder = rig.folder().join(name);
        copy(&source, &folder, packages);
        std::os::unix::fs::symlink(installed, folder.join(packages)).unwrap();
        Self { rig, folder }
    }

    /// Runs `stigmer local` in the folder of the example, then a script that starts a workflow and
    /// waits for its result. The activity of the workflow fails three times.
    fn completes(&self, start: &[&str], error: &str, result: &str) {
        let mut local = self.rig.local(&[]);
        // `tsx` makes a folder for each user id in the folder for temporary files. In a user namespace, the id
        // may be that of another user outside.
        local.current_dir(&self.folder).env("TMPDIR", self.rig.folder());
        assert_eq!(self.rig.finish(local).exits(0).says(), READY);
        let mut script = self.rig.command(start[0]);
        script.args(&start[1..]).current_dir(&self.folder);
        script.env("TEMPORAL_ADDRESS", self.rig.address()).env("TMPDIR", self.rig.folder());
        let ran = self.rig.finish(script).exits(0);
        assert!(ran.stdout.contains(&format!("completed: {result}")), "{ran:?}");
        let id = ran.stdout.lines().find_map(|line| line.strip_prefix("started ")).unwrap();
        let history = self.rig.cli(&["workflow", "show", "--workflow-id", id, "-o", "json"]);
        let history: Value = serde_json::from_str(&history.stdout).unwrap();
        let mut events = history["events"].as_array().unwrap().iter();
        let started = events
            .find_map(|event| event.get("activityTaskStartedEventAttributes"))
            .expect("the activity has started");
        assert_eq!(started["attempt"], 4, "{started:#}");
        assert!(started["lastFailure"].to_string().contains(error), "{started:#}");
        // The server has started before the worker has.
        let logs = self.rig.run(&["logs"]).exits(0).stdout;
        let at = |text: &str| logs.find(text).unwrap_or_else(|| panic!("no {text} in {logs}"));
        assert!(at("server ") < at("worker started"), "{logs}");
        self.rig.stop();
    }
}

fn copy(from: &Path, to: &Path, except: &str) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != except {
                copy(&from, &to, except);
            }
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

#[test]
fn python_example_completes_a_workflow_after_retries() {
    let rig = Rig::new();
    let example = Example::new(&rig, "python", ".venv", python::environment());
    example.completes(
        &[".venv/bin/python", "start.py"],
        "the bank does not respond (attempt 3)",
        "charged o-1",
    );
}

#[test]
fn typescript_example_completes_a_workflow_after_retries() {
    let rig = Rig::new();
    let Some(packages) = typescript::packages() else { return };
    let example = Example::new(&rig, "typescript", "node_modules", packages);
    example.completes(&["npm", "start"], "the carrier does not respond (attempt 3)", "shipped o-1");
}
