use super::*;
use crate::temporal::failure::FailureLink;
use crate::temporal::payload::DecodedPayload;
use std::time::{Duration, UNIX_EPOCH};

/// An event at this second of the run.
fn event(id: u64, first: u64, subject: Subject, phase: SubjectPhase) -> RunEvent {
    RunEvent {
        id,
        first,
        at: Some(UNIX_EPOCH + Duration::from_secs(id)),
        type_name: "Type",
        subject,
        phase,
        facts: EventFacts::default(),
    }
}

fn value(text: &str) -> Vec<DecodedPayload> {
    vec![DecodedPayload { text: text.to_owned(), is_json: true, size: text.len() }]
}

/// A run with an activity that fails once and then completes.
fn run() -> Vec<RunEvent> {
    use Subject::{Activity, Run, WorkflowTask};
    use SubjectPhase::{Completed, Scheduled, Started};
    let with = |event: RunEvent, facts: EventFacts| RunEvent { facts, ..event };
    let failures = vec![FailureLink { text: "E: once".to_owned(), ..FailureLink::default() }];
    let name = "ship".to_owned();
    vec![
        event(1, 1, Run, Started),
        event(2, 2, WorkflowTask, Scheduled),
        event(3, 2, WorkflowTask, Started),
        event(4, 2, WorkflowTask, Completed),
        with(
            event(5, 5, Activity, Scheduled),
            EventFacts { name, input: value("1"), ..EventFacts::default() },
        ),
        with(
            event(6, 5, Activity, Started),
            EventFacts { attempt: Some(2), failures, ..EventFacts::default() },
        ),
        with(
            event(7, 5, Activity, Completed),
            EventFacts { result: value("2"), ..EventFacts::default() },
        ),
        event(8, 8, Run, Completed),
    ]
}

fn items(events: impl IntoIterator<Item = RunEvent>) -> HistoryItems {
    let mut items = HistoryItems::default();
    for event in events {
        items.add(event);
    }
    items
}

fn all(items: &HistoryItems) -> Vec<(u64, HistoryItem)> {
    items.iter().map(|(first, item)| (first, item.clone())).collect()
}

#[test]
fn all_events_about_one_subject_are_one_item() {
    let items = items(run());
    let firsts: Vec<u64> = items.iter().map(|(first, _)| first).collect();
    assert_eq!((firsts, items.newest(), items.count()), (vec![1, 2, 5, 8], 8, 8));
    let activity = items.get(5).unwrap();
    assert_eq!((activity.phase, activity.facts.attempt), (SubjectPhase::Completed, Some(2)));
    assert_eq!((activity.facts.name.as_str(), activity.events.len()), ("ship", 3));
    assert_eq!((&activity.facts.input, &activity.facts.result), (&value("1"), &value("2")));
    let took = activity.ended.unwrap().duration_since(activity.begun.unwrap()).unwrap();
    assert_eq!(took, Duration::from_secs(2));
    assert!(items.get(2).unwrap().is_routine_task() && !activity.is_routine_task());
}

#[test]
fn events_may_be_added_in_any_order_and_twice() {
    let expected = all(&items(run()));
    let mut reversed = run();
    reversed.reverse();
    assert_eq!(all(&items(reversed.clone())), expected);
    let (even, odd): (Vec<_>, Vec<_>) = run().into_iter().partition(|it| it.id % 2 == 0);
    let twice = items(odd.into_iter().chain(even).chain(reversed));
    assert_eq!((all(&twice), twice.count()), (expected, 8));
}

#[test]
fn end_of_an_unknown_subject_is_an_item_without_a_begin() {
    let mut end = run();
    let items = items(end.drain(6..));
    let activity = items.get(5).unwrap();
    assert_eq!((activity.begun, activity.phase), (None, SubjectPhase::Completed));
    assert!(activity.facts.name.is_empty());
}

#[test]
fn values_are_left_out_once_too_many_are_kept() {
    let mut items = HistoryItems::default();
    let large = "x".repeat(KEPT);
    for id in 1..=2 {
        let facts = EventFacts { input: value(&large), ..EventFacts::default() };
        let signal = event(id, id, Subject::Signal, SubjectPhase::Happened);
        items.add(RunEvent { facts, ..signal });
    }
    let [first, second] = [1, 2].map(|id| items.get(id).unwrap());
    assert_eq!((first.facts.input.len(), first.is_reduced), (1, false));
    assert_eq!((second.facts.input.len(), second.is_reduced), (0, true));
}
