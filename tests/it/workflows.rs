//! Counts of workflows on the real server.

use crate::support::rig::Rig;
use crate::support::wait_until;
use std::time::Duration;
use stigmer::temporal::health::Client;
use stigmer::temporal::workflows::Workflows;

#[derive(Clone, PartialEq, prost::Message)]
struct TaskQueue {
    #[prost(string, tag = "1")]
    name: String,
}

/// The request by which a worker polls for a task.
#[derive(Clone, PartialEq, prost::Message)]
struct Poll {
    #[prost(string, tag = "1")]
    namespace: String,
    #[prost(message, optional, tag = "2")]
    task_queue: Option<TaskQueue>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Task {}

async fn poll(address: &str, queue: &str) {
    let channel =
        tonic::transport::Endpoint::new(format!("http://{address}")).unwrap().connect_lazy();
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let path = "/temporal.api.workflowservice.v1.WorkflowService/PollWorkflowTaskQueue";
    let request = Poll {
        namespace: "default".to_owned(),
        task_queue: Some(TaskQueue { name: queue.to_owned() }),
    };
    let codec = tonic_prost::ProstCodec::<Poll, Task>::default();
    let mut request = tonic::Request::new(request);
    request.set_timeout(Duration::from_secs(30));
    grpc.unary(request, path.parse().unwrap(), codec).await.unwrap();
}

#[test]
fn workflows_are_counted_and_queues_without_a_worker_named() {
    let rig = Rig::new();
    rig.start();
    let address = rig.address();
    let workflow = |words: &[&str]| {
        rig.cli(&[&["workflow"], words].concat()).exits(0);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(async { Client::new(&address, Duration::from_secs(5)) }).unwrap();
    let look = || runtime.block_on(client.workflows("default")).unwrap();
    let none = Workflows { namespace: "default".to_owned(), ..Workflows::default() };
    assert_eq!(look(), none);
    assert!(runtime.block_on(client.workflows("nowhere")).is_err());

    for (id, queue) in [("a", "billing"), ("b", "billing"), ("c", "mail")] {
        workflow(&["start", "--type", "T", "--task-queue", queue, "--workflow-id", id]);
    }
    workflow(&["terminate", "--workflow-id", "b"]);
    // A workflow that times out counts as failed. A terminated workflow does not.
    let late = ["start", "--type", "T", "--task-queue", "mail", "--workflow-id", "d"];
    workflow(&[&late[..], &["--execution-timeout", "1s"]].concat());
    let expected = Workflows {
        running: 2,
        failed: 1,
        namespace: "default".to_owned(),
        unserved: vec![("billing".to_owned(), 1), ("mail".to_owned(), 1)],
    };
    let mut last = Workflows::default();
    wait_until(&format!("{expected:?}"), || {
        last = look();
        // Compare only the names of the queues, not the numbers of tasks: the server may count the
        // task of a terminated workflow for a while.
        let names = |found: &Workflows| -> Vec<String> {
            found.unserved.iter().map(|(name, _)| name.clone()).collect()
        };
        (last.running, last.failed) == (2, 1) && names(&last) == names(&expected)
    });

    // Each poll reaches one partition of the queue, so the worker polls repeatedly.
    wait_until("billing to be served", || {
        let patience = Duration::from_millis(500);
        let _ = runtime
            .block_on(async { tokio::time::timeout(patience, poll(&address, "billing")).await });
        look().unserved.iter().map(|(name, _)| name.as_str()).eq(["mail"])
    });
}
