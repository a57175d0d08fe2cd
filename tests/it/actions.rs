//! Actions on workflows of a worker of the real Python SDK.

use crate::stage::Stage;
use crate::support::python::worker;
use crate::support::rig::{Ran, Rig};
use crate::support::{server, wait_until};
use rustix::process::Signal;
use serde_json::Value;
use std::time::Duration;
use stigmer::temporal::actions::{RetriedActivities, RunRef};
use stigmer::temporal::executions::ExecutionStatus;
use stigmer::temporal::health::Client;
use stigmer::temporal::saved_history::save_history;
use stigmer_ui::request::{
    ResetPoint, RetriedActivity, WorkflowAction, WorkflowCall, WorkflowRequest, WorkflowTarget,
};
use tokio_util::task::TaskTracker;

const QUEUE: &str = "orders";

impl Stage {
    /// A server with the worker of actions.
    fn with_worker() -> Self {
        let rig = Rig::new();
        rig.start();
        let worker = worker(&rig, "default", QUEUE, "one");
        Self::of(rig, worker)
    }

    /// Starts a workflow. Returns its run.
    fn start(&self, workflow_type: &str, id: &str, input: &[&str]) -> RunRef {
        let words =
            ["workflow", "start", "--type", workflow_type, "--task-queue", QUEUE, "--workflow-id"];
        let output = [id, "--output", "json"];
        let started = self.rig.cli(&[&words, &output[..], input].concat()).exits(0);
        let started: Value = serde_json::from_str(&started.stdout).unwrap();
        RunRef {
            namespace: "default".to_owned(),
            workflow_id: id.to_owned(),
            run_id: started["runId"].as_str().unwrap().to_owned(),
        }
    }

    /// The status of a run. `None` if there is no such run.
    fn status(&self, run: &RunRef) -> Option<ExecutionStatus> {
        let description =
            self.run(self.client.describe_run(&run.namespace, &run.workflow_id, &run.run_id));
        description.unwrap().map(|it| it.execution.status)
    }

    #[track_caller]
    fn wait_for(&self, run: &RunRef, status: ExecutionStatus) {
        let mut last = None;
        wait_until(&format!("{status:?} {run:?}, now {last:?}"), || {
            last = self.status(run);
            last == Some(status)
        });
    }

    /// The type of each event, from the first to the last.
    fn events(&self, run: &RunRef) -> Vec<String> {
        let words = ["workflow", "show", "--output", "json", "--workflow-id", &run.workflow_id];
        let shown = self.rig.cli(&[&words[..], &["--run-id", &run.run_id]].concat()).exits(0);
        let history: Value = serde_json::from_str(&shown.stdout).unwrap();
        let events = history["events"].as_array().unwrap().iter();
        events.map(|it| it["eventType"].as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    fn wait_for_event(&self, run: &RunRef, event: &str) {
        wait_until(event, || self.events(run).iter().any(|it| it == event));
    }

    /// Waits until visibility shows the runs. A batch operation finds them there, and visibility is updated
    /// after a start.
    #[track_caller]
    fn wait_visible(&self, runs: &[&RunRef]) {
        let ids: Vec<String> = runs.iter().map(|run| format!("'{}'", run.run_id)).collect();
        let query = format!("RunId IN ({})", ids.join(", "));
        wait_until("visibility shows the runs", || {
            let found = self.run(self.client.list("default", &query, 10, &[])).unwrap();
            found.executions.len() == runs.len()
        });
    }

    /// Runs the command that the dashboard shows for an action, in a shell.
    fn shell(&self, action: WorkflowAction, runs: &[&RunRef]) -> Ran {
        let target = |run: &&RunRef| WorkflowTarget {
            namespace: run.namespace.clone(),
            workflow_id: run.workflow_id.clone(),
            run_id: run.run_id.clone(),
            is_open: true,
            activity: Some(RetriedActivity { type_name: "second_try".into(), id: "1".into() }),
        };
        if runs.len() > 1 {
            self.wait_visible(runs);
        }
        let request = WorkflowRequest { action, targets: runs.iter().map(target).collect() };
        let line = request.command(Some(&self.rig.address()));
        let folder = server::program().parent().unwrap().display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut ran = None;
        // The server performs one batch operation at a time.
        wait_until("the end of the batch operation before", || {
            let mut command = self.rig.command("/bin/sh");
            command.env("PATH", format!("{folder}:{path}")).args(["-c", &line]);
            let now = self.rig.finish(command);
            let is_done = !now.stderr.contains("Max concurrent batch operations");
            ran = Some(now);
            is_done
        });
        ran.unwrap().exits(0)
    }

    fn end(self) {
        self.worker.process().signal(Signal::INT);
        self.worker.finish();
    }
}

#[test]
fn open_workflow_is_signalled_queried_updated_and_ended() {
    let stage = Stage::with_worker();
    let Stage { client, .. } = &stage;
    let basket = stage.start("Basket", "basket-1", &[]);
    for item in ["apple", "pear"] {
        let json = format!("\"{item}\"");
        stage.run(client.signal(&basket, "add", Some(&json))).unwrap();
    }
    let items = stage.run(client.query(&basket, "items_of", Some("\"a\""))).unwrap();
    assert_eq!(items, "{\n  \"items\": [\n    \"apple\"\n  ]\n}");
    let unknown = stage.run(client.query(&basket, "nothing", None)).unwrap_err();
    assert!(unknown.contains("nothing") && unknown.contains("items_of"), "{unknown}");
    let stack = stage.run(client.stack_trace(&basket)).unwrap();
    assert!(stack.contains("workflow: Basket") && stack.lines().count() > 3, "{stack}");

    let refused = stage.run(client.update(&basket, "close", Some("\"\""))).unwrap_err();
    assert_eq!(refused, "ValueError: nobody cannot close a basket");
    let closed = stage.run(client.update(&basket, "close", Some("\"me\""))).unwrap();
    assert_eq!(closed, "\"closed by me\"");
    stage.wait_for(&basket, ExecutionStatus::Completed);
    let late = stage.run(client.signal(&basket, "add", None)).unwrap_err();
    assert!(late.contains("already completed"), "{late}");
    let late = stage.run(client.terminate(&basket)).unwrap_err();
    assert!(late.contains("already completed"), "{late}");

    let canceled = stage.start("Approval", "approval-1", &[]);
    stage.run(client.cancel(&canceled)).unwrap();
    stage.wait_for(&canceled, ExecutionStatus::Canceled);
    let terminated = stage.start("Approval", "approval-2", &[]);
    stage.run(client.terminate(&terminated)).unwrap();
    stage.wait_for(&terminated, ExecutionStatus::Terminated);
    let deleted = stage.start("Approval", "approval-3", &[]);
    stage.run(client.delete(&deleted)).unwrap();
    wait_until("approval-3 is deleted", || stage.status(&deleted).is_none());
    assert!(stage.run(client.delete(&deleted)).is_err());
    stage.end();
}

#[test]
fn workflow_is_reset_to_its_last_task_and_to_an_event() {
    let stage = Stage::with_worker();
    let Stage { client, .. } = &stage;
    let order = ["--input", "\"o-1\""];
    let checkout = stage.start("Checkout", "checkout-1", &order);
    stage.wait_for(&checkout, ExecutionStatus::Completed);
    let count =
        |run: &RunRef, event: &str| stage.events(run).iter().filter(|it| *it == event).count();
    let again = RunRef {
        run_id: stage.run(client.reset_to_last_task(&checkout)).unwrap(),
        ..checkout.clone()
    };
    stage.wait_for(&again, ExecutionStatus::Completed);
    // The activity did not run again.
    assert_eq!(count(&again, "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"), 1);
    let wrong = stage.run(client.reset(&checkout, 5)).unwrap_err();
    assert!(wrong.contains("boundary"), "{wrong}");
    let first = RunRef { run_id: stage.run(client.reset(&checkout, 4)).unwrap(), ..checkout };
    stage.wait_for(&first, ExecutionStatus::Completed);

    // A workflow whose first workflow task fails has no completed workflow task.
    let bug = stage.start("Bug", "bug-1", &[]);
    stage.wait_for_event(&bug, "EVENT_TYPE_WORKFLOW_TASK_FAILED");
    let next =
        RunRef { run_id: stage.run(client.reset_to_last_task(&bug)).unwrap(), ..bug.clone() };
    stage.wait_for(&bug, ExecutionStatus::Terminated);
    assert_eq!(stage.status(&next), Some(ExecutionStatus::Running));
    stage.end();
}

#[test]
fn retry_of_an_activity_starts_its_next_attempt_at_once() {
    let stage = Stage::with_worker();
    let Stage { client, .. } = &stage;
    let later = stage.start("Later", "later-1", &[]);
    wait_until("the first attempt has failed", || {
        let found = stage.run(client.describe_run("default", "later-1", "")).unwrap().unwrap();
        found.activities.iter().any(|it| it.attempt == 2 && it.last_failure.is_some())
    });
    let retried = RetriedActivities { count: 1, is_reset: false };
    let tasks = TaskTracker::new();
    assert_eq!(stage.run(client.retry_activities(&later, "second_try", &tasks)), Ok(retried));
    stage.wait_for(&later, ExecutionStatus::Completed);
    let shown = stage.rig.cli(&["workflow", "show", "--workflow-id", "later-1"]).exits(0);
    assert!(shown.stdout.contains("attempt 2"), "{}", shown.stdout);
    let none = stage.run(client.retry_activities(&later, "second_try", &tasks)).unwrap_err();
    assert_eq!(none, "no activity second_try waits for its next attempt");
    stage.end();
}

fn call(name: &str, input: &str) -> WorkflowCall {
    WorkflowCall { name: name.to_owned(), input: Some(input.to_owned()) }
}

#[test]
fn shown_command_does_the_same_as_the_action() {
    use WorkflowAction as A;
    let stage = Stage::with_worker();
    let basket = stage.start("Basket", "basket it's", &[]);
    stage.shell(A::Signal(call("add", "\"a $HOME 'pear'\"")), &[&basket]);
    let query = A::Query(call("items_of", "\"a\""));
    let found = stage.shell(query.clone(), &[&basket]).stdout;
    assert!(found.contains("a $HOME 'pear'"), "{found}");
    assert!(stage.shell(A::StackTrace, &[&basket]).stdout.contains("Basket"));
    let more = stage.start("Basket", "basket-2", &[]);
    stage.shell(A::Signal(call("add", "\"ananas\"")), &[&basket, &more]);
    wait_until("both have the item", || {
        [&basket, &more]
            .iter()
            .all(|run| stage.shell(query.clone(), &[run]).stdout.contains("ananas"))
    });
    let updated = stage.shell(A::Update(call("close", "\"me\"")), &[&basket]).stdout;
    assert!(updated.contains("closed by me"), "{updated}");
    stage.wait_for(&basket, ExecutionStatus::Completed);

    let open = |id: &str| stage.start("Approval", id, &[]);
    let [a, b, c, d, e, f] = ["a", "b", "c", "d", "e", "f"].map(open);
    stage.shell(A::Cancel, &[&a]);
    stage.wait_for(&a, ExecutionStatus::Canceled);
    stage.shell(A::Terminate, &[&b]);
    stage.wait_for(&b, ExecutionStatus::Terminated);
    stage.shell(A::Cancel, &[&c, &d]);
    stage.shell(A::Terminate, &[&e, &f]);
    for run in [&c, &d] {
        stage.wait_for(run, ExecutionStatus::Canceled);
    }
    for run in [&e, &f] {
        stage.wait_for(run, ExecutionStatus::Terminated);
    }
    // A later run of the same workflow is another workflow to the action.
    let again = open("a");
    stage.shell(A::Delete, &[&a]);
    stage.shell(A::Delete, &[&b, &c]);
    for run in [&a, &b, &c] {
        wait_until("the run is deleted", || stage.status(run).is_none());
    }
    assert_eq!(stage.status(&again), Some(ExecutionStatus::Running));
    stage.end();
}

#[test]
fn shown_command_resets_and_retries_and_saves_histories() {
    use WorkflowAction as A;
    let stage = Stage::with_worker();
    let order = ["--input", "\"o-1\""];
    let [a, b] = ["a", "b"].map(|id| stage.start("Checkout", id, &order));
    for run in [&a, &b] {
        stage.wait_for(run, ExecutionStatus::Completed);
    }
    let runs = |id: &str| {
        let query = format!("WorkflowId='{id}'");
        stage.run(stage.client.list("default", &query, 10, &[])).unwrap().executions.len()
    };
    stage.shell(A::Reset(ResetPoint::LastTask), &[&a]);
    stage.shell(A::Reset(ResetPoint::Event(Some(4))), &[&a]);
    wait_until("two resets of a", || runs("a") == 3);
    stage.shell(A::Reset(ResetPoint::LastTask), &[&a, &b]);
    wait_until("a reset of both", || (runs("a"), runs("b")) == (4, 2));

    let later = stage.start("Later", "later-1", &[]);
    wait_until("the first attempt has failed", || {
        let found = stage.run(stage.client.describe_run("default", "later-1", "")).unwrap();
        found.unwrap().activities.iter().any(|it| it.attempt == 2)
    });
    stage.shell(A::Retry, &[&later]);
    stage.wait_for(&later, ExecutionStatus::Completed);

    stage.shell(A::SaveHistory, &[&a, &later]);
    let read = |path: &std::path::Path| -> Value {
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    for run in [&a, &later] {
        let name = format!("{}-{}.json", run.workflow_id, run.run_id);
        let by_shell = read(&stage.rig.folder().join(&name));
        assert!(by_shell["events"].as_array().unwrap().len() > 5, "{by_shell}");
        let file = stage.rig.folder().join("saved.json");
        let address = stage.rig.address();
        stage.run(save_history(server::program(), &address, run, &file)).unwrap();
        assert_eq!(read(&file), by_shell);
        let unknown = RunRef { workflow_id: "nothing".into(), ..run.clone() };
        let error = stage.run(save_history(server::program(), &address, &unknown, &file));
        assert!(error.as_ref().is_err_and(|it| it.contains("nothing")), "{error:?}");
        assert_eq!(read(&file), by_shell, "a failure keeps the file");
    }
    assert!(!stage.rig.folder().join("saved.json.part").exists());
    stage.end();
}

#[test]
fn query_without_a_worker_is_an_error_that_names_the_worker() {
    let rig = Rig::new();
    rig.start();
    let start =
        ["workflow", "start", "--type", "T", "--task-queue", "nobody", "--workflow-id", "a"];
    rig.cli(&start).exits(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address = rig.address();
    let error = runtime.block_on(async {
        let client = Client::new(&address, Duration::from_secs(3)).unwrap();
        let run = RunRef {
            namespace: "default".to_owned(),
            workflow_id: "a".to_owned(),
            run_id: String::new(),
        };
        client.query(&run, "x", None).await.unwrap_err()
    });
    assert_eq!(error, "no worker responded: no response within 3s");
}
