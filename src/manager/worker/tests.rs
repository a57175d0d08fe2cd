use super::*;
use crate::process::identity::Identity;
use crate::process::lock::HostLock;
use crate::process::record::tests::record;
use crate::project::Project;
use crate::watch::ChangedFiles;
use std::process::{Child, Command};
use tempfile::TempDir;

/// A task that has adopted a process of its worker. The server is not ready, so `before` never begins by
/// itself.
struct Adopted {
    task: WorkerTask,
    child: Child,
    folder: TempDir,
    _lock: Arc<HostLock>,
    _server: watch::Sender<ServerAccess>,
}

impl Adopted {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        home.prepare(true).unwrap();
        let lock = Arc::new(HostLock::take(&home.supervisor_lock()).unwrap().unwrap());
        let project = folder.path().join("stigmer.toml");
        let text = "[worker.orders]\nrun = \"true\"\nbefore = \"true\"\nwatch = [\"*.txt\"]";
        let spec = Project::parse(&project, text, |_| Ok(true)).unwrap().workers.remove(0);
        let (_requests, requests) = mpsc::unbounded_channel();
        let (manager, _) = mpsc::unbounded_channel();
        let (_server, server) = watch::channel(ServerAccess::default());
        let assignment = Assignment {
            home,
            project,
            spec: Arc::new(spec),
            left: None,
            past: Arc::default(),
            wanted: None,
            base: None,
            sweeps: Sweeps::new(&lock),
            server,
        };
        let mut task = WorkerTask::new(assignment, requests, manager);
        task.files.prepare().unwrap();
        let child = Command::new("sleep").arg("300").spawn().unwrap();
        let leader = Identity::of(child.id().try_into().unwrap()).unwrap().unwrap();
        let watched = Watched::new(leader.prove().unwrap().unwrap()).unwrap();
        let record = Record { leader, extra: Vec::new(), ..record() };
        task.watch_again(&record, watched);
        Self { task, child, folder, _lock: lock, _server }
    }

    fn restart(&mut self, base: Option<Arc<BaseEnvironment>>) -> oneshot::Receiver<Outcome> {
        let (reply, outcome) = oneshot::channel();
        let command = WorkerCommand::Restart;
        self.task.handle(WorkerRequest::Command { command, base, reply });
        assert!(self.task.reloads.is_preparing());
        outcome
    }

    fn change(&mut self, file: &str) {
        let first = self.folder.path().join(file);
        self.task.files_changed(WatchReport::Changed(ChangedFiles { first, count: 1 }));
    }

    /// Whether the worker is stopped for the restart.
    fn is_stopping(&self) -> bool {
        matches!(self.task.unit.supervisor.state(), State::Stopping(_))
    }
}

impl Drop for Adopted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Variables that differ from those of this process.
fn other(value: &str) -> BaseEnvironment {
    let mut base = BaseEnvironment::default();
    base.set("SHELL_OF_TEST".as_ref(), Some(value.as_ref()));
    base
}

#[tokio::test]
async fn before_that_changes_watched_files_in_each_run_repeats_twice_and_is_reported() {
    let mut worker = Adopted::new();
    let _outcome = worker.restart(None);
    for run in 1..=3 {
        assert!(!worker.is_stopping(), "run {run}");
        worker.task.reloads.begin();
        worker.change("a.txt");
        worker.task.prepared(run, Some(Ok(())));
    }
    assert!(worker.is_stopping());
    let message = worker.task.facts.message();
    let trouble = "watched files change during each run of `before` (a.txt)";
    assert!(message.contains(trouble), "{message}");
}

#[tokio::test]
async fn before_that_changes_no_watched_file_any_more_ends_the_report() {
    let mut worker = Adopted::new();
    worker.task.facts.trouble(crate::facts::UNSETTLED, Some("unsettled".into()));
    let _outcome = worker.restart(None);
    worker.task.reloads.begin();
    worker.change("a.txt");
    worker.task.prepared(1, Some(Ok(())));
    assert!(!worker.is_stopping());
    worker.task.reloads.begin();
    worker.task.prepared(2, Some(Ok(())));
    assert!(worker.is_stopping());
    assert!(!worker.task.facts.message().contains("unsettled"));
}

#[tokio::test]
async fn change_while_before_waits_for_the_server_does_not_repeat_before() {
    let mut worker = Adopted::new();
    let _outcome = worker.restart(None);
    worker.change("a.txt");
    worker.task.reloads.begin();
    worker.task.prepared(1, Some(Ok(())));
    assert!(worker.is_stopping());
}

#[tokio::test]
async fn variables_of_a_command_replace_those_of_an_adopted_worker_that_are_read_later() {
    let mut worker = Adopted::new();
    let unlearned = worker.task.base.borrow().clone();
    let (command, running) = (Arc::new(other("command")), other("running"));
    let _outcome = worker.restart(Some(command.clone()));
    worker.task.learned(worker.task.facts.generation, Some(Box::new(running)), &unlearned);
    assert_eq!(*worker.task.base.borrow(), command);
}

#[tokio::test]
async fn restart_without_variables_keeps_those_of_an_adopted_worker_that_are_read_later() {
    let mut worker = Adopted::new();
    let unlearned = worker.task.base.borrow().clone();
    let running = other("running");
    let _outcome = worker.restart(None);
    worker.task.learned(worker.task.facts.generation, Some(Box::new(running.clone())), &unlearned);
    assert_eq!(**worker.task.base.borrow(), running);
}
