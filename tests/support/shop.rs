//! A project with workers, in a folder of a rig.

use super::process::Process;
use super::python;
use super::rig::{Ran, Rig};
use super::sdk::Sdk;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The folder of a project.
pub struct Shop<'r> {
    pub rig: &'r Rig,
    pub folder: PathBuf,
}

impl<'r> Shop<'r> {
    /// Creates the folder with this project file.
    pub fn new(rig: &'r Rig, name: &str, text: &str) -> Self {
        let folder = rig.folder().join(name);
        std::fs::create_dir(&folder).unwrap();
        let shop = Self { rig, folder };
        shop.write(text);
        shop
    }

    /// Creates the folder with a worker of each SDK in this mode (see `tests/samples/shop.py`). `more` are
    /// further lines of the worker. Its name is also the name of its queue.
    pub fn of(rig: &'r Rig, sdks: &[Sdk], mode: &str, more: impl Fn(Sdk) -> String) -> Self {
        let section = |sdk: &Sdk| {
            let run = sdk.command(&[sdk.name(), mode]);
            let mut more = more(*sdk);
            if !more.contains("start-timeout") {
                // On a busy machine, an SDK may need more than the default 30 s to start.
                more.push_str("\nstart-timeout = \"5m\"");
            }
            format!("[worker.{}]\nrun = {run:?}\n{more}\n", sdk.name())
        };
        let shop = Self::new(rig, "shop", &sdks.iter().map(section).collect::<String>());
        sdks.iter().for_each(|sdk| sdk.install(&shop.folder));
        shop
    }

    /// Replaces the project file.
    pub fn write(&self, text: &str) {
        self.put("stigmer.toml", text);
    }

    /// Creates or replaces a file of the project with one change, as editors do.
    pub fn put(&self, name: &str, text: &str) {
        let draft = self.rig.folder().join("draft");
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(draft, self.folder.join(name)).unwrap();
    }

    pub fn file(&self) -> PathBuf {
        self.folder.join("stigmer.toml")
    }

    /// Runs `stigmer local …` in the folder, to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.rig.local(arguments);
        command.current_dir(&self.folder);
        self.rig.finish(command)
    }

    /// Waits until a worker satisfies the condition. Returns the worker as the status shows it.
    #[track_caller]
    pub fn wait_for(&self, name: &str, what: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let status = self.rig.wait_for(&format!("{name}: {what}"), |status| {
            worker(status, name).is_some_and(&condition)
        });
        worker(&status, name).unwrap().clone()
    }

    /// Waits until a worker has this state.
    #[track_caller]
    pub fn wait_state(&self, name: &str, state: &str) -> Value {
        self.wait_for(name, state, |worker| worker["state"] == state)
    }

    /// Waits until this start of a worker is ready.
    #[track_caller]
    pub fn wait_ready(&self, name: &str, generation: u64) -> Value {
        self.wait_for(name, &format!("generation {generation} is ready"), |worker| {
            worker["state"] == "ready" && worker["generation"] == generation
        })
    }

    /// The spawned process of a worker.
    #[track_caller]
    pub fn process(&self, name: &str) -> Process {
        let status = self.rig.status();
        let pid = worker(&status, name).and_then(|worker| worker["pid"].as_i64());
        let pid = pid.unwrap_or_else(|| panic!("{name} does not run: {status:#}"));
        Process::pin(i32::try_from(pid).unwrap()).unwrap()
    }

    /// Starts a workflow on a queue. It waits for [`Self::pay`].
    #[track_caller]
    pub fn order(&self, queue: &str, id: &str) {
        self.order_item(queue, id, "o");
    }

    /// Starts a workflow for this item on a queue. It waits for [`Self::pay`].
    #[track_caller]
    pub fn order_item(&self, queue: &str, id: &str, item: &str) {
        let order = ["workflow", "start", "--type", "Order", "--task-queue", queue];
        let input = format!("{item:?}");
        self.rig.cli(&[&order[..], &["--workflow-id", id, "--input", &input]].concat()).exits(0);
    }

    /// Lets a workflow continue.
    #[track_caller]
    pub fn pay(&self, id: &str) {
        self.rig.cli(&["workflow", "signal", "--workflow-id", id, "--name", "pay"]).exits(0);
    }

    /// Waits until a workflow completes.
    #[track_caller]
    pub fn wait_packed(&self, id: &str) {
        let result = self.rig.cli(&["workflow", "result", "--workflow-id", id]).exits(0);
        assert!(result.stdout.contains("packed"), "{}", result.stdout);
    }

    /// The history of a workflow as JSON.
    #[track_caller]
    pub fn history(&self, id: &str) -> String {
        self.rig.cli(&["workflow", "show", "--workflow-id", id, "-o", "json"]).exits(0).stdout
    }

    /// The ends of a worker: generation, cause and detail.
    pub fn ends(&self, name: &str) -> Vec<(u64, String, String)> {
        let events = self.rig.run(&["events", "--json"]).exits(0).stdout;
        let entries = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let ended = entries.filter(|it| it["worker"] == name && it["happened"] == "ended");
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        ended
            .map(|it| (it["generation"].as_u64().unwrap(), text(&it, "cause"), text(&it, "detail")))
            .collect()
    }

    /// The log of a worker.
    pub fn log(&self, name: &str) -> String {
        let path = self.rig.path(&format!("workers/{name}/log"));
        String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
    }
}

/// A worker in a status.
pub fn worker<'s>(status: &'s Value, name: &str) -> Option<&'s Value> {
    status["workers"].as_array()?.iter().find(|worker| worker["name"] == name)
}

/// The value of `run` for a worker of the Python SDK, see `tests/samples/shop.py`.
pub fn python_worker(arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/shop.py");
    let program = python::interpreter().display().to_string();
    let script = script.display().to_string();
    let words: Vec<&str> =
        [program.as_str(), &script].into_iter().chain(arguments.iter().copied()).collect();
    format!("{words:?}")
}
