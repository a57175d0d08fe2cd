//! Answers about workflows that are huge, damaged or without end.

mod content;

use super::peer::{self, Answer};
use super::{Client, scripted};
use crate::harmless::tests::{HOSTILE, assert_harmless};
use crate::temporal::actions::RunRef;
use crate::temporal::executions::Description;
use crate::temporal::failure::FailureLink;
use crate::temporal::history::{EventOrder, RunEvent};
use crate::temporal::queues::QueueKind;
use content::Content;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio_util::task::TaskTracker;

fn run() -> RunRef {
    let [namespace, workflow_id, run_id] = ["default", "a", "b"].map(str::to_owned);
    RunRef { namespace, workflow_id, run_id }
}

/// Makes each call about workflows once. Returns the errors.
async fn all_calls(client: &Client) -> Vec<String> {
    let (run, reference) = (("a", "b"), run());
    let results = [
        client.list("default", "", 50, &[]).await.map(drop),
        client.describe_run("default", run.0, run.1).await.map(drop),
        client.newest_events("default", run.0, run.1, 10).await.map(drop),
        client.history_page("default", run, EventOrder::OldestFirst, 9, &[]).await.map(drop),
        client.history_page("default", run, EventOrder::NewestFirst, 9, &[]).await.map(drop),
        client.queue("default", "orders", QueueKind::Activity).await.map(drop),
        client.workers("default").await.map(drop),
        client.query(&reference, "state", None).await.map(drop),
        client.stack_trace(&reference).await.map(drop),
        client.update(&reference, "close", Some("1")).await.map(drop),
        client.reset(&reference, u64::MAX).await.map(drop),
        client.reset_to_last_task(&reference).await.map(drop),
        client.retry_activities(&reference, "ship", &TaskTracker::new()).await.map(drop),
        client.cancel(&reference).await,
        client.terminate(&reference).await,
        client.signal(&reference, "nudge", None).await,
        client.delete(&reference).await,
    ];
    results.into_iter().filter_map(Result::err).collect()
}

fn method(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[track_caller]
fn assert_bounded(text: &str) {
    assert_harmless(text);
    assert!(text.len() <= 70_000, "{} bytes", text.len());
}

#[track_caller]
fn assert_links(links: &[FailureLink]) {
    assert!(!links.is_empty() && links.len() <= 32, "{}", links.len());
    for link in links {
        let texts = [&link.text, &link.message, &link.stack];
        texts.into_iter().flat_map(|it| it.lines()).for_each(assert_bounded);
        assert!(link.text.len() <= 2_000 && link.stack.len() <= 17_000);
    }
}

fn assert_description(found: &Description) {
    for activity in found.activities.iter().chain(&found.operations) {
        assert_links(&activity.failures);
        assert_bounded(&activity.last_failure.as_ref().unwrap().text);
        assert_bounded(&activity.worker);
        assert_eq!((activity.attempt, activity.max_attempts), (1, None));
        assert_eq!((activity.scheduled, activity.times_out), (None, None));
    }
    assert_eq!((found.activities.len(), found.operations.len()), (1, 1));
    assert_eq!(found.history_length, 0);
}

fn assert_event(event: &RunEvent) {
    let facts = &event.facts;
    for text in [&facts.name, &facts.key, &facts.reason, &facts.identity] {
        assert_bounded(text);
    }
    for value in facts.input.iter().chain(&facts.result) {
        value.text.lines().for_each(assert_bounded);
        assert!(value.text.len() < 5_000 && value.size > 100_000);
    }
    assert_eq!((event.id, event.at, event.type_name, facts.wait), (0, None, "Unknown", None));
}

#[tokio::test]
async fn huge_and_hostile_answers_become_bounded_and_harmless_values() {
    let huge = Content::huge();
    let client = scripted(move |path| Answer::message(&huge.answer(method(path))));
    let found = client.describe_run("default", "a", "b").await.unwrap();
    assert_description(&found.unwrap());
    let page = client.history_page("default", ("a", "b"), EventOrder::NewestFirst, 9, &[]).await;
    let events = page.unwrap().unwrap().events;
    assert_eq!(events.len(), 5);
    events.iter().for_each(assert_event);
    assert_links(&events[1].facts.failures);
    let newest = client.newest_events("default", "a", "b", 10).await.unwrap().unwrap();
    assert!(newest.activities.is_empty());
    let listed = client.list("default", "", 50, &[]).await.unwrap().executions;
    assert_eq!((listed.len(), listed[0].started), (3, None));
    let queue = client.queue("default", "orders", QueueKind::Workflow).await.unwrap();
    assert_eq!(
        (queue.waiting, queue.oldest.is_zero(), queue.pollers[0].last_poll),
        (0, true, None)
    );
    let workers = client.workers("default").await.unwrap();
    assert_eq!((workers.len(), workers[0].pid, workers[0].is_running), (1, None, false));
    assert_eq!(workers[0].kinds, [QueueKind::Activity]);
    let texts = [
        client.query(&run(), "state", None).await.unwrap(),
        client.stack_trace(&run()).await.unwrap(),
        client.update(&run(), "close", None).await.unwrap_err(),
        client.reset(&run(), 1).await.unwrap(),
        client.retry_activities(&run(), HOSTILE, &TaskTracker::new()).await.unwrap_err(),
    ];
    for text in texts {
        assert!(!text.is_empty() && text.len() <= 70_000, "{} bytes", text.len());
        text.lines().for_each(assert_bounded);
    }
}

#[tokio::test]
async fn page_that_is_too_large_is_requested_with_fewer_rows() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    // 17 MiB of an unknown field.
    let large = peer::field(15, &vec![0; 17 << 20]);
    let client = scripted(move |path| match count.fetch_add(1, Ordering::Relaxed) % 3 {
        2 => Answer::message(&Content::small().answer(method(path))),
        _ => Answer::message(&large),
    });
    let page = client.history_page("default", ("a", "b"), EventOrder::NewestFirst, 200, &[]).await;
    assert_eq!(page.unwrap().unwrap().events.len(), 5);
    assert_eq!(client.list("default", "", 50, &[]).await.unwrap().executions.len(), 3);
    assert!(client.newest_events("default", "a", "b", 100).await.unwrap().is_some());
    assert_eq!(sent.swap(0, Ordering::Relaxed), 9);
    // No smaller page is possible, and a description has no pages.
    assert!(client.list("default", "", 1, &[]).await.unwrap_err().contains("too large"));
    assert!(client.describe_run("default", "a", "b").await.unwrap_err().contains("too large"));
    assert_eq!(sent.load(Ordering::Relaxed), 2);
}

/// The same random numbers in each run.
struct Numbers(u64);

impl Numbers {
    /// A number below `most`, or 0.
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 as usize % most.max(1)
    }

    /// Damages a message: changes, removes, repeats or inserts bytes.
    fn damage(&mut self, mut message: Vec<u8>) -> Vec<u8> {
        for _ in 0..=self.below(4) {
            let at = self.below(message.len());
            let end = (at + self.below(16)).min(message.len());
            let byte = self.below(256) as u8;
            match self.below(5) {
                0 => message.truncate(at),
                1 => drop(message.drain(at..end)),
                2 => {
                    let part = message[at..end].to_vec();
                    drop(message.splice(at..at, part));
                }
                3 => message.insert(at, byte),
                _ => message.iter_mut().skip(at).take(1).for_each(|old| *old = byte),
            }
        }
        message
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_damaged_answer_panics() {
    let numbers = Mutex::new(Numbers(0x9e37_79b9_7f4a_7c15));
    let last = Arc::new(Mutex::new(Vec::new()));
    let sent = last.clone();
    let client = scripted(move |path| {
        let message = Content::small().answer(method(path));
        let message = numbers.lock().unwrap().damage(message);
        sent.lock().unwrap().clone_from(&message);
        Answer::message(&message)
    });
    let mut failed = 0;
    for _ in 0..40 {
        for error in all_calls(&client).await {
            let panicked = error.contains("violates the gRPC protocol");
            assert!(!panicked, "{:?}", last.lock().unwrap());
            assert_bounded(&error);
            failed += 1;
        }
    }
    assert!(failed > 100, "only {failed} answers could not be read");
}
