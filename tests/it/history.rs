//! The history of a run, compared to what the CLI prints of the same run.

use crate::support::python;
use crate::support::rig::Rig;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};
use stigmer::temporal::actions::RunRef;
use stigmer::temporal::health::Client;
use stigmer::temporal::history::{EventOrder, RunEvent, Subject};

const LIMIT: Duration = Duration::from_secs(10);

/// Reads the whole history in pages of this size.
fn read(rig: &Rig, run: (&str, &str), order: EventOrder, size: u16) -> Vec<RunEvent> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = Client::new(&rig.address(), LIMIT).unwrap();
        let (mut events, mut next) = (Vec::new(), Vec::new());
        loop {
            let page = client.history_page("default", run, order, size, &next).await.unwrap();
            let page = page.expect("the run exists");
            events.extend(page.events);
            next = page.next;
            if next.is_empty() {
                return events;
            }
        }
    })
}

/// The history as the CLI prints it.
fn shown(rig: &Rig, workflow_id: &str, run_id: &str) -> Vec<Value> {
    let words = ["workflow", "show", "-w", workflow_id, "-r", run_id, "-o", "json"];
    let shown = rig.cli(&words).exits(0).stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    shown["events"].as_array().unwrap().clone()
}

/// The type of an event in the form of the API: `EVENT_TYPE_TIMER_FIRED` for `TimerFired`.
fn api_name(type_name: &str) -> String {
    let words = type_name.chars().flat_map(|c| {
        c.is_uppercase().then_some('_').into_iter().chain(Some(c.to_ascii_uppercase()))
    });
    format!("EVENT_TYPE{}", words.collect::<String>())
}

/// The payloads in a list of the CLI, which are in base64.
fn payloads(list: &Value) -> Vec<String> {
    let data = list["payloads"].as_array().into_iter().flatten().map(|it| it["data"].as_str());
    data.map(|data| String::from_utf8(base64(data.unwrap_or_default())).unwrap()).collect()
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|c| DIGITS.iter().position(|digit| *digit == c));
    let bits: Vec<usize> =
        digits.flat_map(|digit| (0..6).rev().map(move |bit| digit >> bit & 1)).collect();
    let byte = |bits: &[usize]| bits.iter().fold(0, |byte, bit| byte << 1 | bit);
    bits.chunks_exact(8).map(|bits| u8::try_from(byte(bits)).unwrap()).collect()
}

/// Compares one event with the same event of the CLI.
fn compare(event: &RunEvent, shown: &Value) {
    let attributes = shown.as_object().unwrap().iter();
    let attributes = attributes.filter(|(name, _)| name.ends_with("EventAttributes"));
    let a = attributes.map(|(_, value)| value).next().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let time: jiff::Timestamp = text(&shown["eventTime"]).parse().unwrap();
    assert_eq!(event.id.to_string(), text(&shown["eventId"]));
    assert_eq!(api_name(event.type_name), text(&shown["eventType"]));
    assert_eq!(event.at, Some(SystemTime::from(time)), "{shown}");
    assert_ne!(event.subject, Subject::Other, "{shown}");
    let is_of_timer = event.type_name.starts_with("Timer");
    let first = ["scheduledEventId", "initiatedEventId", "acceptedEventId"]
        .into_iter()
        .chain(is_of_timer.then_some("startedEventId"))
        .find_map(|name| a[name].as_str());
    assert_eq!(
        event.first.to_string(),
        first.unwrap_or(text(&shown["eventId"]).as_str()),
        "{shown}"
    );
    let facts = &event.facts;
    let request = &a["acceptedRequest"];
    let request = if request.is_null() { &a["rejectedRequest"] } else { request };
    for (ours, theirs) in [
        (payload_texts(&facts.input), [&a["input"], &request["input"]["args"]]),
        (payload_texts(&facts.result), [&a["result"], &a["outcome"]["success"]]),
    ] {
        let theirs: Vec<String> = theirs.into_iter().flat_map(payloads).collect();
        assert_eq!(ours, theirs, "{shown}");
    }
    let mut failure = [&a["failure"], &a["lastFailure"], &a["outcome"]["failure"]]
        .into_iter()
        .find(|it| !it.is_null())
        .unwrap_or(&Value::Null);
    let mut chain = Vec::new();
    while !failure.is_null() {
        chain.push(text(&failure["stackTrace"]));
        failure = &failure["cause"];
    }
    let ours: Vec<&str> = facts.failures.iter().map(|it| it.stack.as_str()).collect();
    assert_eq!(ours, chain.iter().map(|it| it.trim_end()).collect::<Vec<_>>(), "{shown}");
    if event.id == event.first && !is_of_timer && !event.type_name.starts_with("WorkflowTask") {
        let names = ["activityType", "workflowType"].map(|name| text(&a[name]["name"]));
        let more = [&a["signalName"], &a["markerName"], &request["input"]["name"]].map(text);
        let name = names.into_iter().chain(more).find(|name| !name.is_empty());
        if event.type_name != "WorkflowExecutionContinuedAsNew" {
            assert_eq!(facts.name, name.unwrap_or_default(), "{shown}");
        }
    }
}

fn payload_texts(payloads: &[stigmer::temporal::payload::DecodedPayload]) -> Vec<String> {
    payloads.iter().map(|payload| payload.text.clone()).collect()
}

#[test]
fn events_have_the_facts_that_the_cli_prints() {
    let rig = Rig::new();
    rig.start();
    python::script(&rig, "events.py", &["default", "orders", "all-1"]).exits(0);
    let listed = rig.cli(&["workflow", "list", "-q", "WorkflowId='all-1'", "-o", "json"]).exits(0);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for row in listed.as_array().unwrap() {
        let run_id = row["execution"]["runId"].as_str().unwrap();
        let shown = shown(&rig, "all-1", run_id);
        let events = read(&rig, ("all-1", run_id), EventOrder::OldestFirst, 1_000);
        assert_eq!(events.len(), shown.len());
        for (event, shown) in events.iter().zip(&shown) {
            compare(event, shown);
            seen.insert(event.type_name);
        }
        let mut reversed = read(&rig, ("all-1", run_id), EventOrder::NewestFirst, 3);
        reversed.reverse();
        assert_eq!(reversed, events, "pages of the other order have the same events");
    }
    for wanted in [
        "WorkflowExecutionStarted",
        "WorkflowExecutionCompleted",
        "WorkflowExecutionContinuedAsNew",
        "WorkflowTaskCompleted",
        "ActivityTaskCompleted",
        "ActivityTaskFailed",
        "ActivityTaskTimedOut",
        "ActivityTaskCanceled",
        "TimerFired",
        "TimerCanceled",
        "MarkerRecorded",
        "WorkflowExecutionSignaled",
        "WorkflowExecutionUpdateCompleted",
        "ChildWorkflowExecutionCompleted",
        "ChildWorkflowExecutionFailed",
        "ChildWorkflowExecutionTimedOut",
        "ChildWorkflowExecutionCanceled",
        "SignalExternalWorkflowExecutionFailed",
        "RequestCancelExternalWorkflowExecutionFailed",
    ] {
        assert!(seen.contains(wanted), "no {wanted} in {seen:?}");
    }
}

#[test]
fn page_of_large_events_has_fewer_events() {
    let rig = Rig::new();
    rig.start();
    let words = ["workflow", "start", "--type", "T", "--task-queue", "nobody", "-w", "large-1"];
    rig.cli(&words).exits(0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let [namespace, workflow_id] = ["default", "large-1"].map(str::to_owned);
    let run = RunRef { namespace, workflow_id, run_id: String::new() };
    let client = runtime.block_on(async { Client::new(&rig.address(), LIMIT) }).unwrap();
    // Together more than stigmer reads at once.
    let input = format!("\"{}\"", "x".repeat(1_500_000));
    for _ in 0..14 {
        runtime.block_on(client.signal(&run, "nudge", Some(&input))).unwrap();
    }
    for order in [EventOrder::OldestFirst, EventOrder::NewestFirst] {
        let events = read(&rig, ("large-1", ""), order, 200);
        let large = events.iter().flat_map(|event| &event.facts.input);
        assert_eq!(large.filter(|value| value.size == input.len()).count(), 14);
    }
    let newest = client.newest_events("default", "large-1", "", 20);
    assert!(runtime.block_on(newest).unwrap().is_some());
}
